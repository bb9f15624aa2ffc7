"""Tests of results/plot.py, with the program whose comparison it draws: python plot_test.py OCCKIT"""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = os.path.join(HERE, "..", "..", "results", "plot.py")
OCCKIT = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(HERE, "..", "..", "build", "release", "occkit")
sys.path.insert(0, os.path.dirname(SCRIPT))
sys.dont_write_bytecode = True
import drawing  # noqa: E402
import plot  # noqa: E402

SETTINGS = [
    "workload",
    "client",
    "docs",
    "fill_percent",
    "shards",
    "body_bytes",
    "dist",
    "mix",
    "batch",
    "transform",
    "think_ns",
    "retry_on_conflict",
    "backoff",
    "gc_deletes_ms",
    "fail_over_every_ms",
    "pinned",
    "clients",
    "think_between",
    "think_within",
    "rate_per_s",
    "arrivals",
]
CONFLICTS = ["conflict_missing", "conflict_seq_no", "conflict_exists", "conflict_version"]
COLUMNS = (
    SETTINGS
    + [
        "strategy",
        "update_form",
        "seq_no_source",
        "progress",
        "semantics",
        "threads",
        "replicate",
        "ops_per_s",
        "attempts",
        "publication_failures",
        "exhausted",
        "oversold",
        "torn_reads",
        "lost_updates",
        "violation",
        "checked",
        "verified",
        "latency_p50_ns",
        "latency_p90_ns",
        "latency_p99_ns",
        "latency_p999_ns",
        "latency_max_ns",
        "response_p99_ns",
        "disturbed",
    ]
    + CONFLICTS
    + [f"retries_{k}" for k in range(16)]
    + ["retries_16_plus"]
)
LATER = ["fill_percent", "batch", "disturbed", "clients", "think_between", "think_within", "rate_per_s", "arrivals",
         "response_p99_ns"]
FIGURES = ["throughput", "conflicts", "retries", "latency", "ratio"]


def row(**changes):
    values = dict.fromkeys(COLUMNS, "0")
    values.update(
        workload="hot",
        client="update",
        docs="1000",
        fill_percent="100",
        batch="1",
        violation="",
        disturbed="no",
        shards="1",
        body_bytes="256",
        dist="hot:1",
        mix="update=100",
        transform="counter",
        backoff="none",
        pinned="0",
        clients="",
        rate_per_s="",
        arrivals="",
        response_p99_ns="",
        retry_on_conflict="1000",
        strategy="mutex_global",
        update_form="in_place",
        seq_no_source="shard_counter",
        progress="blocking",
        semantics="full",
        threads="1",
        replicate="1",
        ops_per_s="1000",
        attempts="1000",
        retries_0="1000",
        latency_p50_ns="500",
        latency_p90_ns="700",
        latency_p99_ns="2000",
        latency_p999_ns="9000",
        latency_max_ns="100000",
        checked="sums",
        verified="yes",
    )
    values.update((name, str(value)) for name, value in changes.items())
    return values


def replicates(count=3, **changes):
    speed = changes.pop("ops_per_s", 1000)
    return [row(replicate=k + 1, ops_per_s=speed + k, **changes) for k in range(count)]


def optimistic(**changes):
    return dict(
        {
            "strategy": "packed_cas",
            "update_form": "optimistic",
            "conflict_seq_no": 100,
            "publication_failures": 20,
            "retries_0": 900,
            "retries_1": 80,
            "retries_16_plus": 20,
        },
        **changes,
    )


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
        return subprocess.run(
            [sys.executable, SCRIPT, "--occkit", OCCKIT, *arguments], capture_output=True, text=True, check=False
        )

    def results(self, *paths, baseline=None):
        return plot.Results(plot.run_compare(OCCKIT, paths, baseline), paths)

    def refused(self, *arguments):
        result = self.run_script(*arguments)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertNotIn("Traceback", result.stderr)
        return result.stderr

    def drawn(self, rows, draw=plot.draw_throughput, baseline=None, **options):
        """What the figures show, of all pages together: the heights of all points, titles, labels, notes."""
        seen = {"heights": [], "titles": [], "ticks": [], "labels": [], "hollow": [], "notes": "", "stems": []}

        def finish(figure, _out, stem, handles, notes):
            seen["stems"].append(stem)
            for axis in figure.fig.axes:
                seen["heights"] += [float(y) for line in axis.lines for y in line.get_ydata()]
                seen["hollow"] += [
                    float(y) for line in axis.lines if line.get_markerfacecolor() == "white" for y in line.get_ydata()
                ]
                seen["titles"].append(axis.get_title())
            seen["ticks"] = [label.get_text() for label in figure.fig.axes[0].get_xticklabels()]
            seen["labels"] += [handle.get_label() for handle in handles]
            seen["notes"] += "\n".join(notes + figure.results.notes)
            plot.plt.close(figure.fig)
            return []

        with mock.patch.object(plot.Figure, "finish", finish):
            seen["answer"] = draw(self.results(self.write(rows), baseline=baseline), self.folder, **options)
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
        results = self.results(path)
        self.assertEqual((results.cores, results.machine), (2, "A processor"))

    def test_plot_file_of_an_earlier_version_has_the_former_value_in_later_columns(self):
        header = [column for column in COLUMNS if column not in LATER]
        results = self.results(self.write(ordinary_rows(), header=header))
        self.assertEqual(
            [(panel.settings["fill_percent"], panel.settings["batch"]) for panel in results.panels], [("100", "1")]
        )
        self.assertEqual(results.disturbed, 0)

    def test_committed_results_are_read(self):
        committed = list(pathlib.Path(HERE, "..", "..", "results").glob("**/results.csv"))
        self.assertTrue(committed)
        for path in committed:
            with self.subTest(path.parent.name):
                results = self.results(str(path))
                self.assertTrue(results.panels or results.open_panels)

    def test_throughput_other_fill_is_another_panel(self):
        results = self.results(self.write(ordinary_rows() + replicates(fill_percent=10)))
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
        rows += [
            row(replicate=k, ops_per_s=3 * speed, **optimistic()) for k, speed in reversed(list(enumerate(speeds)))
        ]
        seen = self.drawn(rows, draw=plot.draw_ratio, baseline="mutex_global")
        self.assertEqual({round(height, 9) for height in seen["heights"]}, {1.0, 3.0})

    def test_ratio_rows_checked_differently_are_not_paired(self):
        rows = replicates(ops_per_s=100) + replicates(**optimistic(ops_per_s=300, checked="none"))
        seen = self.drawn(rows, draw=plot.draw_ratio, baseline="mutex_global")
        self.assertEqual({height for height in seen["heights"]}, {1.0})

    def test_efficiency_is_the_share_of_the_median_of_the_floor(self):
        floor = {"semantics": "floor", "checked": "none", "verified": "not_applicable"}
        rows = [row(replicate=k, ops_per_s=speed) for k, speed in enumerate((100, 300, 200))]
        rows += [
            row(replicate=k, ops_per_s=speed, strategy="floor_plain", **floor)
            for k, speed in enumerate((400, 300, 1000))
        ]
        rows += [
            row(replicate=k, ops_per_s=speed, strategy="floor_cas", **floor) for k, speed in enumerate((800, 800, 900))
        ]
        rows += replicates(threads=2, dist="uniform", workload="uniform")
        self.assertEqual(self.drawn(rows, draw=plot.draw_efficiency)["heights"][0], 0.5)
        self.assertEqual(self.drawn(rows, draw=plot.draw_efficiency, floor="floor_cas")["heights"][0], 0.25)

    def test_efficiency_of_the_contended_cas_is_of_hot_documents_only(self):
        floor = {
            "semantics": "floor",
            "checked": "none",
            "verified": "not_applicable",
            "dist": "uniform",
            "ops_per_s": 9000,
        }
        rows = (
            replicates(dist="uniform")
            + replicates(strategy="floor_cas", **floor)
            + replicates(strategy="floor_plain", **floor)
        )
        self.assertNotEqual(self.drawn(rows, draw=plot.draw_efficiency)["heights"], [])
        self.assertEqual(self.drawn(rows, draw=plot.draw_efficiency, floor="floor_cas")["heights"], [])

    def test_efficiency_is_not_drawn_where_a_strategy_is_faster_than_the_floor(self):
        floor = {"strategy": "floor_plain", "semantics": "floor", "checked": "none", "verified": "not_applicable"}
        rows = replicates() + replicates(ops_per_s=2000, **floor)
        rows += replicates(mix="get=100", batch=64) + replicates(ops_per_s=500, mix="get=100", batch=64, **floor)
        seen = self.drawn(rows, draw=plot.draw_efficiency)
        self.assertEqual(len([title for title in seen["titles"] if title]), 1)
        self.assertIn(
            "faster than floor_plain, which is no floor there: hot: get, 64 in a call (1,000 documents, hot 1, 256 B "
            "each): mutex_global",
            seen["notes"],
        )

    def test_efficiency_takes_the_floor_of_its_own_file(self):
        floor = {"strategy": "floor_plain", "semantics": "floor", "checked": "none", "verified": "not_applicable"}
        first = self.write([row(ops_per_s=100), row(ops_per_s=200, **floor)])
        second = self.write([row(ops_per_s=100), row(ops_per_s=400, **floor)], name="again.csv")
        results = self.results(first, second)
        self.assertEqual(
            [results.panels[0].entry(competitor, 1)["efficiency"]["median"] for competitor in results.competitors],
            [0.5, 0.25],
        )

    def test_bodies_are_drawn_by_size_with_their_ratio_to_the_baseline(self):
        speeds = {0: (8000, 4000), 100: (7000, 4500), 1024: (3000, 6000)}
        rows = [
            one
            for body, (locked, optimistic_speed) in speeds.items()
            for threads in (1, 2)
            for one in replicates(1, threads=threads, body_bytes=body, docs=10000 - body, ops_per_s=locked)
            + replicates(
                1, threads=threads, body_bytes=body, docs=10000 - body, ops_per_s=optimistic_speed, **optimistic()
            )
        ]
        seen = self.drawn(rows, plot.draw_bodies, baseline="mutex_global")
        for locked, optimistic_speed in speeds.values():
            self.assertEqual(seen["heights"].count(locked), 2)
            self.assertEqual(seen["heights"].count(optimistic_speed / locked), 2)
        self.assertEqual(seen["titles"], ["hot: update\nhot 1, 1 thread", "hot: update\nhot 1, 2 threads"] * 2)
        self.assertEqual(seen["ticks"], ["0 B", "100 B", "1 KiB"])
        self.assertEqual(seen["labels"], ["mutex_global", "packed_cas"])
        self.assertIn("0 B: 10,000; 100 B: 9,900; 1 KiB: 8,976", seen["notes"])
        self.assertIn("0 B has no place", seen["notes"])

    def load_rows(self):
        """Two strategies at three rates, one of which has its knee earlier."""
        return [
            one
            for rate, of_lock, of_optimistic in ((1000, 2000, 1000), (2000, 8000, 1500), (4000, 9e8, 3000))
            for one in replicates(rate_per_s=rate, arrivals="poisson", response_p99_ns=of_lock)
            + replicates(rate_per_s=rate, arrivals="poisson", response_p99_ns=of_optimistic, **optimistic())
        ]

    def test_load_is_drawn_by_rate_with_one_line_a_strategy(self):
        seen = self.drawn(self.load_rows(), plot.draw_load)
        drawn = [round(y, 9) for y in seen["heights"]]
        for of_rates in ([2e-6, 8e-6, 0.9], [1e-6, 1.5e-6, 3e-6]):
            at = drawn.index(of_rates[0])
            self.assertEqual(drawn[at:at + 3], of_rates)
        self.assertEqual(seen["titles"], ["hot: update\n1,000 documents, hot 1, 256 B each\n1 thread"])
        self.assertEqual(seen["labels"], ["mutex_global", "packed_cas"])
        self.assertIn("waited by then", seen["notes"])

    def test_load_has_a_panel_for_each_number_of_threads(self):
        rows = self.load_rows() + [dict(one, threads="2") for one in self.load_rows()]
        self.assertEqual(len(self.drawn(rows, plot.draw_load)["titles"]), 2)

    def test_load_of_closed_loops_is_no_figure(self):
        self.assertEqual(self.drawn(ordinary_rows(), plot.draw_load)["answer"], ([], None))

    def test_open_loops_are_in_no_other_figure(self):
        path = self.write(self.load_rows())
        result = self.run_script(path)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([os.path.basename(line) for line in result.stdout.splitlines()], ["load.png", "load.svg"])
        seen = self.drawn(self.load_rows() + ordinary_rows())
        self.assertEqual(seen["titles"], ["hot: update\n1,000 documents, hot 1, 256 B each"])

    def test_bodies_of_one_size_are_no_figure(self):
        self.assertEqual(self.drawn(ordinary_rows(), plot.draw_bodies)["answer"], ([], None))

    def test_bodies_of_one_size_and_several_numbers_of_documents_are_no_figure(self):
        rows = [one for docs, body in ((10, 0), (20, 0), (10, 100)) for one in replicates(docs=docs, body_bytes=body)]
        self.assertEqual(self.drawn(rows, plot.draw_bodies)["answer"], ([], None))

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
            results = self.results(self.write(ordinary_rows(count)))
            figure = plot.Figure(results, "a title", 1, 1, 4, 4)
            figure.finish(self.folder, "one", [], [])
            self.assertEqual(figure.fig._suptitle.get_text().startswith("Quick look"), expected)

    def test_looks_of_the_table_are_told_apart_without_colour(self):
        looks = list(drawing.STRATEGY_LOOKS.values()) + drawing.OTHER_LOOKS
        self.assertEqual(len({(marker, dash) for _, marker, dash in looks}), len(looks))

    def test_looks_of_the_strategies_of_the_program_are_in_the_table(self):
        lines = [
            line.split()
            for line in subprocess.run([OCCKIT, "list"], capture_output=True, text=True, check=True).stdout.splitlines()
        ]
        names = {fields[0] for fields in lines if len(fields) > 6 and fields[1] in ("full", "version_only")}
        self.assertIn("packed_cas", names)
        self.assertEqual(names - set(drawing.STRATEGY_LOOKS), set())

    def test_look_of_a_strategy_does_not_depend_on_the_others(self):
        few = self.results(self.write(replicates(strategy="mine") + replicates(strategy="packed_claim")))
        many = self.results(
            self.write(
                [
                    one
                    for name in ("mine", "packed_claim", "packed_cas", "version_retry", "libcuckoo")
                    for one in replicates(strategy=name)
                ]
            )
        )
        for name in ("mine", "packed_claim"):
            self.assertEqual(few.styles[name], many.styles[name])

    def test_looks_of_unknown_names_differ(self):
        names = [f"mine_{k}" for k in range(12)]
        self.assertEqual(len(set(drawing.looks_of(names).values())), 12)

    def test_plot_two_files_of_one_strategy_are_drawn_as_two(self):
        results = self.results(self.write(replicates()), self.write(replicates(), name="again.csv"))
        self.assertEqual(results.competitors, ["mutex_global [1]", "mutex_global [2]"])
        self.assertIn("Files: [1] results; [2] again.", results.notes)
        styles = list(results.styles.values())
        self.assertNotEqual(styles[0]["linestyle"], styles[1]["linestyle"])

    def test_label_is_the_strategy_where_no_panel_has_it_in_two_forms(self):
        rows = replicates(mix="get=100", update_form="none") + replicates(update_form="optimistic")
        self.assertEqual(self.results(self.write(rows)).competitors, ["mutex_global"])
        rows += replicates(update_form="in_place")
        self.assertEqual(
            self.results(self.write(rows)).competitors,
            ["mutex_global/in_place", "mutex_global/none", "mutex_global/optimistic"],
        )

    def test_titles_say_mix_and_documents_and_none_is_custom(self):
        rows = replicates(workload="custom", mix="get=95,cond=5", dist="zipf:0.99", docs=20000) + replicates(
            workload="get", mix="get=100", dist="uniform"
        )
        self.assertEqual(self.drawn(rows)["titles"], ["95 % get, 5 % cond\n20,000 documents, zipf 0.99, 256 B each",
                                                      "get\n1,000 documents, uniform, 256 B each"])

    def test_titles_name_what_differs_between_like_panels(self):
        titles = self.drawn(replicates() + replicates(backoff="adaptive") + replicates(docs=5, backoff="adaptive"))[
            "titles"
        ]
        self.assertEqual([title.split("\n")[2:] for title in titles], [[], ["backoff adaptive"], ["backoff none"]])

    def test_many_workloads_make_several_figures(self):
        rows = [one for docs in range(1, 15) for one in replicates(1, docs=docs)]
        seen = self.drawn(rows)
        self.assertEqual(seen["stems"], ["throughput", "throughput-2", "throughput-3"])
        self.assertEqual(len(seen["titles"]), 14)

    def test_pages_of_an_earlier_drawing_do_not_stay(self):
        kept, gone = (pathlib.Path(self.folder, name) for name in ("throughput-notes.png", "throughput-2.png"))
        kept.touch()
        gone.touch()
        self.assertEqual(self.run_script(self.write(ordinary_rows())).returncode, 0)
        self.assertEqual((kept.exists(), gone.exists()), (True, False))

    def test_disturbed_points_are_hollow_and_counted(self):
        rows = ordinary_rows()
        self.assertEqual(self.drawn(rows)["hollow"], [])
        rows += replicates(ops_per_s=4000, strategy="version_retry") + [
            row(replicate=4, ops_per_s=4001, strategy="version_retry", disturbed="yes")
        ]
        seen = self.drawn(rows)
        self.assertEqual(seen["hollow"], [])
        self.assertIn("1 replicates stayed disturbed", seen["notes"])
        seen = self.drawn(rows + replicates(ops_per_s=4000, strategy="packed_claim", disturbed="yes"))
        self.assertEqual(len(seen["hollow"]), 1)
        self.assertIn("4 replicates stayed disturbed", seen["notes"])

    def test_interval_is_the_one_of_the_table(self):
        path = self.write(
            [row(replicate=k, ops_per_s=speed) for k, speed in enumerate((100, 130, 90, 260, 170, 140, 111))]
        )
        table = subprocess.run([OCCKIT, "compare", path], capture_output=True, text=True, check=True).stdout
        metric = self.results(path).panels[0].entry("mutex_global", 1)["metric"]
        self.assertIn(f"{metric['low']:.0f} - {metric['high']:.0f}", table)

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
        self.assertEqual(self.results(path).replicates, 3)

    def test_plot_without_the_program_says_how_to_get_it(self):
        result = subprocess.run(
            [sys.executable, SCRIPT, "--occkit", os.path.join(self.folder, "none"), self.write(ordinary_rows())],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("--occkit PATH", result.stderr)
        self.assertIn("--target occkit_program", result.stderr)

    def test_plot_with_another_program_is_refused(self):
        result = subprocess.run([sys.executable, SCRIPT, "--occkit", shutil.which("true"), self.write(ordinary_rows())],
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("not the program", result.stderr)

    def test_plot_where_matplotlib_is_missing_says_what_to_install(self):
        path = self.write(ordinary_rows())
        with open(os.path.join(self.folder, "matplotlib.py"), "w", encoding="utf-8") as file:
            file.write("raise ImportError('no such thing')\n")
        for script in ("plot.py", "plot_stall.py", "plot_load.py"):
            result = subprocess.run(
                [sys.executable, os.path.join(os.path.dirname(SCRIPT), script), path],
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PYTHONPATH": self.folder},
            )
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("apt-get install python3-matplotlib", result.stderr)
            self.assertNotIn("Traceback", result.stderr)

    def test_scripts_as_typed_run_debians_python(self):
        for script in ("plot.py", "plot_stall.py", "plot_load.py"):
            path = os.path.join(os.path.dirname(SCRIPT), script)
            self.assertTrue(os.access(path, os.X_OK))
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.readline(), "#!/usr/bin/python3\n")

    def test_figure_that_cannot_be_written_whole_leaves_the_one_before(self):
        path = os.path.join(self.folder, "throughput.png")
        pathlib.Path(path).write_bytes(b"before")

        def full(file):
            file.write(b"half")
            raise OSError(28, "No space left on device")

        with self.assertRaises(OSError):
            drawing.replace_file(path, full)
        self.assertEqual(os.listdir(self.folder), ["throughput.png"])
        self.assertEqual(pathlib.Path(path).read_bytes(), b"before")

    def test_figure_on_a_full_disk_is_refused_and_leaves_nothing(self):
        results = self.results(self.write(ordinary_rows()))
        out = tempfile.mkdtemp(dir=self.folder)
        with mock.patch.object(plot.plt.Figure, "savefig", side_effect=OSError(28, "No space left on device")):
            with self.assertRaises(drawing.BadInput) as refusal:
                plot.draw_throughput(results, out)
        self.assertIn("throughput.png: cannot be written: No space left on device", str(refusal.exception))
        self.assertEqual(refusal.exception.status, 74)
        self.assertEqual(os.listdir(out), [])

    def test_plot_missing_file_is_refused(self):
        self.assertIn("No such file", self.refused(os.path.join(self.folder, "none.csv")))

    def test_plot_empty_file_is_refused(self):
        path = os.path.join(self.folder, "empty.csv")
        pathlib.Path(path).touch()
        self.assertIn("empty", self.refused(path))

    def test_plot_header_alone_is_refused(self):
        self.assertIn("no rows", self.refused(self.write([])))

    def test_plot_missing_column_is_named(self):
        header = [column for column in COLUMNS if column != "latency_p99_ns"]
        self.assertIn("no column 'latency_p99_ns'", self.refused(self.write(ordinary_rows(), header=header)))

    def test_plot_value_that_is_no_number_names_line_and_column(self):
        message = self.refused(self.write([row(), row(replicate=2, ops_per_s="fast")]))
        self.assertIn("results.csv:3: column 'ops_per_s': 'fast' is not a number", message)

    def test_plot_too_few_fields_names_the_line(self):
        path = self.write(ordinary_rows())
        with open(path, "a", encoding="utf-8") as file:
            file.write("hot,update,10\n")
        self.assertIn("3 fields", self.refused(path))

    def test_plot_unknown_baseline_lists_the_known(self):
        self.assertIn(
            "known: mutex_global, packed_cas", self.refused(self.write(ordinary_rows()), "--baseline", "mutex")
        )

    def test_plot_only_voided_rows_is_refused(self):
        self.assertIn("nothing to draw", self.refused(self.write(replicates(verified="no"))))

    def test_plot_same_file_twice_is_refused(self):
        path = self.write(ordinary_rows())
        self.assertIn("same file", self.refused(path, path))

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
