#!/usr/bin/python3
"""Seeded sequences of requests to a real Elasticsearch and to `occkit serve`, whose answers are compared.

  differential.py --engine URL --occkit PROGRAM [--compat N] [--seed S] [--sequences N] [--any]

Statuses and whole parsed bodies have to be the same, but for what differs by nature (comparison.py) and for the
differences that are known (differences.toml). With --any, requests are ill-formed as well (faults.py). Each sequence
has new indices. One that differs is shrunk and printed as curl lines.

Exit status: 0 if nothing differs that is not known; 1 if something does; 2 bad input, or a server that does not answer.
"""

import argparse
import collections
import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import time
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import comparison  # noqa: E402
from faults import Faults  # noqa: E402
from generator import Generator  # noqa: E402
from known import BadRule, Known  # noqa: E402
from request import PREFIX, render  # noqa: E402
from shrinking import shrink  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
TEMPLATE = "/_template/occkit-differential"
# A server that says nothing for so long is down.
TIMEOUT_S = 120
# More kinds of differences than these are counted, not shrunk.
MOST_SHRUNK = 20
SAY_EVERY_S = 10


class NoAnswer(Exception):
    """A server that does not answer at all, or not as it must."""


class Server:
    """One connection, which is kept."""

    def __init__(self, url):
        self.url = url
        address = urllib.parse.urlsplit(url)
        self.connection = http.client.HTTPConnection(address.hostname, address.port or 80, timeout=TIMEOUT_S)

    def ask(self, method, target, headers=(), body=None):
        for is_last in (False, True):
            try:
                self.connection.putrequest(method, target, skip_accept_encoding=True)
                for name, value in headers:
                    self.connection.putheader(name, value.encode("latin-1", "backslashreplace"))
                if body is not None:
                    self.connection.putheader("Content-Length", str(len(body)))
                self.connection.endheaders(body)
                got = self.connection.getresponse()
                text = got.read().decode("utf-8", "backslashreplace")
                if got.will_close:
                    self.connection.close()
                return comparison.Answer(got.status, got.getheader("Location"), comparison.parsed(text), text)
            except (OSError, http.client.HTTPException) as error:
                self.connection.close()
                # A connection that is kept may have been closed meanwhile.
                if is_last:
                    raise NoAnswer(f"{self.url} does not answer {method} {target}: {error!r}") from error
        raise AssertionError

    def ask_json(self, method, target, value):
        return self.ask(method, target, (("Content-Type", "application/json"),), json.dumps(value).encode())

    def send(self, rendered):
        return self.ask(rendered.method, rendered.target, rendered.headers, rendered.body)


@contextlib.contextmanager
def serving(program, compat):
    """`occkit serve` on any free port."""
    process = subprocess.Popen([program, "serve", "--listen", "127.0.0.1:0", "--threads", "1", "--compat", str(compat)],
                               stdout=subprocess.PIPE, text=True, start_new_session=True)  # Ctrl-C is ours alone
    try:
        first = process.stdout.readline()
        url = re.match(r"(http://\S+): ", first)
        if not url:
            raise NoAnswer(f"{program} serve does not start: {first!r}")
        yield Server(url[1])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


class Difference:
    """One answer that differs, and what was sent up to it."""

    def __init__(self, sent, engine, occkit, place):
        self.sent = sent  # as rendered
        self.engine = engine
        self.occkit = occkit
        self.place = place

    def kind(self):
        """The same for differences that are likely to have one cause."""
        last = self.sent[-1]
        path = re.sub(r"/occ-[^/?]*", "/INDEX", last.target.partition("?")[0])
        path = re.sub(r"/(_doc|_create|_update|_source)/[^/]+", r"/\1/ID", path)
        return (last.method, path, self.place.kind(), self.engine.status, self.occkit.status, reason(self.engine),
                reason(self.occkit))


def reason(answer):
    """The texts of an error without names and numbers."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if isinstance(error, dict):
        error = f"{error.get('type')}: {error.get('reason')}"
    return re.sub(r"\[[^\]]*\]|\d+|'[^']*'", "*", str(error))[:60]


def remember(answer, prefix, seen):
    """Takes numbers of documents out of an answer, wherever they stand."""
    if isinstance(answer, dict):
        if isinstance(answer.get("_index"), str) and "_id" in answer:
            key = (answer["_index"].replace(prefix, PREFIX), answer["_id"])
            for name, at in (("version", "_version"), ("seq_no", "_seq_no"), ("term", "_primary_term")):
                if isinstance(answer.get(at), int):
                    seen.setdefault(key, {})[name] = answer[at]
        else:
            for each in answer.values():
                remember(each, prefix, seen)
    elif isinstance(answer, list):
        for each in answer:
            remember(each, prefix, seen)


class Pair:
    """The engine and the kit, which are asked the same."""

    def __init__(self, engine, occkit, compat, known):
        self.engine = engine
        self.occkit = occkit
        self.compat = compat
        self.known = known
        self.run_tag = f"{int(time.time()):x}"
        self.sequences = 0
        self.requests = 0
        self.statuses = collections.Counter()

    def run(self, sequence, counted=True):
        """The first difference that is not known; None. Indices are new, and go."""
        self.sequences += 1
        prefix = f"occ-{self.run_tag}-{self.sequences}-"
        seen, sent = {}, []
        try:
            for request in sequence:
                rendered = render(request, prefix, seen)
                sent.append(rendered)
                engine, occkit = self.engine.send(rendered), self.occkit.send(rendered)
                if counted:
                    self.requests += 1
                    self.statuses[engine.status] += 1
                remember(engine.body, prefix, seen)
                place = comparison.compare(engine, occkit)
                if place is None:
                    continue
                rule = self.known.rule(self.compat, rendered, engine, occkit, place)
                if rule is None:
                    return Difference(sent, engine, occkit, place)
                rule.times += counted
                # What both refused has changed nothing. Otherwise they are no longer in one state.
                if engine.status < 400 or occkit.status < 400:
                    return None
        finally:
            indices = ",".join(name.replace(PREFIX, prefix) for name in ("@a", "@b", "@c", "@s"))
            for server in (self.engine, self.occkit):
                server.ask("DELETE", f"/{indices}?ignore_unavailable=true")
        return None


def prepare(engine, compat):
    """What the kit gives to an index that nobody gave anything, and nothing that is slow. The version of the engine."""
    answer = engine.ask("GET", "/_nodes?filter_path=nodes.*.version")
    versions = [node["version"] for node in answer.body["nodes"].values()] if answer.status == 200 else ["unknown"]
    if compat is None:
        if answer.status != 200:
            raise NoAnswer(f"{engine.url} does not tell its version ({answer}): give --compat")
        compat = int(versions[0].split(".")[0])
    # Mappings are not what is compared, and each field that is new would be a change of the cluster's state.
    mappings = {"dynamic": False}
    made = engine.ask_json("PUT", TEMPLATE, {
        "index_patterns": ["occ-*"], "settings": comparison.TEMPLATE_SETTINGS,
        "mappings": {"_doc": mappings} if compat == 6 else mappings})
    if made.status != 200:
        print(f"{engine.url} takes no template, so its defaults are taken as they are: {made}", file=sys.stderr)
    return versions[0], compat


def tell(number, difference, original):
    """A difference as lines to be typed. Indices have short names."""
    def short(text):
        return re.sub(r"occ-[0-9a-f]{8}-\d+-", "occ-", text)
    print(f"\nDifference {number}: {original}. URL stands for either server.")
    for rendered in difference.sent:
        print("  " + short(rendered.curl()).replace("\n", "\n  "))
    print("  " + short(str(difference.place)))
    print("  engine: " + short(str(difference.engine)))
    print("  occkit: " + short(str(difference.occkit)))
    sys.stdout.flush()


def hunt(pair, sequences, first, seed, seconds):
    """Runs sequences; the number of kinds of differences, and of differences."""
    kinds = collections.Counter()
    said = began = time.monotonic()
    try:
        for number, sequence in enumerate(sequences, first):
            if time.monotonic() - began > seconds:
                break
            found = pair.run(sequence)
            if time.monotonic() - said > SAY_EVERY_S:
                said = time.monotonic()
                print(f"  {pair.requests:,} requests, {sum(kinds.values())} differences", file=sys.stderr, flush=True)
            if found is None:
                continue
            kind = found.kind()
            kinds[kind] += 1
            if kinds[kind] > 1 or len(kinds) > MOST_SHRUNK:
                continue

            def differs(candidate, kind=kind):
                again = pair.run(candidate, counted=False)
                return again is not None and again.kind() == kind
            how = f"sequence {number} of seed {seed}"
            try:
                shrunk = shrink(sequence[:len(found.sent)], differs)
                again = pair.run(shrunk, counted=False)
            except KeyboardInterrupt:
                tell(len(kinds), found, how)
                raise
            if again is not None and again.kind() == kind:
                tell(len(kinds), again, f"{how}, {len(shrunk)} of {len(found.sent)} requests are left")
            else:
                # It hangs on time, or on what was before.
                tell(len(kinds), found, f"{how}, which does not differ when it is run again")
    except KeyboardInterrupt:
        print("  interrupted", file=sys.stderr)
    return len(kinds), sum(kinds.values())


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="differential.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--engine", required=True, metavar="URL", help="a real Elasticsearch with nothing else to do")
    parser.add_argument("--occkit", required=True, metavar="PROGRAM")
    parser.add_argument("--compat", type=int, choices=(6, 7, 8), help="what occkit answers as (the engine's version)")
    parser.add_argument("--seed", default="1", help="another seed, other sequences (1)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first sequence (0)")
    parser.add_argument("--sequences", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--length", type=int, default=40, metavar="N", help="requests of each (40)")
    parser.add_argument("--seconds", type=float, default=1e9, metavar="S", help="begin no sequence after them")
    parser.add_argument("--any", action="store_true", help="ill-formed requests too")
    parser.add_argument("--differences", default=HERE / "differences.toml", metavar="FILE", help="those that are known")
    return parser.parse_args(arguments)


def main(arguments):
    options = options_of(arguments)
    try:
        known = Known(options.differences, options.any)
        engine = Server(options.engine)
        version, compat = prepare(engine, options.compat)
        with serving(options.occkit, compat) as occkit:
            try:
                pair = Pair(engine, occkit, compat, known)
                generator = (Faults if options.any else Generator)(options.seed, compat)
                numbers = range(options.first, options.first + options.sequences)
                began = time.monotonic()
                kinds, differences = hunt(pair, (generator.sequence(number, options.length) for number in numbers),
                                          options.first, options.seed, options.seconds)
            finally:
                engine.ask("DELETE", TEMPLATE)
    except (NoAnswer, BadRule, OSError) as error:
        print(f"differential.py: {error}", file=sys.stderr)
        return 2
    print(f"\nEngine {version}, --compat {compat}, seed {options.seed}" + (", any" if options.any else "")
          + f": {pair.requests:,} requests in {time.monotonic() - began:.0f} s, "
          f"{differences} differences of {kinds} kinds that are not known")
    print("  statuses: " + ", ".join(f"{status} {times:,}" for status, times in sorted(pair.statuses.items())))
    for rule in known.rules:
        if rule.times:
            print(f"  known, {'open' if rule.is_open else 'stays'}: {rule.name} {rule.times:,}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
