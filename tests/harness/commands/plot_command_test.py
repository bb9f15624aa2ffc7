"""Tests of `occkit plot`: plot_command_test.py OCCKIT CMAKE BUILD

What the figures show is tested with the scripts that draw them (tests/results); here it is which script draws, what it
is told, and what is said where something is missing. Once from the build, and once from an installation of BUILD.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
OCCKIT, CMAKE, BUILD = os.path.abspath(sys.argv[1]), sys.argv[2], os.path.abspath(sys.argv[3])
sys.argv[1:] = [OCCKIT]
for folder in ("results", "harness/load"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
import load_test  # noqa: E402
import plot_faults_test  # noqa: E402
import plot_stall_test  # noqa: E402

sys.argv[1:] = [OCCKIT]
import plot_test  # noqa: E402

LOAD_ROWS = [load_test.HEADER, "null,get,32,1,1,100,90,90,10,5,9,4,yes"]


class PlotCommand(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, lines):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return path

    def write_run(self, name="results.csv"):
        header = list(plot_test.row())
        lines = [",".join(row[column].replace(",", " ") for column in header) for row in plot_test.ordinary_rows()]
        return self.write(name, [",".join(header)] + lines)

    def occkit(self, *arguments, program=OCCKIT, **environment):
        # Whoever runs the test may have forbidden Python what the command itself has to forbid it.
        environment = {**os.environ, **environment}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return subprocess.run([program, "plot", *map(str, arguments)], capture_output=True, text=True, check=False,
                              cwd=self.folder, env=environment)

    def drawn(self, *arguments, **how):
        """The files that it says it has written."""
        ended = self.occkit(*arguments, **how)
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
        return sorted(path.name for path in self.folder.rglob("*.png"))

    def refused(self, *arguments, **how):
        before = sorted(self.folder.rglob("*"))
        ended = self.occkit(*arguments, **how)
        self.assertEqual(ended.returncode, 2, ended.stdout + ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)
        return ended.stderr

    def test_plot_draws_what_the_script_draws_where_it_is_told_to(self):
        path = self.write_run("run/results.csv")
        ended = self.occkit(path, "--out", "of-command")
        self.assertEqual(ended.returncode, 0, ended.stderr)
        script = subprocess.run([sys.executable, plot_test.SCRIPT, "--occkit", OCCKIT, path, "--out", "of-script"],
                                capture_output=True, text=True, check=True, cwd=self.folder)
        self.assertEqual(ended.stdout, script.stdout.replace("of-script", "of-command"))
        of_script = {each.name for each in (self.folder / "of-script").iterdir()}
        self.assertIn("throughput.svg", of_script)
        self.assertEqual({each.name for each in (self.folder / "of-command").iterdir()}, of_script)

    def test_plot_folder_stands_for_its_rows(self):
        self.write_run("run/results.csv")
        self.assertIn("throughput.png", self.drawn("run"))
        self.assertTrue((self.folder / "run" / "throughput.png").exists())
        self.write("stall/stall.csv", plot_stall_test.summary())
        self.assertIn("stall.png", self.drawn("stall"))

    def test_plot_baseline_is_passed_on(self):
        self.assertIn("no baseline 'x'", self.refused(self.write_run(), "--baseline", "x"))

    def test_plot_rows_of_a_stall_are_drawn_as_such_with_their_point(self):
        for lines in (plot_stall_test.summary(), plot_stall_test.series()):
            path = self.write("rows.csv", lines)
            self.assertIn("stall.png", self.drawn(path))
            (self.folder / "stall.png").unlink()
        self.drawn(path, "--point", "growing")
        self.assertIn("stopped: growing", (self.folder / "stall.svg").read_text(encoding="utf-8"))
        self.assertIn("--point nowhere", self.refused(path, "--point", "nowhere"))

    def test_plot_rows_of_load_are_drawn_as_such(self):
        self.assertEqual(self.drawn(self.write("rows.csv", LOAD_ROWS)), ["load.png"])

    def test_plot_bad_input_is_said(self):
        run, stall = self.write_run(), self.write("stall.csv", plot_stall_test.summary())
        self.write("empty.csv", [])
        (self.folder / "nothing").mkdir()
        self.assertIn("cannot read 'no.csv': No such file", self.refused("no.csv"))
        self.assertIn("it is empty", self.refused("empty.csv"))
        self.assertIn("a folder without rows", self.refused("nothing"))
        self.assertIn("rows of two kinds", self.refused(run, stall))
        self.assertIn("one file at a time", self.refused(stall, stall))
        self.assertIn("--baseline: accepted with", self.refused(stall, "--baseline", "null"))
        self.assertIn("--point: accepted with", self.refused(run, "--point", "reading"))
        self.assertIn("plot.py:", self.refused(self.write("other.csv", ["a,b", "1,2"])))
        self.refused()

    def test_plot_without_python_or_matplotlib_says_what_to_install(self):
        path = self.write_run()
        said = self.refused(path, "--python", "/nowhere/python3")
        self.assertIn("/nowhere/python3", said)
        self.assertIn("apt-get install python3-matplotlib", said)
        self.write("broken/matplotlib.py", ["raise ImportError('no such thing')"])
        self.assertIn("apt-get install python3-matplotlib",
                      self.refused(path, PYTHONPATH=str(self.folder / "broken")))

    def test_plot_without_its_script_says_where_it_is_looked_for(self):
        program = self.folder / "some" / "bin" / "occkit"
        program.parent.mkdir(parents=True)
        shutil.copy(OCCKIT, program)
        said = self.refused(self.write_run(), program=program)
        self.assertIn("plot.py draws these rows", said)
        self.assertIn(str(self.folder / "some" / "share" / "occkit" / "results"), said)

    def test_plot_installed_finds_its_scripts(self):
        prefix = self.folder / "prefix"
        subprocess.run([CMAKE, "--install", BUILD, "--prefix", prefix, "--component", "program"], check=True,
                       capture_output=True)
        program = prefix / "bin" / "occkit"
        before = sorted(prefix.rglob("*"))
        self.assertIn("throughput.png", self.drawn(self.write_run(), program=program))
        self.assertIn("stall.png", self.drawn(self.write("stall.csv", plot_stall_test.summary()), program=program))
        self.assertIn("load.png", self.drawn(self.write("load.csv", LOAD_ROWS), program=program))
        faults = self.write("faults/timeline.csv", plot_faults_test.timeline()).parent
        self.assertIn("faults.png", self.drawn(faults, program=program))
        self.assertEqual(sorted(prefix.rglob("*")), before)


if __name__ == "__main__":
    unittest.main()
