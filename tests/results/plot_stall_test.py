"""Tests of results/plot_stall.py: what is drawn, what is refused."""

import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "results", "plot_stall.py")
sys.path.insert(0, os.path.dirname(SCRIPT))
sys.dont_write_bytecode = True
import plot_stall  # noqa: E402

HEADER = "strategy,point,operation,begin_ms,end_ms,phase,parked,ops,ops_per_s,table_bytes,rss_bytes"


def series():
    lines = [HEADER]
    for strategy, point in (("packed_cas", "reading"), ("packed_cas", "growing"), ("mutex_global", "holding_lock")):
        for i, phase in enumerate(("before", "one", "two", "after")):
            for operation in ("get_same", "update_same"):
                lines.append(
                    f"{strategy},{point},{operation},{50 * i},{50 * i + 50},{phase},"
                    f"1,100,2000,{'' if i == 1 else 4096},8192"
                )
    return lines


SUMMARY_HEADER = (
    "strategy,point,parked,operation,before_ops_per_s,during_ops_per_s,after_ops_per_s,memory_growth_bytes_per_s,memory"
)


def summary():
    lines = [SUMMARY_HEADER]
    for strategy, point, parked, during, growth, memory in (
        ("packed_cas", "reading", 1, 900, 0, "bounded"),
        ("packed_cas", "reading", 2, 800, 0, "bounded"),
        ("version_retry", "pinned", 1, 700, 5e8, "grows"),
        ("mutex_global", "holding_lock", 1, 0, 100, "bounded"),
    ):
        lines += [
            f"{strategy},{point},{parked},{operation},1000,{during},950,{growth},{memory}"
            for operation in ("get_same", "update_same")
        ]
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
        return subprocess.run(
            [sys.executable, SCRIPT, self.csv, *arguments], capture_output=True, text=True, check=False
        )

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

    def shown(self, lines):
        """{(figure, panel's title): [(y, whether the axis shows it)]} of all lines."""
        with open(self.csv, "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        seen = {}

        def save(figure, _out, stem, **_options):
            for axis in figure.axes:
                low, high = axis.get_ylim()
                seen[stem, axis.get_title().split("\n")[0]] = [
                    (y, low <= y <= high) for line in axis.lines for y in line.get_ydata()
                ]
            seen[stem, "bars"] = [bar.get_width() for axis in figure.axes for bars in axis.containers for bar in bars]
            plot_stall.plt.close(figure)
            return []

        with mock.patch.object(plot_stall, "save", save):
            plot_stall.main([self.csv])
        return seen

    def test_every_panel_shows_its_data_whatever_the_first_one_holds(self):
        lines = [HEADER]
        for strategy, point, at_most in (
            ("mutex_global", "holding_lock", 4096),
            ("version_retry", "pinned", 600_000_000),
        ):
            for i, phase in enumerate(("before", "one", "two", "after")):
                for operation in ("get_same", "update_same"):
                    lines.append(
                        f"{strategy},{point},{operation},{50 * i},{50 * i + 50},{phase},"
                        f"1,100,{at_most / 10},{at_most},8192"
                    )
        seen = self.shown(lines)
        for figure in ("stall", "stall_memory"):
            for strategy in ("mutex_global", "version_retry"):
                self.assertTrue(seen[figure, strategy])
                self.assertTrue(all(inside for _, inside in seen[figure, strategy]), (figure, strategy))

    def test_summary_of_a_run_is_drawn_by_phase(self):
        seen = self.shown(summary())
        self.assertEqual([y for y, _ in seen["stall", "packed_cas"]], [1000, 900, 800, 950] * 2)
        self.assertTrue(all(inside for _, inside in seen["stall", "packed_cas"]))
        # Nobody was stopped second: the line has a gap.
        self.assertEqual([str(y) for y, _ in seen["stall", "mutex_global"]], ["1000.0", "0.0", "nan", "950.0"] * 2)
        self.assertEqual(sorted(seen["stall_memory", "bars"]), [0, 0, 100, 5e8])

    def test_summary_is_drawn_with_both_figures(self):
        ended = self.plot(summary())
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertEqual(self.figures(), ["stall.png", "stall.svg", "stall_memory.png", "stall_memory.svg"])

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
                (["before_ops_per_s,strategy", "1,2"], [], "no column 'point'"),
                (series() + ["packed_cas,reading,get_same,soon,1,one,1,1,1,1,1"], [], "soon")):
            with self.subTest(message):
                ended = self.plot(lines, *arguments)
                self.assertEqual(ended.returncode, 2, ended.stderr)
                self.assertIn(message, ended.stderr)
                self.assertNotIn("Traceback", ended.stderr)
                self.assertEqual(self.figures(), [])


if __name__ == "__main__":
    unittest.main()
