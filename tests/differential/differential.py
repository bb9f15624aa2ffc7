#!/usr/bin/python3
"""Seeded sequences of requests to a real Elasticsearch and to `occkit serve`, whose answers are compared.

  differential.py --engine URL --occkit PROGRAM [--compat N] [--seed S] [--sequences N] [--any]

Statuses and whole parsed bodies have to be the same, but for what differs by nature (comparison.py) and for the
differences that are known (differences.toml). With --any, requests are ill-formed as well (faults.py). Each sequence
has new indices. One that differs is shrunk and printed as curl lines.

Exit status: 0 if nothing differs that is not known; 1 if something does; 2 bad input, or a server that does not answer.
"""

import argparse
import contextlib
import http.client
import json
import os
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
from hunting import Hunt, Pair  # noqa: E402
from known import BadRule, Known  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# Of this run alone: another may be on the same engine.
TEMPLATE = f"/_template/occkit-differential-{os.getpid()}"
# A server that says nothing for so long is down.
TIMEOUT_S = 120


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


def options_of(arguments):
    parser = argparse.ArgumentParser(prog="differential.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--engine", required=True, metavar="URL", help="a real Elasticsearch with nothing else to do")
    parser.add_argument("--occkit", required=True, metavar="PROGRAM")
    parser.add_argument("--compat", type=int, choices=(6, 7, 8), help="what occkit answers as (the engine's version)")
    parser.add_argument("--seed", default="1", help="another seed, other sequences (1)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the number of the first sequence (0)")
    parser.add_argument("--sequences", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--length", type=int, default=40, metavar="N", help="requests of each (40)")
    parser.add_argument("--side-by-side", type=int, choices=range(1, 65), default=4, metavar="N",
                        help="so many sequences at a time, each on a connection of its own (4)")
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
                pairs = [Pair(Server(options.engine), Server(occkit.url), compat, known)
                         for _ in range(options.side_by_side)]
                generator = (Faults(options.seed, compat, options.side_by_side == 1) if options.any
                             else Generator(options.seed, compat))
                numbers = range(options.first, options.first + options.sequences)
                hunt = Hunt(pairs, options.seed, options.seconds)
                hunt.run((number, generator.sequence(number, options.length)) for number in numbers)
            finally:
                engine.ask("DELETE", TEMPLATE)
    except (NoAnswer, BadRule, OSError) as error:
        print(f"differential.py: {error}", file=sys.stderr)
        return 2
    print(f"\nEngine {version}, --compat {compat}, seed {options.seed}" + (", any" if options.any else "")
          + f": {hunt.requests():,} requests in {time.monotonic() - hunt.began:.0f} s, "
          f"{hunt.differences()} differences of {len(hunt.kinds)} kinds that are not known")
    statuses = sorted(hunt.summed("statuses").items())
    print("  statuses: " + ", ".join(f"{status} {times:,}" for status, times in statuses))
    recognised = hunt.summed("recognised")
    for rule in known.rules:
        if recognised[rule.name]:
            print(f"  known, {'open' if rule.is_open else 'stays'}: {rule.name} {recognised[rule.name]:,}")
    return 1 if hunt.kinds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
