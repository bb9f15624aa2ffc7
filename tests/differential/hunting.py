"""Sequences that are run, several side by side, and what differed."""

import collections
import itertools
import re
import sys
import threading
import time

import comparison
from request import PREFIX, render
from shrinking import shrink

# More kinds of differences than these are counted, not shrunk.
MOST_SHRUNK = 20
SAY_EVERY_S = 10


class Difference:
    """One answer that differs, and what was sent up to it."""

    def __init__(self, sent, engine, occkit, place):
        self.sent = sent  # as rendered
        self.engine = engine
        self.occkit = occkit
        self.place = place

    def kind(self):
        """The same for differences that are likely to have one cause."""
        last = self.sent[-1]
        path = re.sub(r"/occ-[^/?]*", "/INDEX", last.target.partition("?")[0])
        path = re.sub(r"/(_doc|_create|_update|_source)/[^/]+", r"/\1/ID", path)
        return (last.method, path, self.place.kind(), self.engine.status, self.occkit.status, reason(self.engine),
                reason(self.occkit))


def reason(answer):
    """The texts of an error without names and numbers."""
    error = answer.body.get("error") if isinstance(answer.body, dict) else None
    if isinstance(error, dict):
        error = f"{error.get('type')}: {error.get('reason')}"
    return re.sub(r"\[[^\]]*\]|\d+|'[^']*'", "*", str(error))[:60]


def remember(answer, prefix, seen):
    """Takes numbers of documents out of an answer, wherever they stand."""
    if isinstance(answer, dict):
        if isinstance(answer.get("_index"), str) and "_id" in answer:
            key = (answer["_index"].replace(prefix, PREFIX), answer["_id"])
            for name, at in (("version", "_version"), ("seq_no", "_seq_no"), ("term", "_primary_term")):
                if isinstance(answer.get(at), int):
                    seen.setdefault(key, {})[name] = answer[at]
        else:
            for each in answer.values():
                remember(each, prefix, seen)
    elif isinstance(answer, list):
        for each in answer:
            remember(each, prefix, seen)


class Pair:
    """The engine and the kit, which are asked the same, one request after another."""

    # Of all pairs: no two sequences share an index.
    numbers = itertools.count(1)

    def __init__(self, engine, occkit, compat, known):
        self.engine = engine
        self.occkit = occkit
        self.compat = compat
        self.known = known
        self.run_tag = f"{int(time.time()):x}"
        self.requests = 0
        self.statuses = collections.Counter()
        self.recognised = collections.Counter()  # by the rule's name

    def run(self, sequence, counted=True):
        """The first difference that is not known; None. Indices are new, and go."""
        prefix = f"occ-{self.run_tag}-{next(self.numbers)}-"
        seen, sent = {}, []
        try:
            for request in sequence:
                rendered = render(request, prefix, seen)
                sent.append(rendered)
                engine, occkit = self.engine.send(rendered), self.occkit.send(rendered)
                if counted:
                    self.requests += 1
                    self.statuses[engine.status] += 1
                remember(engine.body, prefix, seen)
                place = comparison.compare(engine, occkit)
                if place is None:
                    continue
                rule = self.known.rule(self.compat, rendered, engine, occkit, place)
                if rule is None:
                    return Difference(sent, engine, occkit, place)
                self.recognised[rule.name] += counted
                # What both refused has changed nothing. Otherwise they are no longer in one state.
                if engine.status < 400 or occkit.status < 400:
                    return None
        finally:
            indices = ",".join(name.replace(PREFIX, prefix) for name in ("@a", "@b", "@c", "@s"))
            for server in (self.engine, self.occkit):
                server.ask("DELETE", f"/{indices}?ignore_unavailable=true")
        return None


def tell(number, difference, original):
    """A difference as lines to be typed. Indices have short names."""
    def short(text):
        return re.sub(r"occ-[0-9a-f]{8}-\d+-", "occ-", text)
    print(f"\nDifference {number}: {original}. URL stands for either server.")
    for rendered in difference.sent:
        print("  " + short(rendered.curl()).replace("\n", "\n  "))
    print("  " + short(str(difference.place)))
    print("  engine: " + short(str(difference.engine)))
    print("  occkit: " + short(str(difference.occkit)))
    sys.stdout.flush()


class Hunt:
    """Runs sequences on pairs of servers, as many side by side as there are pairs."""

    def __init__(self, pairs, seed, seconds):
        self.pairs = pairs
        self.seed = seed
        self.seconds = seconds
        self.kinds = collections.Counter()
        self.began = self.said = time.monotonic()
        self.told = 0  # kinds that were printed
        self.error = None  # what ended the hunt
        self.numbered = iter(())
        self.lock = threading.Lock()  # guards what is above and what is printed

    def run(self, numbered):
        """`numbered` gives (number, sequence)."""
        self.numbered = iter(numbered)
        others = [threading.Thread(target=self.work, args=(pair,)) for pair in self.pairs[1:]]
        for thread in others:
            thread.start()
        self.work(self.pairs[0])
        for thread in others:
            thread.join()
        if isinstance(self.error, KeyboardInterrupt):
            print("  interrupted", file=sys.stderr)
        elif self.error:
            raise self.error

    def differences(self):
        return sum(self.kinds.values())

    def requests(self):
        return sum(pair.requests for pair in self.pairs)

    def summed(self, counter):
        """The sum of a counter of all pairs."""
        return sum((getattr(pair, counter) for pair in self.pairs), collections.Counter())

    def next(self):
        """(number, sequence); None where there is none, or no more are to be begun."""
        with self.lock:
            now = time.monotonic()
            if self.error or now - self.began > self.seconds:
                return None
            if now - self.said > SAY_EVERY_S:
                self.said = now
                print(f"  {self.requests():,} requests, {self.differences()} differences", file=sys.stderr, flush=True)
            return next(self.numbered, None)

    def work(self, pair):
        try:
            while numbered := self.next():
                self.try_out(pair, *numbered)
        except BaseException as error:  # pylint: disable=broad-except
            with self.lock:
                self.error = self.error or error

    def try_out(self, pair, number, sequence):
        found = pair.run(sequence)
        if found is None:
            return
        kind = found.kind()
        with self.lock:
            self.kinds[kind] += 1
            if self.kinds[kind] > 1 or len(self.kinds) > MOST_SHRUNK:
                return

        def differs(candidate):
            again = pair.run(candidate, counted=False)
            return again is not None and again.kind() == kind
        how = f"sequence {number} of seed {self.seed}"
        # It hangs on time, or on what was before, unless it is found again.
        what, whole = found, how + ", which does not differ when it is run again"
        try:
            shrunk = shrink(sequence[:len(found.sent)], differs)
            again = pair.run(shrunk, counted=False)
            if again is not None and again.kind() == kind:
                what, whole = again, f"{how}, {len(shrunk)} of {len(found.sent)} requests are left"
        except BaseException:
            whole = how
            raise
        finally:
            with self.lock:
                self.told += 1
                tell(self.told, what, whole)
