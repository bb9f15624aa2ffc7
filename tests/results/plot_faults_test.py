"""Tests of results/plot_faults.py: what is drawn, what is refused."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "results", "plot_faults.py")
sys.path.insert(0, os.path.dirname(SCRIPT))
sys.dont_write_bytecode = True
import plot_faults  # noqa: E402

HEADER = "at_ms,reads,writes,conflicts,refused,unknown,stale,inverted,dirty,term,fault,commands"


def timeline():
    lines = [HEADER]
    for i in range(40):
        fault = 10 <= i < 30
        lines.append(f"{100 * i},{50 if not fault else 5},{20 if not fault else 0},2,0,{int(i == 12)},"
                     f"{int(i == 20)},0,{int(i == 21)},{2 if i >= 25 else 1},{'yes' if fault else 'no'},"
                     f"{'kill -9 $X' if i == 10 else ''}")
    return lines


class PlotFaults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.csv = os.path.join(self.folder, "timeline.csv")

    def write(self, lines):
        with open(self.csv, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))

    def plot(self, lines, *arguments):
        self.write(lines)
        return subprocess.run([sys.executable, SCRIPT, self.folder, *arguments], capture_output=True, text=True,
                              check=False)

    def figures(self):
        return sorted(name for name in os.listdir(self.folder) if name.endswith((".png", ".svg")))

    def test_timeline_is_drawn_with_its_fault_terms_and_marks(self):
        ended = self.plot(timeline())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(self.figures(), ["faults.png", "faults.svg"])
        with open(os.path.join(self.folder, "faults.svg"), encoding="utf-8") as file:
            text = file.read()
        for words in ("term 1", "term 2", "kill -9", "stale reads", "dirty reads", "requests without an answer"):
            self.assertIn(f"<!-- {'' if words != 'kill -9' else ' '}{words}", text)
        self.assertNotIn("inverted", text)

    def test_lines_are_a_second_and_conflicts_of_whole_seconds(self):
        self.write(timeline())
        figure, axis = plot_faults.plt.subplots()
        self.addCleanup(plot_faults.plt.close, figure)
        plot_faults.draw_panel(axis, plot_faults.read_steps(self.csv))
        by_label = {line.get_label(): line for line in axis.lines}
        self.assertEqual(by_label["reads a second"].get_ydata()[0], 500)
        self.assertEqual(list(by_label["conflicts a second"].get_ydata()), [20, 20, 20, 20])
        self.assertAlmostEqual(by_label["stale reads"].get_xdata()[0], 2.05)

    def test_several_files_are_panels_of_one_figure(self):
        self.write(timeline())
        saved = []

        def save(figure, _out, _stem, **_options):
            saved.append(len(figure.axes))
            plot_faults.plt.close(figure)
            return []

        with mock.patch.object(plot_faults, "save", save):
            plot_faults.main([self.csv, self.folder])
        self.assertEqual(saved, [2])

    def test_last_row_cut_in_the_middle_is_left_out(self):
        self.assertEqual(self.plot(timeline() + ["4000,5"]).returncode, 0)

    def test_bad_input_is_refused(self):
        for lines, message in (([HEADER], "no rows"), (["a,b", "1,2"], "no column 'at_ms'"),
                               (timeline() + ["soon,1,1,1,1,1,1,1,1,1,no,"], "soon")):
            with self.subTest(message):
                ended = self.plot(lines)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                self.assertIn(message, ended.stderr)
                self.assertNotIn("Traceback", ended.stderr)
                self.assertEqual(self.figures(), [])


if __name__ == "__main__":
    unittest.main()
