#!/usr/bin/python3
"""Seeded writes with routings, on indices of one to seven shards, of an engine and of `occkit serve`.

  routing.py --engine URL --occkit PROGRAM [--seed S] [--requests N] [--show N]

Indices are made with `number_of_routing_shards` and without. Ids and routings are of ASCII and not, some ids under
several routings. Compared are the items of `_bulk`, with their numbers, conflicts and shards, then a `get` of each id
under a routing and under none, and how many documents each shard has.

Exit status: 0 if nothing differs; 1 if something does; 2 bad input, or a server that does not answer.
"""

import argparse
import json
import random
import sys
import urllib.parse

sys.dont_write_bytecode = True

from differential import NoAnswer, Server, serving  # noqa: E402

INDEX = "occ-routing"
SHARDS = [(1, None), (2, None), (3, None), (5, None), (5, 5), (5, 20), (7, None)]
WORDS = ["a", "b", "user-17", "ä", "日本", "😀x", "0", "5", "zz", "Q" * 40, "é😀"]
NUMBERS = range(30)


def lines(chance, count):
    """The body of a _bulk."""
    for number in range(count):
        kind = chance.choice(["index", "index", "create", "delete", "update"])
        action = {"_id": chance.choice(WORDS) + str(chance.choice(NUMBERS))}
        if routing := chance.choice([None, None, *WORDS, str(chance.randrange(1000))]):
            action["routing"] = routing
        yield json.dumps({kind: action})
        if kind == "update":
            yield json.dumps({"doc": {"u": number}, "upsert": {"x": 1}, "_source": True})
        elif kind != "delete":
            yield json.dumps({"n": number})


def comparable(value):
    """Without what differs by nature."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items() if key not in ("took", "index_uuid")}
    return [comparable(each) for each in value] if isinstance(value, list) else value


def documents_by_shard(server):
    server.ask("POST", f"/{INDEX}/_refresh")
    rows = json.loads(server.ask("GET", f"/_cat/shards/{INDEX}?format=json").text)
    return sorted((row["shard"], row["docs"]) for row in rows)


def answers(server, shards, routing_shards, body, gets):
    """What is compared, each with what was asked."""
    server.ask("DELETE", f"/{INDEX}")
    settings = {"number_of_shards": shards, "number_of_replicas": 0}
    if routing_shards:
        settings["number_of_routing_shards"] = routing_shards
    made = server.ask_json("PUT", f"/{INDEX}", {"settings": settings})
    if made.status != 200:
        raise NoAnswer(f"{server.url} does not make {INDEX}: {made.text}")
    bulk = server.ask("POST", f"/{INDEX}/_bulk", (("Content-Type", "application/x-ndjson"),), body)
    items = json.loads(bulk.text).get("items", [bulk.text])
    told = [(f"item {place}", comparable(item)) for place, item in enumerate(items)]
    told += [(target, comparable(json.loads(server.ask("GET", target).text))) for target in gets]
    told.append((f"/_cat/shards of {shards}", documents_by_shard(server)))
    server.ask("DELETE", f"/{INDEX}")
    return told


def targets(chance):
    for word in WORDS:
        for number in NUMBERS:
            path = f"/{INDEX}/_doc/{urllib.parse.quote(f'{word}{number}')}"
            yield path
            yield f"{path}?routing={urllib.parse.quote(chance.choice(WORDS))}"


def compare(engine, occkit, seed, requests, show):
    """Prints; the number of answers that differ."""
    chance = random.Random(seed)
    count = differ = 0
    for shards, routing_shards in SHARDS:
        body = "".join(line + "\n" for line in lines(chance, requests)).encode()
        gets = list(targets(chance))
        told = answers(engine, shards, routing_shards, body, gets)
        for (asked, expected), (_, got) in zip(told, answers(occkit, shards, routing_shards, body, gets), strict=True):
            count += 1
            if expected == got:
                continue
            differ += 1
            if differ <= show:
                print(f"{shards} shards, {asked}\n  engine  {json.dumps(expected)}\n  occkit  {json.dumps(got)}")
    print(f"{count} answers, {differ} differ")
    return differ


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--engine", required=True, metavar="URL", help="an Elasticsearch or an OpenSearch")
    parser.add_argument("--occkit", required=True, metavar="PROGRAM", help="occkit")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the writes (1)")
    parser.add_argument("--requests", type=int, default=400, metavar="N", help="writes on each index (400)")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="differences that are printed (10)")
    known = parser.parse_args(arguments)
    if known.requests < 1:
        parser.error(f"--requests {known.requests}: accepted is 1 and more")
    try:
        with serving(known.occkit, 7) as occkit:
            differ = compare(Server(known.engine), occkit, known.seed, known.requests, known.show)
    except NoAnswer as error:
        print(f"routing.py: {error}", file=sys.stderr)
        return 2
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
