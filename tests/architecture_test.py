#!/usr/bin/env python3
"""What may include what, where files may stand, and what they may be called.

Each rule is a function from a root folder to a list of violations; each is tried on a small tree that breaks it before
it is trusted on the real one.
"""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

TOP_LEVEL = {
    "CMakeLists.txt", "core", "variants", "harness", "tests", "results", "README.md",
    "CMakePresets.json", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
}
# Where tools put what they build; git ignores it.
BUILT = {"build"}
CODE = {".hpp", ".cpp"}
TEXT = CODE | {".py", ".sh", ".txt", ".md", ".toml", ".cmake", ".in"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)
# Names that say nothing about what is inside.
EMPTY_NAMES = re.compile(r"(^|_)(util|utils|helper|helpers|manager|managers|common)(_|$)")


def files(root, folder, suffixes):
    base = root / folder
    return sorted(path for path in base.rglob("*") if path.suffix in suffixes and "__pycache__" not in path.parts)


def sources(root):
    return [path for folder in ("core", "variants", "harness", "tests") for path in files(root, folder, CODE)]


def includes(path):
    """The headers that a file includes, without quotes or brackets."""
    return [found.group(2) for found in INCLUDE.finditer(path.read_text(encoding="utf-8"))]


def is_strategy(path):
    return path.parent.name == "variants" and path.suffix == ".hpp" and path.stem not in ("registry", "strategies")


def forbidden_includes(root):
    found = []
    for path in sources(root):
        area = path.relative_to(root).parts[0]
        for header in includes(path):
            target = header.split("/")[0]
            own_cpp_of_list = area == "variants" and path.name == "strategies.cpp"
            bad = (
                (area == "core" and target in ("variants", "harness", "tests"))
                or (area == "variants" and target in ("harness", "tests"))
                or (is_strategy(path) and target == "variants")
                or (is_strategy(path) and header in ("iostream", "chrono", "thread"))
                or (own_cpp_of_list and target == "variants" and header not in LISTS)
                or (area == "harness" and target == "tests")
                or (area == "harness" and target == "variants" and header not in LISTS)
                or (area in ("core", "variants") and header == "atomic" and path != root / "core" / "atomic.hpp")
                # A table starts threads for one reason only: to own documents.
                or (area == "core" and header == "thread" and path != root / "core" / "owner_thread.hpp")
            )
            if bad:
                found.append(f"{path.relative_to(root)} includes {header}")
    return found


LISTS = ("variants/registry.hpp", "variants/strategies.hpp")


def atomics_elsewhere(root):
    """std::atomic in core/ and variants/ outside core/atomic.hpp, however it got there."""
    return [
        f"{path.relative_to(root)}: {token}"
        for folder in ("core", "variants")
        for path in files(root, folder, CODE)
        if path != root / "core" / "atomic.hpp"
        for token in re.findall(r"std::atomic\w*|boost::atomic\w*", without_comments(path.read_text(encoding="utf-8")))
    ]


def unregistered_strategies(root):
    listed = includes(root / "variants" / "registry.hpp")
    return [
        f"{path.relative_to(root)} is not in variants/registry.hpp"
        for path in files(root, "variants", {".hpp"})
        if is_strategy(path) and f"variants/{path.name}" not in listed
    ]


def strangers_at_the_top(root):
    return [
        f"{entry.name} at the top level"
        for entry in sorted(root.iterdir())
        if not entry.name.startswith(".") and entry.name not in TOP_LEVEL | BUILT
    ]


def bad_file_names(root):
    found = []
    for folder in ("core", "variants", "harness", "tests", "results"):
        for path in files(root, folder, CODE | {".py", ".sh"}):
            if not re.fullmatch(r"[a-z][a-z0-9_]*", path.stem):
                found.append(f"{path.relative_to(root)}: not snake_case")
            if EMPTY_NAMES.search(path.stem):
                found.append(f"{path.relative_to(root)}: a name that says nothing")
            if re.search(r"(_|[a-z])\d$", path.stem):
                found.append(f"{path.relative_to(root)}: a numbered copy")
    return found


def bad_words(root):
    """Types and namespaces with empty names, work left for later, ruler lines, headers that are included twice."""
    found = []
    for folder in ("core", "variants", "harness", "tests", "results", ".ci"):
        for path in files(root, folder, TEXT) + ([root / ".ci" / "run"] if folder == ".ci" else []):
            if path.name == pathlib.Path(__file__).name or not path.is_file():
                continue
            text = path.read_text(encoding="utf-8")
            for number, line in enumerate(text.splitlines(), 1):
                where = f"{path.relative_to(root)}:{number}"
                if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
                    found.append(f"{where}: left for later")
                if path.suffix != ".md" and re.match(r"\s*(//|#)[/#\s]*[-=*#/~]{4,}", line):
                    found.append(f"{where}: a ruler line")
                if re.search(r"\b(class|struct|namespace)\s+\w*(Util|Helper|Manager|Common|utils?|helpers?)\b", line):
                    found.append(f"{where}: a name that says nothing")
            if path.suffix == ".hpp" and text.count("#pragma once") != 1:
                found.append(f"{path.relative_to(root)}: a header needs one #pragma once")
    return found


def conditional_code(root):
    """#if inside our own algorithms: what runs would depend on more than the strategy's name. What only tells a
    sanitizer about memory is exempt, and the list, which leaves out the peers whose library is not there."""
    return [
        f"{path.relative_to(root)}: {line.strip()}"
        for folder in ("core", "variants")
        for path in files(root, folder, CODE)
        if not (folder == "variants" and path.stem in ("registry", "strategies"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*#\s*(if|ifdef|ifndef)\b", line) and "__SANITIZE_" not in line
    ]


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


class TheRealTree(unittest.TestCase):
    def test_includes_real_tree_follow_the_layers(self):
        self.assertEqual(forbidden_includes(ROOT), [])

    def test_atomics_real_tree_come_from_one_header(self):
        self.assertEqual(atomics_elsewhere(ROOT), [])

    def test_strategies_real_tree_are_all_registered(self):
        self.assertEqual(unregistered_strategies(ROOT), [])

    def test_top_level_real_tree_is_the_agreed_one(self):
        self.assertEqual(strangers_at_the_top(ROOT), [])

    def test_file_names_real_tree_are_good(self):
        self.assertEqual(bad_file_names(ROOT), [])

    def test_words_real_tree_are_good(self):
        self.assertEqual(bad_words(ROOT), [])

    def test_conditional_code_real_tree_has_none(self):
        self.assertEqual(conditional_code(ROOT), [])


class BrokenTrees(unittest.TestCase):
    """One violation per tree; a rule that misses it would be worth nothing."""

    def tree(self, **texts):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        texts = {"variants/registry.hpp": "#pragma once\n", **texts}
        for name, text in texts.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    def test_includes_broken_tree_are_found(self):
        for name, line in {
            "core/a.hpp": '#include "variants/mutex.hpp"',
            "core/b.cpp": '#  include "harness/csv.hpp"',
            "variants/x.hpp": '#include "variants/y.hpp"',
            "variants/y.hpp": "#include <chrono>",
            "variants/z.hpp": "#include <iostream>",
            "variants/t.hpp": "#include <thread>",
            "variants/h.hpp": '#include "harness/random.hpp"',
            "variants/m.hpp": "#include <atomic>",
            "core/shard.hpp": "#include <atomic>",
            "core/owner.hpp": "#include <thread>",
            "variants/strategies.cpp": '#include "variants/x.hpp"',
            "harness/main.cpp": '#include "variants/x.hpp"',
            "harness/micro/micro.cpp": '#include "variants/x.hpp"',
            "harness/run.cpp": '#include "tests/contract.hpp"',
        }.items():
            with self.subTest(name):
                self.assertEqual(len(forbidden_includes(self.tree(**{name: line + "\n"}))), 1)

    def test_includes_allowed_ones_are_not_found(self):
        self.assertEqual(
            forbidden_includes(
                self.tree(
                    **{
                        "core/atomic.hpp": "#include <atomic>\n",
                        "core/owner_thread.hpp": "#include <thread>\n",
                        "harness/main.cpp": '#include "variants/registry.hpp"\n#include <atomic>\n#include <chrono>\n',
                        "variants/strategies.cpp": '#include "variants/registry.hpp"\n',
                        "tests/x_test.cpp": '#include "variants/x.hpp"\n#include "harness/csv.hpp"\n',
                    }
                )
            ),
            [],
        )

    def test_atomics_broken_tree_are_found(self):
        root = self.tree(**{"core/a.hpp": "std::atomic<int> x;\n", "core/b.hpp": "// std::atomic is not used\n"})
        self.assertEqual(atomics_elsewhere(root), ["core/a.hpp: std::atomic"])

    def test_strategies_unregistered_is_found(self):
        root = self.tree(
            **{"variants/registry.hpp": '#include "variants/a.hpp"\n', "variants/a.hpp": "", "variants/b.hpp": ""}
        )
        self.assertEqual(unregistered_strategies(root), ["variants/b.hpp is not in variants/registry.hpp"])

    def test_top_level_stranger_is_found(self):
        root = self.tree(**{"scripts/x.sh": "", "README.md": "", ".gitignore": "", "build/x": ""})
        self.assertEqual(strangers_at_the_top(root), ["scripts at the top level"])

    def test_file_names_bad_are_found(self):
        root = self.tree(
            **{"core/Shard.hpp": "", "core/string_util.hpp": "", "harness/csv2.cpp": "", "core/common.hpp": ""}
        )
        self.assertEqual(len(bad_file_names(root)), 4)

    def test_words_bad_are_found(self):
        for line in (
            "// TODO later",
            "// ----------------",
            "//==== part ====",
            "class PoolManager {",
            "namespace string_utils {",
            "#pragma once",
        ):
            with self.subTest(line):
                self.assertEqual(len(bad_words(self.tree(**{"core/a.hpp": "#pragma once\n" + line + "\n"}))), 1)

    def test_conditional_code_in_algorithms_is_found(self):
        root = self.tree(**{"variants/a.hpp": "#ifdef FAST\n#endif\n", "core/b.hpp": "#ifdef __SANITIZE_THREAD__\n"})
        self.assertEqual(conditional_code(root), ["variants/a.hpp: #ifdef FAST"])


if __name__ == "__main__":
    unittest.main()
