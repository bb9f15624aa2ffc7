#!/usr/bin/python3
"""Counts the version conflicts of `_update_by_query` by the age of the snapshot that it writes from.

    harness/scripts/conflicts_by_age.py http://127.0.0.1:9200 --ages 0,10,100,1000

An update by query reads a view of the index and then writes each document under the number that it had there:
optimistic concurrency control whose window begins with the refresh. Here --clients clients increment a counter in a
document of their choice, one update after another, while this happens --rounds times for each age, in ms, in random
order: a refresh, a wait of that age, an update by query that increments all documents and passes conflicts by.

One row of CSV for each: how many writes of clients were acknowledged from the refresh to the end of the query, what
share of the documents had a conflict, and the share that so many writes would touch if they chose among the documents
at random: 1 - (1 - 1/documents)^writes.

At the end the counters are added up: every increment that was acknowledged must be there, and no other.
The server must run scripts and updates by query: `occkit serve`, or OpenSearch. The index conflicts-by-age is made and
deleted.
Exit status: 0; 1 if the counters are wrong or an answer is; 2 for bad input.
"""

import argparse
import csv
import json
import random
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

INDEX = "conflicts-by-age"
COLUMNS = ["age_ms", "round", "documents", "writes", "updated", "version_conflicts", "conflict_share",
           "predicted_share"]
INCREMENT = {"script": {"source": "ctx._source.n += 1"}}


class WrongAnswer(Exception):
    """An answer that is not what was asked for."""


def http(url):
    """What asks a server: (method, path, body or None) -> the answer, a dictionary. Raises WrongAnswer."""

    def ask(method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(url.rstrip("/") + path, data, kind, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise WrongAnswer(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:300]}") from error
        except (urllib.error.URLError, ValueError, OSError) as error:
            raise WrongAnswer(f"{method} {path}: {error}") from error

    return ask


class Clients:
    """Increments random documents until it is stopped."""

    def __init__(self, ask, documents, count, seed):
        self.written = [0] * count
        self.failed = None
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(ask, documents, i, random.Random(f"{seed} {i}")))
                         for i in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self, ask, documents, number, chance):
        try:
            while not self._stopped.is_set():
                ask("POST", f"/{INDEX}/_update/{chance.randrange(documents)}?retry_on_conflict=100000", INCREMENT)
                self.written[number] += 1
        except WrongAnswer as why:
            self.failed = why

    def stop(self):
        self._stopped.set()
        for thread in self._threads:
            thread.join()
        if self.failed:
            raise self.failed


def predicted_share(documents, writes):
    return 1 - (1 - 1 / documents) ** writes


def update_by_query(ask, clients, documents, age_ms):
    """One refresh, wait and query: a row without its round."""
    ask("POST", f"/{INDEX}/_refresh")
    before = sum(clients.written)
    time.sleep(age_ms / 1000)
    told = ask("POST", f"/{INDEX}/_update_by_query?conflicts=proceed", INCREMENT)
    writes = sum(clients.written) - before
    if told["total"] != documents or told["updated"] + told["version_conflicts"] != documents or told["failures"]:
        raise WrongAnswer(f"_update_by_query of {documents} documents: {json.dumps(told)[:300]}")
    return {"age_ms": age_ms, "documents": documents, "writes": writes, "updated": told["updated"],
            "version_conflicts": told["version_conflicts"],
            "conflict_share": round(told["version_conflicts"] / documents, 4),
            "predicted_share": round(predicted_share(documents, writes), 4)}


def sum_of_counters(ask, documents):
    found = ask("POST", f"/{INDEX}/_mget", {"ids": [str(i) for i in range(documents)]})["docs"]
    return sum(each["_source"]["n"] for each in found)


def measure(ask, ages, rounds, documents, clients, seed, out):
    """Writes the rows. Raises WrongAnswer."""
    rows = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    rows.writeheader()
    # Only refreshes make views, so that each is as old as it is said to be.
    ask("PUT", f"/{INDEX}", {"settings": {"number_of_replicas": 0, "refresh_interval": "-1"}})
    try:
        for i in range(documents):
            ask("PUT", f"/{INDEX}/_doc/{i}", {"n": 0})
        cells = [(age, each) for each in range(rounds) for age in ages]
        random.Random(seed).shuffle(cells)
        running = Clients(ask, documents, clients, seed)
        updated = 0
        try:
            for age, each in cells:
                row = update_by_query(ask, running, documents, age)
                updated += row["updated"]
                rows.writerow({**row, "round": each})
                out.flush()
        finally:
            running.stop()
        expected = sum(running.written) + updated
        counted = sum_of_counters(ask, documents)
        if counted != expected:
            raise WrongAnswer(f"the counters add up to {counted}, acknowledged were {expected}")
    finally:
        ask("DELETE", f"/{INDEX}")


def whole(least):
    def parse(text):
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{text}: accepted are whole numbers from {least}")
        return number

    return parse


def list_of_ages(text):
    ages = [int(each) for each in text.split(",")]
    if any(age < 0 for age in ages):
        raise argparse.ArgumentTypeError(f"{text}: accepted are milliseconds from 0, with commas between them")
    return ages


def address(text):
    if urllib.parse.urlsplit(text).scheme not in ("http", "https"):
        raise argparse.ArgumentTypeError(f"{text}: accepted is an address such as http://127.0.0.1:9200")
    return text


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", type=address)
    parser.add_argument("--ages", type=list_of_ages, default=[0, 10, 30, 100, 300, 1000], help="milliseconds")
    parser.add_argument("--rounds", type=whole(1), default=5)
    parser.add_argument("--documents", type=whole(1), default=500)
    parser.add_argument("--clients", type=whole(1), default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    try:
        measure(http(given.url), given.ages, given.rounds, given.documents, given.clients, given.seed, sys.stdout)
    except WrongAnswer as why:
        print(f"conflicts_by_age.py: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
