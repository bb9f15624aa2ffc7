"""Whether the checks of a mutant notice it."""

import concurrent.futures
import hashlib
import os
import pathlib
import queue
import re
import shlex
import signal
import subprocess
import threading
import time

from mutation.build import BUILD_LIMIT_S, CompileError, without_comment_lines
from mutation.data import BadData
from mutation.state import Verdict

# A check that has not ended after this many seconds, or ten times what it takes on the unchanged sources, never will.
LEAST_LIMIT_S = 30


def first_lines(text, count=12):
    return "\n".join("    " + line for line in text.strip().splitlines()[:count])


def last_lines(text, count=12):
    return "\n".join("    " + line for line in text.strip().splitlines()[-count:])


def race_detector_wrapper():
    """Up to g++ 13 the race detector does not find its address ranges where the kernel randomises more than 28 bits."""
    try:
        bits = int(pathlib.Path("/proc/sys/vm/mmap_rnd_bits").read_text(encoding="ascii"))
    except (OSError, ValueError):
        bits = 0
    return ["setarch", "-R"] if bits > 28 else []


def plain_test_name(name):
    """Without strategy and instance, which the mutant names: Every/ContractRules.index/x -> ContractRules.index"""
    return re.sub(r"^\w+/(\w+\.\w+)/\w+$", r"\1", name)


def run_check(check, model, program, folder, limit_s):
    """(passed, by, after, output) of one run of a built program. Throws BadData if it runs no test."""
    arguments = shlex.split(check.arguments) if model else (
        [f"--gtest_filter={check.arguments}"] if check.arguments else [])
    # Freed memory is scribbled over, so that a use of it is seen without a sanitizer.
    environment = dict(os.environ, GTEST_FAIL_FAST="1", GTEST_COLOR="no", MALLOC_PERTURB_="165")
    wrapper = race_detector_wrapper() if check.sanitize == "thread" else []
    log = program.with_suffix(".log")
    began = time.monotonic()
    with log.open("wb") as out, subprocess.Popen([*wrapper, str(program), *arguments], cwd=folder, stdout=out,
                                                 stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, env=environment,
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


class Judge:
    """Tries mutants in several copies at a time. What is known already is taken from the state."""

    def __init__(self, sources, copies, state):
        self.sources, self.state = sources, state
        self.first = copies[0]
        self.copies = queue.Queue()
        for copy in copies:
            self.copies.put(copy)
        self.workers = len(copies)
        self.lock = threading.Lock()
        self.unchanged = {}  # check: a future of (problem, seconds)

    def checks_of(self, mutant):
        """Throws BadData."""
        return [self.sources.check(killer, mutant) for killer in mutant.killers]

    def key_of(self, mutant):
        """The hash of everything that the verdict on a mutant follows from. Throws BadData."""
        changed = without_comment_lines(mutant.apply(self.sources.text(mutant.file)).encode())
        digest = hashlib.sha256(repr((mutant.file, changed, mutant.tries)).encode())
        for check in self.checks_of(mutant):
            digest.update(repr((check.arguments, self.first.digest(check))).encode())
        return digest.hexdigest()

    def each(self, items, work, deadline=None):
        """(item, work(item)) for every item that is begun before the deadline, as they come."""
        def unless_late(item):
            return None if deadline is not None and time.monotonic() > deadline else work(item)

        with concurrent.futures.ThreadPoolExecutor(self.workers) as pool:
            waiting = {pool.submit(unless_late, item): item for item in items}
            try:
                for done in concurrent.futures.as_completed(waiting):
                    if done.result() is not None:
                        yield waiting[done], done.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def try_unchanged(self, check, copy):
        """(problem, seconds): how a check does in a copy that nothing is changed in; once a run at most."""
        with self.lock:
            mine = check not in self.unchanged
            future = self.unchanged.setdefault(check, concurrent.futures.Future())
        if not mine:
            return future.result()
        try:
            key = hashlib.sha256(repr(("unchanged", check.arguments, self.first.digest(check))).encode()).hexdigest()
            if known := self.state.get(key):
                future.set_result(("", known["seconds"]))
                return future.result()
            program = copy.program(check)
            began = time.monotonic()
            passed, by, _, output = run_check(check, self.sources.is_model(check.program), program, copy.folder,
                                              BUILD_LIMIT_S)
            seconds = time.monotonic() - began
            if passed:
                self.state.put(key, {"unchanged": str(check), "seconds": round(seconds, 2)})
                future.set_result(("", seconds))
            else:
                future.set_result((f"'{check}' fails on the unchanged sources ({by}):\n{last_lines(output)}", seconds))
        except CompileError as error:
            future.set_result((f"'{check}' does not compile on the unchanged sources:\n{first_lines(str(error))}", 0))
        except BadData as error:
            future.set_result((str(error), 0))
        except BaseException as error:
            future.set_exception(error)
        return future.result()

    def check_unchanged(self, check):
        """The problem of a check on the unchanged sources; empty if it passes."""
        copy = self.copies.get()
        try:
            return self.try_unchanged(check, copy)[0]
        finally:
            self.copies.put(copy)

    def judge(self, mutant):
        """The verdict on one mutant, in one of the copies."""
        copy = self.copies.get()
        began = time.monotonic()
        try:
            changed = mutant.apply(self.sources.text(mutant.file))
            for check in self.checks_of(mutant):
                if check not in self.unchanged:
                    copy.restore(mutant.file)
                problem, seconds = self.try_unchanged(check, copy)
                if problem:
                    return Verdict("not tried", details=problem)
                copy.write(mutant.file, changed)
                verdict = self.try_changed(mutant, check, copy, max(LEAST_LIMIT_S, 10 * seconds))
                if verdict.status != "survived":
                    break
            verdict.seconds = round(time.monotonic() - began, 1)
            return verdict
        finally:
            copy.restore(mutant.file)
            self.copies.put(copy)

    def try_changed(self, mutant, check, copy, limit_s):
        try:
            program = copy.program(check)
        except CompileError as error:
            if error.asserted:
                return Verdict("killed", f"{check.program}: a static assertion", "compilation")
            return Verdict("does not compile", details=first_lines(str(error)))
        for attempt in range(mutant.tries):
            passed, by, after, output = run_check(check, self.sources.is_model(check.program), program, copy.folder,
                                                  limit_s)
            if not passed:
                return Verdict("killed", by, after + (f", try {attempt + 1}" if attempt else ""), last_lines(output))
        return Verdict("survived")
