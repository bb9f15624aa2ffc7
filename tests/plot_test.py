"""Tests of results/plot.py: what is drawn, what is left out, what is refused."""

import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "results", "plot.py")
sys.path.insert(0, os.path.dirname(SCRIPT))
sys.dont_write_bytecode = True
import plot  # noqa: E402

FIGURES = ["throughput", "conflicts", "retries", "latency", "ratio"]


def row(**changes):
    values = dict.fromkeys(plot.REQUIRED_COLUMNS, "0")
    values.update(workload="hot", client="update", docs="1000", fill_percent="100", shards="1", body_bytes="256", dist="hot:1", mix="update=100",
                  transform="counter", backoff="none", pinned="0", retry_on_conflict="1000", strategy="mutex_global",
                  update_form="in_place", seq_no_source="shard_counter", progress="blocking", semantics="full", threads="1",
                  replicate="1", ops_per_s="1000", attempts="1000", retries_0="1000", latency_kind="service", latency_p50_ns="500",
                  latency_p90_ns="700", latency_p99_ns="2000", latency_p999_ns="9000", latency_max_ns="100000", checked="sums",
                  verified="yes")
    values.update((name, str(value)) for name, value in changes.items())
    return values


def replicates(count=3, **changes):
    speed = changes.pop("ops_per_s", 1000)
    return [row(replicate=k + 1, ops_per_s=speed + k, **changes) for k in range(count)]


def optimistic(**changes):
    return dict({"strategy": "packed_cas", "update_form": "optimistic", "conflict_seq_no": 100, "publication_failures": 20,
                 "retries_0": 900, "retries_1": 80, "retries_16_plus": 20}, **changes)


def ordinary_rows(count=3):
    return [one for threads in (1, 2, 4) for one in replicates(count, threads=threads) +
            replicates(count, threads=threads, ops_per_s=2000, **optimistic())]


class PlotTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, rows, name="results.csv", header=None):
        path = os.path.join(self.folder, name)
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, header or list(row()), extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)

    def refused(self, *arguments):
        result = self.run_script(*arguments)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        return result.stderr

    def drawn(self, rows, draw=plot.draw_throughput, **options):
        """The heights of all points that the figure draws, its title and its notes."""
        seen = {}

        def finish(figure, _out, _stem, handles, notes):
            seen["heights"] = [float(y) for axis in figure.fig.axes for line in axis.lines for y in line.get_ydata()]
            seen["titles"] = [axis.get_title() for axis in figure.fig.axes]
            seen["ticks"] = [label.get_text() for label in figure.fig.axes[0].get_xticklabels()]
            seen["labels"] = [handle.get_label() for handle in handles]
            seen["notes"] = "\n".join(notes + figure.results.notes)
            plot.plt.close(figure.fig)
            return []

        original, plot.Figure.finish = plot.Figure.finish, finish
        self.addCleanup(setattr, plot.Figure, "finish", original)
        draw(plot.Results([self.write(rows)]), self.folder, **options)
        return seen

    def test_plot_ordinary_rows_writes_every_figure_twice(self):
        path = self.write(ordinary_rows())
        with open(os.path.join(self.folder, "results.json"), "w", encoding="utf-8") as file:
            json.dump({"cpu": {"model": "A processor", "cores_online": 2}}, file)
        out = os.path.join(self.folder, "new", "figures")
        result = self.run_script(path, "--out", out, "--baseline", "packed_cas")
        self.assertEqual(result.returncode, 0, result.stderr)
        for figure in FIGURES:
            for extension, start in (("png", b"\x89PNG"), ("svg", b"<?xml")):
                with open(os.path.join(out, f"{figure}.{extension}"), "rb") as file:
                    self.assertTrue(file.read().startswith(start), figure)
        self.assertEqual(len(result.stdout.splitlines()), 11)
        self.assertIn("no floor in this run", result.stdout)

    def test_provenance_of_several_invocations_gives_cores_and_machine(self):
        path = self.write(ordinary_rows())
        with open(os.path.join(self.folder, "results.json"), "w", encoding="utf-8") as file:
            json.dump({"invocations": [{"environment": {"cpu": {"model": "A processor", "cores_online": 2}}}]}, file)
        results = plot.Results([path])
        self.assertEqual((results.cores, results.machine), (2, "A processor"))

    def test_plot_file_of_an_earlier_version_has_the_former_value_in_later_columns(self):
        header = [column for column in row() if column not in plot.LATER_COLUMNS]
        results = plot.Results([self.write(ordinary_rows(), header=header)])
        self.assertEqual({found[0]["fill_percent"] for found in results.rows.values()}, {"100"})

    def test_throughput_other_fill_is_another_panel(self):
        results = plot.Results([self.write(ordinary_rows() + replicates(fill_percent=10))])
        self.assertEqual(len(results.panels), 2)

    def test_plot_same_input_gives_the_same_bytes(self):
        path = self.write(ordinary_rows())
        contents = []
        for out in ("a", "b"):
            self.assertEqual(self.run_script(path, "--out", os.path.join(self.folder, out)).returncode, 0)
            contents.append({path.name: path.read_bytes() for path in pathlib.Path(self.folder, out).iterdir()})
        self.assertEqual(len(contents[0]), 10)
        self.assertEqual(contents[0], contents[1])

    def test_throughput_voided_row_is_not_drawn_and_said_so(self):
        for verdict in ("no", "caught"):
            rows = ordinary_rows() + replicates(threads=2, strategy="broken", ops_per_s=5_000_000, verified=verdict)
            seen = self.drawn(rows)
            self.assertLess(max(seen["heights"]), 10_000)
            self.assertNotIn("broken", seen["labels"])
            self.assertIn("verification failed there: broken (3 rows)", seen["notes"])

    def test_throughput_one_voided_row_takes_its_cell_along(self):
        rows = ordinary_rows() + replicates(threads=2, strategy="broken", ops_per_s=5_000_000)
        rows += replicates(threads=4, strategy="broken", ops_per_s=3000)
        self.assertGreater(max(self.drawn(rows)["heights"]), 1_000_000)
        rows.append(row(threads=2, strategy="broken", checked="history", verified="no"))
        seen = self.drawn(rows)
        self.assertLess(max(seen["heights"]), 10_000)
        self.assertIn("broken", seen["labels"])

    def test_throughput_controls_and_histories_are_not_drawn(self):
        rows = ordinary_rows() + replicates(strategy="null", semantics="none", ops_per_s=5_000_000, checked="none",
                                            verified="not_applicable")
        rows += replicates(strategy="unchecked", semantics="unchecked", ops_per_s=5_000_000)
        rows += [row(checked="history", ops_per_s=5_000_000, replicate=4)]
        seen = self.drawn(rows)
        self.assertLess(max(seen["heights"]), 10_000)
        self.assertIn("Controls, not drawn: null, unchecked", seen["notes"])
        self.assertIn("1 rows that recorded their history", seen["notes"])

    def test_throughput_point_is_the_median(self):
        rows = [row(replicate=k, ops_per_s=speed) for k, speed in enumerate((10, 20, 70))]
        self.assertIn(20.0, self.drawn(rows)["heights"])

    def test_ratio_is_paired_by_replicate(self):
        speeds = (100, 200, 400)
        rows = [row(replicate=k, ops_per_s=speed) for k, speed in enumerate(speeds)]
        rows += [row(replicate=k, ops_per_s=3 * speed, **optimistic()) for k, speed in reversed(list(enumerate(speeds)))]
        seen = self.drawn(rows, draw=plot.draw_ratio, baseline=("mutex_global", None))
        self.assertEqual({round(height, 9) for height in seen["heights"]}, {1.0, 3.0})

    def test_ratio_rows_checked_differently_are_not_paired(self):
        rows = replicates(ops_per_s=100) + replicates(**optimistic(ops_per_s=300, checked="none"))
        seen = self.drawn(rows, draw=plot.draw_ratio, baseline=("mutex_global", None))
        self.assertEqual({height for height in seen["heights"]}, {1.0})

    def test_efficiency_is_the_share_of_the_median_of_the_floor(self):
        floor = {"semantics": "floor", "checked": "none", "verified": "not_applicable"}
        rows = [row(replicate=k, ops_per_s=speed) for k, speed in enumerate((100, 300, 200))]
        rows += [row(replicate=k, ops_per_s=speed, strategy="floor_plain", **floor) for k, speed in enumerate((400, 100, 1000))]
        rows += [row(replicate=k, ops_per_s=speed, strategy="floor_cas", **floor) for k, speed in enumerate((800, 800, 900))]
        rows += replicates(threads=2, dist="uniform", workload="uniform")
        plain = {"floor": "floor_plain", "stem": "efficiency", "only_hot": False}
        self.assertEqual(self.drawn(rows, draw=plot.draw_efficiency, **plain)["heights"][0], 0.5)
        cas = {"floor": "floor_cas", "stem": "efficiency_hot", "only_hot": True}
        self.assertEqual(self.drawn(rows, draw=plot.draw_efficiency, **cas)["heights"][0], 0.25)

    def test_efficiency_of_the_contended_cas_is_of_hot_documents_only(self):
        floor = {"semantics": "floor", "checked": "none", "verified": "not_applicable", "dist": "uniform"}
        rows = replicates(dist="uniform") + replicates(strategy="floor_cas", **floor) + replicates(strategy="floor_plain", **floor)
        path = self.write(rows)
        self.assertEqual(self.run_script(path).returncode, 0)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "efficiency.png")))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "efficiency_hot.png")))

    def test_efficiency_takes_the_floor_of_its_own_file(self):
        floor = {"strategy": "floor_plain", "semantics": "floor", "checked": "none", "verified": "not_applicable"}
        first = self.write([row(ops_per_s=100), row(ops_per_s=200, **floor)])
        second = self.write([row(ops_per_s=100), row(ops_per_s=400, **floor)], name="again.csv")
        results = plot.Results([first, second])
        panel = results.panels[0]
        self.assertEqual([results.floor(panel, competitor, 1, "floor_plain") for competitor in results.competitors], [200, 400])

    def test_bodies_are_drawn_by_size_with_their_ratio_to_the_baseline(self):
        speeds = {0: (8000, 4000), 100: (7000, 4500), 1024: (3000, 6000)}
        rows = [one for body, (locked, optimistic_speed) in speeds.items() for threads in (1, 2) for one in
                replicates(1, threads=threads, body_bytes=body, docs=10000 - body, ops_per_s=locked) +
                replicates(1, threads=threads, body_bytes=body, docs=10000 - body, ops_per_s=optimistic_speed, **optimistic())]
        seen = self.drawn(rows, plot.draw_bodies, baseline=("mutex_global", None))
        for locked, optimistic_speed in speeds.values():
            self.assertEqual(seen["heights"].count(locked), 2)
            self.assertEqual(seen["heights"].count(optimistic_speed / locked), 2)
        self.assertEqual(seen["titles"], ["hot, 1 thread", "hot, 2 threads"] * 2)
        self.assertEqual(seen["ticks"], ["0 B", "100 B", "1 KiB"])
        self.assertEqual(seen["labels"], ["mutex_global", "packed_cas"])
        self.assertIn("0 B: 10,000; 100 B: 9,900; 1 KiB: 8,976", seen["notes"])
        self.assertIn("0 B has no place", seen["notes"])

    def test_bodies_of_one_size_are_no_figure(self):
        self.assertEqual(plot.draw_bodies(plot.Results([self.write(ordinary_rows())]), self.folder, ("mutex_global", None)), ([], None))

    def test_bodies_of_one_size_and_several_numbers_of_documents_are_no_figure(self):
        rows = [one for docs, body in ((10, 0), (20, 0), (10, 100)) for one in replicates(docs=docs, body_bytes=body)]
        self.assertEqual(plot.draw_bodies(plot.Results([self.write(rows)]), self.folder, ("mutex_global", None)), ([], None))

    def test_bodies_are_written_by_the_script(self):
        path = self.write([one for body in (16, 100) for one in replicates(body_bytes=body)])
        result = self.run_script(path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.folder, "bodies.svg")), result.stdout)

    def test_conflicts_are_per_1000_attempts_and_strategies_without_any_are_named(self):
        seen = self.drawn(ordinary_rows(), draw=plot.draw_conflicts)
        self.assertIn(100.0, seen["heights"])
        self.assertIn(20.0, seen["heights"])
        self.assertEqual(seen["labels"], ["packed_cas"])
        self.assertIn("not drawn: mutex_global", seen["notes"])

    def test_title_below_ten_replicates_says_quick_look(self):
        for count, expected in ((3, True), (10, False)):
            results = plot.Results([self.write(ordinary_rows(count))])
            figure = plot.Figure(results, "a title", 1, 1, 4, 4)
            figure.finish(self.folder, "one", [], [])
            self.assertEqual(figure.fig._suptitle.get_text().startswith("Quick look"), expected)

    def test_styles_fourteen_strategies_are_told_apart_without_colour(self):
        names = [f"{family}{lock}" for family in ("mutex_global", "mutex_striped", "mutex_keyed") for lock in ("", "_tbb_spin", "_tbb_queuing")]
        names += ["packed_cas", "version_retry", "version_retry_urcu", "mine", "yours"]
        results = plot.Results([self.write([one for name in names for one in replicates(strategy=name)])])
        looks = {(style["marker"], style["linestyle"]) for style in results.styles.values()}
        self.assertEqual(len(looks), 14)

    def test_style_of_a_strategy_does_not_depend_on_the_others(self):
        few = plot.Results([self.write(replicates(strategy="version_retry_urcu"))])
        many = plot.Results([self.write(ordinary_rows() + replicates(strategy="version_retry_urcu") + replicates(strategy="version_retry"))])
        wanted = plot.Competitor("version_retry_urcu", "in_place", "shard_counter", 0)
        self.assertEqual(few.styles[wanted], many.styles[wanted])

    def test_plot_two_files_of_one_strategy_are_drawn_as_two(self):
        results = plot.Results([self.write(replicates()), self.write(replicates(), name="again.csv")])
        self.assertEqual(sorted(results.labels.values()), ["mutex_global [1]", "mutex_global [2]"])

    def test_plot_reads_only_draws_what_there_is(self):
        path = self.write(replicates(mix="get=100", update_form="none", attempts=0, retries_0=0))
        result = self.run_script(path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("no row attempted a write", result.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "conflicts.png")))

    def test_plot_row_cut_off_by_a_kill_is_left_out(self):
        path = self.write(ordinary_rows())
        with open(path, "a", encoding="utf-8") as file:
            file.write("hot,update,10")
        self.assertEqual(len(plot.read_rows(path, 0)), len(ordinary_rows()))

    def test_plot_missing_file_is_refused(self):
        self.assertIn("No such file", self.refused(os.path.join(self.folder, "none.csv")))

    def test_plot_empty_file_is_refused(self):
        path = os.path.join(self.folder, "empty.csv")
        pathlib.Path(path).touch()
        self.assertIn("empty", self.refused(path))

    def test_plot_header_alone_is_refused(self):
        self.assertIn("no rows", self.refused(self.write([])))

    def test_plot_missing_column_is_named(self):
        header = [column for column in row() if column != "latency_p99_ns"]
        self.assertIn("no column 'latency_p99_ns'", self.refused(self.write(ordinary_rows(), header=header)))

    def test_plot_value_that_is_no_number_names_line_and_column(self):
        message = self.refused(self.write([row(), row(replicate=2, ops_per_s="fast")]))
        self.assertIn(":3: column 'ops_per_s' holds 'fast'", message)

    def test_plot_too_few_fields_names_the_line(self):
        path = self.write(ordinary_rows())
        with open(path, "a", encoding="utf-8") as file:
            file.write("hot,update,10\n")
        self.assertIn(":20: 3 fields", self.refused(path))

    def test_plot_unknown_baseline_lists_the_known(self):
        self.assertIn("known: mutex_global, packed_cas", self.refused(self.write(ordinary_rows()), "--baseline", "mutex"))

    def test_plot_only_voided_rows_is_refused(self):
        self.assertIn("nothing to draw", self.refused(self.write(replicates(verified="no"))))

    def test_plot_same_file_twice_is_refused(self):
        path = self.write(ordinary_rows())
        self.assertIn("twice", self.refused(path, path))

    def test_plot_folder_that_cannot_be_made_is_refused(self):
        path = self.write(ordinary_rows())
        self.assertIn("cannot be made", self.refused(path, "--out", os.path.join(path, "below")))

    def test_plot_broken_provenance_is_refused(self):
        path = self.write(ordinary_rows())
        with open(os.path.join(self.folder, "results.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.assertIn("results.json", self.refused(path))


if __name__ == "__main__":
    unittest.main()
