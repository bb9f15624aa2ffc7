#!/usr/bin/python3
"""Draws what a stopped thread does to the others, from stall.csv or stall_series.csv of `occkit stall`.

stall.png and .svg: throughput, one panel for each strategy, with a thread stopped where it matters most for that
strategy (--point: at one point for all). Of stall.csv: before, while one and while two threads are stopped, and after;
of stall_series.csv: over time, shaded while one and, darker, two threads are stopped.
stall_memory.png and .svg: what memory did in the same cells.
Exit status: 0, or 2 for bad input.
"""

import argparse
import csv
import math
import os
import sys
from collections import defaultdict

from drawing import BadInput, make_folder, plt, save

from matplotlib.ticker import EngFormatter

# Inside what a strategy does to be alone, or to be safe; the first that it has is drawn.
TELLING_POINTS = ["holding_lock", "claimed", "pinned", "before_publication", "reading", "before_read"]
OPERATIONS = {
    "get_same": ("get, same document", "#0072B2", "-", "o"),
    "get_other": ("get, other documents", "#0072B2", (0, (4, 2)), "s"),
    "update_same": ("update, same document", "#D55E00", "-", "^"),
    "update_other": ("update, other documents", "#D55E00", (0, (4, 2)), "v"),
    "create_same": ("create, same segment", "#009E73", "-", "D"),
    "create_other": ("create, other segments", "#009E73", (0, (4, 2)), "P"),
}
SERIES_NUMBERS = ["begin_ms", "end_ms", "ops_per_s", "rss_bytes"]
SERIES_COLUMNS = ["strategy", "point", "operation", "phase", "table_bytes"] + SERIES_NUMBERS
SUMMARY_NUMBERS = ["before_ops_per_s", "during_ops_per_s", "after_ops_per_s", "memory_growth_bytes_per_s"]
SUMMARY_COLUMNS = ["strategy", "point", "operation", "parked", "memory"] + SUMMARY_NUMBERS
PHASES = ["before", "one", "two", "after"]
SHADES = {"one": "#dddddd", "two": "#bbbbbb"}
COLUMNS = 3


def read_cells(path):
    """({(strategy, point): {operation: [row]}} in the order of the file, whether they are a series over time)"""
    cells = defaultdict(lambda: defaultdict(list))
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            header = reader.fieldnames or []
            is_series = "before_ops_per_s" not in header
            numbers = SERIES_NUMBERS if is_series else SUMMARY_NUMBERS
            missing = [column for column in (SERIES_COLUMNS if is_series else SUMMARY_COLUMNS) if column not in header]
            if missing:
                raise BadInput(
                    f"{path}: no column '{missing[0]}'; stall.csv or stall_series.csv written by `occkit stall` is "
                    "expected"
                )
            for row in reader:
                if None in row.values():
                    continue  # The writer was stopped in the middle of its last row.
                try:
                    row.update((column, float(row[column] or "nan")) for column in numbers)
                    if is_series:
                        row["bytes"] = float(row["table_bytes"] or row["rss_bytes"])
                except ValueError as error:
                    raise BadInput(f"{path}:{reader.line_num}: {error}") from None
                cells[row["strategy"], row["point"]][row["operation"]].append(row)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: not a readable CSV: {error}") from None
    if not cells:
        raise BadInput(f"{path}: no rows below the header")
    return cells, is_series


def choose(cells, point):
    """The cell to draw for each strategy."""
    known = {found for _, found in cells}
    if point and point not in known:
        raise BadInput(f"--point {point}: accepted are {', '.join(sorted(known))}")
    chosen = {}
    for strategy in dict.fromkeys(strategy for strategy, _ in cells):
        for candidate in [point] if point else TELLING_POINTS + sorted(known):
            if (strategy, candidate) in cells:
                chosen[strategy] = candidate
                break
    return chosen


def shade(axis, rows):
    for phase, colour in SHADES.items():
        times = [time for row in rows if row["phase"] == phase for time in (row["begin_ms"], row["end_ms"])]
        if times:
            axis.axvspan(min(times), max(times), color=colour, lw=0, zorder=0)


def write(figure, out, stem):
    for path in save(figure, out, stem, dpi=90):
        print(path)


def panels(chosen):
    lines = math.ceil(len(chosen) / COLUMNS)
    figure, axes = plt.subplots(
        lines,
        min(COLUMNS, len(chosen)),
        figsize=(4.2 * min(COLUMNS, len(chosen)), 2.4 * lines + 1.1),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    flat = list(axes.flat)
    for strategy, axis in zip(chosen, flat):
        axis.set_title(f"{strategy}\nstopped: {chosen[strategy]}", fontsize=9)
    for axis in flat[len(chosen):]:
        axis.set_visible(False)
    return figure, dict(zip(chosen, flat)), axes


# Axes are shared, so their limits are set once all panels have their data: a limit set before would freeze them for
# all.


def finish_throughput(figure, axes, x_label, out):
    axes[0, 0].set_yscale("symlog", linthresh=100)
    axes[0, 0].set_ylim(bottom=-10, top=2 * axes[0, 0].get_ylim()[1])
    axes[0, 0].yaxis.set_major_formatter(EngFormatter(sep=""))
    for axis in axes[:, 0]:
        axis.set_ylabel("operations per s")
    handles = [
        plt.Line2D([], [], color=colour, ls=style, marker=marker, ms=4)
        for _, colour, style, marker in OPERATIONS.values()
    ]
    figure.supxlabel(f"{x_label}\n\n\n", fontsize=9)  # with room for the legend
    figure.legend(handles, [label for label, _, _, _ in OPERATIONS.values()], loc="lower center", ncol=3, fontsize=8)
    figure.suptitle("Who goes on while a thread is stopped (light: one, dark: two; linear below 100)", fontsize=10)
    write(figure, out, "stall")


def draw_throughput_over_time(cells, chosen, out):
    figure, by_strategy, axes = panels(chosen)
    for strategy, axis in by_strategy.items():
        cell = cells[strategy, chosen[strategy]]
        shade(axis, next(iter(cell.values())))
        for operation, (_, colour, style, marker) in OPERATIONS.items():
            rows = cell.get(operation, [])
            axis.plot([(row["begin_ms"] + row["end_ms"]) / 2 for row in rows], [row["ops_per_s"] for row in rows],
                      color=colour, ls=style, lw=1.2, marker=marker, ms=3, markevery=6)
    finish_throughput(figure, axes, "ms", out)


def draw_memory_over_time(cells, chosen, out):
    figure, by_strategy, axes = panels(chosen)
    for strategy, axis in by_strategy.items():
        rows = next(iter(cells[strategy, chosen[strategy]].values()))
        shade(axis, rows)
        axis.plot([row["end_ms"] for row in rows], [row["bytes"] for row in rows], color="#000000", lw=1.2)
    axes[0, 0].set_yscale("log")
    axes[0, 0].yaxis.set_major_formatter(EngFormatter(sep=""))
    for axis in axes[:, 0]:
        axis.set_ylabel("bytes of the table")
    figure.supxlabel("ms", fontsize=9)
    figure.suptitle("Memory while a thread is stopped (light: one, dark: two; logarithmic)", fontsize=10)
    write(figure, out, "stall_memory")


def speeds(rows):
    """Operations per s in each phase, of one operation's rows, which are one for each number of stopped threads; NaN,
    which breaks the line, where nobody could be stopped."""
    by_parked = {row["parked"]: row for row in rows}
    first = rows[0]
    found = {"before": first["before_ops_per_s"], "after": first["after_ops_per_s"]}
    for parked, phase in (("1", "one"), ("2", "two")):
        if parked in by_parked:
            found[phase] = by_parked[parked]["during_ops_per_s"]
    return [found.get(phase, math.nan) for phase in PHASES]


def draw_throughput_by_phase(cells, chosen, out):
    figure, by_strategy, axes = panels(chosen)
    for strategy, axis in by_strategy.items():
        for phase, colour in SHADES.items():
            axis.axvspan(PHASES.index(phase) - 0.5, PHASES.index(phase) + 0.5, color=colour, lw=0, zorder=0)
        cell = cells[strategy, chosen[strategy]]
        for operation, (_, colour, style, marker) in OPERATIONS.items():
            if cell.get(operation):
                axis.plot(
                    range(len(PHASES)), speeds(cell[operation]), color=colour, ls=style, lw=1.2, marker=marker, ms=4
                )
    axes[0, 0].set_xticks(range(len(PHASES)), PHASES)
    axes[0, 0].set_xlim(-0.5, len(PHASES) - 0.5)
    finish_throughput(figure, axes, "before, while one and two are stopped, after", out)


def draw_memory_growth(cells, chosen, out):
    figure, axis = plt.subplots(figsize=(8.4, 0.36 * len(chosen) + 1.6), layout="constrained")
    for at, (strategy, point) in enumerate(chosen.items()):
        rows = {row["parked"]: row for row in next(iter(cells[strategy, point].values()))}
        for parked, phase, place in (("1", "one", -0.19), ("2", "two", 0.19)):
            if parked not in rows:
                continue
            growth = rows[parked]["memory_growth_bytes_per_s"]
            axis.barh(at + place, max(0, growth), height=0.36, color=SHADES[phase], edgecolor="#555555", lw=0.6)
            axis.text(
                max(0, growth), at + place, f"  {rows[parked]['memory']}", va="center", fontsize=7, color="#333333"
            )
    axis.set_yticks(range(len(chosen)), [f"{strategy}, {point}" for strategy, point in chosen.items()], fontsize=8)
    axis.invert_yaxis()
    axis.set_xscale("symlog", linthresh=1e6)
    axis.set_xlim(0, 10 * max(1e6, axis.get_xlim()[1]))
    axis.xaxis.set_major_formatter(EngFormatter(unit="B/s", sep=" "))
    axis.set_xlabel("growth of memory while so many are stopped, and what was made of it", fontsize=9)
    figure.suptitle("Memory while a thread is stopped (light: one, dark: two; linear below 1 MB/s)", fontsize=10)
    write(figure, out, "stall_memory")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", help="stall.csv or stall_series.csv of occkit stall")
    parser.add_argument(
        "--point", help="the point at which the thread is stopped (default: the most telling of each strategy)"
    )
    parser.add_argument("--out", help="folder for the figures (default: that of the CSV)")
    options = parser.parse_args(arguments)
    cells, is_series = read_cells(options.csv)
    chosen = choose(cells, options.point)
    out = options.out or os.path.dirname(options.csv) or "."
    make_folder(out)
    (draw_throughput_over_time if is_series else draw_throughput_by_phase)(cells, chosen, out)
    (draw_memory_over_time if is_series else draw_memory_growth)(cells, chosen, out)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot_stall.py: {error}", file=sys.stderr)
        sys.exit(error.status)
