#!/usr/bin/python3
"""Applies mutants to private copies of the sources, one at a time, and sees whether their checks notice.

A mutant is killed if one of its checks fails on the changed copy: a test, an assertion of a model, a static assertion,
a crash, or no end. Every check is run on the unchanged copy first, where it must pass. tests/README.md says how mutants
are written down (tests/**/*.mutants.toml); the result of a whole run is tests/mutants.md.

Exit status: 0 if every mutant that was tried was killed or has a sentence that says why it survives; 1 if not, or if a
check fails on the unchanged sources. A whole run also fails (1) if it was stopped before its end, if a mutant no longer
applies or compiles, or if less than 95 % were killed. 2 bad arguments or data; 130 interrupted.
"""

import argparse
import fcntl
import os
import pathlib
import shutil
import sys
import time

sys.dont_write_bytecode = True

from mutation import anchor, build, change, data  # noqa: E402
from mutation.judge import Judge  # noqa: E402
from mutation.report import as_markdown, count_killed  # noqa: E402
from mutation.state import State, Verdict  # noqa: E402

SHARE_KILLED = 0.95
# What a change is tried with.
MINUTES = 3.0
# Whoever has changed code has not always looked at its mutants: it is said, and fails the whole run alone.
STALE = ("does not apply", "does not compile")


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--changed", nargs="?", const="", default="", metavar="BASE",
                        help="those that a change since BASE touches, and a fixed sample; this is what runs without "
                        "arguments. BASE is where HEAD left main, or else HEAD~1; what is not committed counts")
    chosen.add_argument("--all", action="store_true",
                        help="all of them, but for those that are known; writes tests/mutants.md, and to "
                        "tests/mutation/known.jsonl what is known")
    chosen.add_argument("--only", nargs="+", metavar="NAME", help="only these, known or not")
    chosen.add_argument("--list", action="store_true",
                        help="print the mutants and whether they still apply; run nothing")
    chosen.add_argument("--follow", action="store_true",
                        help="for those that no longer apply and would in one other file, write that file into their "
                        "data")
    parser.add_argument("--minutes", type=float, metavar="N",
                        help=f"begin none after so long; {MINUTES:g} for --changed, else no limit")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="mutants at a time (1 to 64)")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"), help="the C++ compiler (g++)")
    parser.add_argument("--tree", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent,
                        metavar="DIR", help="the sources; the folder that holds this one")
    parser.add_argument("--work", type=pathlib.Path, metavar="DIR", help="where to build; TREE/build/mutants")
    parser.add_argument("--state", type=pathlib.Path, metavar="FILE", help="what is known; WORK/known.jsonl")
    options = parser.parse_args(arguments)
    if not 1 <= options.jobs <= 64:
        parser.error(f"--jobs must be 1 to 64, not {options.jobs}")
    if options.minutes is not None and not options.minutes > 0:
        parser.error(f"--minutes must be above 0, not {options.minutes:g}")
    if not (options.tree / "tests").is_dir():
        parser.error(f"--tree: {options.tree} has no tests/")
    if not shutil.which(options.compiler):
        parser.error(f"--compiler: there is no '{options.compiler}'")
    options.tree = options.tree.resolve()
    options.work = (options.work or options.tree / "build" / "mutants").resolve()
    options.state = options.state or options.work / "known.jsonl"
    options.is_partial = not (options.all or options.only or options.list or options.follow)
    if options.minutes is None and options.is_partial:
        options.minutes = MINUTES
    return options


def report(line):
    print(line, flush=True)


def stale_mutants(mutants, sources):
    """{name: why} of those that do not apply."""
    missing = {}
    for mutant in mutants:
        try:
            if mutant.file not in sources.files:
                raise anchor.DoesNotApply("there is no such file")
            mutant.apply(sources.text(mutant.file))
        except anchor.DoesNotApply as error:
            missing[mutant.name] = f"{mutant.file}: {error}"
            if places := elsewhere(mutant, sources):
                missing[mutant.name] += f"; it would apply in {', '.join(places)}"
    return missing


def elsewhere(mutant, sources):
    """The other files that a mutant would apply in."""
    found = []
    for name in sources.files:
        if name != mutant.file and name.endswith((".hpp", ".cpp")):
            try:
                mutant.apply(sources.text(name))
                found.append(name)
            except (anchor.DoesNotApply, UnicodeDecodeError):
                continue
    return found


def list_mutants(files, missing):
    for path, mutants in files.items():
        report(path)
        for mutant in mutants:
            state = ("does not apply: " + missing[mutant.name] if mutant.name in missing else "exempt" if mutant.exempt
                     else "survives" if mutant.survives else ", ".join(mutant.killers))
            report(f"  {mutant.name:44} {mutant.kind:6} {mutant.file:28} {'sample ' if mutant.sample else ''}{state}")
    count = sum(map(len, files.values()))
    report(f"{count} mutants, {len(missing)} no longer apply")
    return 1 if missing else 0


def follow(tree, files, missing, sources):
    for path, mutants in files.items():
        for mutant in mutants:
            places = elsewhere(mutant, sources) if mutant.name in missing else []
            if len(places) == 1:
                text = (tree / path).read_text(encoding="utf-8")
                (tree / path).write_text(data.with_file(text, mutant.name, places[0]), encoding="utf-8")
                report(f"{mutant.name}: {mutant.file} -> {places[0]}")
            elif mutant.name in missing:
                report(f"{mutant.name}: {missing[mutant.name]}")
    return list_mutants({}, stale_mutants([m for ms in data.load(tree).values() for m in ms], sources))


def choose(options, mutants, sources):
    """Those to run, those first that matter most. Throws data.BadData."""
    if options.all:
        return mutants
    if options.only:
        names = {mutant.name for mutant in mutants}
        if unknown := [name for name in options.only if name not in names]:
            raise data.BadData(f"there is no mutant '{unknown[0]}'; --list shows all")
        return [mutant for mutant in mutants if mutant.name in options.only]
    base = options.changed or change.base_of(options.tree)
    touched = change.touched_mutants(options.tree, base, mutants, sources) if base else []
    sample = [mutant for mutant in mutants if mutant.sample and mutant not in touched]
    since = base[:12] if base else "nothing that git knows"
    report(f"{len(touched)} mutants that the change since {since} touches, and {len(sample)} of the sample")
    return touched + sample


def hold(work):
    """A file whose lock keeps other runs away from the copies while it is open. Throws data.BadData."""
    work.mkdir(parents=True, exist_ok=True)
    file = (work / "lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise data.BadData(f"another run builds in {work}; wait for its end, or give another folder (--work)") from None
    return file


def run(options):
    files = data.load(options.tree)
    mutants = [mutant for members in files.values() for mutant in members]
    sources = build.Sources(options.tree)
    missing = stale_mutants(mutants, sources)
    if options.list:
        return list_mutants(files, missing)
    if options.follow:
        return follow(options.tree, files, missing, sources)
    held = hold(options.work)
    began = time.monotonic()
    chosen = choose(options, mutants, sources)
    verdicts = {mutant.name: Verdict("exempt") for mutant in chosen if mutant.exempt}
    verdicts |= {name: Verdict("does not apply", details=why) for name, why in missing.items()}

    kept = options.tree / "tests" / "mutation" / "known.jsonl"
    state = State(options.state, kept)
    cores = max(1, (os.cpu_count() or 1) // options.jobs)
    copies = [build.Copy(sources, options.work / f"copy_{number}", options.compiler, cores)
              for number in range(min(options.jobs, max(1, len(chosen))))]
    judge = Judge(sources, copies, state)
    keys = {}
    for mutant in chosen:
        if mutant.name not in verdicts:
            try:
                keys[mutant.name] = judge.key_of(mutant)
            except data.BadData as error:
                verdicts[mutant.name] = Verdict("not tried", details=str(error))
    if not options.only:
        verdicts |= {name: known for name, key in keys.items() if (known := state.verdict(key))}
    to_run = [mutant for mutant in chosen if mutant.name not in verdicts]
    if options.all:  # what needs the same build, one after the other
        to_run.sort(key=lambda mutant: (judge.checks_of(mutant)[0].folder, mutant.file, mutant.killers))
    report(f"{len(chosen)} of {len(mutants)} mutants, {len(chosen) - len(to_run)} known, {len(to_run)} to run, "
           f"{len(copies)} at a time, in {options.work}")

    deadline = began + 60 * options.minutes if options.minutes else None
    for number, (mutant, verdict) in enumerate(judge.each(to_run, judge.judge, deadline), 1):
        verdicts[mutant.name] = verdict
        state.put_verdict(keys[mutant.name], verdict)
        text = f"killed by {verdict.by} ({verdict.after})" if verdict.status == "killed" else verdict.status.upper()
        passed_s = time.monotonic() - began
        report(f"[{number}/{len(to_run)}, {passed_s:.0f} s] {mutant.name}: {text}, {verdict.seconds:.1f} s")
        if verdict.status in ("does not compile", "not tried"):
            report(verdict.details)
    if options.all:
        report(f"wrote {kept}: {state.keep(kept, keys)} verdicts")
    problems = []
    if options.all and all(mutant.name in verdicts for mutant in mutants):
        # Those that no mutant was left for, too.
        checks = dict.fromkeys(check for mutant in mutants if mutant.name in keys for check in judge.checks_of(mutant))
        problems = [problem for _, problem in judge.each(checks, judge.check_unchanged) if problem]
    held.close()
    return finish(options, mutants, chosen, verdicts, problems, time.monotonic() - began)


def finish(options, mutants, chosen, verdicts, problems, took_s):
    failures, tried = list(problems), [mutant for mutant in chosen if mutant.name in verdicts]
    for mutant in tried:
        verdict = verdicts[mutant.name]
        if verdict.status == "not tried":
            failures.append(f"{mutant.name}: not tried: {verdict.details.strip()}")
        elif verdict.status == "survived" and not mutant.survives:
            failures.append(f"{mutant.name}: survived, and no sentence says why")
        elif verdict.status == "killed" and mutant.survives:
            report(f"note: {mutant.name} was killed by {verdict.by}; its sentence says that it survives")
    stale = {name: verdict for name, verdict in verdicts.items() if verdict.status in STALE}
    for name, verdict in stale.items():
        report(f"{name}: {verdict.status}: {verdict.details.strip()}")
    if stale:
        said = f"{len(stale)} of {len(mutants)} mutants no longer apply or compile"
        if options.all:
            failures.append(said)
        else:
            report(f"note: {said}; a whole run (--all) fails by it")
    left = [mutant.name for mutant in chosen if mutant.name not in verdicts]
    killed, counted = count_killed(tried, verdicts)
    if options.all:
        if left:
            failures.append(f"{len(left)} of {len(mutants)} mutants are left; the same command goes on with them")
        else:
            path = options.tree / "tests" / "mutants.md"
            path.write_text(as_markdown(mutants, verdicts), encoding="utf-8")
            report(f"wrote {path}")
            if killed < SHARE_KILLED * counted:
                failures.append(f"less than {100 * SHARE_KILLED:.0f} % were killed")
    elif left:
        report(f"note: no time for {len(left)}: {' '.join(left)}")
    for failure in failures:
        report(f"FAILED: {failure}")
    report(f"{killed} of {counted} killed in {took_s:.0f} s")
    return 1 if failures else 0


def main(arguments):
    options = parse_arguments(arguments)
    try:
        return run(options)
    except data.BadData as error:
        print(f"tests/mutants.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tests/mutants.py: interrupted; what was found out is kept", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
