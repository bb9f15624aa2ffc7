"""The differences that are known: differences.toml.

A rule recognises a difference by patterns, all of which have to be found: `request` in the method, the target, the
headers and the body, `engine` and `occkit` in the status and the body of the answers, `place` in where they differ
first. `versions` are those of Elasticsearch for which it holds, all if it is left out. Why it stays, is its `reason`;
one that is yet to be looked at is `open`, with what is known of it. `any = true`: only where requests may be ill-formed
(--any).
"""

import re
import tomllib

KEYS = {"name", "request", "engine", "occkit", "place", "versions", "reason", "open", "any"}
PATTERNS = ("request", "engine", "occkit", "place")


class BadRule(Exception):
    pass


class Rule:
    def __init__(self, facts):
        self.name = facts.get("name")
        if not isinstance(self.name, str):
            raise BadRule(f"a rule without name: {facts}")
        if not facts.keys() <= KEYS:
            raise BadRule(f"{self.name}: unknown {', '.join(sorted(facts.keys() - KEYS))}")
        if ("reason" in facts) == ("open" in facts):
            raise BadRule(f"{self.name}: either a reason or open")
        if not any(key in facts for key in PATTERNS):
            raise BadRule(f"{self.name}: it would recognise everything")
        self.is_open = "open" in facts
        self.versions = facts.get("versions")
        self.of_any = facts.get("any", False)
        self.patterns = {key: re.compile(facts[key], re.DOTALL) for key in PATTERNS if key in facts}

    def recognises(self, compat, texts):
        return ((self.versions is None or compat in self.versions)
                and all(pattern.search(texts[key]) for key, pattern in self.patterns.items()))


class Known:
    def __init__(self, file, ill_formed=False):
        with open(file, "rb") as opened:
            rules = tomllib.load(opened).get("difference", [])
        self.rules = [rule for rule in map(Rule, rules) if ill_formed or not rule.of_any]
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise BadRule(f"{name}: two rules of that name")

    def rule(self, compat, request, engine, occkit, place):
        """The first rule that recognises a difference; None."""
        texts = {"request": str(request), "engine": str(engine), "occkit": str(occkit), "place": place.path}
        return next((rule for rule in self.rules if rule.recognises(compat, texts)), None)
