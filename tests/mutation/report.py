"""tests/mutants.md: the result of a whole run."""

import os
import pathlib
import platform
import re
import time

from mutation.data import KINDS


def describe_machine():
    model = "unknown processor"
    try:
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")).group(1)
    except (OSError, AttributeError):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"


def count_killed(mutants, verdicts):
    """(killed, counted) of those that count."""
    counted = [mutant for mutant in mutants if not mutant.exempt]
    return sum(verdicts[mutant.name].status == "killed" for mutant in counted), len(counted)


def as_markdown(mutants, verdicts):
    killed, counted = count_killed(mutants, verdicts)
    survivors = [mutant for mutant in mutants if verdicts[mutant.name].status == "survived"]
    exempt = [mutant for mutant in mutants if mutant.exempt]
    minutes = sum(verdict.seconds for verdict in verdicts.values()) / 60
    lines = [
        "# Mutants",
        "",
        "Written by `tests/mutants.py --all` from `tests/**/*.mutants.toml`; do not edit. Each mutant takes",
        "one memory order, guard or rule away in a copy of the sources; killed means that a check failed",
        "there which passes on the sources as they are. *after*: executions that the model explored, or the",
        "time of the test that failed, or that the compiler refused.",
        "",
        f"**{killed} of {counted} killed ({100 * killed / counted:.1f} %)**, {len(survivors)} survived, "
        f"{len(exempt)} exempt.",
        f"{minutes:.0f} minutes of one core's time on {describe_machine()}, {time.strftime('%Y-%m-%d')}.",
        "",
        "| kind | mutants | killed |",
        "|---|---:|---:|",
    ]
    for kind in KINDS:
        members = [mutant for mutant in mutants if mutant.kind == kind and not mutant.exempt]
        lines.append(f"| {kind} | {len(members)} | {count_killed(members, verdicts)[0]} |")
    for file in dict.fromkeys(mutant.file for mutant in mutants):
        lines += ["", f"## `{file}`", "", "| mutant | kind | what it takes away | killed by | after |",
                  "|---|---|---|---|---|"]
        for mutant in (mutant for mutant in mutants if mutant.file == file):
            verdict = verdicts[mutant.name]
            by = f"`{verdict.by}`" if verdict.by else f"**{verdict.status}**"
            lines.append(f"| {mutant.name} | {mutant.kind} | {mutant.breaks} | {by} | {verdict.after} |")
    for title, members, sentence in (("Survivors", survivors, lambda m: m.survives or "**no sentence**"),
                                     ("Exempt", exempt, lambda m: m.exempt)):
        if members:
            lines += ["", f"## {title}", ""]
            lines += [f"- **{mutant.name}** ({mutant.breaks}): {sentence(mutant)}" for mutant in members]
    return "\n".join(lines) + "\n"
