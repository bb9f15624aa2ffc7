#!/usr/bin/python3
"""tests/mutants.py on a tree of a few small files: what it says of each kind of mutant, and its exit status."""

import fcntl
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "mutants.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
from mutation import anchor, data  # noqa: E402

PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
find_package(GTest REQUIRED)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
include_directories(${PROJECT_SOURCE_DIR})
if(OCCKIT_SANITIZE)
  add_compile_options(-fsanitize=${OCCKIT_SANITIZE} -fno-sanitize-recover)
  add_link_options(-fsanitize=${OCCKIT_SANITIZE})
endif()
add_executable(thing_test tests/thing_test.cpp)
add_executable(wrong_test tests/wrong_test.cpp)
add_executable(google_test tests/google_test.cpp)
target_link_libraries(google_test PRIVATE GTest::gtest_main)
add_executable(thing_model tests/model/thing_model.cpp)
"""
PRESETS = """\
{"version": 6, "configurePresets": [
  {"name": "mutants", "generator": "Ninja", "binaryDir": "build", "cacheVariables": {"CMAKE_BUILD_TYPE": "Release"}}]}
"""
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
        cls.tree = pathlib.Path(cls.folder.name) / "tree"
        cls.work = pathlib.Path(cls.folder.name) / "work"
        for name, text in {"CMakeLists.txt": PROJECT, "CMakePresets.json": PRESETS, "core/thing.hpp": THING,
                           "tests/thing_test.cpp": TEST, "tests/wrong_test.cpp": TEST.replace("== 6", "== 7"),
                           "tests/google_test.cpp": GOOGLE_TEST, "tests/model/thing_model.cpp": MODEL}.items():
            (cls.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (cls.tree / name).write_text(text, encoding="utf-8")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def setUp(self):
        # What one test has found out is nothing to the others.
        (self.work / "known.jsonl").unlink(missing_ok=True)
        self.kept().unlink(missing_ok=True)

    def tearDown(self):
        (self.tree / "core" / "thing.hpp").write_text(THING, encoding="utf-8")
        shutil.rmtree(self.tree / ".git", ignore_errors=True)

    def run_with(self, text, *arguments):
        (self.tree / "tests" / "thing.mutants.toml").write_text(text, encoding="utf-8")
        done = subprocess.run([sys.executable, SCRIPT, "--tree", self.tree, "--work", self.work, "--jobs", "2",
                               *(arguments or ["--all"])], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def kept(self):
        return self.tree / "tests" / "mutation" / "known.jsonl"

    def written(self):
        return (self.tree / "tests" / "mutants.md").read_text(encoding="utf-8")

    def git(self, *arguments):
        subprocess.run(["git", "-C", self.tree, "-c", "user.name=A", "-c", "user.email=a@b", *arguments], check=True,
                       capture_output=True)

    def test_killed_by_test_model_and_static_assertion_is_written_with_what_it_took(self):
        status, said = self.run_with(
            entry("by_test", killers=["google_test"]) +
            entry("by_model", kind="order", killers=["thing_model two_threads"]) +
            entry("by_compiler", **{"from": "== 4", "to": "== 5"}))
        self.assertEqual(status, 0, said)
        self.assertIn("3 of 3 killed", said)
        self.assertRegex(self.written(),
                         r"\| by_test \| rule \| addition \| `google_test: Thing.twice_of_3_is_6` \| \d+ ms \|")
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

    def test_one_that_does_not_apply_fails_the_whole_run_alone_and_is_counted(self):
        gone = entry("dies", sample=True) + entry("gone", **{"from": "nowhere"})
        status, said = self.run_with(gone)
        self.assertEqual(status, 1, said)
        self.assertIn("FAILED: 1 of 2 mutants no longer apply or compile", said)
        self.assertRegex(said, "gone: does not apply: .*'nowhere' is there 0 times, not once")
        for arguments in (["--changed"], ["--only", "dies"]):
            status, said = self.run_with(gone, *arguments)
            self.assertEqual(status, 0, said)
            self.assertIn("note: 1 of 2 mutants no longer apply or compile", said)
        status, said = self.run_with(gone, "--list")
        self.assertEqual(status, 1, said)
        self.assertIn("2 mutants, 1 no longer apply", said)

    def test_one_that_does_not_compile_fails_the_whole_run_with_the_compiler_s_words(self):
        broken = entry("broken", to="x + ", sample=True)
        status, said = self.run_with(broken)
        self.assertEqual(status, 1)
        self.assertIn("broken: does not compile", said)
        self.assertIn("error:", said)
        status, said = self.run_with(broken, "--changed")
        self.assertEqual(status, 0, said)
        self.assertIn("note: 1 of 1 mutants no longer apply or compile", said)

    def test_one_whose_place_has_moved_to_one_other_file_follows_it(self):
        lost = entry("dies") + entry("lost", file="tests/thing_test.cpp", killers=["google_test"])
        status, said = self.run_with(lost, "--list")
        self.assertEqual(status, 1, said)
        self.assertIn("it would apply in core/thing.hpp", said)
        status, said = self.run_with(lost, "--follow")
        self.assertEqual(status, 0, said)
        self.assertIn("lost: tests/thing_test.cpp -> core/thing.hpp", said)
        text = (self.tree / "tests" / "thing.mutants.toml").read_text(encoding="utf-8")
        self.assertEqual(data.parse(text, "")[1].file, "core/thing.hpp")
        self.assertEqual(data.parse(text, "")[1].killers, ("google_test",))

    def test_check_that_fails_on_the_unchanged_sources_fails(self):
        status, said = self.run_with(entry("dies") + entry("untried", killers=["wrong_test"]))
        self.assertEqual(status, 1)
        self.assertRegex(said, "FAILED: untried: not tried: 'wrong_test' fails on the unchanged sources")
        # One that no mutant was left for, too.
        status, said = self.run_with(entry("dies", killers=["thing_test", "wrong_test"]))
        self.assertEqual(status, 1)
        self.assertRegex(said, "FAILED: 'wrong_test' fails on the unchanged sources")

    def test_check_that_runs_nothing_or_does_not_exist_fails(self):
        for killer in ("google_test *nothing*", "no_such_test", "thing_model no_such_scenario"):
            status, said = self.run_with(entry("untried", killers=[killer]))
            self.assertEqual(status, 1, said)
            self.assertIn("untried: not tried", said)

    def test_change_runs_what_it_touches_and_the_sample(self):
        mutants = (entry("of_twice") + entry("of_next", **{"from": "x + 1", "to": "x - 1"}, survives="Rarely.") +
                   entry("by_compiler", **{"from": "== 4", "to": "== 5"}, sample=True))
        (self.tree / "tests" / "thing.mutants.toml").write_text(mutants, encoding="utf-8")
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("commit", "-qm", "all")
        status, said = self.run_with(mutants, "--changed", "HEAD")
        self.assertEqual(status, 0, said)
        self.assertIn("0 mutants that the change since HEAD touches, and 1 of the sample", said)
        (self.tree / "core" / "thing.hpp").write_text(THING.replace("int next", "long next"), encoding="utf-8")
        status, said = self.run_with(mutants, "--changed", "HEAD")
        self.assertEqual(status, 0, said)
        self.assertIn("1 mutants that the change since HEAD touches, and 1 of the sample", said)
        self.assertIn("of_next: ", said)
        self.assertNotIn("of_twice: ", said)
        # Without a base: the one commit before; there is none yet.
        self.git("commit", "-qam", "next is long")
        status, said = self.run_with(mutants, "--minutes", "5")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, "1 mutants that the change since [0-9a-f]{12} touches, and 1 of the sample")
        # One that is new or another.
        status, said = self.run_with(mutants + entry("new", to="x * 3"), "--changed", "HEAD")
        self.assertIn("1 mutants that the change since HEAD touches", said)
        self.assertIn("new: killed by", said)
        self.assertEqual(self.run_with(mutants, "--changed", "no-such-commit")[0], 2)

    def test_what_there_was_no_time_for_is_said(self):
        (self.tree / "tests" / "mutants.md").unlink(missing_ok=True)
        two = entry("one", sample=True) + entry("two", to="x * 3", sample=True)
        status, said = self.run_with(two, "--changed", "--minutes", "0.0001")
        self.assertEqual(status, 0, said)
        self.assertIn("note: no time for 2: one two", said)
        status, said = self.run_with(two, "--all", "--minutes", "0.0001")
        self.assertEqual(status, 1, said)
        self.assertIn("FAILED: 2 of 2 mutants are left; the same command goes on with them", said)
        self.assertFalse((self.tree / "tests" / "mutants.md").exists())

    def test_what_has_not_changed_is_not_run_again(self):
        mutants = entry("dies") + entry("other", killers=["thing_model two_threads"])
        self.assertEqual(self.run_with(mutants)[0], 0)
        status, said = self.run_with(mutants + entry("new", to="x * 3"))
        self.assertEqual(status, 0, said)
        self.assertIn("3 of 3 mutants, 2 known, 1 to run", said)
        self.assertIn("3 of 3 killed", said)
        # What both programs read has changed; then what one of them is.
        (self.tree / "core" / "thing.hpp").write_text(THING + "inline int third = 3;\n", encoding="utf-8")
        self.assertIn("2 of 2 mutants, 0 known, 2 to run", self.run_with(mutants)[1])
        (self.tree / "tests" / "model" / "thing_model.cpp").write_text(MODEL + "int other;\n", encoding="utf-8")
        self.assertIn("2 of 2 mutants, 1 known, 1 to run", self.run_with(mutants)[1])
        (self.tree / "tests" / "model" / "thing_model.cpp").write_text(MODEL, encoding="utf-8")

    def test_reworded_comment_changes_no_verdict_and_another_folder_knows_them(self):
        mutants = entry("dies") + entry("other", killers=["thing_model two_threads"])
        self.assertEqual(self.run_with(mutants)[0], 0)
        (self.tree / "core" / "thing.hpp").write_text("// In other words.\n" + THING, encoding="utf-8")
        elsewhere = pathlib.Path(self.folder.name) / "elsewhere"
        status, said = self.run_with(mutants, "--all", "--work", elsewhere, "--state", self.work / "known.jsonl")
        self.assertEqual(status, 0, said)
        self.assertIn("2 of 2 mutants, 2 known, 0 to run", said)

    def test_another_machine_goes_on_from_what_the_repository_keeps(self):
        mutants = entry("dies") + entry("other", killers=["thing_model two_threads"])
        self.assertEqual(self.run_with(mutants)[0], 0)
        (self.work / "known.jsonl").unlink()
        self.assertIn("2 of 2 mutants, 2 known, 0 to run", self.run_with(mutants)[1])
        # What no longer holds is dropped.
        self.assertEqual(len(self.kept().read_text(encoding="utf-8").splitlines()), 2)
        self.assertEqual(self.run_with(entry("dies"))[0], 0)
        self.assertEqual(len(self.kept().read_text(encoding="utf-8").splitlines()), 1)

    def test_two_runs_in_one_folder_are_kept_apart(self):
        self.work.mkdir(exist_ok=True)
        with (self.work / "lock").open("w", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            status, said = self.run_with(entry("dies"))
        self.assertEqual(status, 2, said)
        self.assertIn("another run builds in", said)

    def test_copy_that_was_left_changed_is_put_right(self):
        self.assertEqual(self.run_with(entry("dies"))[0], 0)
        for copy in self.work.glob("copy_*"):
            (copy / "core" / "thing.hpp").write_text(THING.replace("x + x", "x * x"), encoding="utf-8")
        status, said = self.run_with(entry("other", to="x * 3"))
        self.assertEqual(status, 0, said)

    def test_bad_data_and_bad_arguments_end_with_status_2(self):
        for text in ("nonsense", "", entry("dies", kind="other"), entry("dies", sometimes=True), entry("Dies"),
                     entry("dies") + entry("dies"), entry("dies", killers=None), entry("dies", to="x + x"),
                     entry("dies", tries=0), entry("dies", sanitize="dirt"),
                     entry("dies", edge="the third"), entry("dies", **{"from": ""}), 'kind = "rule"\n' + entry("dies")):
            status, said = self.run_with(text)
            self.assertEqual(status, 2, text)
            self.assertIn("mutants.toml", said)
        for arguments in (["--only", "nobody"], ["--jobs", "0"], ["--jobs", "many"], ["--all", "--list"],
                          ["--minutes", "0"], ["--compiler", "no-such-compiler"], ["--tree", "/nowhere"], ["surplus"]):
            status, said = self.run_with(entry("dies"), *arguments)
            self.assertEqual(status, 2, said)


EDGES = """\
  for (const Record* record = first.load(seq_cst); record != nullptr;
       record = record->next) {  // E7 with E6
    const auto seen = record->seen.load(seq_cst);  // E2 with E1
    if (seen != 0)
      return false;  // E2
  }
  // E3 with E4: whoever sees it sees all
  return epoch.compare_exchange_strong(now, now + 1, seq_cst,
                                       relaxed);
  done.store(1, release);   // E22
"""


class Edits(unittest.TestCase):
    def made(self, text, *edits):
        return anchor.apply([anchor.Edit(*edit) for edit in edits], text)

    def test_nth_occurrence_and_further_changes_are_made(self):
        self.assertEqual(self.made("a a a", ("a", "x", 2)), "a x a")
        self.assertEqual(self.made("a b c", ("b", "x"), ("c", "y")), "a x y")
        for edit in (("a", "x", 4), ("a", "x"), ("b", "x")):
            with self.assertRaises(anchor.DoesNotApply):
                self.made("a a a", edit)

    def test_text_may_have_been_indented_or_broken_otherwise(self):
        self.assertEqual(self.made("if (a)\n    return;", ("if (a) return;", "")), "")
        self.assertEqual(self.made("f(a,  // first\n  b)", ("  b", "c")), "f(a,  // first\nc)")

    def test_edge_is_found_by_its_name(self):
        self.assertIn("first.load(relaxed)", self.made(EDGES, ("seq_cst", "relaxed", 0, "E7")))
        self.assertIn("seen.load(relaxed)", self.made(EDGES, ("seq_cst", "relaxed", 0, "E2")))
        self.assertIn("now + 1, relaxed,\n", self.made(EDGES, ("seq_cst", "relaxed", 0, "E3")))
        self.assertIn("    return true;  // E2", self.made(EDGES, ("", "return true;", 2, "E2")))
        self.assertIn("  gone();   // E22", self.made(EDGES, ("", "gone();", 0, "E22")))
        for edit in (("seq_cst", "relaxed", 0, "E1"), ("", "x", 0, "E2"), ("release", "x", 0, "E2")):
            with self.assertRaises(anchor.DoesNotApply):
                self.made(EDGES, edit)

    def test_lines_that_an_edit_touches(self):
        self.assertEqual(anchor.lines_of([anchor.Edit("", "x", 0, "E3")], EDGES), {8, 9})
        both = [anchor.Edit("return false", "x"), anchor.Edit("release", "x")]
        self.assertEqual(anchor.lines_of(both, EDGES), {5, 10})


if __name__ == "__main__":
    unittest.main()
