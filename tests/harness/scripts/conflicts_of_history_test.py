#!/usr/bin/python3
"""harness/scripts/conflicts_of_history.py: the log and the truth of histories that are known."""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "harness" / "scripts"))
sys.dont_write_bytecode = True
import conflicts_of_history  # noqa: E402

HEADER = {"format": "occkit-history", "format_version": 1}


def get(thread, at, number, document=7):
    return {"thread": thread, "document": document, "op": "get", "begin": at, "end": at + 2, "result": "found",
            "decided_on": [number, 1]}


def index(thread, at, required, met=None, document=7):
    line = {"thread": thread, "document": document, "op": "index", "begin": at, "end": at + 4, "if_seq_no": required,
            "if_primary_term": 1, "result": "updated" if met is None else "conflict",
            "decided_on": [required if met is None else met, 1]}
    return line if met is None else dict(line, cause="seq_no_mismatch")


class ConflictLog(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.history, self.log = self.folder / "h.jsonl", self.folder / "log"

    def run_on(self, lines, header=HEADER):
        self.history.write_text("".join(json.dumps(line) + "\n" for line in [header, *lines]), encoding="utf-8")
        return self.call(self.history, "--out", self.log)

    def call(self, *arguments):
        """Status, output, messages."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = conflicts_of_history.main([str(each) for each in arguments])
        return status, out.getvalue(), err.getvalue()

    def test_log_has_every_conflict_in_the_order_of_its_time(self):
        lines = [get(0, 0, 3), get(1, 100, 3), index(1, 1_000, 3), index(0, 3_000_000_000, 3, 9),
                 get(2, 200, 3), index(2, 2_000_000_000, 3, 8)]
        status, _, err = self.run_on(lines)
        self.assertEqual(status, 0, err)
        self.assertEqual(self.log.read_text(encoding="utf-8"), "".join(
            f"{time} [7]: version conflict, required seqNo [3], primary term [1]. current document has seqNo [{met}] "
            "and primary term [1]\n" for time, met in (("2.000000004", 8), ("3.000000004", 9))))

    def test_truth_is_that_of_windows_and_attempts(self):
        # Two clients of one thread read the same number: windows of 999 and 1,901 by turn, or 1,899 and 1,001: 1,450.
        lines = [get(0, 0, 3), get(0, 100, 3), index(0, 1_000, 3), index(0, 2_000 - 2, 3, 4), get(1, 0, 5, 8),
                 index(1, 10_000_000_000, 5, None, 8), get(1, 10_000_000_100, 6, 8),
                 index(1, 10_000_001_000, 6, None, 8)]
        status, out, err = self.run_on(lines)
        self.assertEqual(status, 0, err)
        truth = json.loads(out)
        windows = (1_001 + 1_899, 10_000_000_001 + 901)
        self.assertAlmostEqual(truth["window_s"], sum(windows) / 4 / 1e9)
        self.assertEqual((truth["attempts"], truth["conflict_probability"]), (4, 0.25))
        self.assertAlmostEqual(truth["writes_per_s"], 0.3, places=4)
        self.assertEqual(truth["hottest"]["id"], "8")

    def test_bad_input_is_said_and_nothing_overwritten(self):
        lines = [get(0, 0, 3), index(0, 10, 3, 4), get(0, 20, 4), index(0, 30, 4)]
        self.assertEqual(self.run_on(lines)[0], 0)
        before = self.log.read_text(encoding="utf-8")
        status, _, err = self.run_on(lines)
        self.assertEqual((status, self.log.read_text(encoding="utf-8")), (2, before))
        self.assertIn("is not overwritten", err)
        self.log.unlink()
        for given, said in ((([], HEADER), "no conflicts"), (([], {"format": "x"}), "no history"),
                            ((lines[:1], HEADER), "no conflicts")):
            status, _, err = self.run_on(*given)
            self.assertEqual(status, 2)
            self.assertIn(said, err)
        self.history.write_text("{", encoding="utf-8")
        self.assertIn("h.jsonl:1: no JSON", self.call(self.history, "--out", self.log)[2])
        self.assertIn("nowhere", self.call("nowhere", "--out", self.log)[2])
        self.assertFalse(self.log.exists())


if __name__ == "__main__":
    unittest.main()
