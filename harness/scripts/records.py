#!/usr/bin/python3
"""Turns real records into `_bulk` NDJSON for `occkit run --load` and `occkit replay`.

    harness/scripts/records.py debian > packages.ndjson
    harness/scripts/records.py movies movies.json > movies.ndjson

debian  The package records that every Debian machine has (`apt-cache dumpavail`; or a file or "-" that holds them).
        The id is the package's name, the source is a JSON object of all fields of its record. Of several records of
        one name (versions, architectures, repositories) the last one counts.
movies  A copy of vega-datasets' movies.json, a JSON array of objects, which its user brings along. The id is the title
        and the year of release, as "Title (1998)"; where the title is not a text, or two films share both, the later
        one gets the number of its record added, as "Title (1998) #17".

Both add a field "counter" with the number 0, which the json transform of `occkit run` adds to. The same input gives the
same output, byte for byte: records in the order of the input, fields in the order of the record, UTF-8, no spaces.
What was read, written and skipped is reported on stderr. Records whose id is not 1 to 512 bytes or whose source is over
16 MiB are skipped and counted.

Exit status: 0; 2 if the input cannot be read or holds no records.
"""

import argparse
import json
import os
import re
import subprocess
import sys

MAX_ID_BYTES = 512
MAX_SOURCE_BYTES = 16 << 20
# What the json transform of `occkit run` adds 1 to.
COUNTER_FIELD = "counter"


class BadInput(Exception):
    """The input cannot be used; the text says why."""


def debian_records(lines):
    """Yields (name, fields) for each stanza of RFC 822 like `lines` (str with or without line end).

    A continuation line belongs to the field before it, without its leading space. Raises BadInput with the line number
    at a line that is neither a field nor a continuation, and at a record without a name.
    """
    fields, name, begun = {}, None, 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if not line.strip():
            if fields:
                yield finished(fields, begun)
            fields, name = {}, None
        elif line[0] in " \t":
            if name is None:
                raise BadInput(f"line {number}: a continuation line without a field before it")
            fields[name] += "\n" + line[1:]
        else:
            name, colon, value = line.partition(":")
            if not colon or not re.fullmatch(r"[!-9;-~]+", name):
                raise BadInput(f"line {number}: expected 'Field: value', found {line[:60]!r}")
            begun = begun if fields else number
            fields[name] = value.strip()
    if fields:
        yield finished(fields, begun)


def finished(fields, begun):
    if not fields.get("Package"):
        raise BadInput(f"line {begun}: a record without the field 'Package'")
    return fields["Package"], fields


def movie_records(text):
    """Yields (id, fields) for each object of the JSON array `text`. Raises BadInput if it is no array of objects."""
    try:
        movies = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"line {error.lineno}: no JSON: {error.msg}") from error
    if not isinstance(movies, list) or not all(isinstance(movie, dict) for movie in movies):
        raise BadInput("expected a JSON array of objects, as in vega-datasets' movies.json")
    seen = set()
    for number, movie in enumerate(movies, 1):
        # Numerals happen as titles ("300"), and the file writes some of them as numbers.
        title = movie.get("Title")
        title = "" if title is None else str(title)
        year = re.search(r"\b(?:19|20)\d\d\b", str(movie.get("Release Date", movie.get("Release_Date", ""))))
        name = f"{title} ({year.group()})" if year else title
        if not title or name in seen:
            name = f"{name} #{number}".lstrip()
        seen.add(name)
        yield name, movie


def write_bulk(records, out):
    """Writes one index action and one source per id to the binary stream `out`; returns what was counted, by name."""
    counts = {"records": 0, "documents": 0, "duplicates": 0, "bad ids": 0, "oversized": 0}
    sizes = []
    # A dict keeps the place of the first insertion: the order of first appearance, the content of the last.
    chosen = {}
    for name, fields in records:
        counts["records"] += 1
        counts["duplicates"] += name in chosen
        chosen[name] = fields
    for name, fields in chosen.items():
        if not 1 <= len(name.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES:
            counts["bad ids"] += 1
            continue
        source = to_json({COUNTER_FIELD: 0, **fields})
        if len(source) > MAX_SOURCE_BYTES:
            counts["oversized"] += 1
            continue
        out.write(to_json({"index": {"_id": name}}) + b"\n" + source + b"\n")
        counts["documents"] += 1
        sizes.append(len(source))
    return counts, sorted(sizes)


def to_json(value):
    """Compact JSON in UTF-8. A lone surrogate, which UTF-8 cannot hold, is written as an escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text).encode()


def report(counts, sizes):
    """One line for people: counts, and the sizes of the sources in bytes."""
    line = f"{counts['records']} records: {counts['documents']} documents"
    line += "".join(
        f", {counts[name]} {name} skipped" for name in ("duplicates", "bad ids", "oversized") if counts[name]
    )
    if sizes:
        line += f"; sources of {sizes[0]} to {sizes[-1]} bytes, median {sizes[len(sizes) // 2]}, together {sum(sizes)}"
    return line


def read_text(path):
    try:
        with (open(0, "rb", closefd=False) if path == "-" else open(path, "rb")) as stream:
            return stream.read().decode("utf-8", "replace")
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error


def dumpavail():
    """The text of `apt-cache dumpavail`."""
    try:
        dumped = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=True)
    except FileNotFoundError as error:
        raise BadInput("there is no apt-cache here; give a file of package records instead") from error
    except subprocess.CalledProcessError as error:
        raise BadInput(f"apt-cache dumpavail failed: {error.stderr.decode(errors='replace').strip()}") from error
    if not dumped.stdout.strip():
        raise BadInput("apt-cache knows no packages; run 'apt-get update' as root first")
    return dumped.stdout.decode("utf-8", "replace")


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="debian|movies")
    debian = kinds.add_parser("debian", help="Debian package records")
    debian.add_argument("file", nargs="?", help='package records, "-" for stdin (default: apt-cache dumpavail)')
    movies = kinds.add_parser("movies", help="vega-datasets' movies.json")
    movies.add_argument("file", help='path of movies.json, "-" for stdin')
    chosen = parser.parse_args(arguments)
    try:
        if chosen.kind == "debian":
            text = read_text(chosen.file) if chosen.file else dumpavail()
            records = debian_records(text.split("\n"))
        else:
            records = movie_records(read_text(chosen.file))
        counts, sizes = write_bulk(records, sys.stdout.buffer)
        sys.stdout.flush()
        if not counts["records"]:
            raise BadInput("the input holds no records")
    except BadInput as error:
        print(f"records.py: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader has had enough (`| head`); nobody is left to write to, the interpreter's last flush included.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    print(report(counts, sizes), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
