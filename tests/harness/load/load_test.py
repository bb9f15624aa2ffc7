"""Tests of harness/load/load.py (with wrk, a small run) and results/plot_load.py: python load_test.py OCCKIT"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
LOAD = os.path.join(ROOT, "harness", "load", "load.py")
PLOT = os.path.join(ROOT, "results", "plot_load.py")
OCCKIT = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(ROOT, "build", "release", "occkit")
HEADER = ("server,scenario,connections,server_threads,replicate,requests_per_s,applied,applied_per_s,conflicts,"
          "latency_p50_us,latency_p99_us,server_us_per_request,verified")


def call(script, *arguments, **options):
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False, **options)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def refused(self, ended, message):
        self.assertEqual(ended.returncode, 2, ended.stderr)
        self.assertIn(message, ended.stderr)
        self.assertNotIn("Traceback", ended.stderr)


class Load(Folder):
    def test_bad_input_is_refused(self):
        for arguments, message in (
                (["--servers", "nonsense"], "packed_cas"), (["--servers", "elasticsearch"], "packed_cas"),
                (["--servers", "packed_cas,packed_cas"], "different names"),
                (["--scenarios", "put"], "conditional"), (["--connections", "0"], "--connections"),
                (["--seconds", "1.5"], "--seconds"), (["--replicates", "many"], "--replicates"),
                (["--server-threads", "2000"], "1024")):
            with self.subTest(arguments):
                self.refused(call(LOAD, OCCKIT, "--out", self.path("out"), *arguments), message)
        self.refused(call(LOAD, self.path("nothing"), "--out", self.path("out")), "does not run")
        self.assertFalse(os.path.exists(self.path("out")))

    def test_without_wrk_the_package_is_named(self):
        ended = call(LOAD, OCCKIT, "--out", self.path("out"), env=dict(os.environ, PATH=self.folder))
        self.refused(ended, "harness/install_packages.sh load")

    @unittest.skipUnless(shutil.which("wrk"), "there is no wrk (harness/install_packages.sh load)")
    def test_small_run_is_verified_drawn_and_not_overwritten(self):
        arguments = [
            OCCKIT,
            "--out",
            self.folder,
            "--servers",
            "constant,packed_cas",
            "--scenarios",
            "get,conditional,hot-update",
            "--connections",
            "4",
            "--seconds",
            "1",
            "--replicates",
            "1",
        ]
        ended = call(LOAD, *arguments)
        self.assertEqual(ended.returncode, 0, ended.stderr)
        with open(self.path("load.csv"), newline="", encoding="utf-8") as file:
            rows = {(row["server"], row["scenario"]): row for row in csv.DictReader(file)}
        self.assertEqual(set(rows), {("constant", "get"), ("packed_cas", "get"), ("packed_cas", "conditional"),
                                     ("packed_cas", "hot-update")})
        for cell, row in rows.items():
            self.assertEqual(row["verified"], "yes", cell)
            self.assertGreater(int(row["requests"]), 0, cell)
            self.assertEqual(int(row["applied"]) > 0, cell[1] != "get", cell)
            self.assertEqual(row["checked"], "" if cell[1] == "get" else "versions", cell)
        drawn = call(PLOT, self.path("load.csv"))
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        self.assertIn("| get | `packed_cas` |", drawn.stdout)
        self.refused(call(LOAD, *arguments), "not overwritten")


class Plot(Folder):
    def plot(self, *lines):
        with open(self.path("load.csv"), "w", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        return call(PLOT, self.path("load.csv"))

    def test_medians_and_paired_ratios_are_printed_and_wrong_rows_left_out(self):
        ended = self.plot(
            HEADER,
            "constant,get,8,1,0,1000,0,0,0,10,20,9,yes",
            "constant,get,8,1,1,2000,0,0,0,10,20,9,yes",
            "packed_cas,get,8,1,0,900,0,0,0,11,21,9,yes",
            "packed_cas,get,8,1,1,1900,0,0,0,11,21,9,yes",
            "packed_cas,hot,8,1,0,800,300,300,100,12,22,9,yes",
            "packed_cas,hot,8,1,1,1,1,1,1,1,1,9,no",
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("| get | `packed_cas` | 1,400 (1,900) | 0.93 (0.90-0.95) | 9.0 (9.0) |", ended.stdout)
        self.assertIn("| hot | `packed_cas` | 800 (800) |  | 9.0 (9.0) | 300 | 250 | 12 | 22 |", ended.stdout)
        with open(self.path("load.svg"), encoding="utf-8") as file:
            self.assertIn("1 wrong rows left out", file.read())

    def test_bad_input_is_refused(self):
        for lines, message in (([HEADER], "no rows"), (["a,b", "1,2"], "no column 'server'"),
                               ([HEADER, "constant,get,8,1,0,fast,0,0,0,10,20,9,yes"], "fast")):
            with self.subTest(message):
                self.refused(self.plot(*lines), message)
                self.assertEqual(os.listdir(self.folder), ["load.csv"])


if __name__ == "__main__":
    unittest.main()
