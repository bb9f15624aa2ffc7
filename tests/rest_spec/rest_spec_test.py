#!/usr/bin/python3
"""The runner of Elasticsearch's REST tests, without those: rest_spec_test.py OCCKIT

A small spec of the kit's own, with tests that hold and tests that do not, is run against `occkit serve`. Every kind of
step has to be seen to hold and to fail.
"""

import contextlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

try:
    import rest_spec
except ModuleNotFoundError as missing:
    print(f"rest_spec_test: skipped, there is no {missing.name} (harness/install_packages.sh check)")
    sys.exit(77)
from steps import check_skip, same, Skipped  # noqa: E402
from verdicts import BadVerdicts, Verdicts  # noqa: E402

OCCKIT = ""

APIS = {
    "index": [("/{index}/_doc/{id}", ["PUT", "POST"]), ("/{index}/_doc", ["POST"])],
    "get": [("/{index}/_doc/{id}", ["GET"])],
    "exists": [("/{index}/_doc/{id}", ["HEAD"])],
    "bulk": [("/_bulk", ["POST", "PUT"]), ("/{index}/_bulk", ["POST", "PUT"])],
    "mget": [("/_mget", ["GET", "POST"]), ("/{index}/_mget", ["GET", "POST"])],
    "cat.indices": [("/_cat/indices", ["GET"])],
}
PARAMS = {"index": ["if_seq_no", "if_primary_term", "op_type"], "get": ["version"], "cat.indices": ["h", "v"]}

# Each name says how the test ends.
TESTS = """
setup:
  - do:
      index: {index: i, id: 1, body: {a: 1, list: [x, y], yes: true, none: "", on: on}}
---
teardown:
  - do:
      index: {index: i, id: 2, body: {}}
---
"holds: match of values, patterns and parts":
  - do:
      get: {index: i, id: 1}
  - match: {_source.a: 1}
  - match: {_source.list.1: y}
  - match: {_source: {a: 1, list: [x, y], yes: true, none: "", on: on}}
  - match: {_id: /^ 1 $/}
  - length: {_source.list: 2}
  - length: {_source: 5}
  - is_true: _source.yes
  - is_false: _source.none
  - is_false: _source.nothing
  - gt: {_version: 0}
  - gte: {_version: 1}
  - lt: {_version: 2}
  - lte: {_version: 1}
---
"fails: match":
  - do: {get: {index: i, id: 1}}
  - match: {_source.a: 2}
---
"fails: match of a type":
  - do: {get: {index: i, id: 1}}
  - match: {_id: 1}
---
"fails: match of a key too many":
  - do: {get: {index: i, id: 1}}
  - match: {_source: {a: 1}}
---
"fails: match of a pattern":
  - do: {get: {index: i, id: 1}}
  - match: {_id: /^2/}
---
"fails: length":
  - do: {get: {index: i, id: 1}}
  - length: {_source.list: 3}
---
"fails: is_true":
  - do: {get: {index: i, id: 1}}
  - is_true: _source.none
---
"fails: is_false":
  - do: {get: {index: i, id: 1}}
  - is_false: found
---
"fails: gt":
  - do: {get: {index: i, id: 1}}
  - gt: {_version: 1}
---
"fails: gte":
  - do: {get: {index: i, id: 1}}
  - gte: {_version: 2}
---
"fails: lt":
  - do: {get: {index: i, id: 1}}
  - lt: {_version: 1}
---
"fails: lte":
  - do: {get: {index: i, id: 1}}
  - lte: {_version: 0}
---
"holds: errors that are foreseen":
  - do:
      catch: missing
      get: {index: i, id: 7}
  - do:
      catch: conflict
      index: {index: i, id: 1, if_seq_no: 9, if_primary_term: 1, body: {}}
  - do:
      catch: /version_conflict.+required seqNo \\[9\\]/
      index: {index: i, id: 1, if_seq_no: 9, if_primary_term: 1, body: {}}
  - do:
      catch: bad_request
      index: {index: i, id: 1, if_seq_no: 9, body: {}}
  - do:
      catch: param
      get: {index: i}
  - do:
      catch: request
      index: {index: i, id: 1, if_seq_no: 9, body: {}}
  - do:
      get: {index: i, id: 7, ignore: 404}
---
"fails: an error that is not foreseen":
  - do: {get: {index: i, id: 7}}
---
"fails: another error than is foreseen":
  - do:
      catch: conflict
      get: {index: i, id: 7}
---
"fails: no error where one is foreseen":
  - do:
      catch: missing
      get: {index: i, id: 1}
---
"fails: an error of other words":
  - do:
      catch: /no such thing/
      get: {index: i, id: 7}
---
"fails: a warning that does not come":
  - skip: {features: warnings}
  - do:
      warnings: [old]
      get: {index: i, id: 1}
---
"fails: a parameter that the API has not":
  - do: {get: {index: i, id: 1, colour: red}}
---
"fails: an API that is not there":
  - do: {put_colour: {index: i}}
---
"fails: no part of the path where one is needed":
  - do: {get: {index: i}}
---
"holds: what was answered is kept":
  - do:
      index: {index: i, body: {}}
  - set: {_id: made}
  - do:
      exists: {index: i, id: $made}
  - is_true: ''
  - do:
      exists: {index: i, id: "x${made}"}
  - is_false: ''
  - do:
      mget: {index: i, body: {ids: [$made, "1"]}}
  - match: {docs.0._id: $made}
  - do:
      get: {index: i, id: 1}
  - set: {_source.list.0: key}
  - do:
      index: {index: i, id: 3, body: {$key: {deep: 1}}}
  - do:
      get: {index: i, id: 3}
  - match: {_source.$key.deep: 1}
---
"holds: lines and text are sent as they are":
  - do:
      bulk:
        body:
          - index: {_index: i, _id: 8}
          - {a: 1}
          - '{"delete": {"_index": "i", "_id": "8"}}'
  - match: {items.1.delete.result: deleted}
  - do:
      bulk:
        index: i
        body: |
          {"index": {"_id": "9"}}
          {"a": 1}
  - match: {errors: false}
  - do:
      cat.indices: {h: index}
  - match:
      $body: |
        /^ i \\s* $/
---
"fails: text of a table":
  - do:
      cat.indices: {h: index}
  - match: {$body: "/^j/"}
---
"holds: nothing is left of the tests before":
  - do:
      get: {index: i, id: 8, ignore: 404}
  - match: {found: false}
---
"skipped: a version":
  - skip: {version: " - 6.9.9, 7.0.0 - ", reason: another time}
  - match: {a: 1}
---
"skipped: a feature":
  - skip: {features: [regex, flying]}
---
"skipped: a step that the runner has not":
  - close_to: {a: 1}
---
"skipped: a selector of nodes":
  - do:
      node_selector: {version: "7.0.0 - "}
      get: {index: i, id: 1}
"""


def api_file(name):
    paths = [{"path": path, "methods": methods, "parts": {part: {} for part in re.findall(r"{(\w+)}", path)}}
             for path, methods in APIS[name]]
    return json.dumps({name: {"url": {"paths": paths}, "params": {each: {} for each in PARAMS.get(name, [])}}})


class RestSpecTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.spec = pathlib.Path(folder.name)
        (cls.spec / "api").mkdir()
        (cls.spec / "test" / "index").mkdir(parents=True)
        for name in APIS:
            (cls.spec / "api" / f"{name}.json").write_text(api_file(name))
        (cls.spec / "test" / "index" / "own.yml").write_text(TESTS)
        server = subprocess.Popen([OCCKIT, "serve", "--listen", "127.0.0.1:0", "--threads", "1"], text=True,
                                  stdout=subprocess.PIPE)
        cls.addClassCleanup(server.stdout.close)
        cls.addClassCleanup(server.wait)
        cls.addClassCleanup(server.terminate)
        cls.url = re.match(r"http://\S+:\d+", server.stdout.readline())[0]

    def run_spec(self, *more):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = rest_spec.main(["--spec", str(self.spec), "--url", self.url, *more])
            except SystemExit as end:
                status = end.code
        return status, out.getvalue(), err.getvalue()

    def verdicts(self, text):
        path = self.spec / "verdicts.toml"
        path.write_text(text)
        return path

    def test_each_test_ends_as_its_name_says(self):
        status, out, _ = self.run_spec("--say-why")
        ended = re.findall(r"^(holds|fails|skipped) +index/own.yml: (\w+)", out, re.MULTILINE)
        self.assertGreater(len(ended), 25)
        self.assertEqual([end for end, _ in ended], [name for _, name in ended], out)
        self.assertEqual(status, 1)
        self.assertIn('match: _source.a is 1, not 2', out)

    def test_what_fails_on_the_engine_too_is_no_failure(self):
        status, out, _ = self.run_spec("--engine", self.url)
        self.assertEqual(status, 0)
        self.assertNotRegex(out, "(?m)^fails  ")
        self.assertIn("fails as the engine", out)

    def test_verdicts_are_held_against_the_ends(self):
        _, out, _ = self.run_spec()
        ended = re.findall(r"^(\w+) +index/own.yml: (.*)", out, re.MULTILINE)
        kinds = {"holds": "holds", "skipped": "skipped", "fails": "elsewhere: for a test"}
        lines = [f"{json.dumps(title)} = \"{kinds[end]}\"" for end, title in ended]
        right = '["index/own.yml"]\n' + "\n".join(lines) + "\n"
        status, out, _ = self.run_spec("--verdicts", str(self.verdicts(right)))
        self.assertEqual((status, out.splitlines()[-1]), (0, "as the verdicts say"))
        for wrong, complaint in [
                (right.replace('"fails: lt" = "elsewhere: for a test"', '"fails: lt" = "holds"'),
                 "fails: lt: it fails, and its verdict is 'holds'"),
                (right.replace('"elsewhere: for a test"', '"engine: so"').replace(
                    '"holds: errors that are foreseen" = "holds"', '"holds: errors that are foreseen" = "open: soon"'),
                 "it holds, and its verdict is 'open: soon'"),
                (right.replace(lines[0], ""), "it holds, and has no verdict")]:
            status, out, _ = self.run_spec("--verdicts", str(self.verdicts(wrong)))
            self.assertEqual(status, 1)
            self.assertIn(complaint, out)

    def test_verdicts_that_cannot_be_read_are_named(self):
        for text in ('["a.yml"]\nb = "maybe"', '["a.yml"]\nb = "engine"', '["a.yml"]\nb = "holds: why"', "["):
            with self.assertRaises(BadVerdicts):
                Verdicts(self.verdicts(text))
            status, _, err = self.run_spec("--verdicts", str(self.spec / "verdicts.toml"))
            self.assertEqual(status, 2)
            self.assertIn("verdicts.toml", err)

    def test_bad_options_are_named(self):
        for options, told in [(["--url", "ftp://a"], "accepted is http://HOST:PORT"),
                              (["--spec", str(self.spec / "api")], "has no folder test"),
                              (["--url", "http://127.0.0.1:1"], "http://127.0.0.1:1")]:
            status, _, err = self.run_spec(*options)
            self.assertEqual(status, 2, err)
            self.assertIn(told, err)

    def test_patterns_of_tests_choose_folders(self):
        status, out, _ = self.run_spec("--tests", "colour*")
        self.assertEqual((status, out), (1, "no tests\n"))

    def test_versions_are_spans(self):
        for span, skipped in [(" - 6.99.99", False), (" - 7.17.0", True), ("7.18.0 - ", False),
                              ("7.0.0 - 7.16.9", False), ("all", True)]:
            try:
                check_skip({"version": span}, "7.17.0")
                found = False
            except Skipped:
                found = True
            self.assertEqual(found, skipped, span)

    def test_numbers_are_equal_whatever_their_kind(self):
        self.assertTrue(same(1, 1.0))
        self.assertFalse(same("1", 1))
        self.assertFalse(same(True, 1))
        self.assertTrue(same({"1": [1, {"a": "x"}]}, {1: [1.0, {"a": "/x|y/"}]}))


if __name__ == "__main__":
    OCCKIT = sys.argv.pop(1)
    unittest.main()
