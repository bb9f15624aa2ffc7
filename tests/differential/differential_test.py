#!/usr/bin/python3
"""The differential test without an engine: differential_test.py OCCKIT

A second `occkit serve` stands for the engine. Behind a proxy that spoils an answer it has to be found out, shrunk and
printed; without one nothing may differ.
"""

import contextlib
import http.client
import http.server
import io
import json
import pathlib
import re
import sys
import tempfile
import threading
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import comparison  # noqa: E402
import differential  # noqa: E402
import routing  # noqa: E402
import scripts  # noqa: E402
from comparison import Answer  # noqa: E402
from faults import Faults  # noqa: E402
from generator import Generator  # noqa: E402
from hunting import remember  # noqa: E402
from known import BadRule, Known  # noqa: E402
from request import Lines, Request, Seen, render  # noqa: E402
from shrinking import shrink  # noqa: E402

OCCKIT = ""
# What is found first is printed first.
ALONE = ("--side-by-side", "1")


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on and spoils answers: `spoil` gets method, target, status and body, and gives status and
    body."""
    daemon_threads = True

    def __init__(self, url, spoil):
        super().__init__(("127.0.0.1", 0), Passing)
        self.behind = urllib.parse.urlsplit(url)
        self.spoil = spoil
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Passing(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        behind = self.server.behind
        self.connection_behind = http.client.HTTPConnection(behind.hostname, behind.port)

    def finish(self):
        self.connection_behind.close()
        super().finish()

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        self.connection_behind.request(self.command, self.path, body or None, headers)
        got = self.connection_behind.getresponse()
        status, text = self.server.spoil(self.command, self.path, got.status, got.read())
        self.send_response(status)
        for name in ("Location", "Content-Type"):
            if got.getheader(name):
                self.send_header(name, got.getheader(name))
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = pass_on

    def log_message(self, *_):
        pass


def ask(*options, spoil=None, compat=7, differences=None):
    """The status of differential.py and what it prints, with a second `occkit serve` as the engine."""
    printed = io.StringIO()
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(differential.serving(OCCKIT, compat))
        url = engine.url
        if spoil:
            proxy = stack.enter_context(Proxy(url, spoil))
            stack.callback(proxy.shutdown)
            url = proxy.url
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
        arguments = ["--engine", url, "--occkit", OCCKIT, "--compat", str(compat), *options]
        if differences is not None:
            file = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "differences.toml"
            file.write_text(differences, encoding="utf-8")
            arguments += ["--differences", str(file)]
        status = differential.main(arguments)
    return status, printed.getvalue()


def changing(change):
    """A spoiler of JSON answers."""
    def spoil(method, target, status, body):
        try:
            answer = json.loads(body)
        except ValueError:
            return status, body
        return status, json.dumps(change(method, target, answer)).encode()
    return spoil


def noop_version_off_by_one(_method, target, answer):
    if "_bulk" not in target and isinstance(answer, dict) and answer.get("result") == "noop" and "_version" in answer:
        answer["_version"] += 1
    return answer


def token_from_get_off_by_one(method, target, answer):
    if method == "GET" and "_doc" in target and isinstance(answer, dict) and answer.get("found"):
        answer["_seq_no"] = answer.get("_seq_no", 0) + 1
    return answer


def curls(printed):
    return re.findall(r"^  (curl .*)$", printed, re.MULTILINE)


class TwoServers(unittest.TestCase):
    def test_same_server_does_not_differ(self):
        for compat in (6, 7, 8):
            with self.subTest(compat):
                status, printed = ask("--sequences", "100", compat=compat)
                self.assertEqual(status, 0, printed)
                requests = int(re.search(r": ([\d,]+) requests", printed)[1].replace(",", ""))
                self.assertEqual(requests, 4000)

    def test_same_server_does_not_differ_whatever_is_asked(self):
        for compat in (6, 7, 8):
            with self.subTest(compat):
                status, printed = ask("--any", "--sequences", "100", "--length", "20", compat=compat, differences="")
                self.assertEqual(status, 0, printed)

    def test_spoiled_version_is_found_and_shrunk_to_what_it_takes(self):
        status, printed = ask("--sequences", "100", *ALONE, spoil=changing(noop_version_off_by_one))
        self.assertEqual(status, 1, printed)
        first = printed.split("Difference 2")[0]
        # A document, and the update that changes nothing.
        self.assertEqual(len(curls(first)), 2, first)
        self.assertRegex(curls(first)[1], r'curl -XPOST "\$URL/occ-\w/(_update/|_doc/\S+/_update)')
        self.assertIn("at /_version: engine 2, occkit 1", first)
        self.assertRegex(first, r"engine: 200 \{.*noop.*\n  occkit: 200 \{.*noop")

    def test_sequences_side_by_side_are_all_run_and_what_differs_is_found(self):
        for many in ("1", "8"):
            with self.subTest(many):
                status, printed = ask("--sequences", "60", "--side-by-side", many)
                self.assertEqual(status, 0, printed)
                self.assertIn(": 2,400 requests", printed)
        status, printed = ask("--sequences", "20", "--side-by-side", "8", spoil=changing(token_from_get_off_by_one))
        self.assertEqual(status, 1, printed)
        self.assertRegex(printed, r"Difference 1: sequence \d+ of seed 1, 2 of \d+ requests are left")

    def test_server_that_goes_away_ends_all(self):
        def spoil(method, _target, status, body):
            if method == "DELETE":
                raise ConnectionAbortedError
            return status, body
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(ask("--sequences", "20", "--side-by-side", "8", spoil=spoil)[0], 2)

    def test_spoiled_read_is_found(self):
        status, printed = ask("--sequences", "20", *ALONE, spoil=changing(token_from_get_off_by_one))
        self.assertEqual(status, 1, printed)
        self.assertIn("at /_seq_no: engine 1, occkit 0", printed)
        self.assertEqual(len(curls(printed.split("Difference 2")[0])), 2, printed)

    def test_status_alone_is_found(self):
        def spoil(method, _target, status, body):
            return (200 if method == "HEAD" and status == 404 else status), body
        status, printed = ask("--sequences", "20", *ALONE, spoil=spoil)
        self.assertEqual(status, 1, printed)
        self.assertIn("at status: engine 200, occkit 404", printed)
        self.assertEqual(len(curls(printed.split("Difference 2")[0])), 1, printed)

    def test_difference_that_is_known_is_counted(self):
        def spoil(_method, _target, status, body):
            return status, body.replace(b"Content-Type header", b"The Content-Type")
        rule = """
            [[difference]]
            name = "content type"
            engine = '^406 .*The Content-Type'
            occkit = '^406 .*Content-Type header'
            """
        known = rule + "reason = 'the test says so'\n"
        options = ("--any", "--sequences", "30", "--length", "30")
        status, printed = ask(*options, spoil=spoil, differences=known)
        self.assertEqual(status, 0, printed)
        self.assertRegex(printed, r"known, stays: content type \d")
        status, printed = ask(*options, spoil=spoil, differences=known.replace("reason", "open"))
        self.assertEqual(status, 0, printed)
        self.assertRegex(printed, r"known, open: content type \d")
        status, printed = ask(*options, spoil=spoil, differences="")
        self.assertEqual(status, 1, printed)
        self.assertIn("The Content-Type", printed)

    def test_bad_input_is_refused(self):
        for differences in ("[[difference]]\nname = 'x'\nreason = 'all'\n",
                            "[[difference]]\nname = 'x'\nengine = 'y'\n",
                            "[[difference]]\nname = 'x'\nengine = 'y'\nreason = 'z'\nopen = 'z'\n",
                            "[[difference]]\nname = 'x'\nengine = 'y'\nreason = 'z'\nplease = 'z'\n"):
            with self.subTest(differences):
                self.assertEqual(ask("--sequences", "1", differences=differences)[0], 2)
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(differential.main(["--engine", "http://127.0.0.1:9", "--occkit", OCCKIT]), 2)


class Parts(unittest.TestCase):
    def test_sequence_same_seed_is_the_same(self):
        for kind in (Generator, Faults):
            self.assertEqual(kind("5", 7).sequence(3, 40), kind("5", 7).sequence(3, 40))
            self.assertNotEqual(kind("5", 7).sequence(3, 40), kind("6", 7).sequence(3, 40))
            self.assertNotEqual(kind("5", 7).sequence(3, 40), kind("5", 7).sequence(4, 40))

    def test_numbers_that_were_seen_are_put_in(self):
        token = {"if_seq_no": Seen("@a", "1", "seq_no"), "if_primary_term": Seen("@a", "1", "term")}
        body = Lines((({"index": {"_id": "1", **token}}, {"n": 1}),))
        request = Request("POST", "/@a/_bulk", (("version", Seen("@a", "1", "version", 2)),), body)
        seen = {}
        remember({"items": [{"index": {"_index": "occ-a", "_id": "1", "_version": 4, "_seq_no": 7,
                                       "_primary_term": 2}}]}, "occ-", seen)
        rendered = render(request, "occ-", seen)
        self.assertEqual(rendered.target, "/occ-a/_bulk?version=6")
        self.assertEqual(rendered.body, b'{"index": {"_id": "1", "if_seq_no": 7, "if_primary_term": 2}}\n{"n": 1}\n')
        self.assertIn(b'"if_seq_no": 0, "if_primary_term": 1', render(request, "occ-", {}).body)

    def place(self, engine, occkit):
        return comparison.compare(Answer(200, None, engine), Answer(200, None, occkit))

    def test_what_differs_by_nature_does_not_count(self):
        self.assertIsNone(self.place({"took": 3, "errors": False}, {"took": 0, "errors": False}))
        self.assertIsNone(self.place({"error": {"index_uuid": "x", "root_cause": [{"index_uuid": "x"}]}},
                                     {"error": {"index_uuid": "y", "root_cause": [{"index_uuid": "y"}]}}))
        shown = {"occ-1": {"mappings": {"dynamic": "false"}, "settings": {"index": {
            "uuid": "x", "creation_date": "1", "creation_date_string": "today", "number_of_shards": "1",
            "refresh_interval": "100ms", "translog": {"durability": "async"}, "version": {"created": "1"},
            "routing": {"allocation": {"include": {"_tier_preference": "data_content"}}}}}}}
        self.assertIsNone(self.place(shown, {"occ-1": {"mappings": {}, "settings": {"index": {
            "uuid": "y", "number_of_shards": "1"}}}}))
        self.assertIsNone(self.place({"error": "index [occ-1/aaaaaaaaaaaaaaaaaaaaaa] exists"},
                                     {"error": "index [occ-1/bbbbbbbbbbbbbbbbbbbbbb] exists"}))

    def test_what_differs_otherwise_counts(self):
        for engine, occkit, path in (
            ({"_source": {"took": 1}}, {"_source": {"took": 2}}, "/_source/took"),
            ({"a": 1}, {"a": 1.0}, "/a"), ({"a": True}, {"a": 1}, "/a"), ({"a": None}, {}, "/a"),
            ({"a": [1, 2]}, {"a": [2, 1]}, "/a/0"), ({"a": [1]}, {"a": [1, 2]}, "/a/1"), ({}, [], ""),
            ({"occ-1": {"settings": {"index": {"number_of_shards": "1"}}}},
             {"occ-1": {"settings": {"index": {"number_of_shards": "2"}}}}, "/occ-1/settings/index/number_of_shards"),
            ({"occ-1": {"settings": {"index": {"refresh_interval": "1s"}}}}, {"occ-1": {"settings": {"index": {}}}},
             "/occ-1/settings/index/refresh_interval"),
        ):
            with self.subTest((engine, occkit)):
                place = self.place(engine, occkit)
                self.assertIsNotNone(place)
                self.assertEqual(place.path, path)
        self.assertEqual(comparison.compare(Answer(200, None, {}), Answer(201, None, {})).path, "status")
        self.assertEqual(comparison.compare(Answer(201, "/a", {}), Answer(201, "/b", {})).path, "location")
        self.assertEqual(comparison.compare(Answer(201, None, {}), Answer(201, "/b", {})).path, "location")
        self.assertIsNone(comparison.compare(Answer(201, "/a+b", {}), Answer(201, "/a%20b", {})))

    def test_shrink_leaves_what_it_takes(self):
        def request(number):
            return Request("PUT", f"/{number}", (("x", "1"), ("y", "2")), {"a": 1, "b": {"c": 2}})

        def differs(sequence):
            paths = [each.path for each in sequence]
            return ("/3" in paths and "/11" in paths and paths.index("/3") < paths.index("/11")
                    and "c" in str(sequence[paths.index("/11")].body))
        left = shrink([request(number) for number in range(20)], differs)
        self.assertEqual([(each.path, each.query, each.body) for each in left],
                         [("/3", (), {}), ("/11", (), {"b": {"c": 2}})])

    def test_shrink_gives_up_at_last(self):
        asked = []
        shrink([Request("GET", f"/{number}") for number in range(50)], lambda each: asked.append(each), most=7)
        self.assertEqual(len(asked), 7)

    def test_curl_lines_are_words_of_a_shell(self):
        request = Request("POST", "/@a/_doc/x%20y", (("pretty", None),), {"t": "it's"})
        self.assertEqual(render(request, "occ-", {}).curl(),
                         """curl -XPOST "$URL/occ-a/_doc/x%20y?pretty" -H 'Content-Type: application/json' """
                         """--data-binary '{"t": "it'"'"'s"}'""")

    def test_known_differences_of_the_repository_are_written_well(self):
        known = Known(differential.HERE / "differences.toml")
        self.assertTrue(known.rules)
        with self.assertRaises(BadRule), tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write("[[difference]]\nname = 'a'\nengine = 'x'\nreason = 'y'\n" * 2)
            file.flush()
            Known(file.name)


class Routing(unittest.TestCase):
    """routing.py, with a second `occkit serve` as the engine."""

    def differing(self, spoil=None):
        printed = io.StringIO()
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(differential.serving(OCCKIT, 7))
            occkit = stack.enter_context(differential.serving(OCCKIT, 7))
            if spoil:
                proxy = stack.enter_context(Proxy(engine.url, spoil))
                stack.callback(proxy.shutdown)
                engine = differential.Server(proxy.url)
            stack.enter_context(contextlib.redirect_stdout(printed))
            differ = routing.compare(engine, occkit, 1, 60, 3)
        return differ, printed.getvalue()

    def test_one_kit_answers_as_the_other(self):
        differ, printed = self.differing()
        self.assertEqual(differ, 0, printed)
        self.assertRegex(printed, r"^\d{4} answers, 0 differ")

    def test_document_in_another_shard_is_found(self):
        def elsewhere(_method, target, status, text):
            if "/_cat/shards" in target:
                return status, text.replace(b'"shard":"0"', b'"shard":"9"')
            return status, text

        differ, printed = self.differing(elsewhere)
        self.assertEqual(differ, len(routing.SHARDS), printed)
        self.assertIn("/_cat/shards of 3", printed)

    def test_routing_that_is_not_told_is_found(self):
        def untold(_method, target, status, text):
            return status, re.sub(rb'"_routing":"[^"]*",', b"", text) if "?routing=" in target else text

        differ, printed = self.differing(untold)
        self.assertGreater(differ, 10)
        self.assertIn('"_routing"', printed)


class Scripts(unittest.TestCase):
    """scripts.py, with a second `occkit serve` as the engine."""

    def differing(self, spoil=None, words=False):
        """How many of some scripts differ, and what is printed of them."""
        printed = io.StringIO()
        with contextlib.ExitStack() as stack:
            engine = stack.enter_context(differential.serving(OCCKIT, 7))
            occkit = stack.enter_context(differential.serving(OCCKIT, 7))
            if spoil:
                spoiler = changing(lambda _method, _target, answer: spoil(answer) or answer)
                proxy = stack.enter_context(Proxy(engine.url, spoiler))
                stack.callback(proxy.shutdown)
                engine = differential.Server(proxy.url)
            for server in (engine, occkit):
                scripts.prepare(server)
            stack.enter_context(contextlib.redirect_stdout(printed))
            differ = scripts.compare(engine, occkit, scripts.ScriptGenerator(1), 150, words, 3)
        return differ, printed.getvalue()

    def test_one_kit_answers_as_the_other(self):
        differ, printed = self.differing(words=True)
        self.assertEqual(differ, 0, printed)
        ran = int(re.search(r"150 scripts, (\d+) ran to their end", printed)[1])
        self.assertGreater(ran, 100)
        self.assertLess(ran, 150)

    def test_source_in_which_a_number_has_another_type_is_found(self):
        def whole(answer):
            source = answer.get("get", {}).get("_source", {})
            if isinstance(source.get("m"), int):
                source["m"] = float(source["m"])

        differ, printed = self.differing(whole)
        self.assertGreater(differ, 80)
        self.assertIn("'200/200'", printed)

    def test_cause_of_another_kind_is_found_and_other_words_are_counted_apart(self):
        def cause(**changes):
            def change(answer):
                error = answer.get("error", {})
                if isinstance(error, dict) and "caused_by" in error.get("caused_by", {}):
                    error["caused_by"]["caused_by"].update(changes)
            return change

        self.assertGreater(self.differing(cause(type="other_exception"))[0], 5)
        differ, printed = self.differing(cause(reason="other words"))
        self.assertEqual(differ, 0, printed)
        self.assertNotIn(" 0 more in words alone", printed)
        self.assertGreater(self.differing(cause(reason="other words"), words=True)[0], 5)


if __name__ == "__main__":
    OCCKIT = sys.argv.pop(1)
    unittest.main()
