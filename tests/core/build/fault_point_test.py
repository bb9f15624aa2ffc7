#!/usr/bin/python3
"""The marks of core/build/fault_point.hpp cost nothing: the compiler's output, function by function, is the same as of
a copy of the sources from which every mark was deleted. No call, no test, no store, no instruction in another basic
block; which of two moves that do not depend on each other comes first, the compiler decides by numbers that a deleted
call shifts."""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMPILER = os.environ.get("CXX", "g++")
MARK = re.compile(r'^ *fault_point\(FaultPoint::\w+\);\n|^#include "core/build/fault_point\.hpp"\n', re.MULTILINE)
# Between them these pass every mark.
STRATEGIES = ["PackedCas", "PackedClaim", "MutexKeyed<std::mutex>", "VersionRetry<EpochDomain>",
              "VersionRetry<RcuDomain>"]
HEADERS = ["packed_cas", "packed_claim", "mutex_keyed", "version_retry"]
ACTIVE = """#pragma once
#include "core/build/fault_point_list.hpp"
namespace occ {
inline volatile int passed = 0;
inline void fault_point(FaultPoint point) { passed = static_cast<int>(point); }
}
"""


def basic_blocks(text):
    """The instructions of a function, in no order within a basic block: up to a label, behind a jump or a call."""
    blocks = [[]]
    for line in text.splitlines():
        if line.startswith("."):
            blocks.append([])
        blocks[-1].append(line)
        if re.match(r"\t(?:j|call|ret)", line):
            blocks.append([])
    return [sorted(block) for block in blocks]


def generated_code(folder, strategies):
    """The basic blocks of each function, by symbol, with the compiler's numbered labels made alike."""
    instances = "".join(f"template class ErasedTable<{name}>;\n" for name in strategies)
    source = folder / "instances.cpp"
    includes = "".join(f'#include "variants/{name}.hpp"\n' for name in HEADERS)
    source.write_text(f'{includes}#include "core/table/any_table.hpp"\nnamespace occ {{\n{instances}}}\n',
                      encoding="utf-8")
    # Folding of equal functions keeps whichever comes first, which is not the same one in two compilations.
    command = [COMPILER, "-std=c++20", "-O2", "-mcx16", "-mrtm", "-fno-ipa-icf", "-S", "-o", "-", f"-I{folder}",
               str(source)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)  # where inline assembly comes from
    functions = {}
    for found in re.finditer(r"^(\w+):\n(.*?)^\t\.size\t\1,", text, re.MULTILINE | re.DOTALL):
        labels = {}
        functions[found.group(1)] = basic_blocks(re.sub(
            r"\.L[A-Z]*\d+", lambda label: labels.setdefault(label.group(), f".L{len(labels)}"), found.group(2)))
    return functions


class FaultPoints(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def copy(self, name):
        folder = self.folder / name
        for part in ("core", "variants"):
            shutil.copytree(ROOT / part, folder / part)
        return folder

    def test_generated_code_with_marks_is_the_code_without(self):
        marked, bare, active = self.copy("marked"), self.copy("bare"), self.copy("active")
        deleted = 0
        for path in bare.glob("**/*.hpp"):
            text, count = MARK.subn("", path.read_text(encoding="utf-8"))
            if path.name != "fault_point.hpp" and count > 0:
                deleted += 1
                path.write_text(text, encoding="utf-8")
                self.assertNotIn("fault_point", text)
        self.assertGreater(deleted, 10)
        (active / "core" / "build" / "fault_point.hpp").write_text(ACTIVE, encoding="utf-8")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            marked, bare, active = pool.map(
                generated_code, (marked, bare, active), (STRATEGIES, STRATEGIES, STRATEGIES[:1]))
        self.assertGreater(len(marked), 100)
        self.assertEqual(set(marked), set(bare))
        self.assertEqual([name for name in marked if marked[name] != bare[name]], [])
        # A mark that does something is seen by the same comparison.
        self.assertGreater(len([name for name in marked if name in active and active[name] != bare[name]]), 3)


if __name__ == "__main__":
    unittest.main()
