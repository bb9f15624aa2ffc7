#!/usr/bin/python3
"""Predictions held against measurements: what `occkit advise` says of a load, beside `occkit run` of the same load.

    harness/scripts/predictions.py --out results/predictions
    harness/scripts/predictions.py --url http://127.0.0.1:9200 --think exponential:5ms --out results/predictions-url

For one hot document, sixteen, a Zipf distribution (and a uniform one, if asked), at every number of clients, think
time and window: the probability q that an attempt conflicts, P(k retries) and P(exhausted) as measured, by the
model (`advise`) and by events (`simulate`). In this process a window is waited for between read and write
(`--think-within`); at a server it is what the calls take, as `advise --measure` sees it. Clients share --threads
threads.

Writes predictions.csv (a row for each load) and predictions.md (the table for a page) into --out, a new folder, and
the runs below it. The last lines of the table count what is within the limits: q within 10 % where it is above 0.01,
tails (P(> 3 retries), P(exhausted)) within a factor of 1.5 where they are above 0.001. Nothing fails by them.

Exit status: 0; 2 for bad input; that of `occkit` where it ended otherwise.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "occkit"
LOADS = (("hot", "hot:1", 1), ("hot16", "hot:16", 16), ("zipf", "zipf:0.99", 10_000), ("uniform", "uniform", 2_000))
MOST_RETRIES = 15  # Rows of a run count 16 and more together.
FEW_RETRIES = 3
Q_LIMIT, Q_FROM = 0.1, 0.01
TAIL_LIMIT, TAIL_FROM = 1.5, 1e-3
HOW = ("measured", "model", "simulated")


class BadInput(Exception):
    status = 2


class Failed(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def occkit(program, *arguments):
    """What it prints. Throws Failed."""
    try:
        ended = subprocess.run([str(program), *arguments], capture_output=True, text=True, check=False)
    except OSError as error:
        raise BadInput(f"{program}: {error.strerror or error}; --occkit says where the program is") from None
    if ended.returncode != 0:
        raise Failed(ended.returncode, f"occkit {' '.join(arguments)}\n{ended.stderr.strip()}")
    return ended.stdout


def read_rows(folder):
    with open(folder / "results.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row for row in rows if row["verified"] in ("yes", "not_applicable") and row["checked"] != "history"]


def figures_of(row):
    """q, P(k retries) for k from 0 on, P(exhausted) and operations per second of one row."""
    retries = [float(row[f"retries_{k}"]) for k in range(16)] + [float(row["retries_16_plus"])]
    operations = sum(retries)
    attempts = float(row["attempts"])
    if operations == 0 or attempts == 0:
        return None
    return {
        "q": float(row["conflict_seq_no"]) / attempts,
        "retries": [count / operations for count in retries],
        "exhausted": float(row["exhausted"]) / operations,
        "ops_per_s": float(row["ops_per_s"]),
    }


def of_advice(text, retries):
    given = json.loads(text)["answers"][0].get("given")
    if given is None:
        return None
    chances = given["retries_probability"] + [0.0] * (17 - len(given["retries_probability"]))
    return {"q": given["conflict_probability"], "retries": chances, "exhausted": given["exhausted"],
            "ops_per_s": given["operations_per_s"] * (1 - given["exhausted"])}


def beyond(figures, count):
    return sum(figures["retries"][count + 1:])


def last_attempts(rows):
    """A disturbed replicate was measured again, and the last row stands for it."""
    return list({row["replicate"]: row for row in sorted(rows, key=lambda row: int(row["attempt"]))}.values())


def median_of(all_figures):
    """Medians over replicates; of retries the mean, so that they are still a distribution. None without any."""
    found = [figures for figures in all_figures if figures]
    if not found:
        return None
    merged = {name: statistics.median(each[name] for each in found) for name in ("q", "exhausted", "ops_per_s")}
    merged["retries"] = [statistics.mean(chances) for chances in zip(*(each["retries"] for each in found))]
    merged["q_range"] = (min(each["q"] for each in found), max(each["q"] for each in found))
    return merged


def compare(load, options, window):
    """Rows of predictions.csv for one workload and window: one for each number of clients and think time."""
    name, dist, docs = load
    shape = ["--dist", dist, "--docs", str(docs)]
    folder = options.out / f"{name}-{window.replace(':', '-')}"
    here = ["--think-within", window] if not options.url else ["--url", options.url]
    occkit(
        options.occkit, "run", "--strategy", options.strategy if not options.url else "elasticsearch", *shape, *here,
        "--client", "if_seq_no", "--clients", ",".join(map(str, options.clients)), "--think-between",
        ",".join(options.think), "--threads", str(options.threads), "--retry-on-conflict", str(options.retries),
        "--duration", options.duration, "--replicates", str(options.replicates), "--check", "none",
        "--out", str(folder),
    )
    rows = read_rows(folder)
    found = []
    for clients in options.clients:
        for think in options.think:
            mine = last_attempts(
                [row for row in rows if row["clients"] == str(clients) and row["think_between"] == think]
            )
            asked = ["--clients", str(clients), "--think", think, *shape, "--retry-on-conflict", str(options.retries)]
            where = ["--measure", options.url] if options.url else ["--window", window]
            simulated = None
            if not options.url:
                simulation = folder / f"simulated-{clients}-{think.replace(':', '-')}"
                occkit(options.occkit, "simulate", *asked, *where, "--operations", str(options.operations), "--out",
                       str(simulation))
                simulated = figures_of(read_rows(simulation)[0])
            figures = {
                "measured": median_of(figures_of(row) for row in mine if row["disturbed"] == "no")
                or median_of(figures_of(row) for row in mine),
                "model": of_advice(occkit(options.occkit, "advise", *asked, *where, "--json"), options.retries),
                "simulated": simulated,
            }
            found.append({"workload": name, "docs": docs, "clients": clients, "threads": options.threads,
                          "think": think, "window": window, "retry_on_conflict": options.retries,
                          "replicates": len(mine), "disturbed": sum(row["disturbed"] == "yes" for row in mine),
                          "figures": figures})
    return found


def ratio_within(measured, predicted, limit, least):
    """None where there is nothing to judge."""
    if measured is None or predicted is None or max(measured, predicted) < least:
        return None
    return max(measured, predicted) <= limit * max(min(measured, predicted), 1e-300)


def verdicts(found, how):
    """{name: (within, judged)} of what `how` predicts."""
    counts = {"q": [0, 0], "tails": [0, 0]}
    for row in found:
        measured, predicted = row["figures"]["measured"], row["figures"][how]
        if not measured or not predicted:
            continue
        if measured["q"] > Q_FROM:
            counts["q"][1] += 1
            counts["q"][0] += abs(predicted["q"] - measured["q"]) <= Q_LIMIT * measured["q"]
        for tail in (lambda each: beyond(each, FEW_RETRIES), lambda each: each["exhausted"]):
            within = ratio_within(tail(measured), tail(predicted), TAIL_LIMIT, TAIL_FROM)
            if within is not None:
                counts["tails"][1] += 1
                counts["tails"][0] += within
    return counts


def three(row, value):
    texts = []
    for how in HOW:
        figures = row["figures"][how]
        texts.append("-" if figures is None else f"{value(figures):.3g}")
    return " / ".join(texts)


def table(found):
    lines = ["Measured / model / simulated:", "",
             f"| load | clients | think | window | q | P(> {FEW_RETRIES} retries) | P(exhausted) |",
             "|---|--:|---|---|--:|--:|--:|"]
    for row in found:
        lines.append(
            f"| {row['workload']}{' (disturbed)' if row['disturbed'] else ''} | {row['clients']} | {row['think']} | "
            f"{row['window']} | {three(row, lambda each: each['q'])} | "
            f"{three(row, lambda each: beyond(each, FEW_RETRIES))} | {three(row, lambda each: each['exhausted'])} |"
        )
    lines.append("")
    for how in HOW[1:]:
        counts = verdicts(found, how)
        if counts["q"][1] + counts["tails"][1] > 0:
            lines.append(
                f"- {how}: q within 10 % in {counts['q'][0]} of {counts['q'][1]}, tails within a factor of "
                f"{TAIL_LIMIT} in {counts['tails'][0]} of {counts['tails'][1]}"
            )
    return "\n".join(lines) + "\n"


def write_csv(path, found):
    settings = [name for name in found[0] if name != "figures"]
    names = ["q", "exhausted", "ops_per_s"] + [f"retries_{k}" for k in range(MOST_RETRIES + 1)]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(settings + ["q_measured_least", "q_measured_most"]
                        + [f"{name}_{how}" for how in HOW for name in names])
        for row in found:
            measured = row["figures"]["measured"]
            values = [row[name] for name in settings] + list(measured["q_range"] if measured else ("", ""))
            for how in HOW:
                figures = row["figures"][how]
                values += [""] * len(names) if figures is None else (
                    [f"{figures[name]:.6g}" for name in names[:3]]
                    + [f"{chance:.6g}" for chance in figures["retries"][:MOST_RETRIES + 1]]
                )
            writer.writerow(values)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a new folder")
    parser.add_argument("--occkit", type=pathlib.Path, default=PROGRAM, help="default: build/release/occkit")
    parser.add_argument("--strategy", default="packed_cas")
    parser.add_argument("--url", help="a server instead of a strategy of this process")
    parser.add_argument("--workloads", default="hot,hot16,zipf", help="of hot, hot16, zipf, uniform")
    parser.add_argument("--clients", default="16,64")
    parser.add_argument("--think", default="exponential:10ms,exponential:50ms,exponential:250ms")
    parser.add_argument("--window", default="2ms,gamma:4:2ms,exponential:2ms", help="not with --url")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--retries", type=int, default=10, help=f"retry_on_conflict, 0 to {MOST_RETRIES}")
    parser.add_argument("--duration", default="10s")
    parser.add_argument("--replicates", type=int, default=3)
    parser.add_argument("--operations", type=int, default=300_000, help="that are simulated")
    options = parser.parse_args(arguments)
    known = {load[0]: load for load in LOADS}
    options.workloads = options.workloads.split(",")
    unknown = [name for name in options.workloads if name not in known]
    if unknown:
        raise BadInput(f"--workloads: unknown '{unknown[0]}'; accepted are {', '.join(known)}")
    options.workloads = [known[name] for name in options.workloads]
    try:
        options.clients = [int(each) for each in options.clients.split(",")]
    except ValueError:
        raise BadInput(f"--clients '{options.clients}': accepted are whole numbers, such as 16,64") from None
    if not 0 <= options.retries <= MOST_RETRIES:
        raise BadInput(f"--retries {options.retries}: accepted are 0 to {MOST_RETRIES}")
    options.think = options.think.split(",")
    options.window = ["measured"] if options.url else options.window.split(",")
    if options.out.exists():
        raise BadInput(f"--out: '{options.out}' is there already and is not overwritten")
    return options


def main(arguments):
    try:
        options = parse(arguments)
        options.out.mkdir(parents=True)
        found = []
        for load in options.workloads:
            for window in options.window:
                found += compare(load, options, window)
                print(f"{load[0]}, window {window}: done", file=sys.stderr)
                # What is finished stays, however the rest ends.
                write_csv(options.out / "predictions.csv", found)
                (options.out / "predictions.md").write_text(table(found), encoding="utf-8")
    except (BadInput, Failed) as error:
        print(f"predictions.py: {error}", file=sys.stderr)
        return error.status
    print(table(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
