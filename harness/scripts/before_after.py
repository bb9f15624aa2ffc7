#!/usr/bin/python3
"""Whether a change made anything slower: two builds of occkit, run in turn.

    harness/scripts/before_after.py BEFORE AFTER --out DIR [--rounds N] [OPTIONS of occkit run...]

BEFORE and AFTER are two programs. OPTIONS are passed on, such as --strategy, --workload, --threads, --docs. Each round
(6) runs either once with the same seed, every other round in the other order, one replicate each. Prints a Markdown
table: for each cell the medians, and the median, the least and the largest of the ratios within a round, of which 1 is
no change and 0.9 is a tenth slower. Says which cells were slower, or faster, in every round: of 100 cells of which none
changed, three are either by luck with six rounds. Rows that failed their verification or were disturbed are left out.
The rows stay in DIR, as before-1, after-1 and so on. What DIR has of an earlier call is not measured again.

Exit status: 0; 1 a verification failed; 2 bad input; 130 interrupted.
"""

import argparse
import pathlib
import shutil
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

import shootout  # noqa: E402

SIDES = ("before", "after")


def measure(programs, folder, rounds, options):
    """Runs what is not there yet; whether every verification held."""
    held = True
    for number in range(1, rounds + 1):
        for side in SIDES if number % 2 else SIDES[::-1]:
            out = folder / f"{side}-{number}"
            if out.exists():
                continue
            print(f"==> round {number} of {rounds}: {side}", file=sys.stderr, flush=True)
            unfinished = folder / f"{side}-{number}-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            command = [programs[side], "run", "--replicates", "1", "--seed", str(number), "--check", "none", *options,
                       "--out", unfinished]
            with open(folder / f"{side}-{number}.txt", "w", encoding="utf-8") as said:
                ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
                                       check=False).returncode
            if ended not in (0, 1):
                raise shootout.BadInput(f"{programs[side]} ended with status {ended}; what it said is in {said.name}")
            unfinished.rename(out)
            held = held and ended == 0
    return held


def read(folder, side, rounds):
    """Throughputs by round, by (threads, strategy, workload)."""
    return shootout.read([str(folder / f"{side}-{number}" / "results.csv") for number in range(1, rounds + 1)])


def table(before, after):
    lines = ["| cell | threads | strategy | before | after | ratio |", "|---|--:|---|--:|--:|--:|"]
    all_of = {"slower": [], "faster": []}
    order = sorted((key for key in before if key in after),
                   key=lambda key: (shootout.place_of(key[2]), key[2], key[0], key[1]))
    for key in order:
        threads, strategy, cell = key
        ratios = [after[key][each] / before[key][each] for each in before[key] if each in after[key]]
        if not ratios:
            continue
        lines.append(f"| `{cell}` | {threads} | `{strategy}` | {shootout.median(before[key]) / 1e6:.2f} | "
                     f"{shootout.median(after[key]) / 1e6:.2f} | {statistics.median(ratios):.2f} "
                     f"[{min(ratios):.2f}, {max(ratios):.2f}] |")
        name = f"`{cell}` of `{strategy}` by {threads}"
        if max(ratios) < 1:
            all_of["slower"].append(name)
        elif min(ratios) > 1:
            all_of["faster"].append(name)
    if len(lines) == 2:
        raise shootout.BadInput("no cell was measured by both; nothing to compare")
    lines.append("")
    for kind, names in all_of.items():
        lines.append(f"{kind.capitalize()} in every round: {', '.join(names) or 'none'}.")
    return lines


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False,
                                     epilog="All other options are those of `occkit run`.")
    parser.add_argument("before", metavar="BEFORE", help="the program as it was")
    parser.add_argument("after", metavar="AFTER", help="the program as it is")
    parser.add_argument("--out", required=True, type=pathlib.Path, metavar="DIR", help="where the rows stay")
    parser.add_argument("--rounds", type=int, default=6, metavar="N", help="of each program (6); 1 to 999")
    known, options = parser.parse_known_args(arguments)
    try:
        if not 1 <= known.rounds <= 999:
            raise shootout.BadInput(f"--rounds {known.rounds}: accepted is 1 to 999")
        known.out.mkdir(parents=True, exist_ok=True)
        held = measure({"before": known.before, "after": known.after}, known.out, known.rounds, options)
        lines = table(read(known.out, "before", known.rounds), read(known.out, "after", known.rounds))
    except (shootout.BadInput, OSError) as error:
        print(f"before_after.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("before_after.py: stopped; the same command goes on with the rounds that are missing", file=sys.stderr)
        return 130
    print("\n".join(lines))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
