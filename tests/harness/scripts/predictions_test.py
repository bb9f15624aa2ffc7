#!/usr/bin/python3
"""harness/scripts/predictions.py, with the program that it asks: python predictions_test.py OCCKIT"""

import contextlib
import csv
import io
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
OCCKIT = sys.argv.pop(1) if len(sys.argv) > 1 else str(ROOT / "build" / "release" / "occkit")
SCRIPT = ROOT / "harness" / "scripts" / "predictions.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
import predictions  # noqa: E402


def figures(q, retries, exhausted):
    return {"q": q, "retries": retries + [0.0] * (17 - len(retries)), "exhausted": exhausted, "ops_per_s": 1.0,
            "q_range": (q, q)}


def row(measured, model, simulated=None):
    return {"workload": "hot", "clients": 16, "think": "1ms", "window": "2ms", "disturbed": 0,
            "figures": {"measured": measured, "model": model, "simulated": simulated}}


class Predictions(unittest.TestCase):
    def run_script(self, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = predictions.main(["--occkit", OCCKIT, *arguments])
        return status, out.getvalue(), err.getvalue()

    def test_verdicts_count_what_is_within_the_limits(self):
        measured = figures(0.5, [0.5, 0.2, 0.1, 0.1, 0.1], 0.01)
        close = figures(0.54, [0.5, 0.2, 0.1, 0.09, 0.11], 0.014)
        far = figures(0.56, [0.7, 0.2, 0.05, 0.05, 0.0], 0.016)
        self.assertEqual(predictions.verdicts([row(measured, close)], "model"), {"q": [1, 1], "tails": [2, 2]})
        self.assertEqual(predictions.verdicts([row(measured, far)], "model"), {"q": [0, 1], "tails": [0, 2]})
        self.assertEqual(predictions.verdicts([row(measured, close)], "simulated"), {"q": [0, 0], "tails": [0, 0]})

    def test_verdicts_leave_out_what_is_too_rare_to_judge(self):
        rare = figures(0.005, [0.995, 0.005], 1e-5)
        self.assertEqual(predictions.verdicts([row(rare, figures(0.009, [1.0], 0.0))], "model"),
                         {"q": [0, 0], "tails": [0, 0]})
        # A tail that one of both sees is judged.
        seen = figures(0.005, [0.9, 0, 0, 0, 0.1], 0.0)
        self.assertEqual(predictions.verdicts([row(rare, seen)], "model")["tails"], [0, 1])

    def test_table_has_measured_model_and_simulated(self):
        text = predictions.table([row(figures(0.5, [0.5, 0.5], 0.25), figures(0.48, [0.6, 0.4], 0.2))])
        self.assertIn("| hot | 16 | 1ms | 2ms | 0.5 / 0.48 / - |", text)
        self.assertIn("- model: q within 10 % in 1 of 1, tails within a factor of 1.5 in 1 of 1", text)
        self.assertNotIn("- simulated", text)

    def test_bad_input_is_refused_and_writes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            for arguments, message in (
                (["--out", folder], "not overwritten"),
                (["--out", f"{folder}/p", "--workloads", "cold"], "accepted are hot, hot16, zipf"),
                (["--out", f"{folder}/p", "--clients", "many"], "--clients"),
                (["--out", f"{folder}/p", "--retries", "16"], "0 to 15"),
            ):
                status, _, err = self.run_script(*arguments)
                self.assertEqual(status, 2, err)
                self.assertIn(message, err)
                self.assertFalse((pathlib.Path(folder) / "p").exists())

    def test_what_the_program_refuses_ends_with_its_status(self):
        with tempfile.TemporaryDirectory() as folder:
            status, _, err = self.run_script("--out", f"{folder}/p", "--workloads", "hot", "--think", "soon")
            self.assertEqual(status, 2)
            self.assertIn("--think-between 'soon'", err)

    def test_program_is_asked_and_its_answers_are_written(self):
        with tempfile.TemporaryDirectory() as folder:
            out = pathlib.Path(folder) / "p"
            status, text, err = self.run_script(
                "--out", str(out), "--workloads", "hot", "--clients", "4,8", "--think", "exponential:5ms", "--window",
                "gamma:4:1ms", "--duration", "1s", "--replicates", "1", "--operations", "20000", "--retries", "5")
            self.assertEqual(status, 0, err)
            self.assertEqual((out / "predictions.md").read_text(encoding="utf-8"), text)
            with open(out / "predictions.csv", newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            self.assertEqual([row["clients"] for row in rows], ["4", "8"])
            for each in rows:
                # How near they are is a measurement; that all are probabilities is not.
                for how in predictions.HOW:
                    self.assertTrue(0 <= float(each[f"q_{how}"]) < 1, each)
                    self.assertAlmostEqual(sum(float(each[f"retries_{k}_{how}"]) for k in range(6)), 1, places=3)


if __name__ == "__main__":
    unittest.main()
