#!/usr/bin/env python3
"""tests/mutants.py on a tree of three small files: what it says of each kind of mutant, and its exit status."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "mutants.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
import mutants  # noqa: E402

THING = """\
#pragma once
inline int twice(int x) { return x + x; }
inline int next(int x) { return x + 1; }
static_assert(sizeof(int) == 4);
"""
TEST = """\
#include "core/thing.hpp"

#include <cstdio>

int main(int count, char**) {
  std::puts("[ RUN      ] Thing.twice_of_3_is_6");
  std::fflush(stdout);
  const bool passed = twice(3) == 6 && next(count) != 0;
  std::printf("[%s] Thing.twice_of_3_is_6 (0 ms)\\n", passed ? "       OK " : "  FAILED  ");
  return passed ? 0 : 1;
}
"""
# The above says what this says, but GoogleTest takes a second to compile: one test sees what becomes of its own words.
GOOGLE_TEST = """\
#include "core/thing.hpp"

#include <gtest/gtest.h>

TEST(Thing, twice_of_3_is_6) { EXPECT_EQ(twice(3), 6); }
"""
MODEL = """\
#include <cstdio>
#include <cstring>

#include "core/thing.hpp"

int main(int count, char** arguments) {
  if (count != 2 || std::strcmp(arguments[1], "two_threads") != 0) return 2;
  const bool passed = twice(3) == 6;
  std::printf("%-20s %s: 1234 executions, all, 0.1 s\\n", "two_threads", passed ? "passed" : "FAILED");
  return passed ? 0 : 1;
}
"""


def entry(name, **values):
    values = {"file": "core/thing.hpp", "from": "x + x", "to": "x * x", "kind": "rule", "breaks": "addition",
              "killers": ["thing_test"], **values}
    values = {key: value for key, value in values.items() if value is not None}
    lines = [f"name = {name!r}"]
    for key, value in values.items():
        lines.append(f"{key} = {str(value).lower() if isinstance(value, bool) else repr(value)}")
    return "[[mutant]]\n" + "\n".join(lines) + "\n"


class OnASmallTree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.tree = pathlib.Path(cls.folder.name)
        for name, text in {"core/thing.hpp": THING, "tests/thing_test.cpp": TEST,
                           "tests/google_test.cpp": GOOGLE_TEST, "tests/model/thing_model.cpp": MODEL}.items():
            (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (cls.tree / name).write_text(text, encoding="utf-8")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_with(self, data, *arguments):
        (self.tree / "tests" / "mutants.toml").write_text(data, encoding="utf-8")
        done = subprocess.run([sys.executable, SCRIPT, "--tree", self.tree, "--jobs", "2", *arguments],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def written(self):
        return (self.tree / "tests" / "mutants.md").read_text(encoding="utf-8")

    def test_killed_by_test_model_and_static_assertion_is_written_with_what_it_took(self):
        status, said = self.run_with(
            entry("by_test", killers=["google_test"]) + entry("by_model", kind="order", killers=["thing_model two_threads"]) +
            entry("by_compiler", **{"from": "== 4", "to": "== 5"}))
        self.assertEqual(status, 0, said)
        self.assertIn("3 of 3 killed", said)
        self.assertRegex(self.written(), r"\| by_test \| rule \| addition \| `google_test: Thing.twice_of_3_is_6` \| \d+ ms \|")
        self.assertIn("| `thing_model: two_threads` | 1,234 executions |", self.written())
        self.assertIn("| `thing_test: a static assertion` | compilation |", self.written())
        # The tree itself is as it was.
        self.assertEqual((self.tree / "core" / "thing.hpp").read_text(encoding="utf-8"), THING)

    def test_killed_by_a_sanitizer_only(self):
        overflow = {"from": "x + 1", "to": "x + 2147483647"}
        status, said = self.run_with(entry("overflow", **overflow))
        self.assertEqual(status, 1, said)
        status, said = self.run_with(entry("overflow", sanitize="undefined", **overflow))
        self.assertEqual(status, 0, said)
        self.assertIn("killed by thing_test: Thing.twice_of_3_is_6", said)

    def test_survivor_without_sentence_fails(self):
        lives = {"from": "x + 1", "to": "x + 2"}
        status, said = self.run_with(entry("lives", **lives) + "".join(entry(f"dies{i}") for i in range(19)))
        self.assertEqual(status, 1)
        self.assertIn("FAILED: lives: survived, and no sentence says why", said)
        self.assertNotIn("less than 95 %", said)

    def test_survivor_with_sentence_passes_and_its_sentence_is_written(self):
        lives = {"from": "x + 1", "to": "x + 2", "survives": "Nobody calls it."}
        status, said = self.run_with(entry("lives", **lives) + "".join(entry(f"dies{i}") for i in range(19)))
        self.assertEqual(status, 0, said)
        self.assertIn("- **lives** (addition): Nobody calls it.", self.written())
        self.assertIn("**19 of 20 killed (95.0 %)**, 1 survived, 0 exempt.", self.written())

    def test_more_than_one_in_twenty_surviving_fails(self):
        lives = {"from": "x + 1", "to": "x + 2", "survives": "Nobody calls it."}
        status, said = self.run_with(entry("lives", **lives) + "".join(entry(f"dies{i}") for i in range(18)))
        self.assertEqual(status, 1)
        self.assertIn("less than 95 % were killed", said)

    def test_exempt_is_not_counted_but_must_apply(self):
        status, said = self.run_with(entry("dies") + entry("equal", to="2 * x", killers=None, exempt="The same."))
        self.assertEqual(status, 0, said)
        self.assertIn("1 of 1 killed", said)
        self.assertIn("- **equal** (addition): The same.", self.written())
        status, said = self.run_with(entry("dies") + entry("gone", killers=None, exempt="-", **{"from": "nowhere"}))
        self.assertEqual(status, 1)
        self.assertIn("gone: does not apply", said)

    def test_one_that_does_not_apply_fails_with_its_name(self):
        for arguments in ([], ["--sample"], ["--only", "dies"], ["--list"]):
            status, said = self.run_with(entry("dies", sample=True) + entry("gone", **{"from": "nowhere"}), *arguments)
            self.assertEqual(status, 1, said)
            self.assertRegex(said, "gone.*does not apply")
        status, said = self.run_with(entry("dies") + entry("twice", **{"from": "return"}))
        self.assertEqual(status, 1)
        self.assertIn("has its text 2 times, not once: return", said)

    def test_one_that_does_not_compile_fails_with_the_compiler_s_words(self):
        status, said = self.run_with(entry("broken", to="x + "))
        self.assertEqual(status, 1)
        self.assertIn("broken: does not compile", said)
        self.assertIn("error:", said)

    def test_check_that_fails_on_the_unchanged_sources_fails(self):
        (self.tree / "tests" / "wrong_test.cpp").write_text(TEST.replace("== 6", "== 7"), encoding="utf-8")
        status, said = self.run_with(entry("dies") + entry("untried", killers=["wrong_test"]))
        self.assertEqual(status, 1)
        self.assertIn("FAILED: fails on the unchanged sources: wrong_test", said)
        self.assertIn("untried: not tried", said)

    def test_check_that_runs_nothing_or_does_not_exist_fails(self):
        for killer in ("google_test *nothing*", "no_such_test", "thing_model no_such_scenario"):
            status, said = self.run_with(entry("untried", killers=[killer]))
            self.assertEqual(status, 1, said)
            self.assertIn("untried: not tried", said)

    def test_sample_tries_the_first_killer_alone(self):
        data = entry("dies", sample=True, killers=["thing_test", "no_such_test"])
        status, said = self.run_with(data, "--sample")
        self.assertEqual(status, 0, said)
        self.assertIn("1 of 1 killed", said)
        self.assertEqual(self.run_with(data)[0], 1)

    def test_resume_takes_over_what_has_not_changed(self):
        data = entry("dies") + entry("other")
        self.run_with(data)
        status, said = self.run_with(data + entry("new", to="x * 3"), "--resume")
        self.assertEqual(status, 0, said)
        self.assertIn("3 of 3 mutants, 1 to run", said)

    def test_bad_data_and_bad_arguments_end_with_status_2(self):
        for data in ("nonsense", "", entry("dies", kind="other"), entry("dies", sometimes=True), entry("Dies"),
                     entry("dies") + entry("dies"), entry("dies", killers=None), entry("dies", to="x + x"),
                     entry("dies", tries=0), entry("dies", sanitize="dirt")):
            status, said = self.run_with(data)
            self.assertEqual(status, 2, data)
            self.assertIn("mutants.toml", said)
        for arguments in (["--only", "nobody"], ["--jobs", "0"], ["--jobs", "many"], ["--sample", "--list"],
                          ["--compiler", "no-such-compiler"], ["--tree", "/nowhere"], ["surplus"]):
            status, said = self.run_with(entry("dies"), *arguments)
            self.assertEqual(status, 2, said)


class Edits(unittest.TestCase):
    def mutant(self, *edits):
        return mutants.Mutant("name", "file", edits, "rule", "", (), "", "", 1, "", "", False)

    def test_nth_occurrence_and_further_changes_are_made(self):
        self.assertEqual(self.mutant(("a", "x", 2)).apply("a a a"), "a x a")
        self.assertEqual(self.mutant(("b", "x", 0), ("c", "y", 0)).apply("a b c"), "a x y")
        with self.assertRaises(mutants.BadData):
            self.mutant(("a", "x", 4)).apply("a a a")


if __name__ == "__main__":
    unittest.main()
