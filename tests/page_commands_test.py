#!/usr/bin/python3
"""Every command that a page tells its reader to type is tried: page_commands_test.py BUILD

tests/page_commands.toml says how, command by command: as it stands, in a smaller form, or not at all and why. Here the
table is held against the pages, and what is in it is run with the programs of the folder BUILD, in a scratch folder
that looks like the tree. Each rule is tried on a text that breaks it.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest
import urllib.request

sys.dont_write_bytecode = True
import readme_test as readme  # noqa: E402

ROOT = readme.ROOT
TABLE = ROOT / "tests" / "page_commands.toml"
GIVEN = len(sys.argv) > 1 and not sys.argv[1].startswith("-")
BUILD = pathlib.Path(sys.argv.pop(1)) if GIVEN else ROOT / "build" / "release"
# What was, version by version: nobody types it.
HISTORY = {"CHANGELOG.md"}
# A command that does not come back hangs; nothing here takes a tenth of it.
LIMIT_S = 300
# $DURATION: windows are short, and where one was so short that nothing ended in it, longer ones are tried.
DURATIONS = ("20ms", "200ms", "2s", "20s")


# The pages.

def code_lines(text):
    """The lines of a page's code, as lists of those that follow each other; fences of other languages and of none,
    which hold what programs print, are left out."""
    blocks, fence, in_code, before = [], None, False, ""
    for line in text.splitlines():
        if line.startswith("```"):
            fence = line[3:].strip() or "output" if fence is None else None
            blocks.append([])
        elif fence == "sh":
            blocks[-1].append(line)
        elif fence is None:
            was, in_code = in_code, line.startswith("    ") and (in_code or not before.strip())
            if in_code and not was:
                blocks.append([])
            if in_code:
                blocks[-1].append(line)
        before = line
    return [block for block in blocks if block]


def one_line(text):
    return " ".join(re.sub(r"\s# .*", "", text).split())


def typed(text):
    """What a page has its reader type: lines of code, in a block with prompts those behind a prompt, and in sentences
    commands with arguments. `occkit NAME`, also with one option's name or a placeholder, is the name of something."""
    found = []
    for block in code_lines(text):
        prompts = any(line.lstrip().startswith("$ ") for line in block)
        unfinished = ""
        for line in block:
            whole = unfinished + line.strip()
            unfinished = whole[:-1] if whole.endswith("\\") else ""
            if whole and not unfinished and (not prompts or whole.startswith("$ ")):
                found.append(one_line(whole.removeprefix("$ ")))
    prose = "\n".join(line for _, line in readme.prose_lines(text)) + "\n" + "\n".join(
        line for line in text.splitlines() if line.startswith("|"))
    for span in map(one_line, re.findall(r"`([^`]+)`", prose)):
        if " " in span and readme.is_ours(span.split()[0]) and not re.fullmatch(
                r"occkit(_\w+)? \w+( --[a-z-]+)?( [A-Z]+)?|\S+\.(sh|py) --[a-z-]+", span):
            found.append(span)
    return found


def transcripts(text):
    """The blocks with prompts, each as a list of (command, what it prints)."""
    found = []
    for block in code_lines(text):
        lines = [line.removeprefix("    ") for line in block]
        if lines[0].startswith("$ "):
            found.append([])
            for line in lines:
                if line.startswith("$ "):
                    found[-1].append((line.removeprefix("$ "), []))
                else:
                    found[-1][-1][1].append(line)
    return found


# The table.

WAYS = ("tried", "tried_as", "not_run")
TRIED = ("as it stands", "as a server on a free port", "as a transcript")
KEYS = {"typed", *WAYS, "before", "prints", "server", "needs"}


def wrong_entries(table):
    """What is wrong with the entries themselves."""
    found = []
    for entry in table:
        name = entry.get("typed", "an entry without 'typed'")
        if set(entry) - KEYS:
            found.append(f"{name}: unknown key {sorted(set(entry) - KEYS)[0]}")
        if sum(way in entry for way in WAYS) != 1:
            found.append(f"{name}: exactly one of {', '.join(WAYS)} is needed")
        if entry.get("tried", TRIED[0]) not in TRIED:
            found.append(f"{name}: tried may be {', '.join(TRIED)}")
        if "not_run" in entry and len(entry["not_run"].split()) < 3:
            found.append(f"{name}: no reason")
        if [each.get("typed") for each in table].count(name) > 1:
            found.append(f"{name}: twice")
    return found


def untried(pages, table):
    """Commands of pages that the table does not have."""
    known = {entry["typed"] for entry in table}
    return [f"{page}: {command}" for page, text in pages.items() for command in typed(text) if command not in known]


def unused(pages, table):
    """Entries that no page has."""
    on_pages = {command for text in pages.values() for command in typed(text)}
    return [entry["typed"] for entry in table if entry["typed"] not in on_pages]


def transcripts_without_entry(pages, table):
    """Commands behind a prompt that are not tried as what they are."""
    entries = {entry["typed"]: entry for entry in table}
    return [command for text in pages.values() for lines in transcripts(text) for command, _ in lines
            if entries.get(one_line(command), {}).get("tried") != "as a transcript"]


# Running.

class Server:
    """`occkit serve` on a free port, as a context; `said` is its first line."""

    def __init__(self, scratch, command):
        listen = re.sub(r" --listen \S+", "", command) + " --listen 127.0.0.1:0"
        self.process = subprocess.Popen(listen.split(), cwd=scratch.folder, env=scratch.environment, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = self.process.stdout.readline().rstrip("\n")
        found = re.match(r"http://([\d.]+:\d+): ", self.said)
        if found is None:
            self.__exit__()
            raise AssertionError(f"{command}: {self.said}")
        self.address = found.group(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.status = self.process.wait(LIMIT_S)
        self.process.stdout.close()


class Scratch:
    """A folder that looks like the root of the tree after `harness/run.sh`, with the programs of BUILD; what is written
    goes there."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "build").mkdir()
        (self.folder / "build" / "release").symlink_to(BUILD.resolve())
        for name in ("harness", "tests"):
            (self.folder / name).symlink_to(ROOT / name)
        left_out = shutil.ignore_patterns("run-*", "stall-*", "memory-*")
        shutil.copytree(ROOT / "results", self.folder / "results", ignore=left_out)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("OCCKIT_")}
        self.environment["PATH"] = f"{self.folder}/build/release:{os.environ['PATH']}"

    def lacks(self, programs):
        return [name for name in programs if shutil.which(name, path=self.environment["PATH"]) is None]

    def run(self, command):
        """Its exit status and what it said. Where it has $DURATION, the longest that it took."""
        for duration in DURATIONS:
            before = set(self.folder.glob("results/*"))
            shell = ["bash", "-c", f"set -euo pipefail\n{command}"]
            ended = subprocess.run(shell, cwd=self.folder, text=True, check=False,
                                   env=self.environment | {"DURATION": duration}, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT_S)
            if ended.returncode == 0 or "$DURATION" not in command:
                break
            if duration != DURATIONS[-1]:
                for path in set(self.folder.glob("results/*")) - before:
                    shutil.rmtree(path)
        return ended.returncode, ended.stdout

    def try_entry(self, entry):
        """What went wrong; empty if nothing did."""
        command = entry.get("tried_as", entry["typed"])
        if entry.get("tried") == "as a server on a free port":
            with Server(self, command) as server:
                opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                with opener.open(f"http://{server.address}/") as answer:
                    json.load(answer)
            return "" if server.status == 0 else f"status {server.status} after SIGTERM"
        status, said = self.run(entry["before"]) if "before" in entry else (0, "")
        if status == 0:
            if "server" in entry:
                with Server(self, entry["server"]) as server:
                    status, said = self.run(command.replace("127.0.0.1:9200", server.address))
            else:
                status, said = self.run(command)
        if status != 0:
            return f"status {status}\n{said}"
        if not re.search(entry.get("prints", ""), said, re.MULTILINE):
            return f"nothing like '{entry['prints']}' in\n{said}"
        return ""

    def try_transcript(self, lines):
        """The first command is a server; each after it prints what the page says, but for port and threads."""
        (first, shown), *others = lines
        with Server(self, first) as server:
            if re.sub(r":\d+:|\d+ threads?", "", server.said) != re.sub(r":\d+:|\d+ threads?", "", "\n".join(shown)):
                return f"{first}\nprinted {server.said}"
            for command, expected in others:
                local = "curl() { command curl --silent --show-error --noproxy '*' \"$@\"; }\n"
                status, said = self.run(local + command.replace("127.0.0.1:9200", server.address))
                if status != 0 or said.rstrip("\n") != "\n".join(expected):
                    return f"{command}\nstatus {status}, printed\n{said}"
        return ""


def load(text):
    return tomllib.loads(text).get("command", [])


class TheRealPages(unittest.TestCase):
    def setUp(self):
        self.pages = {name: text for name, text in readme.pages().items() if name not in HISTORY}
        self.table = load(TABLE.read_text(encoding="utf-8"))

    def test_table_is_well_formed(self):
        self.assertEqual(wrong_entries(self.table), [])

    def test_every_command_of_a_page_is_in_the_table(self):
        self.assertEqual(untried(self.pages, self.table), [])

    def test_every_entry_of_the_table_is_on_a_page(self):
        self.assertEqual(unused(self.pages, self.table), [])

    def test_transcripts_are_tried_as_such(self):
        self.assertEqual(transcripts_without_entry(self.pages, self.table), [])

    def test_commands_run(self):
        with tempfile.TemporaryDirectory() as folder:
            scratch, known = Scratch(folder), {}
            for entry in self.table:
                missing = scratch.lacks(entry.get("needs", []))
                if "not_run" in entry or entry.get("tried") == "as a transcript" or missing:
                    if missing:
                        print(f"not tried, there is no {missing[0]}: {entry['typed']}")
                    continue
                began = time.monotonic()
                beside = [entry.get(each) for each in ("before", "server", "prints")]
                key = json.dumps([entry.get("tried_as", entry["typed"]), *beside])
                with self.subTest(entry["typed"]):
                    if key not in known:
                        known[key] = scratch.try_entry(entry)
                        print(f"{time.monotonic() - began:6.1f} s  {entry.get('tried_as', entry['typed'])}", flush=True)
                    if known[key]:
                        self.fail(known[key])

    def test_transcripts_print_what_the_pages_say(self):
        with tempfile.TemporaryDirectory() as folder:
            scratch = Scratch(folder)
            if scratch.lacks(["curl"]):
                self.skipTest("there is no curl (harness/install_packages.sh check)")
            found = [lines for text in self.pages.values() for lines in transcripts(text)]
            self.assertNotEqual(found, [])
            for lines in found:
                self.assertEqual(scratch.try_transcript(lines), "")


class BrokenPages(unittest.TestCase):
    """One violation each; a rule that misses it would be worth nothing."""

    PAGE = {"a.md": "Type `occkit compare --json x.csv`.\n\n    build/release/occkit list   # names\n"
                    "    A=1 x \\\n      y\n"
                    "\n```\nbuild/release/occkit verify\n```\n```sh\ncurl x\n```\n"
                    "\nand `occkit run`, `occkit check FILE`\n"}
    TYPED = ["build/release/occkit list", "A=1 x y", "curl x", "occkit compare --json x.csv"]

    def test_commands_are_collected(self):
        self.assertEqual(typed(self.PAGE["a.md"]), self.TYPED)

    def test_what_prompts_print_is_not_a_command(self):
        page = "text\n\n    $ a b\n    c\n    $ d\n"
        self.assertEqual(typed(page), ["a b", "d"])
        self.assertEqual(transcripts(page), [[("a b", ["c"]), ("d", [])]])

    def test_command_that_is_not_in_the_table_is_found(self):
        table = [{"typed": command, "tried": "as it stands"} for command in self.TYPED]
        self.assertEqual(untried(self.PAGE, table), [])
        self.assertEqual(untried(self.PAGE, table[1:]), ["a.md: build/release/occkit list"])

    def test_entry_that_no_page_has_is_found(self):
        self.assertEqual(unused(self.PAGE, [{"typed": "build/release/occkit lits"}]), ["build/release/occkit lits"])

    def test_transcript_that_is_not_compared_is_found(self):
        page = {"a.md": "text\n\n    $ a b\n    c\n"}
        self.assertEqual(transcripts_without_entry(page, [{"typed": "a b", "tried": "as it stands"}]), ["a b"])
        self.assertEqual(transcripts_without_entry(page, [{"typed": "a b", "tried": "as a transcript"}]), [])

    def test_entries_that_say_nothing_are_found(self):
        for entry, wrong in {
            'typed = "x"': "exactly one of",
            'typed = "x"\nnot_run = "it takes an hour"\ntried = "as it stands"': "exactly one of",
            'typed = "x"\nnot_run = "slow"': "no reason",
            'typed = "x"\ntried = "sometimes"': "tried may be",
            'typed = "x"\ntried = "as it stands"\nprint = "y"': "unknown key print",
            'typed = "x"\ntried = "as it stands"\n[[command]]\ntyped = "x"\ntried = "as it stands"': "twice",
        }.items():
            with self.subTest(entry):
                found = wrong_entries(load(f"[[command]]\n{entry}\n"))
                self.assertIn(wrong, " ".join(found))

    def test_commands_that_fail_or_print_something_else_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            scratch = Scratch(folder)
            for entry, wrong in (
                    ({"typed": "false"}, "status 1"), ({"typed": "echo a", "prints": "^b$"}, "nothing like '^b$'"),
                    ({"typed": "true", "before": "exit 3"}, "status 3"),
                    ({"typed": "true", "tried_as": "build/release/occkit list --stratgey x"}, "status 2"),
                    ({"typed": "echo $DURATION; [ $DURATION = 1s ]"}, "20s")):
                with self.subTest(entry["typed"]):
                    self.assertIn(wrong, scratch.try_entry(entry))
            self.assertEqual(scratch.try_entry({"typed": "echo $DURATION; [ $DURATION = 2s ]", "prints": "^2s$"}), "")

    def test_transcript_that_prints_something_else_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            scratch = Scratch(folder)
            said = "http://127.0.0.1:9200: strategy packed_cas, 1 shard per index, 2 threads, as Elasticsearch 7"
            server = ("build/release/occkit serve --strategy packed_cas", [said])
            self.assertEqual(scratch.try_transcript([server, ("echo a", ["a"])]), "")
            self.assertIn("printed\nb", scratch.try_transcript([server, ("echo b", ["a"])]))
            wrong = said.replace("packed_cas", "packed_claim")
            self.assertIn("printed http", scratch.try_transcript([(server[0], [wrong])]))


if __name__ == "__main__":
    unittest.main()
