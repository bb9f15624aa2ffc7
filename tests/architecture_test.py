#!/usr/bin/python3
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


# Each room and those that it knows; it may include what stands under these too, and its own files. Headers of tests/
# and of the harness's other programs are nobody's floor, so they may include any room.
ROOMS = {
    "core/build": [],
    "core/sync": ["core/build"],
    "core/model": ["core/sync"],
    "core/memory": ["core/model"],
    "core/table": ["core/model"],
    "core/slots": ["core/table", "core/memory"],
    "core/peers": ["core/slots"],
    "core/floors": ["core/table", "core/memory"],
    "variants": ["core/slots"],
    "variants/controls": ["core/floors"],
    "variants/peers": ["core/peers"],
    "harness/support": ["core/table"],
    "harness/history": ["harness/support"],
    "harness/replicated": ["harness/support"],
    "harness/workload": ["harness/support"],
    "harness/script": ["harness/support"],
    "harness/rest": ["harness/script"],
    "harness/http": ["harness/rest"],
    "harness/remote": ["harness/http", "harness/history"],
    "harness/faults": ["harness/remote", "harness/replicated"],
    "harness/measure": ["harness/remote", "harness/workload", "core/slots"],
    # A report holds what the model of advise predicts against what was measured.
    "harness/report": ["harness/measure", "harness/advise"],
    "harness/memory": ["harness/workload"],
    "harness/stall": ["harness/support"],
    "harness/advise": ["harness/workload"],
    "harness/claims": ["harness/support"],
    "harness/commands": ["harness/report", "harness/memory", "harness/stall", "harness/advise",
                         "harness/claims", "harness/faults"],
}
# The two files that know every strategy, and whoever asks them: no room knows a strategy by itself.
LISTS = ("variants/registry.hpp", "variants/strategies.hpp")
# Headers of the standard library that come in by one header of ours alone.
DOORS = {"atomic": "core/sync/atomic.hpp", "thread": "core/sync/owner_thread.hpp"}


def room_of(name):
    """The room of a path relative to the root: the longest that is in ROOMS; empty if it is in none."""
    folders = name.split("/")[:-1]
    whole = "/".join(folders)
    return whole if whole in ROOMS else ""


def floors_below(room):
    seen, waiting = set(), [room]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += ROOMS[each]
    return seen


def is_strategy(root, path):
    return path.relative_to(root).parts[0] == "variants" and str(path.relative_to(root)) not in LISTS + OWN


# What asks all strategies, and is none.
OWN = ("variants/strategies.cpp", "variants/strategy_tables.hpp")


def forbidden_includes(root):
    found = []
    for path in sources(root):
        name = str(path.relative_to(root))
        area, room = name.split("/")[0], room_of(name)
        for header in includes(path):
            target = header.split("/")[0]
            if target in ("core", "variants", "harness", "tests") and "/" in header:
                if is_strategy(root, path) and target == "variants":
                    bad = True
                elif target == "variants":
                    bad = (area == "core" or header not in LISTS and area == "harness"
                           or header not in LISTS and name in OWN and header not in OWN)
                elif room:
                    bad = room_of(header) not in floors_below(room)
                else:
                    # Programs beside the rooms (micro/, stall/cell/), tests, and whatever is in no room at all.
                    bad = target == "tests" and area != "tests" or area in ("core", "variants")
            else:
                bad = (
                    area in ("core", "variants") and header in DOORS and name != DOORS[header]
                    or is_strategy(root, path) and header in ("iostream", "chrono")
                )
            if bad:
                found.append(f"{name} includes {header}")
    return found


def homeless(root):
    """Sources of core, variants and harness that are in no room."""
    beside = ("harness/micro/", "harness/stall/cell/")
    return [
        str(path.relative_to(root))
        for folder in ("core", "variants", "harness")
        for path in files(root, folder, CODE)
        if not room_of(str(path.relative_to(root))) and not str(path.relative_to(root)).startswith(beside)
    ]


def atomics_elsewhere(root):
    """std::atomic in core/ and variants/ outside core/sync/atomic.hpp, however it got there."""
    return [
        f"{path.relative_to(root)}: {token}"
        for folder in ("core", "variants")
        for path in files(root, folder, CODE)
        if str(path.relative_to(root)) != DOORS["atomic"]
        for token in re.findall(r"std::atomic\w*|boost::atomic\w*", without_comments(path.read_text(encoding="utf-8")))
    ]


def unregistered_strategies(root):
    listed = includes(root / "variants" / "registry.hpp")
    return [
        f"{path.relative_to(root)} is not in variants/registry.hpp"
        for path in files(root, "variants", {".hpp"})
        if is_strategy(root, path) and str(path.relative_to(root)) not in listed
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
    """#if inside our own algorithms: what runs would depend on more than the strategy's name, and what is checked under
    a sanitizer would not be what is measured. Only the list has some, which leaves out the peers whose library was not
    there when the build was configured, and one header, which asks what the processor has and has two forms for it,
    both tested. What a sanitizer's build needs otherwise is a header of tests/ that it finds first."""
    asks_processor = re.compile(r"#if( (&& )?defined\(__(AVX512\w+|BMI2)__\))+")
    asks_library = re.compile(r"#if OCCKIT_HAS_\w+")
    return [
        f"{path.relative_to(root)}: {line.strip()}"
        for folder in ("core", "variants")
        for path in files(root, folder, CODE)
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*#\s*(if|ifdef|ifndef)\b", line)
        and not (str(path.relative_to(root)) == "variants/registry.hpp" and asks_library.fullmatch(line))
        and not (path.name == "masked_loads.hpp" and asks_processor.fullmatch(line))
    ]


def foreign_pythons(root):
    """Scripts that run under whatever Python comes first, where Debian's packages need not be found."""
    found = []
    for folder in ("harness", "tests", "results"):
        for path in files(root, folder, {".py"}):
            line = path.read_text(encoding="utf-8").split("\n", 1)[0]
            if line.startswith("#!") and line != "#!/usr/bin/python3":
                found.append(f"{path.relative_to(root)}: {line}")
    return found


def wide_lines(root):
    """clang-format keeps C++ to 120 columns, and readme_test the pages to 100."""
    return [f"{path.relative_to(root)}:{number}"
            for path in sorted(root.rglob("*.py"))
            if path.relative_to(root).parts[0] in ("core", "variants", "harness", "tests", "results")
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > 120]


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


class TheRealTree(unittest.TestCase):
    def test_includes_real_tree_follow_the_layers(self):
        self.assertEqual(forbidden_includes(ROOT), [])

    def test_rooms_real_tree_have_every_source(self):
        self.assertEqual(homeless(ROOT), [])

    def test_rooms_know_each_other_without_a_circle(self):
        for room, known in ROOMS.items():
            for each in known:
                with self.subTest(room):
                    self.assertNotIn(room, floors_below(each))

    def test_rooms_in_cmake_know_what_they_know_here(self):
        for room, known in ROOMS.items():
            if room.startswith("harness/"):
                text = (ROOT / room / "CMakeLists.txt").read_text(encoding="utf-8")
                said = re.search(r"^  KNOWS ([\w ]+)", text, re.MULTILINE)
                with self.subTest(room):
                    self.assertEqual(
                        ["harness/" + each for each in (said.group(1).split() if said else [])],
                        [each for each in known if each.startswith("harness/")])

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

    def test_pythons_real_tree_are_debians(self):
        self.assertEqual(foreign_pythons(ROOT), [])

    def test_lines_of_python_real_tree_are_narrow(self):
        self.assertEqual(wide_lines(ROOT), [])

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
            "core/model/a.hpp": '#include "variants/mutex.hpp"',
            "core/model/b.cpp": '#  include "harness/support/csv.hpp"',
            "core/model/c.hpp": '#include "core/slots/directory.hpp"',
            "core/sync/d.hpp": '#include "core/model/document.hpp"',
            "core/e.hpp": '#include "core/build/hash.hpp"',
            "variants/x.hpp": '#include "variants/y.hpp"',
            "variants/u.hpp": '#include "core/peers/map_table.hpp"',
            "variants/peers/x.hpp": '#include "variants/registry.hpp"',
            "variants/y.hpp": "#include <chrono>",
            "variants/z.hpp": "#include <iostream>",
            "variants/t.hpp": "#include <thread>",
            "variants/h.hpp": '#include "harness/support/random.hpp"',
            "variants/m.hpp": "#include <atomic>",
            "core/table/shard.hpp": "#include <atomic>",
            "core/sync/owner.hpp": "#include <thread>",
            "variants/strategies.cpp": '#include "variants/x.hpp"',
            "harness/commands/main.cpp": '#include "variants/x.hpp"',
            "harness/micro/micro.cpp": '#include "variants/x.hpp"',
            "harness/micro/plain.cpp": '#include "tests/variants/contract.hpp"',
            "harness/commands/run.cpp": '#include "tests/variants/contract.hpp"',
            "harness/rest/r.cpp": '#include "harness/http/http_server.hpp"',
            "harness/remote/r.cpp": '#include "harness/measure/cell.hpp"',
            "harness/support/r.hpp": '#include "harness/commands/commands.hpp"',
        }.items():
            with self.subTest(name):
                self.assertEqual(len(forbidden_includes(self.tree(**{name: line + "\n"}))), 1)

    def test_includes_allowed_ones_are_not_found(self):
        self.assertEqual(
            forbidden_includes(
                self.tree(
                    **{
                        "core/sync/atomic.hpp": "#include <atomic>\n",
                        "core/sync/owner_thread.hpp": "#include <thread>\n",
                        "core/slots/a.hpp": '#include "core/build/hash.hpp"\n#include "core/slots/b.hpp"\n',
                        "harness/commands/main.cpp":
                            '#include "variants/registry.hpp"\n#include "harness/rest/node.hpp"\n#include <chrono>\n',
                        "variants/strategies.cpp": '#include "variants/registry.hpp"\n',
                        "tests/x_test.cpp": '#include "variants/x.hpp"\n#include "harness/support/csv.hpp"\n',
                        "harness/micro/m.cpp": '#include "harness/measure/cell.hpp"\n',
                    }
                )
            ),
            [],
        )

    def test_sources_without_a_room_are_found(self):
        places = ("core/a.hpp", "harness/other/b.cpp", "harness/micro/c.cpp", "core/sync/d.hpp")
        root = self.tree(**dict.fromkeys(places, ""))
        self.assertEqual(homeless(root), ["core/a.hpp", "harness/other/b.cpp"])

    def test_atomics_broken_tree_are_found(self):
        root = self.tree(
            **{"core/sync/a.hpp": "std::atomic<int> x;\n", "core/sync/b.hpp": "// std::atomic is not used\n"}
        )
        self.assertEqual(atomics_elsewhere(root), ["core/sync/a.hpp: std::atomic"])

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

    def test_pythons_of_other_places_are_found(self):
        root = self.tree(
            **{
                "results/a.py": "#!/usr/bin/env python3\n",
                "results/b.py": "#!/usr/bin/python3\n",
                "tests/c.py": '"""x"""\n',
            }
        )
        self.assertEqual(foreign_pythons(root), ["results/a.py: #!/usr/bin/env python3"])

    def test_wide_lines_are_found(self):
        root = self.tree(**{"tests/a/b.py": "x = 1\n" + "#" * 121 + "\n", "results/c.py": "#" * 120 + "\n"})
        self.assertEqual(wide_lines(root), ["tests/a/b.py:2"])

    def test_conditional_code_in_algorithms_is_found(self):
        root = self.tree(
            **{
                "variants/a.hpp": "#ifdef FAST\n#endif\n",
                "core/b.hpp": "#ifdef __SANITIZE_THREAD__\n",
                "core/c.hpp": "#if defined(__AVX512BW__)\n",
                "core/masked_loads.hpp": "#if defined(__BMI2__) && defined(__SANITIZE_THREAD__)\n",
                "variants/registry.hpp": "#if OCCKIT_HAS_LIBCUCKOO\n#endif\n"
                "#if __has_include(<urcu/rculfhash.h>)\n#endif\n",
            }
        )
        self.assertEqual(
            conditional_code(root),
            [
                "core/b.hpp: #ifdef __SANITIZE_THREAD__",
                "core/c.hpp: #if defined(__AVX512BW__)",
                "core/masked_loads.hpp: #if defined(__BMI2__) && defined(__SANITIZE_THREAD__)",
                "variants/a.hpp: #ifdef FAST",
                "variants/registry.hpp: #if __has_include(<urcu/rculfhash.h>)",
            ],
        )


if __name__ == "__main__":
    unittest.main()
