"""How each of Elasticsearch's REST tests has to end, by name. verdicts.toml has the form."""

import tomllib


# How a test ends, by the kind of its verdict.
ENDS = {"holds": "holds", "skipped": "skipped", "engine": "fails", "elsewhere": "fails", "open": "fails"}


class BadVerdicts(Exception):
    """A file of verdicts that cannot be read."""


class Verdicts:
    """`holds` and `skipped` are an end. `engine: WHY`: it fails on the engine too. `elsewhere: WHY`: it needs what is
    another product's. `open: WHY`: it fails, and is to hold."""

    def __init__(self, path):
        try:
            with open(path, "rb") as file:
                self.files = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError) as why:
            raise BadVerdicts(f"{path}: {why}") from why
        for file, tests in self.files.items():
            for title, verdict in tests.items():
                kind, _, why = str(verdict).partition(": ")
                if kind not in ENDS or (kind not in ("holds", "skipped")) != bool(why):
                    raise BadVerdicts(f"{path}: '{file}: {title}' is '{verdict}': accepted are 'holds', 'skipped', "
                                      "'engine: WHY', 'elsewhere: WHY' and 'open: WHY'")

    def complaint(self, file, title, end):
        """What is wrong with that end; nothing if it is the one that was foreseen."""
        verdict = self.files.get(file, {}).get(title)
        if verdict is None:
            return f"it {end}, and has no verdict"
        kind = verdict.partition(":")[0]
        return "" if end.startswith(ENDS[kind]) else f"it {end}, and its verdict is '{verdict}'"
