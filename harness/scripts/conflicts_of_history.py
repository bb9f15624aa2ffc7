#!/usr/bin/python3
"""A history of `occkit run --history` as a log of 409s, for `occkit advise --conflicts`, and the truth behind it.

    occkit run --client if_seq_no --replicates 0 --history history.jsonl ...
    harness/scripts/conflicts_of_history.py history.jsonl --out conflicts.log

Writes Elasticsearch's text for every conflict, with the time at which the write was answered in seconds, and prints
what advise has to estimate, as JSON: the mean window in seconds (from the middle of a read to the middle of the write
that was decided on it, as `advise --measure` takes it), attempts, the share of them that conflicted, writes per second,
and commits per second of the document that was written most.

Exit status: 0; 2 for bad input.
"""

import argparse
import collections
import json
import pathlib
import sys


class BadInput(Exception):
    pass


def operations(path):
    """The lines after the first one of a history. Throws BadInput."""
    try:
        with open(path, encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                try:
                    line = json.loads(text)
                except ValueError:
                    raise BadInput(f"{path}:{number}: no JSON; accepted are histories of occkit run") from None
                if number == 1 and line.get("format") != "occkit-history":
                    raise BadInput(f"{path}: no history; accepted is what occkit run --history writes")
                if number > 1:
                    yield line
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def middle_ns(line):
    return (line["begin"] + line["end"]) / 2


class Truth:
    """What a history's conditional writes show. Clients of a thread are not told apart, nor need they be: whoever read
    the same number first is taken to have written first, and the sum of windows is the same."""

    def __init__(self):
        self.reads = collections.defaultdict(collections.deque)
        self.windows_ns, self.attempts, self.conflicts = [], 0, []
        self.commits = collections.Counter()
        self.ends_ns = []

    def take(self, line):
        key = (line["thread"], line["document"])
        if line["op"] == "get" and line["result"] == "found":
            self.reads[key + (line["decided_on"][0],)].append(middle_ns(line))
        elif line["op"] == "index" and "if_seq_no" in line:
            self.attempts += 1
            self.ends_ns.append(line["end"])
            read = self.reads[key + (line["if_seq_no"],)]
            if read:
                self.windows_ns.append(middle_ns(line) - read.popleft())
            if line["result"] == "conflict":
                self.conflicts.append(line)
            else:
                self.commits[line["document"]] += 1

    def figures(self):
        seconds = (max(self.ends_ns) - min(self.ends_ns)) / 1e9
        hottest, count = self.commits.most_common(1)[0]
        return {
            "seconds": seconds,
            "window_s": sum(self.windows_ns) / len(self.windows_ns) / 1e9,
            "attempts": self.attempts,
            "conflict_probability": len(self.conflicts) / self.attempts,
            "writes_per_s": sum(self.commits.values()) / seconds,
            "hottest": {"id": str(hottest), "commits_per_s": count / seconds},
        }


def log_line(line):
    return (f"{line['end'] / 1e9:.9f} [{line['document']}]: version conflict, required seqNo [{line['if_seq_no']}], "
            f"primary term [{line['if_primary_term']}]. current document has seqNo [{line['decided_on'][0]}] and "
            f"primary term [{line['decided_on'][1]}]\n")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("history", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="a new file")
    options = parser.parse_args(arguments)
    try:
        if options.out.exists():
            raise BadInput(f"--out: '{options.out}' is there already and is not overwritten")
        truth = Truth()
        for line in operations(options.history):
            truth.take(line)
        if not truth.conflicts or not truth.commits or not truth.windows_ns:
            raise BadInput(f"{options.history}: no conflicts of conditional writes; accepted are histories of "
                           "occkit run --client if_seq_no")
        lines = sorted(truth.conflicts, key=lambda line: line["end"])
        try:
            options.out.write_text("".join(map(log_line, lines)), encoding="utf-8")
        except OSError as error:
            raise BadInput(f"--out: {options.out}: {error.strerror}") from None
    except BadInput as wrong:
        print(f"conflicts_of_history.py: {wrong}", file=sys.stderr)
        return 2
    print(json.dumps(truth.figures(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
