#!/usr/bin/python3
"""harness/run.sh, the first command: what it looks at before it builds, and what it builds. In a copy of the tree whose
programs only write down that they were called."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]

STUBS = {
    "harness/install_packages.sh": "echo install_packages \"$@\" >>calls\n",
    "bin/cmake": "echo cmake \"$@\" >>calls\n",
    "build/release/occkit": """echo occkit "$@" >>calls
while [ $# -gt 0 ]; do
  if [ "$1" = --out ]; then mkdir -p "$2"; echo row >"$2/results.csv"; fi
  shift
done
""",
}


class RunSh(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for name, text in STUBS.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("#!/bin/bash\n" + text, encoding="utf-8")
            path.chmod(0o755)
        shutil.copy(ROOT / "harness/run.sh", self.root / "harness/run.sh")
        (self.root / "results").mkdir()
        (self.root / "results/plot.py").write_text("pass\n", encoding="utf-8")

    def run_sh(self, *arguments):
        environment = dict(os.environ, PATH=f"{self.root / 'bin'}:{os.environ['PATH']}")
        return subprocess.run([self.root / "harness/run.sh", *arguments], capture_output=True, text=True, check=False,
                              cwd=self.root, env=environment)

    def calls(self):
        path = self.root / "calls"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def refused(self, *arguments):
        """Its message; nothing was installed, built or run."""
        result = self.run_sh(*arguments)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(self.calls(), [])
        return result.stderr

    def test_out_that_has_results_is_refused_before_anything_is_built(self):
        for name in ("results.csv", "results.json"):
            folder = self.root / ("with-" + name)
            folder.mkdir()
            (folder / name).touch()
            self.assertIn(f"{folder}/{name}' is there already", self.refused("--out", str(folder)))

    def test_out_that_cannot_be_a_folder_is_refused_before_anything_is_built(self):
        (self.root / "file").touch()
        self.assertIn("is not a folder", self.refused("--out", str(self.root / "file")))
        self.assertIn("is not a folder", self.refused("--out", str(self.root / "file/below")))

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_out_that_may_not_be_written_is_refused_before_anything_is_built(self):
        self.assertIn("may not be written to", self.refused("--out", "/proc/results"))

    def test_resume_without_a_run_is_refused_before_anything_is_built(self):
        self.assertIn("no run to resume", self.refused("--resume", str(self.root / "nowhere")))

    def test_everything_that_readme_names_is_built(self):
        result = self.run_sh("--out", str(self.root / "new"))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        built = " ".join(call for call in self.calls() if call.startswith("cmake --build"))
        for target in ("occkit_program", "occkit_stall_cell", "occkit_micro", "occkit_plain"):
            self.assertIn(target, built)
        self.assertIn("Built in", result.stdout)
        self.assertIn("results.csv", result.stdout)

    def test_report_is_made_and_named_last(self):
        out = self.root / "new"
        result = self.run_sh("--out", str(out))
        self.assertIn(f"occkit report {out}/results.csv --out {out}/report.html", self.calls())
        self.assertEqual(result.stdout.splitlines()[-1], f"All of it, for a browser: {out}/report.html")

    def test_results_stand_even_if_the_other_programs_do_not_build(self):
        cmake = self.root / "bin/cmake"
        cmake.write_text("#!/bin/bash\necho cmake \"$@\" >>calls\n[[ \"$*\" != *occkit_micro* ]]\n", encoding="utf-8")
        result = self.run_sh("--out", str(self.root / "new"))
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertIn(f"the results are in {self.root / 'new'}", result.stderr)


if __name__ == "__main__":
    unittest.main()
