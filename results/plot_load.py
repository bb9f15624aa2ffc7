#!/usr/bin/python3
"""Draws load.csv of harness/load/load.py, and prints its medians as a Markdown table.

load.png and .svg: requests per second, the server's processor time for each, and latency, one column of panels for each
scenario; a small mark for each replicate, a large one for the median. The dashed lines are the two servers that answer
one document whatever is asked. Rows that are not verified are left out, and said so.
Exit status: 0, or 2 for bad input.
"""

import argparse
import csv
import os
import statistics
import sys
from collections import defaultdict

from drawing import BadInput, make_folder, plt, save

from matplotlib.ticker import EngFormatter

NUMBERS = ["connections", "server_threads", "replicate", "requests_per_s", "applied", "applied_per_s", "conflicts",
           "latency_p50_us", "latency_p99_us", "server_us_per_request"]
REQUIRED_COLUMNS = ["server", "scenario", "verified"] + NUMBERS
REFERENCES = {"constant": ("#D55E00", "the same server, one document whatever is asked"),
              "beast": ("#777777", "Beast's own loop, the same document")}
SCENARIOS = {"get": "get", "conditional": "get, then conditional put\n1,000 documents",
             "hot": "get, then conditional put\none document", "hot-update": "_update\none document"}


def read_rows(path):
    """(the rows that count, how many were left out)"""
    rows, left_out = [], 0
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [column for column in REQUIRED_COLUMNS if column not in (reader.fieldnames or [])]
            if missing:
                raise BadInput(
                    f"{path}: no column '{missing[0]}'; load.csv written by harness/load/load.py is expected"
                )
            for row in reader:
                if None in row.values():
                    continue  # The writer was stopped in the middle of its last row.
                try:
                    row.update((column, float(row[column])) for column in NUMBERS)
                except ValueError as error:
                    raise BadInput(f"{path}:{reader.line_num}: {error}") from None
                if row["verified"] == "yes":
                    rows.append(row)
                else:
                    left_out += 1
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{path}: not a readable CSV: {error}") from None
    if not rows:
        raise BadInput(f"{path}: no rows to draw")
    return rows, left_out


def median(rows, column):
    return statistics.median(row[column] for row in rows)


def by_server(rows):
    """{server: rows}, those that have nothing to do first, then in order of name."""
    idle = list(REFERENCES) + ["null"]
    grouped = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["server"] not in idle, row["server"])):
        grouped[row["server"]].append(row)
    return grouped


def draw(rows, left_out, out):
    scenarios = [name for name in SCENARIOS if any(row["scenario"] == name for row in rows)]
    figure, axes = plt.subplots(
        3,
        len(scenarios),
        figsize=(3.6 * len(scenarios) + 1, 8.2),
        squeeze=False,
        sharex="col",
        sharey="row",
        layout="constrained",
    )
    for scenario, (speed, cost, latency) in zip(scenarios, axes.T):
        grouped = by_server(row for row in rows if row["scenario"] == scenario)
        strategies = [name for name in grouped if name not in REFERENCES]
        for name, (colour, label) in REFERENCES.items():
            if name in grouped:
                speed.axhline(median(grouped[name], "requests_per_s"), color=colour, ls="--", lw=1.2, label=label)
                cost.axhline(median(grouped[name], "server_us_per_request"), color=colour, ls="--", lw=1.2)
                latency.axhline(median(grouped[name], "latency_p99_us"), color=colour, ls="--", lw=1.2)
        for axis in (speed, cost):
            axis.margins(y=0.12)
        for at, name in enumerate(strategies):
            some = grouped[name]
            for axis, column, colour, marker in ((speed, "requests_per_s", "#0072B2", "o"),
                                                 (cost, "server_us_per_request", "#0072B2", "o"),
                                                 (latency, "latency_p50_us", "#009E73", "o"),
                                                 (latency, "latency_p99_us", "#0072B2", "^")):
                axis.plot([at] * len(some), [row[column] for row in some], marker, color=colour, ms=3, alpha=0.4)
                axis.plot([at], [median(some, column)], marker, color=colour, ms=7)
        speed.set_title(SCENARIOS[scenario], fontsize=10)
        speed.yaxis.set_major_formatter(EngFormatter(sep=""))
        latency.set_yscale("log")
        latency.set_xticks(range(len(strategies)), strategies, rotation=60, ha="right", fontsize=8)
        latency.set_xlim(-0.5, len(strategies) - 0.5)
    axes[0, 0].set_ylabel("requests per s")
    axes[0, 0].set_ylim(bottom=0)
    axes[1, 0].set_ylabel("us of the server's\nprocessor per request")
    axes[1, 0].set_ylim(bottom=0)
    axes[2, 0].set_ylabel("us: median (circles)\nand p99 (triangles, lines)")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    if handles:
        figure.supxlabel("\n", fontsize=9)  # room for the legend
        figure.legend(handles, labels, loc="lower center", ncol=min(2, len(scenarios)), fontsize=8)
    connections = sorted({int(row["connections"]) for row in rows})
    threads = sorted({int(row["server_threads"]) for row in rows})
    figure.suptitle(f"occkit serve: {', '.join(map(str, connections))} connections, {', '.join(map(str, threads))} "
                    f"thread{'s' if threads != [1] else ''}"
                    + (f"; {left_out} wrong rows left out" if left_out else ""), fontsize=10)
    for path in save(figure, out, "load", dpi=90):
        print(path)


def ratios(rows, base):
    """Requests per second by those of the base's row of the same replicate: median, least and most."""
    of_base = {row["replicate"]: row["requests_per_s"] for row in base}
    paired = [row["requests_per_s"] / of_base[row["replicate"]] for row in rows if row["replicate"] in of_base]
    return f"{statistics.median(paired):.2f} ({min(paired):.2f}-{max(paired):.2f})" if paired else ""


def with_best(rows, column, best):
    """The median, and the best replicate in brackets: whatever else a machine does, it only makes replicates slower."""
    digits = 0 if best is max else 1
    return f"{median(rows, column):,.{digits}f} ({best(row[column] for row in rows):,.{digits}f})"


def print_table(rows):
    print(
        "\n| scenario | server | requests/s | by `constant` | server us/request | applied/s | conflicts per 1,000 "
        "writes | p50 us | p99 us |\n"
        "|---|---|--:|--:|--:|--:|--:|--:|--:|"
    )
    for connections in sorted({row["connections"] for row in rows}):
        of_these = [row for row in rows if row["connections"] == connections]
        constant = [row for row in of_these if row["server"] == "constant"]
        for scenario in SCENARIOS:
            for name, some in by_server(row for row in of_these if row["scenario"] == scenario).items():
                applied, conflicts = sum(row["applied"] for row in some), sum(row["conflicts"] for row in some)
                print(f"| {scenario} | `{name}` | {with_best(some, 'requests_per_s', max)} | "
                      f"{ratios(some, constant) if scenario == 'get' else ''} | "
                      f"{with_best(some, 'server_us_per_request', min)} | "
                      f"{format(median(some, 'applied_per_s'), ',.0f') if applied else ''} | "
                      f"{format(1000 * conflicts / (applied + conflicts), '.3g') if applied else ''} | "
                      f"{median(some, 'latency_p50_us'):,.0f} | {median(some, 'latency_p99_us'):,.0f} |")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("csv", help="load.csv of harness/load/load.py")
    parser.add_argument("--out", help="folder for the figure (default: that of the CSV)")
    options = parser.parse_args(arguments)
    rows, left_out = read_rows(options.csv)
    out = options.out or os.path.dirname(options.csv) or "."
    make_folder(out)
    draw(rows, left_out, out)
    print_table(rows)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as error:
        print(f"plot_load.py: {error}", file=sys.stderr)
        sys.exit(error.status)
