#!/usr/bin/python3
"""harness/scripts/records.py: real records into `_bulk` NDJSON."""

import io
import json
import pathlib
import subprocess
import sys
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "harness" / "scripts" / "records.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
import records  # noqa: E402

PACKAGES = """\
Package: zlib1g
Version: 1
Architecture: amd64
Description: compression library
 a second line
 .
 a fourth: with a colon

Package: apt
Version: 2.6
Homepage: https://example.org/a:b

Package: zlib1g
Version: 2
Architecture: i386
Maintainer: Jos\u00e9 "Joe" <j@example.org>
"""

MOVIES = json.dumps(
    [
        {"Title": "Halloween", "Release Date": "Oct 25 1978", "IMDB Votes": 1},
        {"Title": "Halloween", "Release Date": "Aug 31 2007"},
        {"Title": "Halloween", "Release Date": "Sep 01 2007"},
        {"Title": 300, "Release Date": "Mar 09 2007"},
        {"Title": None, "Release Date": None},
    ]
)


def run(*arguments, stdin=""):
    return subprocess.run([sys.executable, SCRIPT, *arguments], input=stdin.encode(), capture_output=True, check=False)


def documents(ndjson):
    lines = ndjson.decode().split("\n")
    return {json.loads(action)["index"]["_id"]: json.loads(source) for action, source in zip(lines[::2], lines[1::2])}


class Debian(unittest.TestCase):
    def test_debian_two_records_of_one_name_keeps_the_last_at_the_first_place(self):
        done = run("debian", "-", stdin=PACKAGES)
        self.assertEqual(done.returncode, 0)
        found = documents(done.stdout)
        self.assertEqual(list(found), ["zlib1g", "apt"])
        self.assertEqual(found["zlib1g"]["Version"], "2")
        self.assertNotIn("Description", found["zlib1g"])
        self.assertIn("3 records: 2 documents, 1 duplicates skipped", done.stderr.decode())

    def test_debian_continuation_lines_belong_to_their_field(self):
        (_, fields), *_ = records.debian_records(PACKAGES.splitlines())
        self.assertEqual(fields["Description"], "compression library\na second line\n.\na fourth: with a colon")

    def test_debian_all_fields_are_kept_and_a_counter_is_added(self):
        found = documents(run("debian", "-", stdin=PACKAGES).stdout)
        self.assertEqual(
            found["apt"], {"counter": 0, "Package": "apt", "Version": "2.6", "Homepage": "https://example.org/a:b"}
        )
        self.assertEqual(found["zlib1g"]["Maintainer"], 'Jos\u00e9 "Joe" <j@example.org>')

    def test_debian_same_input_twice_gives_the_same_bytes(self):
        self.assertEqual(run("debian", "-", stdin=PACKAGES).stdout, run("debian", "-", stdin=PACKAGES).stdout)

    def test_debian_bad_lines_are_refused_with_their_number(self):
        for text, message in {
            "Package: a\nno field\n": "line 2",
            " continued\n": "line 1",
            "Package: a\n\nVersion: 1\n": "line 3: a record without the field 'Package'",
            "": "the input holds no records",
        }.items():
            with self.subTest(text):
                done = run("debian", "-", stdin=text)
                self.assertEqual(done.returncode, 2)
                self.assertIn(message, done.stderr.decode())

    def test_debian_missing_file_is_refused(self):
        done = run("debian", "/nowhere/at/all")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot read /nowhere/at/all", done.stderr.decode())


class Movies(unittest.TestCase):
    def test_movies_ids_are_title_and_year_and_number_where_these_repeat(self):
        self.assertEqual(
            [name for name, _ in records.movie_records(MOVIES)],
            ["Halloween (1978)", "Halloween (2007)", "Halloween (2007) #3", "300 (2007)", "#5"],
        )

    def test_movies_sources_hold_every_field_as_it_was(self):
        found = documents(run("movies", "-", stdin=MOVIES).stdout)
        self.assertEqual(
            found["Halloween (1978)"],
            {"counter": 0, "Title": "Halloween", "Release Date": "Oct 25 1978", "IMDB Votes": 1},
        )
        self.assertIsNone(found["#5"]["Title"])

    def test_movies_no_array_of_objects_is_refused(self):
        for text, message in {"{}": "expected a JSON array", "[1]": "expected a JSON array", "[\n{": "line 2"}.items():
            with self.subTest(text):
                done = run("movies", "-", stdin=text)
                self.assertEqual(done.returncode, 2)
                self.assertIn(message, done.stderr.decode())


class Bulk(unittest.TestCase):
    def test_write_bulk_ids_at_and_over_the_limits_are_kept_or_skipped(self):
        out = io.BytesIO()
        counts, _ = records.write_bulk([("", {}), ("i" * 512, {}), ("i" * 513, {}), ("\u00e9" * 257, {})], out)
        self.assertEqual(counts["documents"], 1)
        self.assertEqual(counts["bad ids"], 3)

    def test_write_bulk_source_over_the_limit_is_skipped(self):
        empty = len(records.to_json({"counter": 0, "a": ""}))
        fits = "x" * (records.MAX_SOURCE_BYTES - empty)
        counts, sizes = records.write_bulk([("fits", {"a": fits}), ("not", {"a": fits + "x"})], io.BytesIO())
        self.assertEqual(counts["oversized"], 1)
        self.assertEqual(sizes, [records.MAX_SOURCE_BYTES])

    def test_write_bulk_text_of_any_kind_stays_one_line_of_valid_utf8(self):
        out = io.BytesIO()
        name = 'quote " backslash \\ newline \n tab \t'
        records.write_bulk([(name, {"\u2028": "\ud83d \u0000 \r\n"})], out)
        self.assertEqual(out.getvalue().count(b"\n"), 2)
        self.assertEqual(documents(out.getvalue()), {name: {"counter": 0, "\u2028": "\ud83d \u0000 \r\n"}})

    def test_main_wrong_arguments_end_with_two(self):
        for arguments in ([], ["rpm"], ["movies"]):
            self.assertEqual(run(*arguments).returncode, 2)


if __name__ == "__main__":
    unittest.main()
