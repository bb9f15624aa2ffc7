#!/usr/bin/python3
"""What the kit costs: rows of occkit_plain and of `occkit run`, side by side.

    harness/scripts/shootout.py --plain plain.csv... --kit results.csv... > table.md

Prints a Markdown table for each number of threads: for each map and cell the median of millions of operations per
second in the plain loop and in the kit, and the kit's as a share of the plain loop's. Shares below --least (0.8) are
bold, and listed at the end. Rows of `creations` and `churn` have no share: the kit draws ids at random, the plain loop
takes ever new ones. Then, for either loop, the best map of another library beside the best of ours and packed_cas:
medians, the median of the ratios within a round, and the least and the largest of them. Rows that failed their
verification, had their history recorded or were disturbed are left out.

Exit status: 0; 2 for bad input.
"""

import argparse
import collections
import csv
import statistics
import sys

NEEDED = ("workload", "strategy", "threads", "ops_per_s")
NOT_THE_SAME = ("creations", "churn")
# As tables list them; others behind.
CELLS = (
    "get",
    "cond",
    "cond-zipf",
    "cond-read-mostly",
    "uniform",
    "zipf",
    "cond-hot16",
    "cond-hot",
    "hot16",
    "hot",
    "get-bulk",
    "cond-bulk",
    "creations",
    "churn",
)
# By how their names begin; the others are maps of other libraries.
OURS = ("packed_", "version_retry", "mutex_", "combining", "delegation")
FLOORS = ("floor_", "known_address", "null", "unchecked")


class BadInput(Exception):
    pass


def read(names):
    """Throughputs by round, which is a file, a seed and a replicate, by (threads, strategy, workload), in the order in
    which they come."""
    found = collections.defaultdict(dict)
    for file_number, name in enumerate(names):
        try:
            with open(name, newline="", encoding="utf-8") as file:
                rows = csv.DictReader(file)
                missing = [column for column in NEEDED if column not in (rows.fieldnames or [])]
                if missing:
                    raise BadInput(f"{name}: no column {', '.join(missing)}; accepted are the files that occkit_plain "
                                   "and `occkit run` write")
                for row in rows:
                    if None in row or None in row.values():
                        raise BadInput(f"{name}, line {rows.line_num}: not as many fields as the header")
                    if (row.get("verified", "yes") == "no" or row.get("checked", "").startswith("history")
                            or row.get("disturbed") == "yes"):
                        continue
                    try:
                        key = (int(row["threads"]), row["strategy"], row["workload"])
                        of = row.get("seed"), row.get("replicate")
                        found[key][file_number, *of] = float(row["ops_per_s"])
                    except ValueError as error:
                        raise BadInput(f"{name}, line {rows.line_num}: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{name}: {error}") from None
    return found


def leave_out(tables, without):
    """The tables without the rows of these maps. A map that has no row in any cannot be left out."""
    names = [name for name in without.split(",") if name]
    there = {key[1] for found in tables for key in found}
    for name in names:
        if name not in there:
            raise BadInput(f"--without {name}: no row is of that map; accepted are {', '.join(sorted(there))}")
    return [{key: rounds for key, rounds in found.items() if key[1] not in names} for found in tables]


def median(rounds):
    return statistics.median(rounds.values())


def beside(best, other):
    """How a map does beside another one, round by round: the median of the ratios, and the two ends of their range."""
    ratios = [best[each] / other[each] for each in best if each in other and other[each] > 0]
    if not ratios:
        return ""
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def contest(found, title):
    """Markdown: the best map of another library in each cell, and what ours do beside it."""
    lines = []
    for threads, cell in in_order((key[0], key[2]) for key in found):
        here = {key[1]: rounds for key, rounds in found.items() if key[0] == threads and key[2] == cell}
        ours = {name: rounds for name, rounds in here.items() if name.startswith(OURS)}
        others = {name: rounds for name, rounds in here.items() if not name.startswith(OURS + FLOORS)}
        if not ours or not others:
            continue
        other = max(others, key=lambda name: median(others[name]))
        best = max(ours, key=lambda name: median(ours[name]))
        cas = beside(here["packed_cas"], others[other]) if "packed_cas" in here else ""
        lines.append((cell, threads, f"| `{cell}` | {threads} | `{other}` {median(others[other]) / 1e6:.1f} | `{best}` "
                      f"{median(ours[best]) / 1e6:.1f} | {beside(ours[best], others[other])} | {cas} |"))
    if not lines:
        return []
    lines.sort(key=lambda line: (place_of(line[0]), line[0], line[1]))
    return ["", title, "", "| cell | threads | best other map | best of ours | ratio | `packed_cas` |",
            "|---|--:|---|---|--:|--:|"] + [line[2] for line in lines]


def place_of(cell):
    return CELLS.index(cell) if cell in CELLS else len(CELLS)


def in_order(values):
    return list(dict.fromkeys(values))


def table(plain, kit, least):
    """Markdown, and what is below `least`."""
    lines = []
    below = []
    for threads in sorted({key[0] for key in plain} & {key[0] for key in kit}):
        both = [key for key in plain if key[0] == threads and key in kit]
        if not both:
            continue
        cells = sorted({key[2] for key in both}, key=lambda cell: (place_of(cell), cell))
        lines += ["", f"{threads} thread{'s' if threads > 1 else ''}: plain / in the kit, millions of operations per "
                  "second (kit as a share of plain)", "",
                  "| map | " + " | ".join(f"`{cell}`" for cell in cells) + " |",
                  "|---|" + "--:|" * len(cells)]
        for strategy in in_order(key[1] for key in both):
            fields = []
            for cell in cells:
                key = (threads, strategy, cell)
                if key not in plain or key not in kit:
                    fields.append("")
                    continue
                alone, within = median(plain[key]), median(kit[key])
                field = f"{alone / 1e6:.1f} / {within / 1e6:.1f}"
                if cell not in NOT_THE_SAME and alone > 0:
                    share = within / alone
                    low = share < least
                    field += f" (**{share:.2f}**)" if low else f" ({share:.2f})"
                    if low:
                        below.append((strategy, cell, threads, share))
                fields.append(field)
            lines.append(f"| `{strategy}` | " + " | ".join(fields) + " |")
    if not lines:
        raise BadInput("no map and cell is in both; accepted are rows of the same workload, strategy and threads")
    lines += ["", f"{len(below)} below {least:g}" + (":" if below else ".")]
    lines += [f"- `{strategy}`, `{cell}`, {threads} thread{'s' if threads > 1 else ''}: {share:.2f}"
              for strategy, cell, threads, share in sorted(below, key=lambda one: one[3])]
    rounds = max(len(each) for each in (*plain.values(), *kit.values()))
    for found, where in ((plain, "In the plain loop"), (kit, "In the kit")):
        lines += contest(found, f"{where}: millions of operations per second, medians of up to {rounds} rounds; ratios "
                         "within a round, their median and their range")
    return "\n".join(lines).lstrip("\n")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--plain", nargs="+", required=True, metavar="CSV", help="rows of occkit_plain")
    parser.add_argument("--kit", nargs="+", required=True, metavar="CSV", help="rows of `occkit run`")
    parser.add_argument("--without", default="", metavar="MAPS", help="maps to leave out, separated by commas: as of a "
                        "build that does not have them")
    parser.add_argument("--least", type=float, default=0.8, help="the share below which a cell is named (0.8)")
    options = parser.parse_args(arguments)
    try:
        print(table(*leave_out([read(options.plain), read(options.kit)], options.without), options.least))
    except BadInput as error:
        print(f"shootout.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
