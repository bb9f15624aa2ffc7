#!/usr/bin/python3
"""Draws what a fault did over time, from timeline.csv of `occkit faults`.

faults.png and .svg, one panel for each file: reads and writes a second in steps of 100 ms, conflicts of whole seconds,
the fault as a band, commands as lines, primary terms as numbers, stale and dirty reads as marks.
Exit status: 0, or 2 for bad input.
"""

import argparse
import csv
import os
import sys

from drawing import BadInput, make_folder, plt, save

from matplotlib.ticker import EngFormatter

NUMBERS = ["at_ms", "reads", "writes", "conflicts", "refused", "unknown", "stale", "inverted", "dirty", "term"]
COLUMNS = NUMBERS + ["fault", "commands"]
LINES = {"reads": "#0072B2", "writes": "#009E73"}
# A column, its sign, its colour and what it is called.
MARKS = {
    "stale": ("v", "#D55E00", "stale reads"),
    "inverted": ("<", "#E69F00", "inverted or backwards reads"),
    "dirty": ("X", "#CC79A7", "dirty reads"),
    "unknown": ("|", "#555555", "requests without an answer"),
}


def read_steps(path):
    """The steps of a file, in its order."""
    steps = []
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise BadInput(f"{path}: no column '{missing[0]}'; timeline.csv written by `occkit faults` is expected")
            for row in reader:
                if None in row.values():
                    continue  # The writer was stopped in the middle of its last row.
                try:
                    row.update((column, int(row[column])) for column in NUMBERS)
                except ValueError as error:
                    raise BadInput(f"{path}:{reader.line_num}: {error}") from None
                steps.append(row)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: not a readable CSV: {error}") from None
    if not steps:
        raise BadInput(f"{path}: no rows below the header")
    return steps


def step_of(steps):
    """The length of a step in s."""
    return (steps[1]["at_ms"] - steps[0]["at_ms"]) / 1000 if len(steps) > 1 else 0.1


def by_second(steps, column):
    """(seconds, sums of the column)"""
    sums = {}
    for step in steps:
        second = step["at_ms"] // 1000
        sums[second] = sums.get(second, 0) + step[column]
    return [second + 0.5 for second in sums], list(sums.values())


def shade(axis, steps, length):
    inside = [step["at_ms"] / 1000 for step in steps if step["fault"] == "yes"]
    if inside:
        axis.axvspan(min(inside), max(inside) + length, color="#dddddd", lw=0, zorder=0)


def note_terms(axis, steps):
    """The term where it rises."""
    before = 0
    for step in steps:
        if step["term"] > before:
            axis.text(step["at_ms"] / 1000, 0.99, f"term {step['term']}", fontsize=7, color="#333333",
                      transform=axis.get_xaxis_transform(), va="top")
        before = max(before, step["term"])


def note_commands(axis, steps):
    for step in steps:
        if step["commands"]:
            axis.axvline(step["at_ms"] / 1000, color="#555555", lw=0.8, ls=(0, (4, 2)))
            text = step["commands"] if len(step["commands"]) < 50 else step["commands"][:47] + "..."
            axis.text(step["at_ms"] / 1000, 0.02, " " + text.replace("$", r"\$"), fontsize=6, color="#555555",
                      rotation=90, transform=axis.get_xaxis_transform(), va="bottom", ha="right")


def draw_panel(axis, steps):
    """The names of what has a mark in it."""
    length = step_of(steps)
    seconds = [step["at_ms"] / 1000 + length / 2 for step in steps]
    shade(axis, steps, length)
    for column, colour in LINES.items():
        axis.plot(seconds, [step[column] / length for step in steps], color=colour, lw=1, label=f"{column} a second")
    axis.plot(*by_second(steps, "conflicts"), color="#000000", lw=1, ls=(0, (2, 2)), label="conflicts a second")
    for place, (column, (marker, colour, label)) in enumerate(MARKS.items()):
        times = [second for second, step in zip(seconds, steps) if step[column] > 0]
        if times:
            axis.plot(times, [0.93 - 0.05 * place] * len(times), ls="", marker=marker, ms=4, color=colour, label=label,
                      transform=axis.get_xaxis_transform())
    note_terms(axis, steps)
    note_commands(axis, steps)
    axis.set_ylim(bottom=0)
    axis.yaxis.set_major_formatter(EngFormatter(sep=""))
    axis.set_ylabel("a second", fontsize=9)


def draw(paths, out):
    all_steps = [read_steps(path) for path in paths]
    figure, axes = plt.subplots(len(paths), 1, figsize=(8.4, 2.9 * len(paths) + 1.2), squeeze=False,
                                layout="constrained")
    handles = {}
    for path, steps, axis in zip(paths, all_steps, axes[:, 0]):
        draw_panel(axis, steps)
        if len(paths) > 1:
            axis.set_title(os.path.basename(os.path.dirname(os.path.abspath(path))), fontsize=9)
        for handle, label in zip(*axis.get_legend_handles_labels()):
            handles.setdefault(label, handle)
    figure.supxlabel("s since the first request\n\n\n\n", fontsize=9)  # with room for the legend
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncol=3, fontsize=8)
    figure.suptitle("What clients were answered (grey: from the fault until all copies were there again)", fontsize=10)
    for path in save(figure, out, "faults", dpi=100):
        print(path)


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", nargs="+", help="timeline.csv of occkit faults, or its folder")
    parser.add_argument("--out", help="folder for the figure (default: that of the first file)")
    options = parser.parse_args(arguments)
    paths = [os.path.join(path, "timeline.csv") if os.path.isdir(path) else path for path in options.csv]
    out = options.out or os.path.dirname(paths[0]) or "."
    make_folder(out)
    draw(paths, out)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot_faults.py: {error}", file=sys.stderr)
        sys.exit(error.status)
