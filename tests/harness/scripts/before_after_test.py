#!/usr/bin/python3
"""harness/scripts/before_after.py: two builds, run in turn, and what is said of their ratios."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "harness" / "scripts" / "before_after.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
import before_after  # noqa: E402

# Writes rows as occkit does, with the speeds that it is made with, one a seed. It fails if told so.
PROGRAM = """\
#!/usr/bin/python3
import pathlib, sys
arguments = sys.argv[1:]
of = dict(zip(arguments[1::2], arguments[2::2]))
if "--no-such-option" in of:
    print("error: --no-such-option is no option")
    sys.exit(2)
seed = int(of["--seed"])
with open({calls!r}, "a") as calls:
    print({name!r} + str(seed), file=calls)
out = pathlib.Path(of["--out"])
out.mkdir()
speeds = {speeds!r}
lines = ["workload,strategy,threads,replicate,seed,ops_per_s,verified,disturbed"]
for cell, by_seed in speeds.items():
    disturbed = "yes" if (cell, seed) == ("hot", 2) else "no"
    speed, verified = by_seed[seed - 1], of.get("--verified", "yes")
    lines.append(f"{{cell}},packed_cas,1,1,{{seed}},{{speed}},{{verified}},{{disturbed}}")
(out / "results.csv").write_text("\\n".join(lines) + "\\n")
sys.exit(1 if "--verified" in of else 0)
"""


class BeforeAfter(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def program(self, name, speeds):
        path = self.folder / name
        path.write_text(PROGRAM.format(calls=str(self.folder / "calls"), name=name, speeds=speeds), encoding="utf-8")
        path.chmod(0o755)
        return str(path)

    def compare(self, *more, before=None, after=None):
        before = before or {"get": [10e6, 10e6, 10e6], "cond": [4e6, 4e6, 4e6], "hot": [9e6, 9e6, 9e6]}
        after = after or {"get": [9e6, 8e6, 9.5e6], "cond": [5e6, 3e6, 4e6], "hot": [18e6, 1e6, 18e6]}
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = before_after.main([self.program("b", before), self.program("a", after), "--out",
                                        str(self.folder / "rows"), "--rounds", "3", *more])
        return status, out.getvalue(), err.getvalue()

    def calls(self):
        return (self.folder / "calls").read_text(encoding="utf-8").split()

    def test_they_take_turns_and_every_other_round_the_other_is_first(self):
        self.assertEqual(self.compare()[0], 0)
        self.assertEqual(self.calls(), ["b1", "a1", "a2", "b2", "b3", "a3"])

    def test_ratios_are_those_within_a_round(self):
        out = self.compare()[1]
        self.assertIn("| `get` | 1 | `packed_cas` | 10.00 | 9.00 | 0.90 [0.80, 0.95] |", out)
        self.assertIn("| `cond` | 1 | `packed_cas` | 4.00 | 4.00 | 1.00 [0.75, 1.25] |", out)

    def test_what_was_disturbed_is_left_out(self):
        self.assertIn("| `hot` | 1 | `packed_cas` | 9.00 | 18.00 | 2.00 [2.00, 2.00] |", self.compare()[1])

    def test_what_was_so_in_every_round_is_said(self):
        out = self.compare()[1]
        self.assertIn("Slower in every round: `get` of `packed_cas` by 1.\n", out)
        self.assertIn("Faster in every round: `hot` of `packed_cas` by 1.\n", out)
        speeds = {"get": [1e6, 2e6, 3e6]}
        (self.folder / "again").mkdir()
        self.folder = self.folder / "again"
        self.assertIn("Slower in every round: none.\nFaster in every round: none.",
                      self.compare(before=speeds, after=speeds)[1])

    def test_rounds_that_are_there_are_not_measured_again(self):
        self.compare("--rounds", "2")
        self.compare("--rounds", "3")
        self.assertEqual(self.calls(), ["b1", "a1", "a2", "b2", "b3", "a3"])

    def test_round_that_was_cut_off_is_measured_again(self):
        self.compare("--rounds", "1")
        rows = self.folder / "rows"
        (rows / "after-1").rename(rows / "after-1-unfinished")
        self.compare("--rounds", "1")
        self.assertEqual(self.calls(), ["b1", "a1", "a1"])

    def test_failed_verification_is_status_1(self):
        status, out, err = self.compare("--verified", "yes")
        self.assertEqual((status, "| `get` |" in out), (1, True), err)

    def test_bad_input(self):
        status, _, err = self.compare("--rounds", "0")
        self.assertEqual((status, err), (2, "before_after.py: --rounds 0: accepted is 1 to 999\n"))
        status, _, err = self.compare("--no-such-option", "1")
        self.assertEqual(status, 2)
        self.assertIn("ended with status 2; what it said is in", err)
        status, _, err = self.compare(before={"get": [1e6] * 3}, after={"cond": [1e6] * 3})
        self.assertEqual((status, "no cell was measured by both" in err), (2, True))


if __name__ == "__main__":
    unittest.main()
