#!/usr/bin/python3
"""harness/scripts/shootout.py: rows of the plain loop and of the kit, side by side."""

import contextlib
import io
import pathlib
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "harness" / "scripts" / "shootout.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.dont_write_bytecode = True
import shootout  # noqa: E402

PLAIN = """\
workload,strategy,threads,replicate,seed,docs,window_s,ops,ops_per_s,failed
get,packed_cas,1,1,1,1000,0.3,1,10e6,0
get,packed_cas,1,2,1,1000,0.3,1,12e6,0
get,packed_cas,1,3,1,1000,0.3,1,90e6,0
cond,packed_cas,1,1,1,1000,0.3,1,4e6,0
get,boost_flat_map,1,1,1,1000,0.3,1,8e6,0
churn,boost_flat_map,1,1,1,1000,0.3,1,8e6,0
get,dpdk_hash,1,1,1,1000,0.3,1,8e6,0
"""
KIT = """\
workload,strategy,update_form,threads,replicate,ops_per_s,checked,verified
get,packed_cas,none,1,1,1e6,history,yes
get,packed_cas,none,1,1,1e6,sums,no
get,packed_cas,none,1,1,9.6e6,sums,yes
cond,packed_cas,none,1,1,3.9e6,sums,yes
get,boost_flat_map,none,1,1,6e6,sums,yes
churn,boost_flat_map,none,1,1,1e6,sums,yes
get,null,none,1,1,90e6,sums,yes
"""


class Shootout(unittest.TestCase):
    def run_on(self, plain, kit, *more):
        with tempfile.TemporaryDirectory() as folder:
            files = {"plain": plain, "kit": kit}
            for name, text in files.items():
                (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                status = shootout.main(["--plain", f"{folder}/plain", "--kit", f"{folder}/kit", *more])
            return status, out.getvalue(), err.getvalue()

    def test_medians_and_shares(self):
        status, out, _ = self.run_on(PLAIN, KIT)
        self.assertEqual(status, 0)
        self.assertIn("| map | `get` | `cond` | `churn` |", out)
        self.assertIn("| `packed_cas` | 12.0 / 9.6 (0.80) | 4.0 / 3.9 (0.97) |  |", out)
        self.assertIn("| `boost_flat_map` | 8.0 / 6.0 (**0.75**) |  | 8.0 / 1.0 |", out)
        self.assertNotIn("null", out)
        self.assertNotIn("dpdk", out)
        self.assertIn("1 below 0.8:\n- `boost_flat_map`, `get`, 1 thread: 0.75", out)

    def test_best_maps_are_put_beside_each_other_round_by_round(self):
        rows = ["workload,strategy,threads,replicate,ops_per_s,disturbed"]
        for replicate, ours, cas, other in ((1, 20, 10, 10), (2, 24, 6, 8), (3, 30, 9, 10)):
            rows += [f"get,packed_claim,2,{replicate},{ours}e6,no", f"get,packed_cas,2,{replicate},{cas}e6,no",
                     f"get,libcuckoo,2,{replicate},{other}e6,no", f"get,tbb_hash_map,2,{replicate},1e6,no",
                     f"get,floor_word,2,{replicate},99e6,no"]
        rows += ["get,libcuckoo,2,4,99e6,yes"]
        # The rounds of one file differ in their seed or their replicate.
        for way in ("seed", "replicate"):
            with self.subTest(way):
                self.beside_each_other("\n".join(rows).replace("replicate", way) + "\n")

    def beside_each_other(self, text):
        out = self.run_on(text, text)[1]
        line = "| `get` | 2 | `libcuckoo` 10.0 | `packed_claim` 24.0 | 3.00 [2.00, 3.00] | 0.90 [0.75, 1.00] |"
        self.assertEqual(out.count(line), 2, out)
        self.assertIn("In the plain loop: millions", out)
        self.assertIn("medians of up to 3 rounds", out)

    def test_least(self):
        self.assertIn("0 below 0.5.", self.run_on(PLAIN, KIT, "--least", "0.5")[1])

    def test_maps_that_a_build_does_not_have_are_left_out(self):
        status, out, _ = self.run_on(PLAIN, KIT, "--without", "boost_flat_map")
        self.assertEqual(status, 0)
        self.assertNotIn("boost_flat_map", out)
        self.assertIn("| `packed_cas` | 12.0 / 9.6 (0.80)", out)
        # One that only one of the two has.
        self.assertEqual(self.run_on(PLAIN, KIT, "--without", "dpdk_hash,null")[0], 0)
        status, out, err = self.run_on(PLAIN, KIT, "--without", "nonesuch")
        self.assertEqual((status, out), (2, ""))
        self.assertIn("--without nonesuch: no row is of that map; accepted are boost_flat_map,", err)

    def test_bad_input(self):
        for plain, kit, said in (
                ("a,b\n1,2\n", KIT, "plain: no column workload, strategy, threads, ops_per_s; accepted are"),
                (PLAIN + "get,packed_cas\n", KIT, "plain, line 9: not as many fields as the header"),
                (PLAIN.replace("12e6", "fast"), KIT, "plain, line 3: could not convert"),
                (PLAIN, KIT.replace(",1,1,", ",4,1,"), "no map and cell is in both"),
        ):
            status, out, err = self.run_on(plain, kit)
            self.assertEqual((status, out), (2, ""))
            self.assertIn(said, err)

    def test_missing_file(self):
        with contextlib.redirect_stderr(io.StringIO()) as err:
            self.assertEqual(shootout.main(["--plain", "/nothing", "--kit", "/nothing"]), 2)
        self.assertIn("/nothing", err.getvalue())


if __name__ == "__main__":
    unittest.main()
