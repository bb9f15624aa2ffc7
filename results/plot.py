#!/usr/bin/python3
"""Draws the figures of one or several occkit result files (results.csv of `occkit run`).

Writes throughput, efficiency, conflicts, retries, latency, ratio and, where sources of several sizes were measured,
bodies, each as PNG and SVG, beside the first CSV or into --out; of runs with --rate, load: response times by rate, and
none of the others. What does not fit one figure goes on in throughput-2 and so on. Every number drawn comes from
`occkit compare --json` (--occkit says where that program is), so that figures and tables agree. Not drawn, and said so
under each figure: strategies with a row that failed verification at that setting, negative controls, the null strategy,
floors (they are what efficiency divides by), and replicates that recorded their history (recording costs time). Exit
status: 0, or 2 for bad input.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import textwrap
from collections import defaultdict

from drawing import (
    DASHES_OF_OTHER_FORMS,
    DASHES_OF_OTHER_SOURCES,
    STRATEGY_LOOKS,
    BadInput,
    line_style,
    looks_of,
    make_folder,
    paler,
    plt,
    save,
)

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, NullLocator

PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "build", "release", "occkit")
FORMAT, FORMAT_VERSION = "occkit-comparison", 1
PERCENTILES = [("p50", "p50"), ("p90", "p90"), ("p99", "p99"), ("p99.9", "p999"), ("max", "max")]
# What a panel's title always says, in words; of the other settings it names those that differ.
TITLE_SETTINGS = ["mix", "docs", "dist", "body_bytes", "batch"]
PUBLISHED_REPLICATES = 10
# Panels of one figure, so that it is not larger than what one looks at: about 2,500 pixels wide, 2,000 high.
MOST_PANELS = 6
MOST_ROW_INCHES = 12
MOST_COLUMNS = 4


def run_compare(program, files, baseline):
    """What `occkit compare --json` says of the files."""
    command = [program or PROGRAM, "compare", "--json", *files, *(["--baseline", baseline] if baseline else [])]
    how = "give it by --occkit PATH, or build it: cmake --build --preset release --target occkit_program"
    try:
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BadInput(
            f"{command[0]}: {error.strerror or error}; the program `occkit` computes what is drawn: {how}"
        ) from None
    if ended.returncode != 0:
        raise BadInput(
            re.sub("^occkit: ", "", ended.stderr.strip())
            or f"{command[0]} compare ended with status {ended.returncode}"
        )
    try:
        comparison = json.loads(ended.stdout)
        if (comparison["format"], comparison["format_version"]) == (FORMAT, FORMAT_VERSION):
            return comparison
    except (ValueError, KeyError, TypeError):
        pass
    raise BadInput(f"{command[0]}: not the program that this script belongs to; {how}")


def read_provenance(csv_path):
    """The JSON beside the CSV; empty if there is none."""
    path = os.path.splitext(csv_path)[0] + ".json"
    if not os.path.exists(path):
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a readable JSON: {error}") from None
    return content if isinstance(content, dict) else {}


def find_key(tree, names, wanted):
    """The first value of type `wanted` under one of `names`, at any depth; earlier names win."""
    for name in names:
        pending = [tree]
        while pending:
            node = pending.pop(0)
            if isinstance(node, list):
                pending.extend(node)
            if not isinstance(node, dict):
                continue
            value = node.get(name)
            if isinstance(value, wanted) and not isinstance(value, bool):
                return value
            pending.extend(node.values())
    return None


def source_names(paths):
    """Short names that tell the files apart: stems, else the folders that hold them, else the paths."""
    for name in (
        lambda p: os.path.splitext(os.path.basename(p))[0],
        lambda p: os.path.basename(os.path.dirname(os.path.abspath(p))),
    ):
        names = [name(path) for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(paths)


def natural(text):
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)


def byte_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:g} {unit}"
        count /= 1024


def mix_text(mix):
    """'get=95,cond=5' as '95 % get, 5 % cond', 'get=100' as 'get'."""
    parts = [part.partition("=") for part in mix.split(",")]
    if len(parts) == 1 and parts[0][2] in ("", "100"):
        return parts[0][0]
    return ", ".join(f"{share} % {operation}" for operation, _, share in parts)


class Panel:
    """The cells that differ in threads only."""

    def __init__(self, workload, settings, checked):
        self.workload, self.settings, self.checked = workload, settings, checked
        self.cells = {}

    @property
    def threads(self):
        return sorted(count for count, entries in self.cells.items() if entries)

    def entry(self, competitor, threads):
        return self.cells.get(threads, {}).get(competitor)

    @property
    def entries(self):
        return [entry for entries in self.cells.values() for entry in entries.values()]

    @property
    def rate_per_s(self):
        """Of an open loop; None of a closed one."""
        return float(self.settings["rate_per_s"]) if self.settings.get("rate_per_s") else None

    @property
    def is_hot(self):
        return self.settings.get("dist", "").startswith("hot:")

    def headline(self):
        """The workload's name, unless it says nothing, and what a call does."""
        mix, batch = mix_text(self.settings["mix"]), self.settings["batch"]
        calls = mix + (f", {batch} in a call" if batch != "1" else "")
        return calls if self.workload in ("", "custom", mix) else f"{self.workload}: {calls}"

    def documents(self, without=()):
        settings = self.settings
        parts = [] if "docs" in without else [f"{int(float(settings['docs'])):,} documents"]
        parts.append(settings["dist"].replace(":", " "))
        if "body_bytes" not in without:
            parts.append(f"{byte_text(float(settings['body_bytes']))} each")
        return ", ".join(parts)


class Results:
    """What may be drawn, by panel, thread count and competitor (its label); and notes on what may not."""

    def __init__(self, comparison, files):
        provenances = [read_provenance(path) for path in files]
        cores = {find_key(provenance, ["cores_online"], int) for provenance in provenances}
        self.cores = cores.pop() if len(cores) == 1 else None
        machines = {find_key(provenance, ["model"], str) for provenance in provenances} - {None}
        self.machine = machines.pop() if len(machines) == 1 else None
        self.baseline = comparison["baseline"]
        self.noise_floor = comparison["noise_floor"]

        panels, found = {}, {}
        voided, controls, history, self.disturbed = defaultdict(int), set(), 0, 0
        self.has_floor, self.faster_than = False, {"efficiency": {}, "of_contended_cas": {}}
        for cell in comparison["cells"]:
            key = (cell["workload"], tuple(cell["settings"].items()), cell["checked"])
            panel = panels.setdefault(key, Panel(cell["workload"], cell["settings"], cell["checked"]))
            shown = panel.cells.setdefault(cell["threads"], {})
            for share, name in (
                ("efficiency", cell["faster_than_floor"]),
                ("of_contended_cas", cell["faster_than_contended_cas"]),
            ):
                if name:
                    self.faster_than[share][panel] = name
            for entry in cell["entries"]:
                self.has_floor |= entry["strategy"] == "floor_plain"
                if entry["standing"] == "voided":
                    voided[entry["label"]] += entry["failed"]["of"]
                elif entry["standing"] == "control":
                    controls.add(entry["strategy"])
                else:
                    history += entry["history"]["rows"]
                    self.disturbed += entry["disturbed"]
                    if entry["replicates"] > 0:
                        shown[entry["label"]] = entry
                        found[entry["label"]] = entry
        self.panels = [panel for panel in panels.values() if panel.entries]
        if not self.panels:
            raise BadInput(
                f"nothing to draw: {sum(voided.values())} rows failed verification or stand beside one that did, "
                f"{history} recorded "
                "their history, the others are controls"
            )
        self.open_panels = [panel for panel in self.panels if panel.rate_per_s is not None]
        self.panels = [panel for panel in self.panels if panel.rate_per_s is None]
        order = list(STRATEGY_LOOKS)
        self.competitors = sorted(
            found,
            key=lambda label: (
                order.index(found[label]["strategy"]) if found[label]["strategy"] in order else len(order),
                found[label]["strategy"],
                found[label]["source"],
                label,
            ),
        )
        self.styles = styles_of(self.competitors, found)
        self.replicates = min(
            entry["replicates"] for panel in self.panels + self.open_panels for entry in panel.entries
        )

        self.notes = []
        if voided:
            self.notes.append(
                "Not drawn, verification failed there: "
                + ", ".join(f"{name} ({count} rows)" for name, count in sorted(voided.items()))
                + "."
            )
        if controls:
            self.notes.append("Controls, not drawn: " + ", ".join(sorted(controls)) + ".")
        if history:
            self.notes.append(f"{history} rows that recorded their history (verified) are not drawn as speed.")
        if self.disturbed:
            self.notes.append(
                f"{self.disturbed} replicates stayed disturbed and are left out; hollow: a point that has no others."
            )
        sources = comparison["sources"]
        if sources:
            paths = list(dict.fromkeys(source["file"] for source in sources))
            short = dict(zip(paths, source_names(paths)))
            self.notes.append(
                "Files: "
                + "; ".join(
                    f"[{k + 1}] {short[source['file']]}"
                    + (f" (time {source['time']} of a replicate)" if source["time"] > 1 else "")
                    for k, source in enumerate(sources)
                )
                + "."
            )

    def threads(self):
        return sorted({count for panel in self.panels for count in panel.threads})

    def title(self, panel, without=()):
        """The mix, the documents, and what else differs among the panels."""
        twins = [
            other
            for other in (self.panels if panel.rate_per_s is None else self.open_panels)
            if (other.headline(), other.documents()) == (panel.headline(), panel.documents())
        ]
        differing = [
            f"{column} {value}"
            for column, value in panel.settings.items()
            if column not in TITLE_SETTINGS
            and column not in without
            and len({other.settings[column] for other in twins}) > 1
        ]
        if len({other.checked for other in twins}) > 1:
            differing.append(f"checked {panel.checked}")
        lines = [panel.headline(), panel.documents(without)] + ([", ".join(differing)] if differing else [])
        return "\n".join(textwrap.fill(line, 46) for line in lines)


def styles_of(labels, entries):
    looks = looks_of(entries[label]["strategy"] for label in labels)
    styles, forms = {}, defaultdict(list)
    for label in labels:
        entry = entries[label]
        color, marker, dash = looks[entry["strategy"]]
        same = forms[entry["strategy"], entry["source"]]
        if same:
            dash = DASHES_OF_OTHER_FORMS[(len(same) - 1) % len(DASHES_OF_OTHER_FORMS)]
        if entry["source"] > 0:
            color, dash = paler(color), DASHES_OF_OTHER_SOURCES[(entry["source"] - 1) % len(DASHES_OF_OTHER_SOURCES)]
        same.append(label)
        styles[label] = line_style((color, marker, dash))
    return styles


class Figure:
    """One figure of a grid of panels, with its legend and footnotes outside the data."""

    def __init__(self, results, title, rows, columns, width, height, sharey="none"):
        self.results = results
        self.fig, self.axes = plt.subplots(rows, columns, figsize=(width * columns, height * rows), squeeze=False,
                                           constrained_layout={"w_pad": 0.09, "h_pad": 0.09}, sharey=sharey)
        self.title = title

    def finish(self, out, stem, handles, notes):
        results = self.results
        quick = f"Quick look ({results.replicates} replicate{'s' if results.replicates > 1 else ''}): " if \
            results.replicates < PUBLISHED_REPLICATES else ""
        machine = ", ".join(filter(None, [results.machine, f"{results.cores} cores" if results.cores else None]))
        width = self.fig.get_figwidth()
        self.fig.suptitle(textwrap.fill(quick + self.title, max(40, int(width * 9))), fontsize=12, fontweight="bold")
        self.fig.canvas.draw()
        # The legend stands right of the panels, the notes below them; the saved box is grown to hold both.
        if handles:
            self.fig.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.005, 0.97), frameon=False, fontsize=9,
                            handlelength=4.2, labelspacing=0.7)
        lines = notes + results.notes + (["Machine: " + machine + "."] if machine else [])
        text = "\n".join(textwrap.fill(line, max(60, int(width * 15))) for line in lines)
        self.fig.text(0.005, -0.01, text, ha="left", va="top", fontsize=8, color="#333333", linespacing=1.35)
        return save(self.fig, out, stem, dpi=160, bbox_inches="tight", pad_inches=0.15)


class Pages:
    """One figure, or several where the panels are too many: stem, stem-2, and so on."""

    def __init__(self, results, out, stem, title):
        self.results, self.out, self.stem, self.title = results, out, stem, title
        self.figures = []

    def add(self, rows, columns, width, height, sharey="none"):
        figure = Figure(self.results, self.title, rows, columns, width, height, sharey)
        self.figures.append([figure, []])
        return figure

    def draws(self, labels):
        """Who is in the last figure, for its legend."""
        self.figures[-1][1].extend(labels)

    def finish(self, notes, handles=None):
        written = []
        for k, (figure, labels) in enumerate(self.figures):
            if len(self.figures) > 1:
                figure.title += f" ({k + 1} of {len(self.figures)})"
            written += figure.finish(
                self.out,
                self.stem + (f"-{k + 1}" if k else ""),
                legend_handles(self.results, labels) if handles is None else handles,
                notes,
            )
        self.remove_later_pages(len(self.figures))
        return written, None

    def remove_later_pages(self, count):
        """Those of an earlier drawing that had more."""
        for name in os.listdir(self.out):
            page = re.fullmatch(re.escape(self.stem) + r"-(\d+)\.(png|svg)", name)
            if page and int(page.group(1)) > count:
                os.unlink(os.path.join(self.out, name))


def even_parts(items, most):
    """As few parts as hold at most so many each, of sizes that differ by one at most."""
    count = max(1, math.ceil(len(items) / most))
    return [items[len(items) * k // count:len(items) * (k + 1) // count] for k in range(count)]


def grid_shape(count):
    columns = min(count, 3) if count != 4 else 2
    return math.ceil(count / columns), columns


def thread_axis(axis, threads, cores):
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator(threads))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    low, high = threads[0] / 1.25, threads[-1] * 1.25
    axis.set_xlim(low, high)
    axis.set_xlabel("threads")
    if cores and threads[-1] > cores:
        axis.axvspan(max(cores, low), high, color="#000000", alpha=0.045, linewidth=0, zorder=0)
        if cores >= low:
            axis.axvline(cores, color="#666666", linewidth=0.8, linestyle=(0, (2, 2)), zorder=0.5)
            axis.annotate(
                f"{cores} cores",
                (cores, 1),
                xycoords=("data", "axes fraction"),
                xytext=(3, -3),
                textcoords="offset points",
                fontsize=7.5,
                color="#555555",
                va="top",
                ha="left",
            )


def dodge(index, count):
    return 2 ** (0.16 * (index / (count - 1) - 0.5)) if count > 1 else 1.0


def draw_lines(axis, results, panel, value):
    """One line per competitor through value(entry), an interval or None; returns who was drawn."""
    drawn = []
    for index, competitor in enumerate(results.competitors):
        points = [(threads, panel.entry(competitor, threads)) for threads in panel.threads]
        points = [(threads * dodge(index, len(results.competitors)), value(entry), entry["all_disturbed"])
                  for threads, entry in points if entry and value(entry)]
        if not points:
            continue
        drawn.append(competitor)
        plot_points(axis, points, results.styles[competitor])
    return drawn


def plot_points(axis, points, style):
    """A line through the medians of points (x, interval, whether disturbed), and bars; disturbed points are hollow."""
    axis.plot(
        [at for at, _, _ in points], [interval["median"] for _, interval, _ in points], zorder=3, clip_on=False, **style
    )
    hollow = [(at, interval) for at, interval, disturbed in points if disturbed]
    if hollow:
        axis.plot([at for at, _ in hollow], [interval["median"] for _, interval in hollow], zorder=3.1, clip_on=False,
                  **{**style, "linestyle": "none", "markerfacecolor": "white"})
    barred = [(at, interval) for at, interval, _ in points if interval["low"] is not None]
    if barred:
        axis.errorbar(
            [at for at, _ in barred],
            [i["median"] for _, i in barred],
            yerr=[
                [max(0, i["median"] - i["low"]) for _, i in barred],
                [max(0, i["high"] - i["median"]) for _, i in barred],
            ],
            fmt="none",
            ecolor=style["color"],
            elinewidth=1,
            capsize=2,
            zorder=2.5,
        )


def legend_handles(results, drawn):
    return [
        Line2D([], [], label=competitor, **results.styles[competitor])
        for competitor in results.competitors
        if competitor in drawn
    ]


def line_figure(results, out, stem, title, y_label, value_in, prepare, notes):
    """Panels by workload, threads across. value_in(panel) gives value of draw_lines; prepare(axis) sets y."""
    panels = [panel for panel in results.panels if any(value_in(panel)(entry) for entry in panel.entries)]
    pages = Pages(results, out, stem, title)
    if not panels:
        pages.remove_later_pages(0)
        return [], f"{stem}: nothing to draw"
    for part in even_parts(panels, MOST_PANELS):
        rows, columns = grid_shape(len(part))
        figure = pages.add(rows, columns, 4.3, 3.9)
        for k, (axis, panel) in enumerate(zip(figure.axes.flat, part)):
            pages.draws(draw_lines(axis, results, panel, value_in(panel)))
            axis.set_title(results.title(panel), fontsize=9.5)
            if k % columns == 0:
                axis.set_ylabel(y_label)
            prepare(axis)
            thread_axis(axis, panel.threads, results.cores)
            axis.grid(axis="y", color="#dddddd", linewidth=0.6)
            axis.set_axisbelow(True)
        for axis in list(figure.axes.flat)[len(part):]:
            axis.remove()
    return pages.finish(notes)


INTERVAL_NOTE = (
    "Points: median over replicates. Bars: 95 % bootstrap interval, or the range of fewer than six. "
    "Points are moved sideways a little so that bars do not hide each other."
)


def from_zero(axis):
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(EngFormatter(sep=" "))


def field(name):
    """value_in of line_figure: that interval of each entry."""
    return lambda _panel: lambda entry: entry[name]


def draw_throughput(results, out):
    return line_figure(
        results,
        out,
        "throughput",
        "throughput by threads",
        "operations per second",
        field("metric"),
        from_zero,
        [INTERVAL_NOTE],
    )


def draw_efficiency(results, out, floor="floor_plain"):
    """Throughput as a share of that of a floor: floor_plain, or, of hot panels, floor_cas."""
    share, stem = ("efficiency", "efficiency") if floor == "floor_plain" else ("of_contended_cas", "efficiency_hot")

    def prepare(axis):
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))

    notes = [
        INTERVAL_NOTE,
        f"Efficiency: throughput as a share of the median of {floor} under the same workload and threads; see occkit "
        "list.",
    ]
    faster = results.faster_than[share]
    if faster:
        notes.append(
            f"Not drawn where somebody is faster than {floor}, which is no floor there: "
            + "; ".join(f"{panel.headline()} ({panel.documents()}): {name}" for panel, name in faster.items())
            + "."
        )
    written, remark = line_figure(
        results,
        out,
        stem,
        f"efficiency: throughput as a share of {floor}",
        f"share of {floor}",
        field(share),
        prepare,
        notes,
    )
    if not remark or floor != "floor_plain":
        return written, None
    return written, (f"{stem}: nothing to draw, in every cell somebody is faster than {floor}" if faster else
                     f"{stem}: no floor in this run; --strategy floors adds it")


def body_axis(axis, bodies, place):
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator([place(body) for body in bodies]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels([byte_text(body) for body in bodies], rotation=45, ha="right", fontsize=8)
    axis.set_xlim(place(bodies[0]) / 1.5, place(bodies[-1]) * 1.5)
    axis.set_xlabel("bytes of a source")
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)


def draw_bodies(results, out):
    """Throughput, and its ratio to the baseline, by the size of sources: a column for each thread count and each
    setting that was measured with several sizes. `docs` may differ from size to size."""
    groups = defaultdict(dict)
    for panel in results.panels:
        setting = (
            panel.workload,
            panel.checked,
            tuple((name, value) for name, value in panel.settings.items() if name not in ("docs", "body_bytes")),
        )
        body = float(panel.settings["body_bytes"])
        # Several numbers of documents of one size are not a sweep of sizes.
        groups[setting][body] = None if body in groups[setting] else panel
    columns = [
        ({body: panels[body] for body in sorted(panels)}, threads)
        for panels in groups.values()
        if len(panels) > 1 and all(panels.values())
        for threads in sorted({count for panel in panels.values() for count in panel.threads})
    ]
    pages = Pages(results, out, "bodies", f"throughput by size of sources, and relative to {results.baseline}")
    if not columns:
        pages.remove_later_pages(0)
        return [], None
    for part in even_parts(columns, MOST_COLUMNS):
        figure = pages.add(2, len(part), 4.8, 3.7)
        for column, (panels, threads) in enumerate(part):
            bodies = list(panels)
            smallest = next(body for body in bodies if body > 0)

            def place(body, smallest=smallest):
                return body if body > 0 else smallest / 4

            for axis, name in zip(figure.axes[:, column], ("metric", "ratio")):
                for index, competitor in enumerate(results.competitors):
                    found = [(place(body), panel.entry(competitor, threads)) for body, panel in panels.items()]
                    points = [(at * dodge(index, len(results.competitors)), entry[name], entry["all_disturbed"])
                              for at, entry in found if entry and entry[name]]
                    if points:
                        pages.draws([competitor])
                        plot_points(axis, points, results.styles[competitor])
                body_axis(axis, bodies, place)
                title = results.title(next(iter(panels.values())), without=("docs", "body_bytes"))
                axis.set_title(f"{title}, {threads} thread{'s' if threads > 1 else ''}", fontsize=9.5)
            top, bottom = figure.axes[:, column]
            top.set_yscale("log")
            top.yaxis.set_major_formatter(EngFormatter(sep=" "))
            ratio_axis(bottom)
            if column == 0:
                top.set_ylabel("operations per second")
                bottom.set_ylabel(f"throughput / throughput of {results.baseline}")
    sizes = [
        f"{byte_text(body)}: {int(float(panel.settings['docs'])):,}"
        for panels, threads in columns[:1]
        for body, panel in panels.items()
    ]
    notes = [
        INTERVAL_NOTE,
        "Ratios: median of those of equal replicates, with its interval; one that crosses 1 shows no difference. "
        "Logarithmic axes.",
        "Documents: " + "; ".join(sizes) + ".",
    ]
    if any(0 in panels for panels, _ in columns):
        notes.append("0 B has no place on a logarithmic axis: it stands left of the others.")
    return pages.finish(notes)


def draw_conflicts(results, out):
    kinds = [
        ("version conflicts\nper 1,000 attempts", "conflicts_per_1000"),
        ("publication failures\nper 1,000 attempts", "publication_failures_per_1000"),
    ]

    def meets(entry, names):
        return any(entry[name] and entry[name]["median"] > 0 for name in names)

    everything = [entry for panel in results.panels for entry in panel.entries]
    if not any(meets(entry, [kinds[1][1]]) for entry in everything):
        kinds = kinds[:1]
    names = [name for _, name in kinds]
    writing = [c for c in results.competitors if any(entry["label"] == c and entry[names[0]] for entry in everything)]
    losing = [
        c for c in results.competitors if any(entry["label"] == c and meets(entry, names) for entry in everything)
    ]
    panels = [panel for panel in results.panels if any(entry[names[0]] for entry in panel.entries)]
    pages = Pages(results, out, "conflicts", "version conflicts by threads")
    if not losing:
        pages.remove_later_pages(0)
        return [], "conflicts: nothing to draw, no " + (
            "attempt met a conflict or failed to publish" if writing else "row attempted a write"
        )
    shown = [panel for panel in panels if any(meets(entry, names) for entry in panel.entries)]
    for part in even_parts(shown, MOST_COLUMNS):
        figure = pages.add(len(kinds), len(part), 4.1, 3.5)
        for row_index, (y_label, name) in enumerate(kinds):
            for column, panel in enumerate(part):
                axis = figure.axes[row_index][column]
                pages.draws(
                    draw_lines(
                        axis, results, panel, lambda entry, name=name: entry[name] if entry["label"] in losing else None
                    )
                )
                if row_index == 0:
                    axis.set_title(results.title(panel), fontsize=9.5)
                if column == 0:
                    axis.set_ylabel(y_label)
                axis.set_ylim(bottom=0)
                if not any(np.any(np.asarray(line.get_ydata(), dtype=float) > 0) for line in axis.lines):
                    axis.set_ylim(0, 1)
                thread_axis(axis, panel.threads, results.cores)
                axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    notes = [
        "Points: all replicates together. Bars: 95 % bootstrap interval over replicates. "
        "Points are moved sideways a little so that bars do not "
        "hide each other.",
        "Attempts: decisions on a write that were carried through. "
        "A version conflict is a refusal by the precondition; a publication failure is a state that moved between "
        "read and publication, after which the operation decides again.",
    ]
    if len(losing) < len(writing):
        notes.append("Neither at any point, not drawn: " + ", ".join(c for c in writing if c not in losing) + ".")
    if len(shown) < len(panels):
        notes.append(
            "Neither in: "
            + "; ".join(f"{panel.headline()} ({panel.documents()})" for panel in panels if panel not in shown)
            + "."
        )
    return pages.finish(notes)


def grid_figure(pages, panels, threads, competitors, width, height):
    """(panels, thread counts, figure) of each page: panels down, thread counts across."""
    label_inches = 0.075 * max(len(competitor) for competitor in competitors)
    most_rows = max(1, int(MOST_ROW_INCHES / height))
    for counts in even_parts(threads, MOST_COLUMNS):
        for part in even_parts(panels, most_rows):
            yield part, counts, pages.add(
                len(part), len(counts), width + label_inches / len(counts), height, sharey="row"
            )


def cell_title(results, panel, count):
    over = f" (more than {results.cores} cores)" if results.cores and count > results.cores else ""
    return f"{results.title(panel)}\n{count} thread{'s' if count > 1 else ''}{over}"


def draw_retries(results, out):
    shares = {}
    for panel in results.panels:
        for threads, entries in panel.cells.items():
            for competitor, entry in entries.items():
                counts = np.array(entry["updates_by_retries"], dtype=float)
                if counts.sum() > 0:
                    shares[panel, competitor, threads] = counts / counts.sum()
    retried = [key for key, share in shares.items() if share[0] < 1]
    panels = [panel for panel in results.panels if any(key[0] is panel for key in retried)]
    calm = [panel for panel in results.panels if panel not in panels]
    pages = Pages(results, out, "retries", "retries per update")
    if not panels:
        pages.remove_later_pages(0)
        return [], "retries: nothing to draw, no update was tried again"
    threads = sorted({key[2] for key in retried})
    competitors = [c for c in results.competitors if any(key[1] == c for key in retried)]
    never = [c for c in results.competitors if c not in competitors and any(key[1] == c for key in shares)]
    bins = len(next(iter(shares.values())))
    smallest = 1e-6
    colours = matplotlib.colormaps["cividis_r"].copy()
    colours.set_bad("white")
    for part, counts, figure in grid_figure(
        pages, panels, threads, competitors, 3.4, max(2.4, 1.55 + 0.26 * len(competitors))
    ):
        image = None
        for row_axes, panel in zip(figure.axes, part):
            for axis, count in zip(row_axes, counts):
                grid = np.full((len(competitors), bins), np.nan)
                for k, competitor in enumerate(competitors):
                    share = shares.get((panel, competitor, count))
                    if share is None:
                        axis.text(8, k, "no verified row", ha="center", va="center", fontsize=7, color="#777777")
                        continue
                    grid[k] = np.where(share > 0, np.maximum(share, smallest), np.nan)
                    for bin_index, of in enumerate(share):
                        if of >= 0.005:
                            axis.text(
                                bin_index, k, f"{100 * of:.0f}", ha="center", va="center", fontsize=6, color="white"
                            )
                image = axis.imshow(
                    np.ma.masked_invalid(grid),
                    aspect="auto",
                    cmap=colours,
                    norm=LogNorm(smallest, 1),
                    interpolation="nearest",
                )
                axis.set_xticks([0, 4, 8, 12, 16], ["0", "4", "8", "12", "16+"])
                axis.set_yticks(range(len(competitors)), competitors)
                axis.set_xticks(np.arange(-0.5, bins), minor=True)
                axis.set_yticks(np.arange(-0.5, len(competitors)), minor=True)
                axis.grid(which="minor", color="#e4e4e4", linewidth=0.5)
                axis.tick_params(which="minor", length=0)
                axis.set_xlabel("retries of one update")
                axis.set_title(cell_title(results, panel, count), fontsize=8.5)
        bar = figure.fig.colorbar(image, ax=figure.axes, label="share of updates", pad=0.015, aspect=30)
        bar.ax.yaxis.set_major_locator(LogLocator(numticks=8 if len(part) > 1 or len(competitors) > 4 else 4))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    notes = ["Numbers in the cells: per cent of updates, from 0.5 % up. White: none. All replicates together."]
    if never:
        notes.append("Never tried again: " + ", ".join(never) + ".")
    if calm:
        notes.append("Without a retry: " + "; ".join(dict.fromkeys(panel.headline() for panel in calm)) + ".")
    return pages.finish(notes, handles=[])


def draw_latency(results, out):
    def percentile(panel, competitor, threads, name):
        entry = panel.entry(competitor, threads)
        spread = entry and entry["latency_ns"].get(name)
        return spread if spread and spread["median"] > 0 else None

    panels = [
        panel
        for panel in results.panels
        if any(percentile(panel, c, t, "p50") for c in results.competitors for t in panel.threads)
    ]
    pages = Pages(results, out, "latency", "latency of operations")
    if not panels:
        pages.remove_later_pages(0)
        return [], "latency: nothing to draw, no latency was sampled"
    competitors = results.competitors
    looks = dict(
        zip(
            [name for name, _ in PERCENTILES],
            [("o", "#332288"), ("s", "#0072B2"), ("^", "#009E73"), ("D", "#D55E00"), ("x", "#555555")],
        )
    )
    for part, counts, figure in grid_figure(
        pages, panels, results.threads(), competitors, 3.3, 1.55 + 0.26 * len(competitors)
    ):
        for row_axes, panel in zip(figure.axes, part):
            everything = [
                spread[end]
                for c in competitors
                for t in panel.threads
                for _, name in PERCENTILES
                for spread in [percentile(panel, c, t, name)]
                if spread
                for end in ("smallest", "largest")
                if spread[end] > 0
            ]
            for axis, count in zip(row_axes, counts):
                for k, competitor in enumerate(competitors):
                    if k % 2:
                        axis.axhspan(k - 0.5, k + 0.5, color="#000000", alpha=0.035, linewidth=0)
                    medians = []
                    for name, column in PERCENTILES:
                        spread = percentile(panel, competitor, count, column)
                        if not spread:
                            continue
                        marker, color = looks[name]
                        medians.append(spread["median"] * 1e-9)
                        axis.plot(
                            [spread["smallest"] * 1e-9, spread["largest"] * 1e-9],
                            [k, k],
                            color=color,
                            linewidth=3,
                            alpha=0.3,
                            solid_capstyle="butt",
                            zorder=2,
                        )
                        axis.plot(
                            [medians[-1]], [k], marker=marker, color=color, markersize=5, linestyle="none", zorder=3
                        )
                    if medians:
                        axis.plot([min(medians), max(medians)], [k, k], color="#aaaaaa", linewidth=0.7, zorder=1)
                    elif not panel.entry(competitor, count):
                        axis.text(0.5, k, "no verified row", ha="center", va="center", fontsize=7, color="#777777",
                                  transform=axis.get_yaxis_transform())
                axis.set_xscale("log")
                axis.set_xlim(min(everything) * 1e-9 / 1.5, max(everything) * 1e-9 * 1.5)
                axis.xaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
                axis.xaxis.set_major_locator(LogLocator(numticks=8))
                axis.tick_params(axis="x", labelsize=8, rotation=35)
                axis.set_yticks(range(len(competitors)), competitors)
                axis.set_ylim(len(competitors) - 0.5, -0.5)
                axis.set_xlabel("service time of one operation")
                axis.grid(axis="x", color="#dddddd", linewidth=0.6)
                axis.set_title(cell_title(results, panel, count), fontsize=8.5)
    handles = [
        Line2D([], [], marker=marker, color=color, linestyle="none", label=name, markersize=6)
        for name, (marker, color) in looks.items()
    ]
    notes = [
        "Markers: median over replicates of each replicate's own percentile (percentiles are not averaged). "
        "Pale bars: smallest to "
        "largest replicate. Sampled operations, retries and back-off included."
    ]
    return pages.finish(notes, handles)


def rate_points(panels, competitor, threads):
    """(rate, p99 of the response times by replicates, whether disturbed), by rate."""
    points = []
    for panel in sorted(panels, key=lambda each: each.rate_per_s):
        entry = panel.entry(competitor, threads)
        if entry and "p99" in entry["response_ns"]:
            p99 = entry["response_ns"]["p99"]
            seconds = {name: p99[of] * 1e-9 for name, of in
                       (("low", "smallest"), ("median", "median"), ("high", "largest"))}
            points.append((panel.rate_per_s, seconds, entry["all_disturbed"]))
    return points


def draw_load(results, out):
    """p99 of the response times by rate, one line a strategy; a panel for each number of threads."""
    loads = defaultdict(list)
    for panel in results.open_panels:
        settings = {column: value for column, value in panel.settings.items() if column != "rate_per_s"}
        loads[panel.workload, tuple(settings.items()), panel.checked].append(panel)
    places = [
        (panels, threads)
        for panels in loads.values()
        for threads in sorted({count for panel in panels for count in panel.threads})
    ]
    pages = Pages(results, out, "load", "response time by load")
    if not places:
        pages.remove_later_pages(0)
        return [], None
    for part in even_parts(places, MOST_PANELS):
        rows, columns = grid_shape(len(part))
        figure = pages.add(rows, columns, 4.3, 3.9)
        for k, (axis, (panels, threads)) in enumerate(zip(figure.axes.flat, part)):
            drawn = [each for each in results.competitors if rate_points(panels, each, threads)]
            for competitor in drawn:
                plot_points(axis, rate_points(panels, competitor, threads), results.styles[competitor])
            pages.draws(drawn)
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
            axis.yaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
            axis.set_xlabel("operations that begin per second")
            if k % columns == 0:
                axis.set_ylabel("p99 of response times")
            title = results.title(panels[0], without=("rate_per_s",))
            axis.set_title(f"{title}\n{threads} thread{'s' if threads > 1 else ''}", fontsize=9.5)
            axis.grid(color="#dddddd", linewidth=0.6)
            axis.set_axisbelow(True)
        for axis in list(figure.axes.flat)[len(part):]:
            axis.remove()
    return pages.finish([
        "Points: median over replicates of each replicate's p99. Bars: smallest to largest replicate. Response times "
        "run from the intended start of an operation; what had not ended by the window's end counts with what it had "
        "waited by then."
    ])


def ratio_axis(axis):
    axis.set_yscale("log", base=2)
    axis.axhline(1, color="#333333", linewidth=0.9, zorder=1)
    ticks = [2.0 ** power for power in range(-12, 13)]
    low, high = axis.get_ylim()
    low, high = min(low, 1 / 1.3), max(high, 1.3)
    if high / low < 4:
        ticks = [0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3]
    axis.set_ylim(low, high)
    axis.yaxis.set_major_locator(FixedLocator(ticks))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"1/{1 / value:.0f}" if value < 0.45 else f"{value:.3g}")
    )


def draw_ratio(results, out):
    if not results.baseline:
        return [], "ratio: nothing to draw, no baseline"
    notes = [
        "Points: median of the ratios of equal replicates. Bars: its 95 % bootstrap interval, or the range of fewer "
        "than six; a bar that crosses 1 shows no difference. "
        "Logarithmic axis, so that twice and half look alike."
    ]
    if results.noise_floor:
        low, high = results.noise_floor["low"], results.noise_floor["high"]
        notes.append(
            f"Grey: {low:.3g} to {high:.3g}, what ratios of one strategy to itself were (A/A); a ratio inside is no "
            "difference."
        )

    def prepare(axis):
        if results.noise_floor:
            axis.axhspan(low, high, color="#000000", alpha=0.1, linewidth=0, zorder=0)
        ratio_axis(axis)

    return line_figure(
        results,
        out,
        "ratio",
        f"throughput relative to {results.baseline}",
        f"throughput / throughput of {results.baseline}",
        field("ratio"),
        prepare,
        notes,
    )


def main(arguments):
    parser = argparse.ArgumentParser(description="Draw the figures of occkit result files.")
    parser.add_argument("files", nargs="+", metavar="FILE.csv")
    parser.add_argument(
        "--out", metavar="DIR", help="folder for the figures, made if missing (default: the first CSV's)"
    )
    parser.add_argument(
        "--baseline",
        metavar="NAME",
        help="strategy, or strategy/update_form, that the ratio figure divides by " "(default: that of occkit compare)",
    )
    parser.add_argument(
        "--occkit",
        metavar="PATH",
        help="the program that computes what is drawn (default: build/release/occkit of this folder's tree)",
    )
    options = parser.parse_args(arguments)
    results = Results(run_compare(options.occkit, options.files, options.baseline), options.files)
    out = options.out or os.path.dirname(os.path.abspath(options.files[0]))
    make_folder(out)
    plt.rcParams.update({"svg.hashsalt": "occkit", "svg.fonttype": "path", "font.size": 9.5, "axes.spines.top": False,
                         "axes.spines.right": False, "figure.dpi": 100})
    closed = (
        draw_throughput,
        draw_efficiency,
        lambda results, out: draw_efficiency(results, out, "floor_cas"),
        draw_conflicts,
        draw_retries,
        draw_latency,
        draw_ratio,
        draw_bodies,
    )
    for written, remark in [draw(results, out) for draw in closed if results.panels] + [draw_load(results, out)]:
        for path in written:
            print(path)
        if remark:
            print(remark)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot.py: {error}", file=sys.stderr)
        sys.exit(error.status)
