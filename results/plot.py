#!/usr/bin/env python3
"""Draws the figures of one or several occkit result files (results.csv of `occkit run`).

Writes throughput, efficiency, conflicts, retries, latency, ratio and, where sources of several sizes were measured, bodies,
each as PNG and SVG, beside the first CSV or into --out.
Not drawn, and said so under each figure: strategies with a row that failed verification at that setting, negative
controls, the null strategy, floors (they are what efficiency divides by), and replicates that recorded their history (recording costs time).
Exit status: 0, or 2 for bad input.
"""

import argparse
import csv
import functools
import json
import math
import os
import sys
import textwrap
import zlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

# A panel shows rows that agree in all of these. collision_probability follows from docs and dist; the window's own
# time and warm-up are measurements of one replicate.
SETTING_COLUMNS = ["workload", "client", "docs", "fill_percent", "shards", "body_bytes", "dist", "mix", "batch", "transform", "think_ns",
                   "retry_on_conflict", "backoff", "gc_deletes_ms", "fail_over_every_ms", "pinned"]
COMPETITOR_COLUMNS = ["strategy", "update_form", "seq_no_source"]
CONFLICT_COLUMNS = ["conflict_missing", "conflict_seq_no", "conflict_exists", "conflict_version"]
RETRY_COLUMNS = [f"retries_{k}" for k in range(16)] + ["retries_16_plus"]
PERCENTILES = [("p50", "latency_p50_ns"), ("p90", "latency_p90_ns"), ("p99", "latency_p99_ns"),
               ("p99.9", "latency_p999_ns"), ("max", "latency_max_ns")]
# What files of earlier versions lack, and what holds there.
LATER_COLUMNS = {"fill_percent": "100", "batch": "1"}
REQUIRED_COLUMNS = (SETTING_COLUMNS + COMPETITOR_COLUMNS + ["progress", "semantics", "threads", "replicate", "ops_per_s", "attempts",
                    "publication_failures", "latency_kind", "checked", "verified"] + CONFLICT_COLUMNS + RETRY_COLUMNS +
                    [column for _, column in PERCENTILES])

PUBLISHED_REPLICATES = 10
RESAMPLES = 2000
CONFIDENCE = 0.95

# One colour and marker per family, so that a strategy looks the same in every figure; the variants of a family (another
# lock type, another reclamation) differ in line style and fill. Colours: Okabe and Ito without their yellow, which
# does not show on white, and Tol's wine and grey.
FAMILY_STYLES = [("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#000000", "D"), ("#CC79A7", "v"), ("#56B4E9", "P"),
                 ("#E69F00", "X"), ("#882255", "<"), ("#777777", ">"), ("#44AA99", "h"), ("#117733", "*"), ("#332288", "p")]
KNOWN_FAMILIES = ["mutex_global", "mutex_striped", "mutex_keyed", "packed_cas", "version_retry"]
VARIANT_STYLES = [("-", True), ((0, (5, 1.5)), False), ((0, (1, 1.2)), False), ((0, (6, 1.5, 1, 1.5)), False),
                  ((0, (3, 1, 1, 1, 1, 1)), False), ((0, (8, 3)), False)]


class BadInput(Exception):
    """Something given cannot be used; the text says what was wrong and what is accepted."""


@dataclass(frozen=True)
class Competitor:
    """What is compared inside a panel. `source` is 0, or tells apart equal strategies of several files."""
    strategy: str
    update_form: str
    seq_no_source: str
    source: int


class Row:
    def __init__(self, path, line, source, values):
        self.path, self.line, self.source, self.values = path, line, source, values

    def __getitem__(self, column):
        return self.values[column]

    def number(self, column):
        """The value as a float; None where nothing was measured."""
        text = self.values[column]
        if text in ("", "not available", "not_available"):
            return None
        try:
            value = float(text)
        except ValueError:
            raise BadInput(f"{self.path}:{self.line}: column '{column}' holds '{text}', not a number") from None
        return value if math.isfinite(value) else None

    @property
    def threads(self):
        value = self.number("threads")
        if value is None or value < 1 or value != int(value):
            raise BadInput(f"{self.path}:{self.line}: column 'threads' holds '{self['threads']}', not a whole number above 0")
        return int(value)

    @property
    def setting(self):
        return tuple(self[column] for column in SETTING_COLUMNS)

    @property
    def voided(self):
        return self["verified"] in ("no", "caught")

    @property
    def control(self):
        return self["semantics"] in ("unchecked", "none", "floor")

    @property
    def conflicts_per_1000(self):
        attempts = self.number("attempts")
        return 1000 * sum(self.number(column) or 0 for column in CONFLICT_COLUMNS) / attempts if attempts else None

    @property
    def publication_failures_per_1000(self):
        attempts = self.number("attempts")
        return 1000 * (self.number("publication_failures") or 0) / attempts if attempts else None


def file_ends_with_newline(path):
    with open(path, "rb") as file:
        return file.read()[-1:] == b"\n"


def read_rows(path, source):
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if not header:
                raise BadInput(f"{path}: empty; a header line and one line per replicate are expected")
            missing = [column for column in REQUIRED_COLUMNS if column not in header and column not in LATER_COLUMNS]
            if missing:
                raise BadInput(f"{path}: no column '{missing[0]}'" +
                               (f" (and {len(missing) - 1} more are missing)" if len(missing) > 1 else "") +
                               "; a CSV written by `occkit run` is expected")
            rows = []
            for fields in reader:
                if not fields:
                    continue
                if len(fields) < len(header) and not file_ends_with_newline(path) and next(reader, None) is None:
                    break  # The writer was killed in the middle of its last row.
                if len(fields) != len(header):
                    raise BadInput(f"{path}:{reader.line_num}: {len(fields)} fields where the header has {len(header)}")
                rows.append(Row(path, reader.line_num, source, {**LATER_COLUMNS, **dict(zip(header, fields))}))
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: not a readable CSV: {error}") from None
    if not rows:
        raise BadInput(f"{path}: no rows below the header; was the run interrupted before its first replicate ended?")
    return rows


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
    for name in (lambda p: os.path.splitext(os.path.basename(p))[0], lambda p: os.path.basename(os.path.dirname(os.path.abspath(p)))):
        names = [name(path) for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(paths)


def interval_of_median(values):
    """(low, median, high), a bootstrap interval; low and high are None for a single value. None without values."""
    return bootstrap(tuple(values)) if values else None


@functools.lru_cache(maxsize=None)
def bootstrap(values):
    sample = np.asarray(values, dtype=float)
    median = float(np.median(sample))
    if len(sample) < 2:
        return None, median, None
    generator = np.random.default_rng(1)
    medians = np.median(sample[generator.integers(0, len(sample), (RESAMPLES, len(sample)))], axis=1)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(medians, [tail, 100 - tail])
    return float(low), median, float(high)


class Results:
    """The rows that may be drawn, by panel, competitor and thread count; and notes on those that may not."""

    def __init__(self, paths):
        if len({os.path.realpath(path) for path in paths}) != len(paths):
            raise BadInput("the same file was given twice")
        names = source_names(paths)
        rows = [row for source, path in enumerate(paths) for row in read_rows(path, source)]
        provenances = [read_provenance(path) for path in paths]
        cores = {find_key(provenance, ["cores_online"], int) for provenance in provenances}
        self.cores = cores.pop() if len(cores) == 1 else None
        machines = {find_key(provenance, ["model"], str) for provenance in provenances} - {None}
        self.machine = machines.pop() if len(machines) == 1 else None

        # The same strategy under the same settings more than once, in one file or in several, is drawn as two.
        times, occurrences = defaultdict(int), defaultdict(set)
        for row in rows:
            same = (row.setting, row.threads, row["strategy"], row["update_form"], row["seq_no_source"])
            replicate = (*same, row["checked"], row["replicate"], row.source)
            row.origin = (row.source, times[replicate])
            times[replicate] += 1
            occurrences[same].add(row.origin)
        origins = sorted({row.origin for row in rows})
        self.several_sources = any(len(found) > 1 for found in occurrences.values())
        self.names = [names[source] + (f" (time {time + 1} of a replicate)" if time else "") for source, time in origins]
        voided = set()
        keyed = []
        for row in rows:
            source = origins.index(row.origin) if self.several_sources else 0
            competitor = Competitor(row["strategy"], row["update_form"], row["seq_no_source"], source)
            cell = (row.setting, row.threads, competitor)
            keyed.append((row, cell))
            if row.voided:
                voided.add(cell)

        self.rows = defaultdict(list)
        self.floors = defaultdict(list)
        self.panels, self.competitors = [], []
        dropped_voided, dropped_controls, history = defaultdict(int), set(), 0
        for row, cell in keyed:
            setting, threads, competitor = cell
            if cell in voided:
                dropped_voided[competitor.strategy] += 1
            elif row.control:
                if row["semantics"] == "floor" and row.number("ops_per_s"):
                    self.floors[setting, threads, competitor.strategy, competitor.source].append(row.number("ops_per_s"))
                dropped_controls.add(competitor.strategy)
            elif row["checked"] == "history":
                history += 1
            else:
                panel = (setting, row["checked"], row["latency_kind"])
                self.rows[panel, competitor, threads].append(row)
                if panel not in self.panels:
                    self.panels.append(panel)
                if competitor not in self.competitors:
                    self.competitors.append(competitor)
        if not self.rows:
            raise BadInput(f"nothing to draw: of {len(rows)} rows, {sum(dropped_voided.values())} failed verification or stand beside one that "
                           f"did, {history} recorded their history, the others are controls")
        self.panels.sort(key=lambda panel: (panel[0][0], [natural(text) for text in panel[0]], panel[1:]))
        self.competitors.sort(key=lambda c: (family_of(c.strategy)[0], c.strategy, c.update_form, c.seq_no_source, c.source))
        self.replicates = min(len(found) for found in self.rows.values())

        self.notes = []
        if dropped_voided:
            self.notes.append("Not drawn, verification failed there: " +
                              ", ".join(f"{name} ({count} rows)" for name, count in sorted(dropped_voided.items())) + ".")
        if dropped_controls:
            self.notes.append("Controls, not drawn: " + ", ".join(sorted(dropped_controls)) + ".")
        if history:
            self.notes.append(f"{history} rows that recorded their history (verified) are not drawn as speed.")
        if self.several_sources:
            self.notes.append("Files: " + "; ".join(f"[{k + 1}] {name}" for k, name in enumerate(self.names)) + ".")

        self.labels = {competitor: self.label(competitor) for competitor in self.competitors}
        self.styles = styles_for(self.competitors)

    def label(self, competitor):
        same_name = [c for c in self.competitors if c.strategy == competitor.strategy]
        text = competitor.strategy
        if len({c.update_form for c in same_name}) > 1:
            text += "/" + competitor.update_form
        if len({c.seq_no_source for c in same_name}) > 1:
            text += ", " + competitor.seq_no_source
        if self.several_sources:
            text += f" [{competitor.source + 1}]"
        return text

    def threads(self, panel=None):
        return sorted({threads for shown, _, threads in self.rows if panel is None or shown == panel})

    def found(self, panel, competitor, threads):
        return self.rows.get((panel, competitor, threads), [])

    def values(self, panel, competitor, threads, value):
        found = (value(row) for row in self.found(panel, competitor, threads))
        return [number for number in found if number is not None]

    def floor(self, panel, competitor, threads, floor):
        """The median of that floor under the panel's setting, of the competitor's own file if it has one; or None."""
        found = {source: values for (setting, count, strategy, source), values in self.floors.items()
                 if (setting, count, strategy) == (panel[0], threads, floor)}
        values = found.get(competitor.source) or next(iter(found.values()), None)
        return float(np.median(values)) if values else None

    def panel_title(self, panel, without=()):
        """The workload, and what of its setting (`without` some columns) differs from its other panels."""
        setting, checked, latency_kind = panel
        twins = [other for other in self.panels if other[0][0] == setting[0]]
        differing = [f"{column.removesuffix('_bytes')} {setting[k]}" for k, column in enumerate(SETTING_COLUMNS)
                     if column not in without and len({other[0][k] for other in twins}) > 1]
        if len({other[1] for other in twins}) > 1:
            differing.append(f"checked {checked}")
        if len({other[2] for other in twins}) > 1:
            differing.append(f"{latency_kind} time")
        return setting[0] + ("\n" + textwrap.fill(", ".join(differing), 44) if differing else "")


def natural(text):
    try:
        return (0, float(text), "")
    except ValueError:
        return (1, 0.0, text)


def family_of(strategy):
    """(index of the colour and marker, name of the family)."""
    for index, family in enumerate(KNOWN_FAMILIES):
        if strategy == family or strategy.startswith(family + "_"):
            return index, family
    return len(KNOWN_FAMILIES), strategy


def styles_for(competitors):
    families = list(dict.fromkeys(family_of(c.strategy)[1] for c in competitors))
    slots = {}
    taken = set(range(len(KNOWN_FAMILIES)))
    for family in families:
        if family in KNOWN_FAMILIES:
            slots[family] = KNOWN_FAMILIES.index(family)
            continue
        free = [slot for slot in range(len(FAMILY_STYLES)) if slot not in taken]
        # By a checksum of the name, so that a strategy tends to look the same whatever else the file holds.
        slots[family] = free[zlib.crc32(family.encode()) % len(free)] if free else zlib.crc32(family.encode()) % len(FAMILY_STYLES)
        taken.add(slots[family])
    styles, used = {}, defaultdict(set)
    for competitor in sorted(competitors, key=lambda c: c.source):
        family = family_of(competitor.strategy)[1]
        slot = slots[family]
        suffix = competitor.strategy[len(family):]
        wanted = {"": 0, "_tbb_spin": 1, "_urcu": 1, "_tbb_queuing": 2}.get(suffix, 3)
        free = [k for k in range(len(VARIANT_STYLES)) if k not in used[slot]]
        variant = wanted if wanted in free else (free[0] if free else 0)
        used[slot].add(variant)
        color, marker = FAMILY_STYLES[slot]
        line, filled = VARIANT_STYLES[variant]
        styles[competitor] = {"color": color, "marker": marker, "linestyle": line, "markerfacecolor": color if filled else "white",
                              "markeredgecolor": color, "linewidth": 1.4, "markersize": 5.5, "markeredgewidth": 1.1}
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
                            handlelength=3.6, labelspacing=0.7)
        lines = notes + results.notes + (["Machine: " + machine + "."] if machine else [])
        text = "\n".join(textwrap.fill(line, max(60, int(width * 15))) for line in lines)
        self.fig.text(0.005, -0.01, text, ha="left", va="top", fontsize=8, color="#333333", linespacing=1.35)
        written = []
        for extension, options in (("png", {"dpi": 160}), ("svg", {"metadata": {"Date": None}})):
            path = os.path.join(out, f"{stem}.{extension}")
            try:
                self.fig.savefig(path, bbox_inches="tight", pad_inches=0.15, **options)
            except OSError as error:
                raise BadInput(f"{path}: cannot be written: {error.strerror or error}") from None
            written.append(path)
        plt.close(self.fig)
        return written


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
            axis.annotate(f"{cores} cores", (cores, 1), xycoords=("data", "axes fraction"), xytext=(3, -3), textcoords="offset points",
                          fontsize=7.5, color="#555555", va="top", ha="left")


def dodge(index, count):
    return 2 ** (0.16 * (index / (count - 1) - 0.5)) if count > 1 else 1.0


def draw_lines(axis, results, panel, interval_of):
    """One line per competitor through (low, median, high) = interval_of(competitor, threads); returns who was drawn."""
    drawn = []
    for index, competitor in enumerate(results.competitors):
        points = [(threads, interval_of(competitor, threads)) for threads in results.threads(panel)]
        points = [(threads, interval) for threads, interval in points if interval]
        if not points:
            continue
        drawn.append(competitor)
        plot_points(axis, [(threads * dodge(index, len(results.competitors)), interval) for threads, interval in points], results.styles[competitor])
    return drawn


def plot_points(axis, points, style):
    """A line through the medians of points (x, (low, median, high)), and bars."""
    axis.plot([at for at, _ in points], [interval[1] for _, interval in points], zorder=3, clip_on=False, **style)
    barred = [(at, interval) for at, interval in points if interval[0] is not None]
    if barred:
        axis.errorbar([at for at, _ in barred], [i[1] for _, i in barred],
                      yerr=[[i[1] - i[0] for _, i in barred], [i[2] - i[1] for _, i in barred]], fmt="none",
                      ecolor=style["color"], elinewidth=1, capsize=2, zorder=2.5)


def legend_handles(results, drawn):
    return [Line2D([], [], label=results.labels[c], **results.styles[c]) for c in results.competitors if c in drawn]


def line_figure(results, out, stem, title, y_label, interval_for, prepare, notes):
    """Panels by workload, threads across. interval_for(panel) gives interval_of of draw_lines; prepare(axis) sets y."""
    panels = [panel for panel in results.panels
              if any(interval_for(panel)(c, t) for c in results.competitors for t in results.threads(panel))]
    if not panels:
        return [], f"{stem}: nothing to draw"
    rows, columns = grid_shape(len(panels))
    figure = Figure(results, title, rows, columns, 4.3, 3.9)
    drawn = set()
    for k, (axis, panel) in enumerate(zip(figure.axes.flat, panels)):
        drawn.update(draw_lines(axis, results, panel, interval_for(panel)))
        axis.set_title(results.panel_title(panel), fontsize=10)
        if k % columns == 0:
            axis.set_ylabel(y_label)
        prepare(axis)
        thread_axis(axis, results.threads(panel), results.cores)
        axis.grid(axis="y", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
    for axis in list(figure.axes.flat)[len(panels):]:
        axis.remove()
    return figure.finish(out, stem, legend_handles(results, drawn), notes), None


INTERVAL_NOTE = "Points: median over replicates. Bars: 95 % bootstrap interval. Points are moved sideways a little so that bars do not hide each other."


def from_zero(axis):
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(EngFormatter(sep=" "))


def throughput_of(results):
    def interval_for(panel):
        def interval_of(competitor, threads):
            return interval_of_median(results.values(panel, competitor, threads, lambda row: row.number("ops_per_s")))
        return interval_of
    return interval_for


def draw_throughput(results, out):
    return line_figure(results, out, "throughput", "throughput by threads", "operations per second", throughput_of(results), from_zero, [INTERVAL_NOTE])


def draw_efficiency(results, out, floor, stem, only_hot):
    """Throughput as a share of that of a floor; of hot panels only, or of all."""
    def interval_for(panel):
        def interval_of(competitor, threads):
            below = results.floor(panel, competitor, threads, floor)
            if not below or (only_hot and not panel[0][SETTING_COLUMNS.index("dist")].startswith("hot:")):
                return None
            return interval_of_median([value / below for value in results.values(panel, competitor, threads, lambda row: row.number("ops_per_s"))])
        return interval_of

    def prepare(axis):
        axis.set_ylim(bottom=0)
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))

    notes = [INTERVAL_NOTE, f"Efficiency: throughput as a share of the median of {floor} under the same workload and threads; see occkit list."]
    written, remark = line_figure(results, out, stem, f"efficiency: throughput as a share of {floor}", f"share of {floor}", interval_for, prepare, notes)
    return written, f"{stem}: no floor in this run; --strategy floors adds it" if remark and not only_hot else None


def byte_text(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:g} {unit}"
        count /= 1024


def body_axis(axis, bodies, place):
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(FixedLocator([place(body) for body in bodies]))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xticklabels([byte_text(body) for body in bodies], rotation=45, ha="right", fontsize=8)
    axis.set_xlim(place(bodies[0]) / 1.5, place(bodies[-1]) * 1.5)
    axis.set_xlabel("bytes of a source")
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)


def draw_bodies(results, out, baseline):
    """Throughput, and its ratio to the baseline, by the size of sources: a column for each thread count and each setting
    that was measured with several sizes. `docs` may differ from size to size."""
    sized = [SETTING_COLUMNS.index("docs"), SETTING_COLUMNS.index("body_bytes")]
    groups = defaultdict(dict)
    for panel in results.panels:
        setting = tuple(value for k, value in enumerate(panel[0]) if k not in sized)
        body = float(panel[0][sized[1]])
        if body in groups[setting, panel[1:]]:
            groups[setting, panel[1:]][body] = None  # several numbers of documents of one size: not a sweep of sizes
        else:
            groups[setting, panel[1:]][body] = panel
    columns = [({body: panels[body] for body in sorted(panels)}, threads) for panels in groups.values() if len(panels) > 1 and all(panels.values())
               for threads in sorted({count for panel in panels.values() for count in results.threads(panel)})]
    if not columns:
        return [], None
    figure = Figure(results, f"throughput by size of sources, and relative to {baseline_name(baseline)}", 2, len(columns), 4.8, 3.7)
    drawn = set()
    for column, (panels, threads) in enumerate(columns):
        bodies = list(panels)
        smallest = next(body for body in bodies if body > 0)

        def place(body, smallest=smallest):
            return body if body > 0 else smallest / 4

        for axis, interval_for in zip(figure.axes[:, column], (throughput_of(results), ratio_of(results, baseline))):
            for index, competitor in enumerate(results.competitors):
                found = [(place(body), interval_for(panel)(competitor, threads)) for body, panel in panels.items()]
                points = [(at * dodge(index, len(results.competitors)), interval) for at, interval in found if interval]
                if points:
                    drawn.add(competitor)
                    plot_points(axis, points, results.styles[competitor])
            body_axis(axis, bodies, place)
            title = results.panel_title(next(iter(panels.values())), without=("docs", "body_bytes"))
            axis.set_title(f"{title}, {threads} thread{'s' if threads > 1 else ''}", fontsize=10)
        top, bottom = figure.axes[:, column]
        top.set_yscale("log")
        top.yaxis.set_major_formatter(EngFormatter(sep=" "))
        ratio_axis(bottom)
        if column == 0:
            top.set_ylabel("operations per second")
            bottom.set_ylabel(f"throughput / throughput of {baseline_name(baseline)}")
    sizes = [f"{byte_text(body)}: {int(float(panel[0][sized[0]])):,}" for panels, threads in columns[:1] for body, panel in panels.items()]
    notes = [INTERVAL_NOTE, "Ratios: median of those of equal replicates, with its interval; one that crosses 1 shows no difference. Logarithmic axes.",
             "Documents: " + "; ".join(sizes) + "."]
    if any(0 in panels for panels, _ in columns):
        notes.append("0 B has no place on a logarithmic axis: it stands left of the others.")
    return figure.finish(out, "bodies", legend_handles(results, drawn), notes), None


def draw_conflicts(results, out):
    kinds = [("version conflicts\nper 1,000 attempts", lambda row: row.conflicts_per_1000),
             ("publication failures\nper 1,000 attempts", lambda row: row.publication_failures_per_1000)]
    if not any(row.publication_failures_per_1000 for found in results.rows.values() for row in found):
        kinds = kinds[:1]
    losing = [c for c in results.competitors if any(value(row) for (_, shown, _), found in results.rows.items() if shown == c
                                                    for row in found for _, value in kinds)]
    writing = [c for c in results.competitors if any(kinds[0][1](row) is not None for (_, shown, _), found in results.rows.items()
                                                     if shown == c for row in found)]
    panels = [panel for panel in results.panels if any(kinds[0][1](row) is not None for (shown, _, _), found in results.rows.items()
                                                       if shown == panel for row in found)]
    if not writing:
        return [], "conflicts: nothing to draw, no row attempted a write"
    if not losing:
        return [], "conflicts: nothing to draw, no attempt met a conflict or failed to publish"
    figure = Figure(results, "version conflicts by threads", len(kinds), len(panels), 4.1, 3.5)
    drawn = set()
    for row_index, (y_label, value) in enumerate(kinds):
        for column, panel in enumerate(panels):
            axis = figure.axes[row_index][column]

            def interval_of(competitor, threads):
                return interval_of_median(results.values(panel, competitor, threads, value)) if competitor in losing else None

            drawn.update(draw_lines(axis, results, panel, interval_of))
            if row_index == 0:
                axis.set_title(results.panel_title(panel), fontsize=10)
            if column == 0:
                axis.set_ylabel(y_label)
            axis.set_ylim(bottom=0)
            if not any(np.any(np.asarray(line.get_ydata(), dtype=float) > 0) for line in axis.lines):
                axis.set_ylim(0, 1)
            thread_axis(axis, results.threads(panel), results.cores)
            axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    notes = [INTERVAL_NOTE, "Attempts: decisions on a write that were carried through. A version conflict is a refusal by the precondition; "
             "a publication failure is a state that moved between read and publication, after which the operation decides again."]
    if len(losing) < len(writing):
        notes.append("Neither at any point, not drawn: " + ", ".join(results.labels[c] for c in writing if c not in losing) + ".")
    return figure.finish(out, "conflicts", legend_handles(results, drawn), notes), None


def draw_retries(results, out):
    shares = {}
    for (panel, competitor, threads), found in results.rows.items():
        counts = np.array([sum(row.number(column) or 0 for row in found) for column in RETRY_COLUMNS])
        if counts.sum() > 0:
            shares[panel, competitor, threads] = counts / counts.sum()
    panels = [panel for panel in results.panels if any(key[0] == panel and share[0] < 1 for key, share in shares.items())]
    calm = sorted({panel[0][0] for panel in results.panels} - {panel[0][0] for panel in panels})
    if not panels:
        return [], "retries: nothing to draw, no update was tried again"
    threads = sorted({key[2] for key, share in shares.items() if share[0] < 1})
    competitors = [c for c in results.competitors if any(key[1] == c and share[0] < 1 for key, share in shares.items())]
    never = [results.labels[c] for c in results.competitors if c not in competitors and any(key[1] == c for key in shares)]
    label_inches = 0.075 * max(len(results.labels[c]) for c in competitors)
    figure = Figure(results, "retries per update", len(panels), len(threads), 3.4 + label_inches / len(threads),
                    1.25 + 0.26 * len(competitors), sharey="row")
    image = None
    smallest = 1e-6
    colours = matplotlib.colormaps["cividis_r"].copy()
    colours.set_bad("white")
    for row_axes, panel in zip(figure.axes, panels):
        for axis, count in zip(row_axes, threads):
            grid = np.full((len(competitors), len(RETRY_COLUMNS)), np.nan)
            for k, competitor in enumerate(competitors):
                share = shares.get((panel, competitor, count))
                if share is None:
                    axis.text(8, k, "no verified row", ha="center", va="center", fontsize=7, color="#777777")
                    continue
                grid[k] = np.where(share > 0, np.maximum(share, smallest), np.nan)
                for bin_index, part in enumerate(share):
                    if part >= 0.005:
                        axis.text(bin_index, k, f"{100 * part:.0f}", ha="center", va="center", fontsize=6,
                                  color="white")
            image = axis.imshow(np.ma.masked_invalid(grid), aspect="auto", cmap=colours, norm=LogNorm(smallest, 1), interpolation="nearest")
            axis.set_xticks([0, 4, 8, 12, 16], ["0", "4", "8", "12", "16+"])
            axis.set_yticks(range(len(competitors)), [results.labels[c] for c in competitors])
            axis.set_xticks(np.arange(-0.5, 17), minor=True)
            axis.set_yticks(np.arange(-0.5, len(competitors)), minor=True)
            axis.grid(which="minor", color="#e4e4e4", linewidth=0.5)
            axis.tick_params(which="minor", length=0)
            axis.set_xlabel("retries of one update")
            over = f" (more than {results.cores} cores)" if results.cores and count > results.cores else ""
            axis.set_title(f"{results.panel_title(panel)}, {count} thread{'s' if count > 1 else ''}{over}", fontsize=9.5)
    bar = figure.fig.colorbar(image, ax=figure.axes, label="share of updates", pad=0.015, aspect=30)
    bar.ax.yaxis.set_major_locator(LogLocator(numticks=8))
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    notes = ["Numbers in the cells: per cent of updates, from 0.5 % up. White: none. All replicates together."]
    if never:
        notes.append("Never tried again: " + ", ".join(never) + ".")
    if calm:
        notes.append("Workloads without a retry: " + ", ".join(calm) + ".")
    return figure.finish(out, "retries", [], notes), None


def draw_latency(results, out):
    def percentile(panel, competitor, threads, column):
        return results.values(panel, competitor, threads, lambda row: row.number(column) or None)
    panels = [panel for panel in results.panels
              if any(percentile(panel, c, t, "latency_p50_ns") for c in results.competitors for t in results.threads(panel))]
    if not panels:
        return [], "latency: nothing to draw, no latency was sampled"
    threads = results.threads()
    competitors = results.competitors
    label_inches = 0.075 * max(len(label) for label in results.labels.values())
    figure = Figure(results, "latency of operations", len(panels), len(threads), 3.3 + label_inches / len(threads),
                    1.25 + 0.26 * len(competitors), sharey="row")
    looks = dict(zip([name for name, _ in PERCENTILES], [("o", "#332288", True), ("s", "#0072B2", True), ("^", "#009E73", True),
                                                         ("D", "#D55E00", True), ("x", "#555555", False)]))
    for row_axes, panel in zip(figure.axes, panels):
        everything = [v for c in competitors for t in threads for _, column in PERCENTILES for v in percentile(panel, c, t, column)]
        for axis, count in zip(row_axes, threads):
            for k, competitor in enumerate(competitors):
                if k % 2:
                    axis.axhspan(k - 0.5, k + 0.5, color="#000000", alpha=0.035, linewidth=0)
                medians = []
                for name, column in PERCENTILES:
                    values = percentile(panel, competitor, count, column)
                    if not values:
                        continue
                    marker, color, filled = looks[name]
                    middle = float(np.median(values)) * 1e-9
                    medians.append(middle)
                    axis.plot([min(values) * 1e-9, max(values) * 1e-9], [k, k], color=color, linewidth=3, alpha=0.3, solid_capstyle="butt", zorder=2)
                    axis.plot([middle], [k], marker=marker, color=color, markersize=5, linestyle="none", zorder=3)
                if medians:
                    axis.plot([min(medians), max(medians)], [k, k], color="#aaaaaa", linewidth=0.7, zorder=1)
                elif not results.found(panel, competitor, count):
                    axis.text(0.5, k, "no verified row", ha="center", va="center", fontsize=7, color="#777777",
                              transform=axis.get_yaxis_transform())
            axis.set_xscale("log")
            axis.set_xlim(min(everything) * 1e-9 / 1.5, max(everything) * 1e-9 * 1.5)
            axis.xaxis.set_major_formatter(EngFormatter(unit="s", sep=" "))
            axis.xaxis.set_major_locator(LogLocator(numticks=8))
            axis.tick_params(axis="x", labelsize=8, rotation=35)
            axis.set_yticks(range(len(competitors)), [results.labels[c] for c in competitors])
            axis.set_ylim(len(competitors) - 0.5, -0.5)
            axis.set_xlabel(f"{panel[2]} time of one operation".strip())
            axis.grid(axis="x", color="#dddddd", linewidth=0.6)
            over = f" (more than {results.cores} cores)" if results.cores and count > results.cores else ""
            axis.set_title(f"{results.panel_title(panel)}, {count} thread{'s' if count > 1 else ''}{over}", fontsize=9.5)
    handles = [Line2D([], [], marker=marker, color=color, linestyle="none", label=name, markersize=6) for name, (marker, color, _) in looks.items()]
    notes = ["Markers: median over replicates of each replicate's own percentile (percentiles are not averaged). Pale bars: smallest to "
             "largest replicate. Sampled operations, retries and back-off included."]
    return figure.finish(out, "latency", handles, notes), None


def choose_baseline(results, wanted):
    if wanted is None:
        # The plainest strategy that is there: families are sorted from the global lock upwards.
        return results.competitors[0].strategy, None
    strategy, _, form = wanted.partition("/")
    known = sorted({c.strategy for c in results.competitors})
    if strategy not in known:
        raise BadInput(f"no baseline '{wanted}' among the rows that may be drawn; known: {', '.join(known)}")
    forms = sorted({c.update_form for c in results.competitors if c.strategy == strategy})
    if form and form not in forms:
        raise BadInput(f"no baseline '{wanted}'; {strategy} has {', '.join(forms)}")
    return strategy, form or None


def baseline_name(baseline):
    strategy, form = baseline
    return strategy + (f"/{form}" if form else "")


def ratio_of(results, baseline):
    strategy, form = baseline
    candidates = [c for c in results.competitors if c.strategy == strategy and form in (None, c.update_form)]

    def interval_for(panel):
        def interval_of(competitor, threads):
            # The baseline of the same file, if it has one: those replicates were interleaved with the competitor's.
            options = sorted((c for c in candidates if results.found(panel, c, threads)), key=lambda c: (c.source != competitor.source, candidates.index(c)))
            if not options or options[0] == competitor:
                return (None, 1.0, None) if options else None
            below = {row["replicate"]: row.number("ops_per_s") for row in results.found(panel, options[0], threads)}
            ratios = [row.number("ops_per_s") / below[row["replicate"]] for row in results.found(panel, competitor, threads)
                      if below.get(row["replicate"]) and row.number("ops_per_s") is not None]
            return interval_of_median(ratios)
        return interval_of
    return interval_for


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
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"1/{1 / value:.0f}" if value < 0.45 else f"{value:.3g}"))


def draw_ratio(results, out, baseline):
    name = baseline_name(baseline)
    notes = ["Points: median of the ratios of equal replicates. Bars: its 95 % bootstrap interval; a bar that crosses 1 shows no difference. "
             "Logarithmic axis, so that twice and half look alike."]
    return line_figure(results, out, "ratio", f"throughput relative to {name}", f"throughput / throughput of {name}", ratio_of(results, baseline), ratio_axis, notes)


def main(arguments):
    parser = argparse.ArgumentParser(description="Draw the figures of occkit result files.")
    parser.add_argument("files", nargs="+", metavar="FILE.csv")
    parser.add_argument("--out", metavar="DIR", help="folder for the figures, made if missing (default: the first CSV's)")
    parser.add_argument("--baseline", metavar="NAME", help="strategy, or strategy/update_form, that the ratio figure divides by "
                        "(default: the first of " + ", ".join(KNOWN_FAMILIES) + " that is there)")
    options = parser.parse_args(arguments)
    results = Results(options.files)
    baseline = choose_baseline(results, options.baseline)
    out = options.out or os.path.dirname(os.path.abspath(options.files[0]))
    try:
        os.makedirs(out, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{out}: cannot be made: {error.strerror or error}") from None
    if not os.access(out, os.W_OK):
        raise BadInput(f"{out}: cannot be written to")
    for written, remark in (draw_throughput(results, out), draw_efficiency(results, out, "floor_plain", "efficiency", False),
                            draw_efficiency(results, out, "floor_cas", "efficiency_hot", True), draw_conflicts(results, out), draw_retries(results, out),
                            draw_latency(results, out), draw_ratio(results, out, baseline), draw_bodies(results, out, baseline)):
        for path in written:
            print(path)
        if remark:
            print(remark)


if __name__ == "__main__":
    plt.rcParams.update({"svg.hashsalt": "occkit", "svg.fonttype": "path", "font.size": 9.5, "axes.spines.top": False,
                         "axes.spines.right": False, "figure.dpi": 100})
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot.py: {error}", file=sys.stderr)
        sys.exit(2)
