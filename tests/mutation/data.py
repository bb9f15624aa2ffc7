"""The mutants, as tests/**/*.mutants.toml have them. tests/README.md says how one is written down."""

import dataclasses
import pathlib
import re
import tomllib

from mutation import anchor

KINDS = ("order", "guard", "rule")
SANITIZERS = ("", "address", "thread", "undefined")
PATTERN = "*.mutants.toml"
OF_A_FILE = {"file", "strategy", "mutant"}
OF_A_MUTANT = {"name", "file", "edge", "from", "to", "nth", "also", "kind", "breaks", "killers", "strategy", "sanitize",
               "tries", "survives", "exempt", "sample"}


class BadData(Exception):
    """The data says something that cannot be done; the text says what."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    edits: tuple
    kind: str
    breaks: str
    killers: tuple
    strategy: str = ""
    sanitize: str = ""
    tries: int = 1
    survives: str = ""
    exempt: str = ""
    sample: bool = False

    def apply(self, text):
        """`text` with this mutant in it. Throws anchor.DoesNotApply."""
        return anchor.apply(self.edits, text)


def edits_of(entry, bad):
    edits = []
    for edit in [entry, *entry.get("also", [])]:
        before, after, nth, edge = edit.get("from", ""), edit.get("to"), edit.get("nth", 0), edit.get("edge", "")
        if not isinstance(before, str) or not isinstance(after, str) or before == after:
            bad("'from' and 'to' must be texts that differ")
        if not isinstance(edge, str) or (edge and not re.fullmatch(r"[A-Z]+\d+", edge)):
            bad("'edge' must be a name like B3")
        if not edge and not before.strip():
            bad("'from' must not be empty where there is no 'edge'")
        if not isinstance(nth, int) or nth < 0:
            bad("'nth' must be 1 or more")
        edits.append(anchor.Edit(before, after, nth, edge))
    return tuple(edits)


def mutant_of(entry, defaults, where):
    name = entry.get("name", "without a name")

    def bad(what):
        raise BadData(f"{where}: mutant '{name}': {what}")

    entry = {key: value for key, value in defaults.items() if key != "mutant"} | entry
    for key in ("name", "file", "to", "kind", "breaks"):
        if not isinstance(entry.get(key), str):
            bad(f"'{key}' must be given, as text")
    if unknown := set(entry) - OF_A_MUTANT:
        bad(f"unknown key '{sorted(unknown)[0]}'; accepted are {', '.join(sorted(OF_A_MUTANT))}")
    if entry["kind"] not in KINDS:
        bad(f"kind '{entry['kind']}'; accepted are {', '.join(KINDS)}")
    if "|" in name + entry["breaks"] or not re.fullmatch(r"[a-z0-9_]+", name):
        bad("a name is of small letters, digits and '_'; '|' is not allowed in what it breaks")
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
    return Mutant(name, entry["file"], edits_of(entry, bad), entry["kind"], entry["breaks"], tuple(killers),
                  entry.get("strategy", ""), entry.get("sanitize", ""), tries, entry.get("survives", ""),
                  entry.get("exempt", ""), entry.get("sample", False))


def parse(text, where):
    """The mutants of one file's text; `where` is what an error calls it. Throws BadData."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadData(f"{where}: {error}") from None
    if unknown := set(data) - OF_A_FILE:
        raise BadData(f"{where}: unknown key '{sorted(unknown)[0]}'; accepted are {', '.join(sorted(OF_A_FILE))}")
    mutants = [mutant_of(entry, data, where) for entry in data.get("mutant", [])]
    if not mutants:
        raise BadData(f"{where}: no [[mutant]] in it")
    return mutants


def files(tree):
    return sorted((tree / "tests").rglob(PATTERN))


def load(tree):
    """All mutants of a tree: {path of their file, relative to the tree: its mutants}. Throws BadData."""
    found, names = {}, {}
    for path in files(tree):
        where = str(path.relative_to(tree))
        found[where] = parse(pathlib.Path(path).read_text(encoding="utf-8"), where)
        for mutant in found[where]:
            if mutant.name in names:
                raise BadData(f"{where}: mutant '{mutant.name}': there is one of this name in {names[mutant.name]}")
            names[mutant.name] = where
    if not found:
        raise BadData(f"there is no {PATTERN} below {tree / 'tests'}")
    return found


def with_file(text, name, file):
    """The text of a file of mutants in which the one of this name changes another file."""
    entries = re.split(r"(?m)^(?=\[\[mutant\]\])", text)
    for number, entry in enumerate(entries):
        if re.search(rf"(?m)^name = [\"']{name}[\"']$", entry):
            without = re.sub(r"(?m)^file = .*\n", "", entry)
            entries[number] = re.sub(r"(?m)^(name = .*\n)", rf'\1file = "{file}"\n', without)
    return "".join(entries)
