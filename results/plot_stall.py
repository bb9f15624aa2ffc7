#!/usr/bin/env python3
"""Draws what a stopped thread does to the others, from stall_series.csv of `occkit stall`.

stall.png and .svg: throughput over time, one panel for each strategy, with a thread stopped where it matters most for that
strategy (--point: at one point for all); shaded while one and, darker, two threads are stopped.
stall_memory.png and .svg: the memory of the same cells.
Exit status: 0, or 2 for bad input.
"""

import argparse
import csv
import math
import os
import sys
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import EngFormatter

from plot import BadInput

# Inside what a strategy does to be alone, or to be safe; the first that it has is drawn.
TELLING_POINTS = ["holding_lock", "claimed", "pinned", "before_publication", "reading", "before_read"]
OPERATIONS = {"get_same": ("get, same document", "#0072B2", "-"), "get_other": ("get, other documents", "#0072B2", (0, (4, 2))),
              "update_same": ("update, same document", "#D55E00", "-"),
              "update_other": ("update, other documents", "#D55E00", (0, (4, 2))),
              "create_same": ("create, same segment", "#009E73", "-"),
              "create_other": ("create, other segments", "#009E73", (0, (4, 2)))}
NUMBERS = ["begin_ms", "end_ms", "ops_per_s", "rss_bytes"]
REQUIRED_COLUMNS = ["strategy", "point", "operation", "phase", "table_bytes"] + NUMBERS
COLUMNS = 3


def read_series(path):
    """{(strategy, point): {operation: [row]}} in the order of the file."""
    cells = defaultdict(lambda: defaultdict(list))
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [column for column in REQUIRED_COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise BadInput(f"{path}: no column '{missing[0]}'; stall_series.csv written by `occkit stall` is expected")
            for row in reader:
                if None in row.values():
                    continue  # The writer was stopped in the middle of its last row.
                try:
                    row.update((column, float(row[column] or "nan")) for column in NUMBERS)
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
    return cells


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
    for phase, colour in (("one", "#dddddd"), ("two", "#bbbbbb")):
        times = [time for row in rows if row["phase"] == phase for time in (row["begin_ms"], row["end_ms"])]
        if times:
            axis.axvspan(min(times), max(times), color=colour, lw=0, zorder=0)


def save(figure, out, stem):
    for extension in ("png", "svg"):
        path = os.path.join(out, f"{stem}.{extension}")
        figure.savefig(path, dpi=90, metadata={"Date": None} if extension == "svg" else None)
        print(path)
    plt.close(figure)


def panels(chosen):
    lines = math.ceil(len(chosen) / COLUMNS)
    figure, axes = plt.subplots(lines, min(COLUMNS, len(chosen)), figsize=(4.2 * min(COLUMNS, len(chosen)), 2.4 * lines + 1.1),
                                squeeze=False, sharex=True, sharey=True, layout="constrained")
    flat = list(axes.flat)
    for axis in flat[len(chosen):]:
        axis.set_visible(False)
    return figure, dict(zip(chosen, flat)), axes


def draw_throughput(cells, chosen, out):
    figure, by_strategy, axes = panels(chosen)
    for strategy, axis in by_strategy.items():
        cell = cells[strategy, chosen[strategy]]
        shade(axis, next(iter(cell.values())))
        for operation, (_, colour, style) in OPERATIONS.items():
            rows = cell.get(operation, [])
            axis.plot([(row["begin_ms"] + row["end_ms"]) / 2 for row in rows], [row["ops_per_s"] for row in rows],
                      color=colour, ls=style, lw=1.2)
        axis.set_title(f"{strategy}\nstopped: {chosen[strategy]}", fontsize=9)
        axis.set_yscale("symlog", linthresh=100)
        axis.set_ylim(bottom=-10)
        axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    for axis in axes[:, 0]:
        axis.set_ylabel("operations per s")
    handles = [plt.Line2D([], [], color=colour, ls=style) for _, colour, style in OPERATIONS.values()]
    figure.supxlabel("ms\n\n\n", fontsize=9)  # with room for the legend
    figure.legend(handles, [label for label, _, _ in OPERATIONS.values()], loc="lower center", ncol=3, fontsize=8)
    figure.suptitle("Who goes on while a thread is stopped (light: one, dark: two; linear below 100)", fontsize=10)
    save(figure, out, "stall")


def draw_memory(cells, chosen, out):
    figure, by_strategy, axes = panels(chosen)
    for strategy, axis in by_strategy.items():
        rows = next(iter(cells[strategy, chosen[strategy]].values()))
        shade(axis, rows)
        axis.plot([row["end_ms"] for row in rows], [row["bytes"] for row in rows], color="#000000", lw=1.2)
        axis.set_title(f"{strategy}\nstopped: {chosen[strategy]}", fontsize=9)
        axis.yaxis.set_major_formatter(EngFormatter(sep=""))
        axis.set_ylim(bottom=0)
    for axis in axes[:, 0]:
        axis.set_ylabel("bytes of the table")
    figure.supxlabel("ms", fontsize=9)
    figure.suptitle("Memory while a thread is stopped (light: one, dark: two)", fontsize=10)
    save(figure, out, "stall_memory")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", help="stall_series.csv of occkit stall")
    parser.add_argument("--point", help="the point at which the thread is stopped (default: the most telling of each strategy)")
    parser.add_argument("--out", help="folder for the figures (default: that of the CSV)")
    options = parser.parse_args(arguments)
    cells = read_series(options.csv)
    chosen = choose(cells, options.point)
    out = options.out or os.path.dirname(options.csv) or "."
    try:
        os.makedirs(out, exist_ok=True)
        draw_throughput(cells, chosen, out)
        draw_memory(cells, chosen, out)
    except OSError as error:
        raise BadInput(f"cannot write to '{out}': {error.strerror or error}") from None


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot_stall.py: {error}", file=sys.stderr)
        sys.exit(2)
