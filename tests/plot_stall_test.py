"""Tests of results/plot_stall.py: what is drawn, what is refused."""

import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "results", "plot_stall.py")
HEADER = "strategy,point,operation,begin_ms,end_ms,phase,parked,ops,ops_per_s,table_bytes,rss_bytes"


def series():
    lines = [HEADER]
    for strategy, point in (("packed_cas", "reading"), ("packed_cas", "growing"), ("mutex_global", "holding_lock")):
        for i, phase in enumerate(("before", "one", "two", "after")):
            for operation in ("get_same", "update_same"):
                lines.append(f"{strategy},{point},{operation},{50 * i},{50 * i + 50},{phase},1,100,2000,{'' if i == 1 else 4096},8192")
    return lines


class PlotStall(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.csv = os.path.join(self.folder, "stall_series.csv")

    def plot(self, lines, *arguments):
        with open(self.csv, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        return subprocess.run([sys.executable, SCRIPT, self.csv, *arguments], capture_output=True, text=True, check=False)

    def figures(self):
        return sorted(name for name in os.listdir(self.folder) if name.endswith((".png", ".svg")))

    def test_series_of_a_run_are_drawn_at_the_most_telling_point(self):
        ended = self.plot(series())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(self.figures(), ["stall.png", "stall.svg", "stall_memory.png", "stall_memory.svg"])
        with open(os.path.join(self.folder, "stall.svg"), encoding="utf-8") as file:
            text = file.read()
        for title in ("packed_cas", "stopped: reading", "mutex_global", "stopped: holding_lock"):
            self.assertIn(f"<!-- {title}", text)
        self.assertNotIn("growing", text)

    def test_point_given_is_the_one_drawn(self):
        self.assertEqual(self.plot(series(), "--point", "growing").returncode, 0)
        with open(os.path.join(self.folder, "stall.svg"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("growing", text)
        self.assertNotIn("mutex_global", text)

    def test_last_row_cut_in_the_middle_is_left_out(self):
        self.assertEqual(self.plot(series() + ["packed_cas,reading,get_sa"]).returncode, 0)

    def test_bad_input_is_refused(self):
        for lines, arguments, message in (
                (series(), ["--point", "nonsense"], "holding_lock"),
                ([HEADER], [], "no rows"),
                (["a,b", "1,2"], [], "no column 'strategy'"),
                (series() + ["packed_cas,reading,get_same,soon,1,one,1,1,1,1,1"], [], "soon")):
            with self.subTest(message):
                ended = self.plot(lines, *arguments)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                self.assertIn(message, ended.stderr)
                self.assertNotIn("Traceback", ended.stderr)
                self.assertEqual(self.figures(), [])


if __name__ == "__main__":
    unittest.main()
