#!/usr/bin/python3
"""Tests of `occkit report`: report_test.py OCCKIT [browser]

Without `browser`: the page as text, and that nothing of a hostile file is markup. With it: the page in a headless
Chromium without network; status 77 where there is none, or no dygraphs to draw with.
"""

import base64
import html.parser
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "results")]
OCCKIT = os.path.abspath(sys.argv[1])
IN_BROWSER = sys.argv[2:] == ["browser"]
sys.argv[1:] = [OCCKIT]
import browser  # noqa: E402
import plot_test as rows  # noqa: E402

CHARTS = "/usr/share/javascript/dygraphs"
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror='window.pwned=2'>\"'><b>&amp;"
PROVENANCE = {
    "options": {"strategy": "mutex_global,packed_cas", "label": "a b"},
    "starts": [{
        "started_utc": "20260131T123000Z",
        "environment": {"cpu": {"model": "A processor", "cores_online": 2}, "commit": "0123456789abcdef", "dirty": True,
                        "build_type": "Debug", "version": "9.9.9", "compiler": "gcc 12", "flags": "-O0"},
        "machine_warnings": ["the governor is powersave"],
    }],
}


def ordinary_rows():
    everything = rows.ordinary_rows(8)
    for number, row in enumerate(everything):
        row.update(jain="0.9", bytes_per_doc=str(200 + number % 3))
    return everything


def predictable_rows():
    """Clients that wait between read and write, at one document in a hundred each: 13 conflicts in 1,000 attempts."""
    load = {"client": "if_seq_no", "update_form": "none", "dist": "uniform", "docs": "100", "clients": "16",
            "think_between": "20ms", "think_within": "2ms", "retry_on_conflict": "10"}
    return [dict(row, **load) for row in ordinary_rows()]


class Elements(html.parser.HTMLParser):
    """What a page consists of."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.open, self.texts, self.attributes = [], [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ("meta", "img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


class ReportCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, content, name="results.csv", provenance=None):
        import csv

        path = self.folder / name
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(content[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(content)
        if provenance is not None:
            path.with_suffix(".json").write_text(json.dumps(provenance), encoding="utf-8")
        return str(path)

    def occkit(self, *arguments):
        return subprocess.run([OCCKIT, "report", *map(str, arguments)], capture_output=True, text=True, check=False,
                              cwd=self.folder)

    def report(self, *arguments):
        """The page's path."""
        result = self.occkit(*arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.folder / result.stdout.splitlines()[-1]

    def page(self, *arguments):
        return self.report(*arguments).read_text(encoding="utf-8")

    def refused(self, *arguments):
        before = sorted(self.folder.iterdir())
        result = self.occkit(*arguments)
        self.assertEqual(result.returncode, 2, result.stdout + result.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return result.stderr

    def hostile_rows(self):
        content = ordinary_rows()
        for row in content:
            row["workload"] = HOSTILE
            if row["strategy"] == "packed_cas":
                row["strategy"] = "evil" + HOSTILE
                row["progress"] = row["update_form"] = HOSTILE
        failed = rows.row(strategy="wrong" + HOSTILE, threads=1, verified="no", violation=HOSTILE, lost_updates=3)
        failed.update(jain="1", bytes_per_doc="1", checked="sums", workload=HOSTILE)
        return content + [failed]


class PageAsText(ReportCase):
    def test_report_says_what_was_asked_where_and_what_to_beware_of(self):
        text = Elements(self.page(self.write(ordinary_rows(), provenance=PROVENANCE))).text
        for said in ("2 strategies under hot at 1, 2, 4 threads",
                     "occkit run --strategy mutex_global,packed_cas --label 'a b'", "A processor", "2 processors",
                     "commit 0123456789ab", "Machine: the governor is powersave",
                     "files differed from the commit", "Debug, not Release", "an interval of fewer than 10 is rough"):
            self.assertIn(said, text)

    def test_report_winner_and_interval_are_those_of_compare(self):
        path = self.write(ordinary_rows())
        said = json.loads(subprocess.run([OCCKIT, "compare", "--json", path], capture_output=True, text=True,
                                         check=True).stdout)
        data = self.data(self.page(path))
        leader = said["cells"][0]["entries"][0]
        self.assertEqual((leader["label"], leader["standing"]), ("packed_cas", "winner"))
        of = data["panels"][0]["cells"][0]["points"]["packed_cas"]
        self.assertEqual(of["throughput"], [leader["metric"][end] for end in ("low", "median", "high", "is_range")])
        self.assertEqual(of["conflicts"][1], leader["conflicts_per_1000"]["median"])
        self.assertEqual(of["latency"]["p99"][1], leader["latency_ns"]["p99"]["median"])
        self.assertEqual(of["fairness"][1], 0.9)
        self.assertEqual(of["ratios"]["mutex_global"][1], leader["ratio"]["median"])
        other = data["panels"][0]["cells"][0]["points"]["mutex_global"]
        self.assertLess(other["ratios"]["packed_cas"][2], 1)

    def data(self, page):
        return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL).group(1))

    def setUp(self):
        super().setUp()
        # Whatever is installed: some library, so that there is a place for charts.
        self.charts = self.folder / "charts"
        self.charts.mkdir()
        (self.charts / "dygraph.min.js").write_text("// a library\n//# sourceMappingURL=x.map", encoding="utf-8")
        (self.charts / "dygraph.min.css").write_text("p { color: red }", encoding="utf-8")

    def occkit(self, *arguments):
        return super().occkit(*arguments, *([] if "--charts" in arguments else ["--charts", self.charts]))

    def test_report_of_fewer_than_six_replicates_names_no_winner(self):
        text = Elements(self.page(self.write(ordinary_rows()[:8][:4] + ordinary_rows()[8:12]))).text
        self.assertIn("none named (packed_cas ahead)", text)
        self.assertIn("range 2.00 k - 2.00 k", text)

    def test_report_marks_what_was_disturbed(self):
        content = ordinary_rows()
        for row in content[:2]:
            row["disturbed"] = "yes"
        text = Elements(self.page(self.write(content))).text
        self.assertIn("2 disturbed in the cell", text)
        self.assertIn("mutex_global: 8 rows, 2 disturbed", text)

    def test_report_failed_rows_stand_on_top_and_are_not_drawn(self):
        failed = rows.row(strategy="wrong", verified="no", violation="it lost some", lost_updates=3)
        failed.update(jain="1", bytes_per_doc="1")
        page = self.page(self.write(ordinary_rows() + [failed]))
        text = Elements(page).text
        self.assertLess(text.index("voided: wrong"), text.index("Who wins"))
        self.assertIn("it lost some", text)
        self.assertNotIn("wrong", {look["label"] for look in self.data(page)["competitors"]})

    def test_report_looks_are_those_of_the_figures(self):
        sys.path.insert(0, str(pathlib.Path(rows.SCRIPT).parent))
        import drawing

        content = ordinary_rows()
        for row in content:
            row["strategy"] = {"mutex_global": "packed_claim", "packed_cas": "never_heard_of"}[row["strategy"]]
        wanted = drawing.looks_of(["packed_claim", "never_heard_of"])
        for look in self.data(self.page(self.write(content)))["competitors"]:
            color, marker, dash = wanted[look["label"]]
            self.assertEqual((look["color"], look["marker"]), (color, marker))
            self.assertEqual(look["dash"], [] if dash == "-" else list(dash[1]))

    def test_report_holds_the_csv_and_every_replicate(self):
        path = self.write(ordinary_rows(), provenance=PROVENANCE)
        page = self.page(path)
        inside = base64.b64decode(re.search(r"data:text/csv;base64,([^\"]*)", page).group(1))
        self.assertEqual(inside, pathlib.Path(path).read_bytes())
        self.assertEqual(page.count('class="replicates"'), 6)
        self.assertEqual(page.count("<circle"), 6 * 8)

    def test_report_hostile_file_is_text_only(self):
        page = self.page(self.write(self.hostile_rows(), provenance={"options": {HOSTILE: HOSTILE}, "starts": [
            {"environment": {"cpu": {"model": HOSTILE}}, "machine_warnings": [HOSTILE]}]}))
        failed = dict(ordinary_rows()[0], strategy="wrong", verified="no")
        starts = {"options": {}, "starts": [{"machine_warnings": ["x"]}]}
        path = self.write(ordinary_rows() + [failed], "tame.csv", starts)
        tame = Elements(self.page(path, "--out", "tame.html"))
        elements = Elements(page)
        self.assertEqual(set(elements.tags), set(tame.tags))
        self.assertEqual(elements.tags.count("script"), tame.tags.count("script"))
        self.assertFalse([name for name in elements.attributes if name.startswith("on")])
        self.assertNotIn("<script>window", page)
        self.assertIn("evil</script><script>window.pwned=1", elements.text)
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)

    def test_report_predicts_what_advise_says_beside_what_was_measured(self):
        page = self.page(self.write(predictable_rows(), provenance=PROVENANCE))
        said = json.loads(subprocess.run(
            [OCCKIT, "advise", "--json", "--clients", "16", "--think", "20ms", "--window", "2ms", "--docs", "100",
             "--retry-on-conflict", "10"], capture_output=True, text=True, check=True).stdout)["answers"][0]["given"]
        of = self.data(page)["panels"][0]["cells"][0]["points"]["packed_cas"]["predicted"]
        self.assertAlmostEqual(of["conflicts"], 1000 * said["conflict_probability"], places=9)
        self.assertAlmostEqual(of["retries"], sum(k * share for k, share in enumerate(said["retries_probability"])),
                               places=6)
        text = Elements(page).text
        self.assertIn("16 clients, think 20ms, window 2ms, uniform of 100 documents, back-off none", text)
        # What was measured, and behind it what was predicted.
        for what, share in (("conflicts, of attempts - 10.0 %", said["conflict_probability"]),
                            ("0 retries 7.20 k 90.0 %", said["retries_probability"][0]),
                            ("1 retry 640 8.00 %", said["retries_probability"][1])):
            predicted = re.search(re.escape(what) + r" ([\d.e-]+) %", text)
            self.assertIsNotNone(predicted, f"{what}: {text}")
            self.assertAlmostEqual(float(predicted.group(1)), 100 * share, delta=share)
        self.assertNotIn("The retry model says nothing", text)

    def test_report_where_the_model_says_nothing_has_no_prediction(self):
        page = self.page(self.write(ordinary_rows(), provenance=PROVENANCE))
        text = Elements(page).text
        self.assertIn("The retry model says nothing of this load: updates in place never conflict.", text)
        self.assertIn("The retry model says nothing of this load: no window is known", text)
        self.assertNotIn("; predicted", text)
        points = [point for cell in self.data(page)["panels"][0]["cells"] for point in cell["points"].values()]
        self.assertEqual([point["predicted"] for point in points], [None] * len(points))

    def test_report_work_in_the_window_is_predicted_by_the_processors_of_the_machine(self):
        content = [dict(row, think_within="0", think_ns="1000000", threads="4") for row in predictable_rows()[:16]]
        text = Elements(self.page(self.write(content, provenance=PROVENANCE))).text
        self.assertIn("2 clients, think 0.125 x 20ms, window 1000000ns", text)
        (self.folder / "results.json").unlink()
        self.assertIn("how many processors the machine had is not known",
                      Elements(self.page(self.write(content))).text)

    def test_report_an_overloaded_document_has_conflicts_predicted_and_no_retries(self):
        page = self.page(self.write([dict(row, docs="1", dist="hot:1") for row in predictable_rows()]))
        self.assertIn("says nothing of exhausted updates and retries here: the hottest document is committed",
                      Elements(page).text)
        of = self.data(page)["panels"][0]["cells"][0]["points"]["packed_cas"]["predicted"]
        self.assertGreater(of["conflicts"], 500)
        self.assertIsNone(of["retries"])

    def test_report_history_draws_a_contradiction_on_tracks(self):
        path = self.write(ordinary_rows())
        history = self.folder / "history.jsonl"
        text = (HERE.parents[1] / "data/histories/bulk_items_out_of_order.jsonl").read_text(encoding="utf-8")
        history.write_text(text.replace('"d"', json.dumps(HOSTILE)), encoding="utf-8")
        page = self.page(path, "--history", str(history))
        elements = Elements(page)
        self.assertIn("Not linearizable: 1 of the documents is wrong.", elements.text)
        self.assertIn("Impossible:", elements.text)
        self.assertIn(HOSTILE, elements.text)
        self.assertEqual(page.count('class="timeline"'), 1)
        self.assertEqual(page.count("<rect x="), page.count("<li>thread "))
        self.assertGreater(page.count("<rect x="), 1)
        self.assertIn("cannot read", self.refused(path, "--history", "nowhere.jsonl"))

    def test_report_ids_are_there_once_and_every_link_leads_somewhere(self):
        page = self.page(self.write(ordinary_rows()))
        ids = Elements(page).ids
        self.assertEqual(len(ids), len(set(ids)))
        for name in re.findall(r'href="#([^"]*)"', page):
            self.assertIn(name, ids)

    def test_report_without_the_library_says_so_and_has_the_tables(self):
        if os.path.exists(CHARTS):
            self.skipTest("the library is installed")
        text = Elements(self.page(self.write(ordinary_rows()), "--charts", CHARTS)).text
        self.assertIn("apt-get install libjs-dygraphs", text)
        self.assertIn("packed_cas", text)

    def test_report_again_takes_the_place_of_a_report_only(self):
        path = self.write(ordinary_rows())
        self.report(path)
        self.report(path)
        self.assertIn("is no report", self.refused(path, "--out", path))
        self.assertIn("in a folder that is there", self.refused(path, "--out", "nowhere/x.html"))

    def test_report_folder_stands_for_its_results(self):
        self.write(ordinary_rows())
        self.assertTrue(self.report(".").exists())
        self.assertIn("without a results.csv", self.refused(str(self.charts)))

    def test_report_bad_input_is_said(self):
        path = self.write(ordinary_rows())
        self.assertIn("no baseline 'x'", self.refused(path, "--baseline", "x"))
        self.assertIn("has no dygraph.min.js", self.refused(path, "--charts", str(self.folder)))
        for strange in ("[]", "3", "null", '{"starts": {}}', '{"starts": [7, {"environment": []}], "options": "x"}'):
            (self.folder / "results.json").write_text(strange, encoding="utf-8")
            self.report(path)
        (self.folder / "results.json").write_text("{", encoding="utf-8")
        self.assertIn("results.json: not the JSON of a run", self.refused(path))


class PageInABrowser(ReportCase):
    @classmethod
    def setUpClass(cls):
        cls.tab = browser.Page()
        cls.addClassCleanup(cls.tab.close)

    def opened(self, content, **how):
        path = self.report(self.write(content, provenance=PROVENANCE))
        self.tab.open(path, **how)
        self.assertEqual(self.tab.errors, [])
        self.assertEqual([url for url in self.tab.requests if not url.startswith(("file:", "data:"))], [])
        return self.tab

    def ink(self, chart):
        """How many pixels of a chart are drawn."""
        return self.tab.evaluate(f"""[...document.querySelectorAll(".chart")[{chart}].querySelectorAll("canvas")]
            .map((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data)
            .reduce((sum, data) => sum + data.filter((value, k) => k % 4 === 3 && value > 0).length, 0)""")

    def readout(self, chart=0):
        return self.tab.evaluate(f'document.querySelectorAll(".readout")[{chart}].innerText')

    def test_page_loads_without_network_and_draws(self):
        self.opened(ordinary_rows())
        self.assertEqual(self.tab.evaluate('document.querySelectorAll(".chart").length'), 6)
        for chart in range(6):
            self.assertGreater(self.ink(chart), 500)

    def test_page_filters_and_changes_scale_baseline_and_percentile(self):
        tab = self.opened(ordinary_rows())
        self.assertIn("packed_cas", self.readout())
        full = self.ink(0)
        tab.evaluate('[...document.querySelectorAll("#strategies input")][1].click()')
        self.assertNotIn("packed_cas", self.readout())
        self.assertLess(self.ink(0), full)
        tab.evaluate('[...document.querySelectorAll("#strategies button")][0].click()')
        self.assertIn("packed_cas", self.readout())
        tab.evaluate('document.getElementById("logarithmic").click()')
        self.assertGreater(self.ink(0), 500)
        self.choose("baseline", "mutex_global")
        self.assertRegex(self.readout(), r"packed_cas\s+2")
        self.choose("percentile", "p50")
        self.assertIn("500 ns", self.readout(3))
        self.assertEqual(tab.errors, [])

    def choose(self, control, value):
        self.tab.evaluate(f"""(() => {{ const control = document.getElementById("{control}"); control.value = "{value}";
            control.dispatchEvent(new Event("change")); }})()""")

    def test_page_says_values_under_the_pointer_and_by_keys(self):
        tab = self.opened(ordinary_rows())
        box = tab.evaluate("""(() => { const chart = document.querySelector(".chart"); chart.scrollIntoView();
            const box = chart.getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; })()""")
        tab.move(box[0] + 80, box[1] + box[3] / 2)
        tab.wait_for('document.querySelector(".readout").innerText.includes("1 thread")')
        tab.evaluate('document.querySelector(".chart").focus()')
        tab.press("ArrowRight")
        self.assertIn("2 threads", self.readout())
        tab.press("End")
        self.assertIn("4 threads", self.readout())
        self.assertIn("4 threads: packed_cas 2 k",
                      tab.evaluate('document.querySelector(".chart").getAttribute("aria-valuetext")'))

    def test_page_draws_and_says_what_was_predicted(self):
        content = predictable_rows()
        self.opened([dict(row, think_within="0") for row in content])
        plain = self.ink(1)
        self.assertNotIn("predicted", self.readout(1))
        self.opened(content)
        self.assertGreater(self.ink(1), plain)
        self.assertRegex(self.readout(1), r"packed_cas\s+100\s.*predicted 13\.")
        self.assertRegex(self.tab.evaluate('document.querySelectorAll(".chart")[1].getAttribute("aria-valuetext")'),
                         r"packed_cas 100, predicted 13\.")
        self.assertNotIn("predicted", self.readout(0))

    def test_page_link_of_a_winner_opens_its_cell(self):
        tab = self.opened(ordinary_rows())
        tab.evaluate('document.querySelector(".verdicts a").click()')
        tab.wait_for('document.getElementById("cell-0").open')

    def test_page_fits_a_phone_and_the_dark(self):
        tab = self.opened(ordinary_rows(), width=390, height=844, dark=True, phone=True)
        self.assertLessEqual(tab.evaluate("document.documentElement.scrollWidth"), 390)
        paper, ink = tab.evaluate("""[getComputedStyle(document.documentElement).backgroundColor,
            getComputedStyle(document.documentElement).color]""")
        self.assertEqual((paper, ink), ("rgb(21, 23, 27)", "rgb(232, 234, 237)"))

    def test_page_every_control_has_a_name_and_the_headings_an_order(self):
        tab = self.opened(ordinary_rows())
        tree = tab.send("Accessibility.getFullAXTree")["nodes"]
        named = {"checkbox", "combobox", "button", "slider", "link", "image"}
        for node in tree:
            role = node.get("role", {}).get("value")
            if role in named and not node.get("ignored"):
                self.assertTrue(node.get("name", {}).get("value"), node)
        self.assertEqual(tab.evaluate('[...document.querySelectorAll("h1,h2")].map((each) => each.tagName).join(" ")'),
                         "H1 H2 H2 H2 H2 H2")

    def test_page_prints(self):
        tab = self.opened(ordinary_rows(), dark=True)
        self.assertTrue(tab.pdf().startswith(b"%PDF"))
        self.assertEqual(tab.errors, [])

    def test_page_of_a_hostile_file_runs_nothing_of_it(self):
        tab = self.opened(self.hostile_rows())
        self.assertEqual(tab.evaluate("typeof window.pwned"), "undefined")
        self.assertIn("evil</script>", self.readout())
        self.assertEqual(tab.evaluate('document.querySelectorAll("main img, main b").length'), 0)

    def test_page_policy_stops_a_script_that_came_in_all_the_same(self):
        path = self.report(self.write(ordinary_rows()))
        page = path.read_text(encoding="utf-8").replace("<main>", "<main><script>window.pwned = 1</script>", 1)
        path.write_text(page, encoding="utf-8")
        self.tab.open(path)
        self.assertEqual(self.tab.evaluate("typeof window.pwned"), "undefined")
        self.assertTrue(any("Content Security Policy" in error for error in self.tab.errors))


if __name__ == "__main__":
    if IN_BROWSER and not (browser.CHROMIUM and os.path.exists(CHARTS)):
        print("left out: Debian's chromium or libjs-dygraphs is not installed (harness/install_packages.sh browser)")
        sys.exit(77)
    chosen = PageInABrowser if IN_BROWSER else PageAsText
    result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(chosen))
    sys.exit(not result.wasSuccessful())
