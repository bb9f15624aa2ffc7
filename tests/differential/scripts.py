#!/usr/bin/python3
"""Seeded scripts, run by `_update` of an OpenSearch and of `occkit serve`, whose answers are compared.

  scripts.py --engine URL --occkit PROGRAM [--seed S] [--scripts N] [--show N]

Each script (ScriptGenerator) changes a document of its own: numbers of each size, a text, a boolean, a list, a map. The
same have to be: the status, the result, the source that was written, with 1 and 1.0 told apart, or the exception's
kind, stage and cause. Words of causes and places in the script are counted apart (--words takes them as differences).
Elasticsearch from Maven has no scripts; OpenSearch has Painless as it was when the two parted.

Exit status: 0 if nothing differs; 1 if something does; 2 bad input, or a server that does not answer.
"""

import argparse
import collections
import json
import random
import sys

sys.dont_write_bytecode = True

from differential import NoAnswer, Server, serving  # noqa: E402

INDEX = "occ-scripts"
SOURCE = {"n": 7, "m": -3, "l": 9_000_000_000, "d": 2.5, "s": "text", "b": True, "t": [1, "a", 2.5], "o": {"k": 1}}
PARAMS = {"n": 3, "l": -5_000_000_000, "d": 0.1, "s": "more", "b": False}


class ScriptGenerator:
    """Scripts of the part of Painless that the kit takes. Most are right; some end in an exception of the engine's."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.variables = {}

    def pick(self, *choices):
        return self.random.choice(choices)

    def likely(self, percent):
        return self.random.random() * 100 < percent

    def script(self):
        self.variables = {}
        return " ".join(self.statement(2) for _ in range(self.random.randint(1, 4)))

    def statement(self, depth):
        kind = self.random.randrange(12)
        if kind < 4:
            return f"{self.place()} {self.pick('=', '=', '+=', '-=', '*=')} {self.number(depth)};"
        if kind == 4:
            return f"{self.place()}{self.pick('++', '--')};"
        if kind == 5:
            return f"ctx._source.{self.pick('s', 'u')} {self.pick('=', '+=')} {self.text(depth)};"
        if kind == 6:
            return f"ctx._source.{self.pick('b', 'v')} = {self.truth(depth)};"
        if kind == 7 and depth > 0:
            other = f" else {{ {self.statement(depth - 1)} }}" if self.likely(50) else ""
            return f"if ({self.truth(depth)}) {{ {self.statement(depth - 1)} }}{other}"
        if kind == 8:
            return self.of_list(depth)
        if kind == 9:
            return self.of_map(depth)
        if kind == 10:
            return f"ctx.op = '{self.pick('none', 'noop', 'delete')}';"
        return self.variable(depth)

    def variable(self, depth):
        name = f"x{len(self.variables)}"
        kind = self.pick("int", "long", "double", "def")
        literal = {"int": str(self.random.randint(-100, 100)), "long": f"{self.random.randint(-10**12, 10**12)}L",
                   "double": repr(round(self.random.uniform(-100, 100), 3))}
        value = literal[kind] if kind != "def" else self.number(depth)
        if not self.in_block(depth):
            self.variables[name] = kind
        else:
            name = f"y{self.random.randrange(1000)}"
        return f"{kind} {name} = {value};"

    @staticmethod
    def in_block(depth):
        return depth < 2

    def place(self):
        names = [f"ctx._source.{name}" for name in ("n", "m", "l", "d", "r")] + ["ctx._source['n']", "ctx._source.o.k"]
        names += [name for name, kind in self.variables.items() if kind == "def"]
        return self.random.choice(names)

    def number(self, depth):
        kind = self.random.randrange(9)
        if depth <= 0 or kind < 3:
            return self.number_alone()
        if kind < 7:
            operator = self.pick("+", "-", "*", "+", "-", "*", "/", "%")
            return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"
        if kind == 7:
            return f"({self.truth(depth - 1)} ? {self.number(depth - 1)} : {self.number(depth - 1)})"
        return self.pick("ctx._source.t.size()", "ctx._source.s.length()", f"-{self.number_alone()}", "ctx._version",
                         f"((int){self.number_alone()})", f"((long){self.number_alone()})",
                         f"((double){self.number_alone()})")

    def number_alone(self):
        choices = ["ctx._source.n", "ctx._source.m", "ctx._source.l", "ctx._source.d", "params.n", "params.l",
                   "params.d", str(self.random.randint(0, 10)), "2147483647", "9223372036854775807L", "4000000000L",
                   "0", "1.5", repr(round(self.random.uniform(0, 1000), 2)), "1e10", "0.1"]
        choices += list(self.variables)
        if self.likely(3):
            choices = ["ctx._source.missing", "ctx._source.s", "ctx._source.b", "params.missing"]
        return self.random.choice(choices)

    def text(self, depth):
        kind = self.random.randrange(5)
        if depth <= 0 or kind < 3:
            return self.pick("'a'", '"b c"', "ctx._source.s", "params.s", "''", "ctx._id", "'\u00e9'")
        return f"({self.text(depth - 1)} + {self.pick(self.text(depth - 1), self.number_alone(), self.truth(0))})"

    def truth(self, depth):
        kind = self.random.randrange(9)
        if depth <= 0 or kind < 2:
            return self.pick("true", "false", "ctx._source.b", "params.b")
        if kind < 5:
            operator = self.pick("<", "<=", ">", ">=", "==", "!=")
            return f"({self.number(depth - 1)} {operator} {self.number(depth - 1)})"
        if kind == 5:
            return f"({self.truth(depth - 1)} {self.pick('&&', '||')} {self.truth(depth - 1)})"
        if kind == 6:
            return f"(!{self.truth(depth - 1)})"
        if kind == 7:
            return f"({self.text(depth - 1)} {self.pick('==', '!=')} {self.text(depth - 1)})"
        return self.pick("ctx._source.containsKey('n')", "ctx._source.containsKey('r')", "ctx._source.t.contains('a')",
                         "ctx._source.t.contains(1)", "ctx._source.t.contains(1.0)", "(ctx._source.r == null)",
                         "ctx._source.o.containsKey('k')", "ctx._source.s.startsWith('te')", "ctx._source.t.isEmpty()",
                         "ctx._source.s.contains('x')")

    def of_list(self, depth):
        value = self.pick(self.number(depth), self.text(depth), self.truth(depth))
        return self.pick(f"ctx._source.t.add({value});", "ctx._source.t.remove(0);", "ctx._source.t.clear();",
                         f"ctx._source.t[{self.random.randrange(4)}] = {value};", f"ctx._source.w = [{value}, 1];",
                         f"ctx._source.r = ctx._source.t.indexOf({value});", "ctx._source.t.add(0, 'first');",
                         f"ctx._source.r = ctx._source.t.get({self.random.randrange(4)});")

    def of_map(self, depth):
        value = self.pick(self.number(depth), self.text(depth), self.truth(depth))
        return self.pick(f"ctx._source.o.put('p', {value});", f"ctx._source.o.q = {value};",
                         "ctx._source.o.remove('k');", "ctx._source.remove('n');", f"ctx._source.o = ['z': {value}];",
                         f"ctx._source.r = ctx._source.o.getOrDefault('k', {self.number_alone()});",
                         "ctx._source.o.clear();", "ctx._source.remove('o');")


def told(answer):
    """What has to be the same, and what may be said in other words."""
    body = answer.body
    if not isinstance(body, dict):
        return (answer.status, answer.text), None
    error = body.get("error")
    if error is None:
        return (answer.status, body.get("result"), typed(body.get("get", {}).get("_source"))), None
    kinds, words = [answer.status], []
    while isinstance(error, dict):
        stage = error.get("reason") if error.get("type") == "script_exception" else None
        kinds.append((error.get("type"), stage))
        # Frames of Java's library are its own.
        stack = [line for line in error.get("script_stack") or [] if not line.startswith("java.base/")]
        words.append((error.get("reason"), stack, json.dumps(error.get("position"))))
        error = error.get("caused_by")
    return tuple(kinds), words


def typed(value):
    """As a text in which 1, 1.0, and the order of keys of one map do not count as the same, as, and not."""
    return json.dumps(value, sort_keys=True)


def prepare(server, **more):
    server.ask("DELETE", f"/{INDEX}")
    made = server.ask_json("PUT", f"/{INDEX}", {"settings": {"number_of_shards": 1, "number_of_replicas": 0}, **more})
    if made.status != 200:
        raise NoAnswer(f"{server.url} makes no index: {made.text}")


def compare(engine, occkit, generator, count, words_count, show):
    """Asks both `count` times; how many differed, and by what."""
    statuses, kinds, in_words = collections.Counter(), collections.Counter(), collections.Counter()
    for number in range(count):
        script = generator.script()
        answers = []
        for server in (engine, occkit):
            target = f"/{INDEX}/_doc/{number}"
            stored = server.ask_json("PUT", target, SOURCE)
            if stored.status != 201:
                raise NoAnswer(f"{server.url} stores no document: {stored.text}")
            body = {"script": {"source": script, "lang": "painless", "params": PARAMS}}
            answers.append(server.ask_json("POST", f"/{INDEX}/_update/{number}?_source=true", body))
        (same, words), (ours, our_words) = map(told, answers)
        statuses[answers[0].status] += 1
        differs = same != ours
        if not differs and words != our_words:
            in_words[str(words[-1][0])[:60]] += 1
            differs = words_count
        if differs:
            kinds[f"{answers[0].status}/{answers[1].status}"] += 1
            if sum(kinds.values()) <= show:
                print(f"{script}\n  {engine.url}: {answers[0].text}\n  {occkit.url}: {answers[1].text}")
    print(f"{count} scripts, {statuses[200]} ran to their end: {sum(kinds.values())} differ {dict(kinds)}; "
          f"{sum(in_words.values())} more in words alone")
    for text, times in in_words.most_common(10):
        print(f"  {times} x {text}")
    return sum(kinds.values())


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--engine", required=True, metavar="URL", help="an OpenSearch with Painless")
    parser.add_argument("--occkit", required=True, metavar="PROGRAM", help="occkit")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the scripts (1)")
    parser.add_argument("--scripts", type=int, default=1000, metavar="N", help="how many (1000)")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="differences that are printed (10)")
    parser.add_argument("--words", action="store_true", help="words of causes, and places, count too")
    known = parser.parse_args(arguments)
    if known.scripts < 1:
        parser.error(f"--scripts {known.scripts}: accepted is 1 and more")
    try:
        engine = Server(known.engine)
        # Each script is compiled once, which an engine allows a few times a minute alone.
        engine.ask_json("PUT", "/_cluster/settings",
                        {"transient": {"script.context.update.max_compilations_rate": "unlimited"}})
        with serving(known.occkit, 7) as occkit:
            prepare(engine, mappings={"dynamic": False})  # a field may be of any kind
            prepare(occkit)
            differ = compare(engine, occkit, ScriptGenerator(known.seed), known.scripts, known.words, known.show)
        engine.ask("DELETE", f"/{INDEX}")
    except NoAnswer as error:
        print(f"scripts.py: {error}", file=sys.stderr)
        return 2
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
