#!/usr/bin/python3
"""conflicts_by_age.py against a server in this process: rows, predictions, and wrong sums that it must notice."""

import contextlib
import importlib.util
import io
import os
import re
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location(
    "conflicts_by_age", os.path.join(HERE, "..", "..", "..", "harness", "scripts", "conflicts_by_age.py"))
by_age = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(by_age)


class Server:
    """Documents with versions, and a view of them. `loses`: an update by query writes blindly."""

    def __init__(self, loses=False):
        self.loses = loses
        self.lock = threading.Lock()
        self.documents = {}
        self.view = {}
        self.deleted = False

    def __call__(self, method, path, body=None):
        with self.lock:
            if path.endswith("/_refresh"):
                self.view = {key: tuple(each) for key, each in self.documents.items()}
                return {}
            if "/_update_by_query" in path:
                return self.update_by_query()
            if found := re.search(r"/_update/(\d+)", path):
                self.documents[found[1]][0] += 1
                self.documents[found[1]][1] += 1
                return {}
            if found := re.search(r"/_doc/(\d+)", path):
                self.documents[found[1]] = [body["n"], 1]
                return {}
            if path.endswith("/_mget"):
                return {"docs": [{"_source": {"n": self.documents[each][0]}} for each in body["ids"]]}
            self.deleted = method == "DELETE"
            return {}

    def update_by_query(self):
        updated = 0
        for key, (counter, version) in self.view.items():
            if self.documents[key][1] == version or self.loses:
                self.documents[key] = [counter + 1, self.documents[key][1] + 1]
                updated += 1
        conflicts = len(self.view) - updated
        return {"total": len(self.view), "updated": updated, "version_conflicts": conflicts, "failures": []}


class ConflictsByAge(unittest.TestCase):
    def measure(self, server, ages):
        out = io.StringIO()
        by_age.measure(server, ages, 2, 20, 2, 1, out)
        return [line.split(",") for line in out.getvalue().splitlines()]

    def test_measure_writes_a_row_for_each_age_and_round(self):
        server = Server()
        rows = self.measure(server, [0, 20])
        self.assertEqual(rows[0], by_age.COLUMNS)
        cells = sorted((row[0], row[1]) for row in rows[1:])
        self.assertEqual(cells, [("0", "0"), ("0", "1"), ("20", "0"), ("20", "1")])
        for row in rows[1:]:
            told = dict(zip(by_age.COLUMNS, row))
            self.assertEqual(int(told["updated"]) + int(told["version_conflicts"]), 20)
            self.assertAlmostEqual(float(told["conflict_share"]), int(told["version_conflicts"]) / 20)
        self.assertTrue(server.deleted)

    def test_measure_of_a_server_that_loses_updates_fails(self):
        server = Server(loses=True)
        with self.assertRaisesRegex(by_age.WrongAnswer, "the counters add up to"):
            self.measure(server, [20])
        self.assertTrue(server.deleted)

    def test_measure_of_a_server_that_leaves_documents_out_fails(self):
        server = Server()
        whole = server.update_by_query
        server.update_by_query = lambda: {**whole(), "total": 19}
        with self.assertRaisesRegex(by_age.WrongAnswer, "_update_by_query of 20 documents"):
            self.measure(server, [0])

    def test_predicted_share_is_that_of_random_choices(self):
        self.assertEqual(by_age.predicted_share(100, 0), 0)
        self.assertAlmostEqual(by_age.predicted_share(2, 2), 0.75)

    def test_main_of_bad_input_exits_with_2(self):
        for arguments in (["ftp://x"], ["http://127.0.0.1:1", "--ages", "-1"], ["http://127.0.0.1:1", "--rounds", "0"]):
            with self.assertRaises(SystemExit) as ended, open(os.devnull, "w", encoding="utf-8") as nowhere:
                with contextlib.redirect_stderr(nowhere):
                    by_age.main(arguments)
            self.assertEqual(ended.exception.code, 2)

    def test_main_without_a_server_exits_with_1(self):
        with contextlib.redirect_stderr(io.StringIO()) as said, contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(by_age.main(["http://127.0.0.1:1"]), 1)
        self.assertIn("conflicts_by_age.py: PUT /conflicts-by-age", said.getvalue())


if __name__ == "__main__":
    unittest.main()
