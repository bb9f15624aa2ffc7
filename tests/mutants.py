#!/usr/bin/env python3
"""Applies each mutant of tests/mutants.toml to a private copy of the sources and sees whether its checks notice.

A mutant is killed if one of its checks fails on the changed copy: a test, an assertion of a model, a static assertion,
a crash, or no end. Every check is run on the unchanged copy first, where it must pass. What a mutant needs is compiled
directly (-O1, only the objects that its file reaches, only the strategy that it names), so the whole takes minutes.

The format of the data is written down at the top of tests/mutants.toml, the results are in tests/mutants.md.

Exit status: 0 if at least 95 % were killed and every survivor has its sentence; 1 if not, or if a mutant no longer
applies, does not compile, or a check fails on the unchanged sources; 2 bad arguments or data; 130 interrupted.
"""

import argparse
import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import platform
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

FOLDERS = ("core", "variants", "harness", "tests")
# Found first on the include path of the models.
MODEL_SHIM = "tests/model/shim"
KINDS = ("order", "guard", "rule")
SANITIZERS = ("", "address", "thread", "undefined")
SHARE_KILLED = 0.95
# A check that has not ended after this many seconds, or ten times what it takes on the unchanged sources, never will.
LEAST_LIMIT_S = 30
COMPILE_LIMIT_S = 300

FLAGS = ["-std=c++20", "-mcx16", "-mrtm", "-O1", "-DNDEBUG", "-w", '-DOCCKIT_TEST_DATA="tests/data"',
         '-DOCCKIT_SCENARIOS="harness/scenarios"']
# Relacy replaces the unsized operator delete only.
MODEL_FLAGS = ["-fno-sized-deallocation"]
LIBRARIES = ["-lgtest_main", "-lgmock", "-lgtest", "-ltbb", "-lurcu-cds", "-lurcu-memb", "-lurcu-common", "-lfmt", "-lssl",
             "-lcrypto", "-lpthread"]
BUILD_INFO = """#pragma once
namespace occ::build_info {
inline constexpr const char* kVersion = "0";
inline constexpr const char* kBuildType = "mutants";
inline constexpr const char* kFlags = "";
inline constexpr const char* kCommit = "unknown";
inline constexpr const char* kDirty = "unknown";
}
"""


class BadData(Exception):
    """The data says something that cannot be done; the text says what."""


class CompileError(Exception):
    """The compiler's output. `asserted`: nothing but static assertions failed."""

    def __init__(self, output):
        super().__init__(output)
        errors = re.findall(r"error: (.*)", output)
        self.asserted = bool(errors) and all(
            text.startswith(("static assertion failed", "non-constant condition for static assertion"))
            for text in errors)


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    edits: tuple  # of (from, to, nth)
    kind: str
    breaks: str
    killers: tuple
    strategy: str
    sanitize: str
    tries: int
    survives: str
    exempt: str
    sample: bool

    def apply(self, text):
        """`text` with this mutant in it. Throws BadData if it does not apply."""
        for before, after, nth in self.edits:
            found = text.count(before)
            if nth == 0 and found != 1:
                raise BadData(f"{self.file} has its text {found} times, not once: {before.strip().splitlines()[0]}")
            if nth > found:
                raise BadData(f"{self.file} has its text {found} times, not {nth}: {before.strip().splitlines()[0]}")
            at = -1
            for _ in range(max(nth, 1)):
                at = text.index(before, at + 1)
            text = text[:at] + after + text[at + len(before):]
        return text


def load(path):
    """The mutants of a file, and its [sources] and [shims]. Throws BadData."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadData(f"{path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise BadData(f"{path}: {error}") from None
    strategy = data.get("strategy", "")
    mutants = []
    for entry in data.get("mutant", []):
        name = entry.get("name", f"number {len(mutants) + 1}")

        def bad(what, name=name):
            raise BadData(f"{path}: mutant '{name}': {what}")

        for key in ("name", "file", "from", "to", "kind", "breaks"):
            if not isinstance(entry.get(key), str):
                bad(f"'{key}' must be given, as text")
        known = {"name", "file", "from", "to", "nth", "also", "kind", "breaks", "killers", "strategy",
                 "sanitize", "tries", "survives", "exempt", "sample"}
        if unknown := set(entry) - known:
            bad(f"unknown key '{sorted(unknown)[0]}'; accepted are {', '.join(sorted(known))}")
        if entry["kind"] not in KINDS:
            bad(f"kind '{entry['kind']}'; accepted are {', '.join(KINDS)}")
        if any(mutant.name == name for mutant in mutants):
            bad("there are two of this name")
        if "|" in name + entry["breaks"] or not re.fullmatch(r"[a-z0-9_]+", name):
            bad("a name is of small letters, digits and '_'; '|' is not allowed in what it breaks")
        edits = []
        for edit in [entry, *entry.get("also", [])]:
            before, after, nth = edit.get("from"), edit.get("to"), edit.get("nth", 0)
            if not isinstance(before, str) or not isinstance(after, str) or before == after or not before.strip():
                bad("'from' and 'to' must be texts that differ, and 'from' must not be empty")
            if not isinstance(nth, int) or nth < 0:
                bad("'nth' must be 1 or more")
            edits.append((before, after, nth))
        killers = entry.get("killers", [])
        if not isinstance(killers, list) or not all(isinstance(killer, str) and killer.strip() for killer in killers):
            bad("'killers' must be a list of texts, each a program and what to run of it")
        if bool(killers) == bool(entry.get("exempt")):
            bad("give either 'killers' or, for one that no check can see, 'exempt'")
        tries = entry.get("tries", 1)
        if not isinstance(tries, int) or not 1 <= tries <= 100:
            bad("'tries' must be 1 to 100")
        if entry.get("sanitize", "") not in SANITIZERS:
            bad(f"'sanitize' may be {', '.join(SANITIZERS[1:])}")
        mutants.append(Mutant(name, entry["file"], tuple(edits), entry["kind"], entry["breaks"], tuple(killers),
                              entry.get("strategy", strategy), entry.get("sanitize", ""), tries, entry.get("survives", ""),
                              entry.get("exempt", ""), entry.get("sample", False)))
    if not mutants:
        raise BadData(f"{path}: no [[mutant]] in it")
    return mutants, data.get("sources", {}), data.get("shims", {})


@dataclasses.dataclass(frozen=True)
class Check:
    """One way to run one program: what kills. `strategy` is empty if the program does not know the registry."""
    program: str
    arguments: str
    strategy: str
    sanitize: str

    @property
    def build(self):
        """What of it the compiler has to know."""
        return self.program, self.strategy, self.sanitize

    def __str__(self):
        return " ".join(part for part in (self.program, self.arguments) if part)


@dataclasses.dataclass
class Verdict:
    status: str  # killed, survived, does not compile, does not apply, exempt
    by: str = ""
    after: str = ""
    details: str = ""


class Sources:
    """A snapshot of the tree, and what of it each program is made of."""

    def __init__(self, tree, some_of_the_harness, shims):
        self.some_of_the_harness = some_of_the_harness
        self.shims = shims
        self.files = {}
        for folder in FOLDERS:
            for path in sorted((tree / folder).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    self.files[str(path.relative_to(tree))] = path.read_bytes()

    def text(self, name):
        return self.files[name].decode("utf-8")

    registry = "variants/registry.hpp"

    @functools.cached_property
    def harness(self):
        """What the harness's library is made of."""
        listed = re.search(r"add_library\(occkit_harness STATIC(.*?)\)", self.text("harness/CMakeLists.txt"), re.DOTALL)
        return [f"harness/{name}" for name in listed.group(1).split()] if listed else []

    def source_of(self, program):
        for folder in ("tests", "tests/model"):
            name = f"{folder}/{program}.cpp"
            if name in self.files:
                return name
        raise BadData(f"there is no program '{program}': neither tests/{program}.cpp nor tests/model/{program}.cpp")

    def shim_of(self, program):
        """The folder that comes first on the include path of a program; empty if there is none."""
        return MODEL_SHIM if self.source_of(program).startswith("tests/model/") else self.shims.get(program, "")

    def is_model(self, program):
        return self.shim_of(program) == MODEL_SHIM

    @functools.lru_cache(maxsize=None)
    def includes(self, name):
        return re.findall(r'^\s*#\s*include\s*"([^"]+)"', self.text(name), re.MULTILINE)

    @functools.lru_cache(maxsize=None)
    def reached(self, source, shim):
        """All files of the tree that the compiler reads for one source, itself included."""
        seen, waiting = set(), [source]
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for header in self.includes(name):
                beside = os.path.normpath(os.path.join(os.path.dirname(name), header))
                for candidate in ([beside] + ([f"{shim}/{header}"] if shim else []) + [header]):
                    if candidate in self.files:
                        waiting.append(candidate)
                        break
        return frozenset(seen)

    @functools.lru_cache(maxsize=None)
    def parts(self, program):
        """The sources of a program: its own, each whose header one of them reaches, and the harness whole if they reach
        any of it."""
        own = self.source_of(program)
        shim = self.shim_of(program)
        parts, waiting = [], [own]
        while waiting:
            source = waiting.pop()
            if source in parts:
                continue
            parts.append(source)
            for header in self.reached(source, shim):
                implementation = header.removesuffix(".hpp") + ".cpp"
                if header.startswith("harness/"):
                    waiting += self.some_of_the_harness.get(program, self.harness)
                elif header.endswith(".hpp") and implementation in self.files:
                    waiting.append(implementation)
        return tuple(sorted(parts))

    def knows_registry(self, program):
        shim = self.shim_of(program)
        return any(self.registry in self.reached(source, shim) for source in self.parts(program))

    def registry_of(self, strategy):
        """variants/registry.hpp with these strategies alone. Throws BadData."""
        text = self.text(self.registry)
        names = set(re.findall(r"\w+", strategy))
        listed = re.search(r"using Strategies = StrategyList<(.*?)>;", text, re.DOTALL)
        for one in re.split(r",\s*(?![^<]*>)", strategy):
            if not listed or one.strip() not in re.sub(r"\s*//[^\n]*", "", listed.group(1)):
                raise BadData(f"strategy '{one}' is not in {self.registry}")
        headers = [name for name in self.includes(self.registry)
                   if names & set(re.findall(r"\b(?:class|struct)\s+(\w+)", self.text(name)))]
        kept = [line for line in text.splitlines()
                if not line.startswith('#include "variants/') or line.split('"')[1] in headers]
        return re.sub(r"using Strategies = StrategyList<.*?>;", f"using Strategies = StrategyList<{strategy}>;",
                      "\n".join(kept) + "\n", flags=re.DOTALL)


class Builder:
    """Compiles programs of one copy of the sources. Objects of sources that the mutant does not reach are shared."""

    def __init__(self, sources, work, compiler):
        self.sources = sources
        self.work = work
        ccache = shutil.which("ccache")
        self.compiler = ([ccache] if ccache else []) + [compiler]
        self.shared_lock = threading.Lock()
        self.shared = {}
        (work / "generated").mkdir(parents=True, exist_ok=True)
        (work / "generated" / "build_info.hpp").write_text(BUILD_INFO, encoding="utf-8")
        self.write_copy(work / "unchanged")

    def write_copy(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        for name, content in self.sources.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def registry_folder(self, strategy):
        folder = self.work / "registry" / re.sub(r"\W+", "_", strategy).strip("_")
        path = folder / "variants" / "registry.hpp"
        text = self.sources.registry_of(strategy)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return folder

    @staticmethod
    def sanitizer_flags(sanitize):
        return [f"-fsanitize={sanitize}", "-fno-sanitize-recover"] if sanitize else []

    def compile(self, source, strategy, sanitize, shim, copy, target):
        """Paths are relative to the copy, so that ccache knows an object again whatever the copy."""
        target.parent.mkdir(parents=True, exist_ok=True)
        includes = []
        if strategy and self.sources.registry in self.sources.reached(source, shim):
            includes.append(self.registry_folder(strategy))
        includes += [shim, "."] if shim else ["."]
        includes.append(self.work / "generated")
        command = (self.compiler + FLAGS + self.sanitizer_flags(sanitize) + (MODEL_FLAGS if shim == MODEL_SHIM else []) +
                   [f"-I{os.path.relpath(copy / path, copy)}" for path in includes] + ["-c", source, "-o", str(target)])
        self.execute(command, copy)

    @staticmethod
    def execute(command, folder):
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=COMPILE_LIMIT_S,
                                  check=False)
        except subprocess.TimeoutExpired:
            raise CompileError(f"the compiler did not come to an end within {COMPILE_LIMIT_S} s") from None
        if done.returncode != 0:
            raise CompileError(done.stderr)

    def shared_object(self, source, strategy, sanitize, shim):
        """The object of an unchanged source, compiled by whoever asks first."""
        known = strategy if self.sources.registry in self.sources.reached(source, shim) else ""
        key = (source, known, sanitize, shim)
        with self.shared_lock:
            if key not in self.shared:
                self.shared[key] = concurrent.futures.Future()
                mine = True
            else:
                mine = False
            future = self.shared[key]
        if mine:
            folder = self.work / "objects" / (re.sub(r"\W+", "_", known).strip("_") or "any")
            target = folder / (re.sub(r"\W+", "_", f"{shim} {sanitize}").strip("_") or "plain") / (source + ".o")
            try:
                self.compile(source, known, sanitize, shim, self.work / "unchanged", target)
                future.set_result(target)
            except BaseException as error:
                future.set_exception(error)
        return future.result()

    def program(self, check, changed, copy, target):
        """Builds the program of `check` from `copy`, in which the file `changed` (or none) is another one."""
        shim = self.sources.shim_of(check.program)
        objects = []
        for source in self.sources.parts(check.program):
            if changed is not None and changed in self.sources.reached(source, shim):
                path = target.parent / "objects" / (source + ".o")
                self.compile(source, check.strategy, check.sanitize, shim, copy, path)
                objects.append(path)
            else:
                objects.append(self.shared_object(source, check.strategy, check.sanitize, shim))
        self.execute([self.compiler[-1], *self.sanitizer_flags(check.sanitize), *map(str, objects), "-o", str(target),
                      *([] if shim == MODEL_SHIM else LIBRARIES)], copy)

    def fingerprint(self, mutant, checks):
        """Of all that the verdict on a mutant follows from."""
        tried = (mutant.file, mutant.edits, mutant.killers, mutant.strategy, mutant.sanitize, mutant.tries)
        digest = hashlib.sha256(repr((tried, FLAGS, MODEL_FLAGS)).encode())
        files = set()
        for check in checks:
            shim = self.sources.shim_of(check.program)
            for source in self.sources.parts(check.program):
                files |= self.sources.reached(source, shim)
        for name in sorted(files):
            digest.update(name.encode() + b"\0" + self.sources.files[name] + b"\0")
        return digest.hexdigest()


def run_check(check, model, program, folder, limit_s):
    """(passed, by, after, output) of one run of a built program."""
    arguments = shlex.split(check.arguments) if model else (
        [f"--gtest_filter={check.arguments}"] if check.arguments else [])
    # Freed memory is scribbled over, so that a use of it is seen without a sanitizer.
    environment = dict(os.environ, GTEST_FAIL_FAST="1", GTEST_COLOR="no", MALLOC_PERTURB_="165")
    log = program.with_suffix(".log")
    began = time.monotonic()
    with log.open("wb") as out, subprocess.Popen([str(program), *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=subprocess.STDOUT, env=environment,
                                                 start_new_session=True) as process:
        try:
            process.wait(limit_s)
            timed_out = False
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            timed_out = True
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    output = log.read_text(encoding="utf-8", errors="replace")
    if not model and "Running 0 tests" in output:
        raise BadData(f"'{check}' runs no test")
    if process.returncode == 0:
        return True, str(check), took, output
    if model:
        failed = re.search(r"^\s*(.*?)\s+FAILED: (\d+) executions", output, re.MULTILINE)
        by = f"{check.program}: {failed.group(1).strip()}" if failed else str(check)
        after = f"{int(failed.group(2)):,} executions" if failed else took
    else:
        failed = re.search(r"^\[  FAILED  \] ([^\s,]+).*\((\d+) ms\)$", output, re.MULTILINE)
        begun = re.findall(r"^\[ RUN      \] (\S+)$", output, re.MULTILINE)
        test = failed.group(1) if failed else begun[-1] if begun else ""
        by = f"{check.program}: {plain_test_name(test)}" if test else str(check)
        after = f"{failed.group(2)} ms" if failed else took
        if not failed and process.returncode < 0 and not timed_out:
            by += f" ({signal.Signals(-process.returncode).name})"
    if timed_out:
        by, after = f"{by} (no end)", f"{limit_s:.0f} s"
    return False, by, after, output


def plain_test_name(name):
    """Without the strategy and the instance, which the mutant names: Every/ContractRules.index/x -> ContractRules.index"""
    return re.sub(r"^\w+/(\w+\.\w+)/\w+$", r"\1", name)


class Runner:
    def __init__(self, sources, builder, jobs, report, killers):
        """Each mutant is tried with as many of its killers as `killers` says; None: all."""
        self.sources = sources
        self.killers = killers
        self.builder = builder
        self.work = builder.work
        self.jobs = jobs
        self.report = report
        self.slots = queue.Queue()
        for slot in range(jobs):
            folder = self.work / f"copy_{slot}"
            builder.write_copy(folder / "tree")
            self.slots.put(folder)
        self.limits = {}

    def checks_of(self, mutant):
        """Throws BadData if a program does not exist."""
        checks = []
        for killer in mutant.killers[:self.killers]:
            program, _, arguments = killer.strip().partition(" ")
            strategy = mutant.strategy if self.sources.knows_registry(program) else ""
            checks.append(Check(program, arguments.strip(), strategy, mutant.sanitize))
        return checks

    def is_model(self, check):
        return self.sources.is_model(check.program)

    def each(self, items, work):
        """work(item) for every item on as many threads as there are copies; results as they come."""
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            waiting = {pool.submit(work, item): item for item in items}
            try:
                for done in concurrent.futures.as_completed(waiting):
                    yield waiting[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def try_unchanged(self, checks):
        """Runs every check on the unchanged copy; the problems found."""
        programs, lock = {}, threading.Lock()

        def one(check):
            key = check.build
            with lock:
                mine = key not in programs
                if mine:
                    programs[key] = concurrent.futures.Future()
                future = programs[key]
            if mine:
                target = self.work / "programs" / re.sub(r"\W+", "_", " ".join(check.build)).strip("_")
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    self.builder.program(check, None, self.work / "unchanged", target)
                    future.set_result(target)
                except BaseException as error:
                    future.set_exception(error)
            try:
                program = future.result()
            except CompileError as error:
                return f"does not compile:\n{first_lines(str(error))}"
            # Checks of one program run under one log each.
            own = program.with_name(f"{program.name}_{hashlib.sha256(check.arguments.encode()).hexdigest()[:8]}")
            shutil.copy2(program, own)
            began = time.monotonic()
            try:
                passed, by, _, output = run_check(check, self.is_model(check), own, self.work / "unchanged",
                                                  COMPILE_LIMIT_S * 4)
            except BadData as error:
                return str(error)
            self.limits[check] = max(LEAST_LIMIT_S, 10 * (time.monotonic() - began))
            own.unlink()
            return "" if passed else f"fails on the unchanged sources ({by}):\n{last_lines(output)}"

        problems = {}
        for number, (check, problem) in enumerate(self.each(checks, one), 1):
            self.report(f"[{number}/{len(checks)}] unchanged: {check}" + (f": {problem}" if problem else " passes"))
            if problem:
                problems[check] = problem
        return problems

    def judge(self, mutant):
        """The verdict on one mutant, in one of the copies."""
        slot = self.slots.get()
        path = slot / "tree" / mutant.file
        try:
            path.write_text(mutant.apply(self.sources.text(mutant.file)), encoding="utf-8")
            built = {}
            for check in self.checks_of(mutant):
                key = check.build
                try:
                    if key not in built:
                        built[key] = slot / check.program
                        self.builder.program(check, mutant.file, slot / "tree", built[key])
                except CompileError as error:
                    if error.asserted:
                        return Verdict("killed", f"{check.program}: a static assertion", "compilation")
                    return Verdict("does not compile", details=first_lines(str(error)))
                for attempt in range(mutant.tries):
                    passed, by, after, output = run_check(check, self.is_model(check), built[key], slot / "tree",
                                                          self.limits.get(check, COMPILE_LIMIT_S))
                    if not passed:
                        return Verdict("killed", by, after + (f", try {attempt + 1}" if attempt else ""),
                                       last_lines(output))
            return Verdict("survived")
        finally:
            path.write_bytes(self.sources.files[mutant.file])
            self.slots.put(slot)


def first_lines(text, count=12):
    return "\n".join("    " + line for line in text.strip().splitlines()[:count])


def last_lines(text, count=12):
    return "\n".join("    " + line for line in text.strip().splitlines()[-count:])


def describe_machine():
    model = "unknown processor"
    try:
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text()).group(1)
    except (OSError, AttributeError):
        pass
    return f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}"


def summary_of(mutants, verdicts):
    counted = [mutant for mutant in mutants if not mutant.exempt]
    killed = [mutant for mutant in counted if verdicts[mutant.name].status == "killed"]
    return len(killed), len(counted)


def as_markdown(mutants, verdicts, took_s, jobs):
    killed, counted = summary_of(mutants, verdicts)
    survivors = [mutant for mutant in mutants if verdicts[mutant.name].status == "survived"]
    exempt = [mutant for mutant in mutants if mutant.exempt]
    lines = [
        "# Mutants",
        "",
        "Written by `tests/mutants.py` from `tests/mutants.toml`; do not edit. Each mutant takes one memory order, guard or",
        "rule away in a copy of the sources; killed means that a check failed there which passes on the sources as they are.",
        "*after*: executions that the model explored, or the time of the test that failed, or that the compiler refused.",
        "",
        f"**{killed} of {counted} killed ({100 * killed / counted:.1f} %)**, {len(survivors)} survived, {len(exempt)} exempt.",
        f"{took_s / 60:.0f} minutes with {jobs} at a time on {describe_machine()}, {time.strftime('%Y-%m-%d')}.",
        "",
    ]
    by_kind = {kind: [m for m in mutants if m.kind == kind and not m.exempt] for kind in KINDS}
    lines += ["| kind | mutants | killed |", "|---|---:|---:|"]
    for kind, members in by_kind.items():
        lines.append(f"| {kind} | {len(members)} | {sum(verdicts[m.name].status == 'killed' for m in members)} |")
    for file in dict.fromkeys(mutant.file for mutant in mutants):
        lines += ["", f"## `{file}`", "", "| mutant | kind | what it takes away | killed by | after |", "|---|---|---|---|---|"]
        for mutant in (m for m in mutants if m.file == file):
            verdict = verdicts[mutant.name]
            by = f"`{verdict.by}`" if verdict.by else f"**{verdict.status}**"
            lines.append(f"| {mutant.name} | {mutant.kind} | {mutant.breaks} | {by} | {verdict.after} |")
    for title, members, sentence in (("Survivors", survivors, lambda m: m.survives or "**no sentence**"),
                                     ("Exempt", exempt, lambda m: m.exempt)):
        if members:
            lines += ["", f"## {title}", ""]
            lines += [f"- **{mutant.name}** ({mutant.breaks}): {sentence(mutant)}" for mutant in members]
    return "\n".join(lines) + "\n"


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--sample", action="store_true",
                        help="only the mutants marked as the sample, each with the first of its killers")
    chosen.add_argument("--only", nargs="+", metavar="NAME", help="only these; nothing is written to tests/mutants.md")
    chosen.add_argument("--list", action="store_true", help="print the mutants and whether they still apply; run nothing")
    parser.add_argument("--resume", action="store_true",
                        help="take over verdicts of an earlier run, where mutant, sources and checks are unchanged")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="mutants at a time (1 to 64)")
    parser.add_argument("--compiler", default=os.environ.get("CXX", "g++"), help="the C++ compiler (g++)")
    parser.add_argument("--tree", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent,
                        metavar="DIR", help="the sources; the folder that holds this one")
    parser.add_argument("--work", type=pathlib.Path, metavar="DIR", help="where to build; TREE/build/mutants")
    options = parser.parse_args(arguments)
    if not 1 <= options.jobs <= 64:
        parser.error(f"--jobs must be 1 to 64, not {options.jobs}")
    if not (options.tree / "tests" / "mutants.toml").is_file():
        parser.error(f"--tree: {options.tree} has no tests/mutants.toml")
    if not shutil.which(options.compiler):
        parser.error(f"--compiler: there is no '{options.compiler}'")
    options.work = (options.work or options.tree / "build" / "mutants").resolve()
    return options


def report(line):
    print(line, flush=True)


def list_mutants(mutants, missing):
    for mutant in mutants:
        state = "does not apply: " + missing[mutant.name] if mutant.name in missing else (
            "exempt" if mutant.exempt else "survives" if mutant.survives else ", ".join(mutant.killers))
        report(f"{mutant.name:44} {mutant.kind:6} {mutant.file:28} {'sample ' if mutant.sample else ''}{state}")
    return 1 if missing else 0


def run(options):
    mutants, some_of_the_harness, shims = load(options.tree / "tests" / "mutants.toml")
    sources = Sources(options.tree, some_of_the_harness, shims)
    missing = {}
    for mutant in mutants:
        try:
            if mutant.file not in sources.files:
                raise BadData(f"there is no file {mutant.file}")
            mutant.apply(sources.text(mutant.file))
        except BadData as error:
            missing[mutant.name] = str(error)
    if options.list:
        return list_mutants(mutants, missing)

    chosen = mutants
    if options.sample:
        chosen = [mutant for mutant in mutants if mutant.sample]
    elif options.only:
        names = {mutant.name for mutant in mutants}
        if unknown := [name for name in options.only if name not in names]:
            raise BadData(f"there is no mutant '{unknown[0]}'; --list shows all")
        chosen = [mutant for mutant in mutants if mutant.name in options.only]
    began = time.monotonic()
    verdicts = {name: Verdict("does not apply", details=why) for name, why in missing.items()}
    for mutant in chosen:
        if mutant.exempt and mutant.name not in missing:
            verdicts[mutant.name] = Verdict("exempt")
    to_run = [mutant for mutant in chosen if mutant.name not in verdicts]

    builder = Builder(sources, options.work, options.compiler)
    runner = Runner(sources, builder, options.jobs, report, 1 if options.sample else None)
    store = options.work / "verdicts.json"
    known = json.loads(store.read_text(encoding="utf-8")) if options.resume and store.exists() else {}
    prints = {}
    for mutant in to_run:
        try:
            prints[mutant.name] = builder.fingerprint(mutant, runner.checks_of(mutant))
        except BadData as error:
            verdicts[mutant.name] = Verdict("not tried", details=str(error))
    to_run = [mutant for mutant in to_run if mutant.name not in verdicts]
    for mutant in to_run:
        if prints[mutant.name] in known:
            verdicts[mutant.name] = Verdict(**known[prints[mutant.name]])
    to_run = [mutant for mutant in to_run if mutant.name not in verdicts]
    report(f"{len(chosen)} of {len(mutants)} mutants, {len(to_run)} to run, {options.jobs} at a time, in {options.work}")

    problems = runner.try_unchanged(list(dict.fromkeys(c for mutant in to_run for c in runner.checks_of(mutant))))
    blocked = [mutant for mutant in to_run if any(check in problems for check in runner.checks_of(mutant))]
    for mutant in blocked:
        verdicts[mutant.name] = Verdict("not tried", details="a check of it fails on the unchanged sources")
    to_run = [mutant for mutant in to_run if mutant not in blocked]

    for number, (mutant, verdict) in enumerate(runner.each(to_run, runner.judge), 1):
        verdicts[mutant.name] = verdict
        if verdict.status in ("killed", "survived"):
            known[prints[mutant.name]] = dataclasses.asdict(verdict)
            store.write_text(json.dumps(known), encoding="utf-8")
        text = f"killed by {verdict.by} ({verdict.after})" if verdict.status == "killed" else verdict.status.upper()
        report(f"[{number}/{len(to_run)}, {time.monotonic() - began:.0f} s] {mutant.name}: {text}")
        if verdict.status == "does not compile":
            report(verdict.details)
    return finish(options, mutants, chosen, verdicts, problems, time.monotonic() - began)


def finish(options, mutants, chosen, verdicts, problems, took_s):
    if not (options.sample or options.only):
        path = options.tree / "tests" / "mutants.md"
        path.write_text(as_markdown(mutants, verdicts, took_s, options.jobs), encoding="utf-8")
        report(f"wrote {path}")
    failures = [f"fails on the unchanged sources: {check}" for check in problems]
    # That a mutant still applies costs nothing to see, so all are looked at, whatever was chosen.
    for mutant in mutants:
        verdict = verdicts.get(mutant.name)
        if verdict is None:
            continue
        if verdict.status in ("does not apply", "does not compile", "not tried"):
            failures.append(f"{mutant.name}: {verdict.status}: {verdict.details.strip()}")
        elif verdict.status == "survived" and not mutant.survives:
            failures.append(f"{mutant.name}: survived, and no sentence says why")
        elif verdict.status == "killed" and mutant.survives:
            report(f"note: {mutant.name} was killed by {verdict.by}; its sentence says that it survives")
    killed, counted = summary_of(chosen, verdicts)
    # Of a few chosen ones, or of the sample, the share says nothing.
    if not (options.sample or options.only) and killed < SHARE_KILLED * counted:
        failures.append(f"less than {100 * SHARE_KILLED:.0f} % were killed")
    for failure in failures:
        report(f"FAILED: {failure}")
    report(f"{killed} of {counted} killed in {took_s:.0f} s")
    return 1 if failures else 0


def main(arguments):
    options = parse_arguments(arguments)
    try:
        return run(options)
    except BadData as error:
        print(f"tests/mutants.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("tests/mutants.py: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
