#!/usr/bin/python3
"""Runs Elasticsearch's own REST tests of the document APIs against a server.

    rest_spec.py --spec DIR --url URL [--engine URL] [--tests PATTERN]... [--verdicts FILE] [--say-why]

DIR holds `api` and `test` as rest-api-spec/src/main/resources/rest-api-spec of Elasticsearch's source does. More
folders with `test`, as the module reindex has, are added by further --spec. The tests are not a part of this project.

Each test deletes every index of the server, before and after. A line tells how each ended: `holds`, `fails`,
`skipped`. With --engine, what fails is tried there too: what fails there as well `fails as the engine`. With --verdicts
the ends are held against a file (verdicts.toml has its form), and status 1 says that one is another, or that a test has
none. Without, status 1 says that one failed, but as the engine.
"""

import argparse
import fnmatch
import pathlib
import re
import sys
import urllib.parse

import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from api import Apis  # noqa: E402
from steps import Failed, Server, Skipped, Test  # noqa: E402
from verdicts import BadVerdicts, Verdicts  # noqa: E402

TESTS = ["index", "create", "update", "delete", "get", "get_source", "exists", "mget", "bulk", "count", "scripts",
         "update_by_query", "delete_by_query", "reindex", "indices.*alias*", "indices.exists", "cat.aliases",
         "cat.count", "cat.health", "cat.indices", "cat.shards", "indices.get_mapping", "indices.put_mapping", "info",
         "ping"]


class Loader(yaml.CSafeLoader if hasattr(yaml, "CSafeLoader") else yaml.SafeLoader):
    """YAML 1.2's words for true and false, and text where a date could be meant, as Elasticsearch reads it."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|True|TRUE|false|False|FALSE)$"),
                             list("tTfF"))


def read_tests(path):
    """Setup, teardown and the tests by name."""
    sections = {}
    for document in yaml.load_all(path.read_text(), Loader):
        sections |= document or {}
    setup = sections.pop("setup", None) or []
    teardown = sections.pop("teardown", None) or []
    return setup, teardown, sections


def run_test(server, apis, setup, teardown, steps):
    """How a test ended, and why."""
    server.clean()
    test = Test(server, apis)
    try:
        test.run(setup)
        test.answer = None
        test.run(steps)
        return "holds", ""
    except Failed as why:
        return "fails", str(why)
    except Skipped as why:
        return "skipped", str(why)
    finally:
        try:
            test.run(teardown)
        except (Failed, Skipped):
            pass
        server.clean()


def files_of(specs, patterns):
    """The files of tests, named by folder and file."""
    for spec in specs:
        for path in sorted((spec / "test").glob("*/*.y*ml")):
            if any(fnmatch.fnmatchcase(path.parent.name, pattern) for pattern in patterns):
                yield f"{path.parent.name}/{path.name}", path


def address(text):
    at = urllib.parse.urlsplit(text)
    if at.scheme != "http" or not at.hostname or at.path not in ("", "/"):
        raise argparse.ArgumentTypeError(f"'{text}' is no address: accepted is http://HOST:PORT")
    return text


def options_of(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("--spec", action="append", required=True, type=pathlib.Path, metavar="DIR")
    parser.add_argument("--url", required=True, type=address, help="the server; all of its indices are deleted")
    parser.add_argument("--engine", type=address, metavar="URL",
                        help="an engine that what fails is tried on too; all of its indices are deleted")
    parser.add_argument("--tests", action="append", metavar="PATTERN", help="folders; those of the document APIs")
    parser.add_argument("--verdicts", type=pathlib.Path, metavar="FILE", help="how each has to end")
    parser.add_argument("--say-why", action="store_true", help="why each failed or was skipped")
    options = parser.parse_args(arguments)
    for spec in options.spec:
        if not (spec / "test").is_dir():
            parser.error(f"--spec: {spec} has no folder test")
    if not (options.spec[0] / "api").is_dir():
        parser.error(f"--spec: {options.spec[0]}, which is the first, has no folder api")
    return options


def main(arguments):
    options = options_of(arguments)
    try:
        verdicts = Verdicts(options.verdicts) if options.verdicts else None
    except BadVerdicts as why:
        print(f"rest_spec.py: {why}", file=sys.stderr)
        return 2
    apis = Apis(options.spec[0] / "api")
    try:
        server = Server(options.url)
        engine = Server(options.engine) if options.engine else None
    except OSError as why:
        print(f"rest_spec.py: {options.url} or {options.engine}: {why}", file=sys.stderr)
        return 2
    counts = {}
    wrong = []
    for file, path in files_of(options.spec, options.tests or TESTS):
        setup, teardown, tests = read_tests(path)
        for title, steps in tests.items():
            name = f"{file}: {title}"
            end, why = run_test(server, apis, setup, teardown, steps)
            if end == "fails" and engine and run_test(engine, apis, setup, teardown, steps)[0] == "fails":
                end = "fails as the engine"
            counts[end] = counts.get(end, 0) + 1
            print(f"{end:7} {name}" + (f"\n        {why}" if why and options.say_why else ""), flush=True)
            if verdicts and (complaint := verdicts.complaint(file, title, end)):
                wrong.append(f"{name}: {complaint}")
    print(", ".join(f"{number} {end}" for end, number in sorted(counts.items())) or "no tests")
    if verdicts:
        print("\n".join(wrong) or "as the verdicts say")
        return 1 if wrong or not counts else 0
    return 1 if counts.get("fails") or not counts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
