#!/usr/bin/python3
"""Puts load on `occkit serve` with wrk, strategy by strategy, and writes one row for each replicate.

    harness/load/load.py build/release/occkit --out results/run-http

Servers, in --servers: a strategy's name; constant, the same server with nothing behind it but one document to answer
with; beast, that document answered by Boost.Beast as it is ordinarily used. Scenarios, in --scenarios:

  get          GET of one of 1,000 documents (sources of 97 bytes)
  conditional  GET of one of them, then PUT with the if_seq_no and if_primary_term of the answer
  hot          the same, all connections on one document
  hot-update   POST to _update, all connections on one document, retry_on_conflict 0

Each replicate has a server of its own, freshly filled. Replicates are interleaved: every cell once in random order,
then again in another. Where there are two processors or more, the server has one for each of its threads and wrk the
others. After each run of writes the documents' versions are added up: what wrk was told is applied must be there, and
no more than what was under way when it stopped.

Writes load.csv and load.json (machine, commit, options, meaning of the columns) into --out, a folder that has neither.
Needs wrk (harness/install_packages.sh load).
Exit status: 0; 1 if a row is wrong or a server failed; 2 for bad input; 130 after Ctrl-C, finished rows stay.
"""

import argparse
import csv
import json
import os
import platform
import random
import re
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from datetime import datetime, timezone

FOLDER = os.path.dirname(os.path.abspath(__file__))
DOCUMENTS = 1000
INDEX = "load"
REFERENCES = ["constant", "beast"]
DEFAULT_SERVERS = "constant,beast,null,mutex_striped,mutex_keyed,packed_cas,version_retry,version_retry_urcu"
# Each: the script, how many documents, whether it writes.
SCENARIOS = {"get": ("get.lua", DOCUMENTS, False), "conditional": ("conditional.lua", DOCUMENTS, True),
             "hot": ("conditional.lua", 1, True), "hot-update": ("update.lua", 1, True)}
COLUMNS = {
    "server": (
        "the strategy, or constant or beast: one document whatever is asked, by the same server or by Beast's own loop"
    ),
    "scenario": "what is asked; see harness/load/load.py --help",
    "connections": "connections of wrk, each with one request under way",
    "wrk_threads": "threads of wrk",
    "server_threads": "threads of the server that answer",
    "replicate": "from 0",
    "order": "position in the run, from 0",
    "seconds": "how long wrk sent",
    "requests": "answers of any status in that time",
    "requests_per_s": "requests / seconds",
    "applied": "writes that were acknowledged",
    "applied_per_s": "applied / seconds",
    "conflicts": "answers with status 409",
    "non_2xx": "answers with another status than 2xx or 3xx, conflicts included; more than those is a wrong row",
    "latency_p50_us": (
        "of all requests, from sending to the whole answer, seen by wrk: a closed loop, so waiting connections ask "
        "nothing"
    ),
    "latency_p90_us": "",
    "latency_p99_us": "",
    "latency_max_us": "",
    "server_us_per_request": (
        "processor time of the server by answers, in user and system mode; of both sides of loopback, what the "
        "sender's processor does"
    ),
    "server_cpu": (
        "processors that the server used, of server_threads: near it, the server is what limits; below it, wrk is"
    ),
    "wrk_cpu": "the same for wrk",
    "other_cpu": "processors that everything else on the machine used: not near 0, the row was disturbed",
    "checked": "versions: what was applied is in the documents, and no more; empty: nothing was written",
    "verified": "yes or no",
    "commit": "of the working tree in which this script lies",
}
SERVER_PATIENCE_S = 60


class BadInput(Exception):
    """Something given cannot be used; the text says what was wrong and what is accepted."""


class Wrong(Exception):
    """A server failed, or an answer is not what it must be."""


def known_strategies(occkit):
    try:
        text = subprocess.run([occkit, "list"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BadInput(f"'{occkit}' does not run: {error}") from None
    names = re.findall(r"^  (\w+) +(?:full|version_only|unchecked|none) ", text, re.MULTILINE)
    return [name for name in names if name != "elasticsearch"]  # which is a server itself


def chosen(name, text, accepted):
    values = [value for value in text.split(",") if value]
    for value in values:
        if value not in accepted:
            raise BadInput(f"{name}: '{value}' is none of {', '.join(accepted)}")
    if not values or len(set(values)) < len(values):
        raise BadInput(f"{name}: '{text}' is not a list of different names; accepted are {', '.join(accepted)}")
    return values


def numbers(name, text, most):
    values = text.split(",")
    for value in values:
        if not re.fullmatch(r"[1-9][0-9]{0,6}", value) or int(value) > most:
            raise BadInput(f"{name}: '{value}' is not a whole number from 1 to {most}")
    return [int(value) for value in values]


def processors(server_threads):
    """Those of the server and those of wrk; None where they have to share."""
    all_of_them = sorted(os.sched_getaffinity(0))
    if len(all_of_them) <= server_threads:
        return None, None
    return all_of_them[:server_threads], all_of_them[server_threads:]


def pinned(command, cpus):
    return command if cpus is None else ["taskset", "--cpu-list", ",".join(map(str, cpus))] + command


def ask(url, method="GET", body=None):
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": "application/x-ndjson"})
    # No proxy, whatever the environment says.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=SERVER_PATIENCE_S
    ) as answer:
        return json.load(answer)


class Server:
    """`occkit serve` on a free port, filled unless it is a reference."""

    def __init__(self, occkit, name, documents, threads, cpus):
        self.keeps = name not in REFERENCES + ["null"]
        what = {"constant": ["--constant", "server"], "beast": ["--constant", "beast"]}.get(name, ["--strategy", name])
        command = [occkit, "serve", "--listen", "127.0.0.1:0", "--threads", str(threads)] + what
        # In a session of its own: Ctrl-C is for this script, which stops the server itself.
        self.process = subprocess.Popen(
            pinned(command, cpus), stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        line = self.process.stdout.readline()
        found = re.match(r"(http://\S+): ", line)
        if not found:
            self.process.wait()
            raise Wrong(f"{name}: the server does not start")
        self.url = found[1]
        self.documents = documents
        if name not in REFERENCES:
            source = json.dumps({"n": 0, "text": "x" * 80}, separators=(",", ":"))
            lines = (f'{{"index":{{"_id":"{i}"}}}}\n{source}\n' for i in range(documents))
            if ask(f"{self.url}/{INDEX}/_bulk", "POST", "".join(lines).encode())["errors"]:
                raise Wrong(f"{name}: filling failed")

    def writes(self):
        """How many there were since it was filled."""
        body = json.dumps({"ids": [str(i) for i in range(self.documents)]}).encode()
        return sum(doc["_version"] - 1 for doc in ask(f"{self.url}/{INDEX}/_mget?_source=false", "POST", body)["docs"])

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        try:
            status = self.process.wait(SERVER_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Wrong("the server does not stop") from None
        if status != 0:
            raise Wrong(f"the server ended with status {status}")


def busy_s():
    """Processor seconds that the machine has worked."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _idle, _iowait, irq, softirq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def children_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_wrk(script, url, documents, connections, threads, seconds, cpus):
    command = pinned(["wrk", "--threads", str(threads), "--connections", str(connections), "--duration", f"{seconds}s",
                      "--timeout", "30s", "--script", os.path.join(FOLDER, script), url], cpus)
    environment = dict(os.environ, OCCKIT_LOAD_DOCUMENTS=str(documents))
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    found = re.search(r"^figures (.*)$", ended.stdout, re.MULTILINE)
    if ended.returncode != 0 or not found:
        raise Wrong(f"wrk failed: {ended.stdout}{ended.stderr}")
    return {name: int(value) for name, value in (pair.split("=") for pair in found[1].split())}


def measure(options, cell, replicate, order, commit):
    name, scenario, connections = cell
    script, documents, writes = SCENARIOS[scenario]
    server_cpus, wrk_cpus = processors(options.server_threads)
    wrk_threads = min(options.wrk_threads, connections)
    server = Server(options.occkit, name, documents, options.server_threads, server_cpus)
    try:
        server_began, busy_began, children_began = server.cpu_s(), busy_s(), children_s()
        began = time.monotonic()
        got = run_wrk(script, server.url, documents, connections, wrk_threads, options.seconds, wrk_cpus)
        wall = time.monotonic() - began
        server_s, wrk_s = server.cpu_s() - server_began, children_s() - children_began
        other_s = max(0.0, busy_s() - busy_began - server_s - wrk_s)
        right = (
            got["requests"] > 0 and got["failed"] == 0 and got["unexpected"] == 0 and got["non_2xx"] == got["conflicts"]
        )
        checked = ""
        if writes and server.keeps:
            checked = "versions"
            right = right and got["applied"] <= server.writes() <= got["applied"] + connections
    finally:
        server.stop()
    seconds = got["duration_us"] / 1e6
    return {
        "server": name,
        "scenario": scenario,
        "connections": connections,
        "wrk_threads": wrk_threads,
        "server_threads": options.server_threads,
        "replicate": replicate,
        "order": order,
        "seconds": f"{seconds:.3f}",
        "requests": got["requests"],
        "requests_per_s": f"{got['requests'] / seconds:.0f}",
        "applied": got["applied"],
        "applied_per_s": f"{got['applied'] / seconds:.0f}",
        "conflicts": got["conflicts"],
        "non_2xx": got["non_2xx"],
        **{column: got[column] for column in COLUMNS if column.startswith("latency_")},
        "server_us_per_request": f"{1e6 * server_s / max(1, got['requests']):.2f}",
        "server_cpu": f"{server_s / wall:.2f}",
        "wrk_cpu": f"{wrk_s / wall:.2f}",
        "other_cpu": f"{other_s / wall:.2f}",
        "checked": checked,
        "verified": "yes" if right else "no",
        "commit": commit,
    }


def tool_version(command):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=os.path.dirname(FOLDER))
    return (ended.stdout or ended.stderr).strip().splitlines()[0] if ended.stdout or ended.stderr else ""


def description(options, commit):
    model = re.search(r"^model name\s*: (.*)$", open("/proc/cpuinfo", encoding="utf-8").read(), re.MULTILINE)
    server_cpus, wrk_cpus = processors(options.server_threads)
    return {"began": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "commit": commit,
            "options": {name: value for name, value in vars(options).items() if name not in ("occkit", "out")},
            "machine": {"processor": model[1] if model else platform.machine(), "processors": os.cpu_count(),
                        "kernel": platform.release(), "load_average": os.getloadavg()},
            "processors_of_server": server_cpus or "shared", "processors_of_wrk": wrk_cpus or "shared",
            "wrk": tool_version(["wrk", "--version"]).split(" Copyright")[0],
            "order": "complete blocks: every cell once in random order, then again in another", "columns": COLUMNS}


def arguments(given):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("occkit", help="the program, as build/release/occkit")
    parser.add_argument("--out", required=True, help="a folder without load.csv and load.json")
    parser.add_argument("--servers", default=DEFAULT_SERVERS, help="default: %(default)s")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="default: %(default)s")
    parser.add_argument("--connections", default="32", help="one or several numbers; default: %(default)s")
    parser.add_argument("--seconds", default="2", help="of each replicate; default: %(default)s")
    parser.add_argument("--replicates", default="5", help="default: %(default)s")
    parser.add_argument("--server-threads", default="1", help="default: %(default)s")
    parser.add_argument("--wrk-threads", default="1", help="default: %(default)s")
    parser.add_argument("--seed", default="1", help="of the order; default: %(default)s")
    options = parser.parse_args(given)
    options.servers = chosen("--servers", options.servers, REFERENCES + known_strategies(options.occkit))
    options.scenarios = chosen("--scenarios", options.scenarios, list(SCENARIOS))
    options.connections = numbers("--connections", options.connections, 10_000)
    for name, most in (("seconds", 3_600), ("replicates", 1_000), ("server_threads", 1_024), ("wrk_threads", 1_024),
                       ("seed", 1_000_000)):
        setattr(options, name, numbers("--" + name.replace("_", "-"), getattr(options, name), most)[0])
    for tool, package in (("wrk", "harness/install_packages.sh load"), ("taskset", "it is part of util-linux")):
        if not shutil.which(tool):
            raise BadInput(f"there is no {tool}: {package}")
    for name in ("load.csv", "load.json"):
        if os.path.exists(os.path.join(options.out, name)):
            raise BadInput(f"--out: '{os.path.join(options.out, name)}' is there already and is not overwritten")
    return options


def main(given):
    options = arguments(given)
    # A reference answers reads only, and what stores nothing has nothing to merge into.
    cells = [(server, scenario, connections) for server in options.servers for scenario in options.scenarios
             for connections in options.connections
             if not (server in REFERENCES and scenario != "get" or server == "null" and scenario == "hot-update")]
    if not cells:
        raise BadInput("nothing to measure: constant and beast have the scenario get only, null has no hot-update")
    os.makedirs(options.out, exist_ok=True)
    commit = tool_version(["git", "describe", "--always", "--dirty"])
    with open(os.path.join(options.out, "load.json"), "x", encoding="utf-8") as file:
        json.dump(description(options, commit), file, indent=2)
        file.write("\n")
    total, wrong, order = len(cells) * options.replicates, 0, 0
    print(f"{total} rows of {options.seconds} s, about {total * (options.seconds + 0.4) / 60:.0f} min, "
          f"to {options.out}/load.csv")
    with open(os.path.join(options.out, "load.csv"), "x", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        chance = random.Random(options.seed)
        for replicate in range(options.replicates):
            for cell in chance.sample(cells, len(cells)):
                row = measure(options, cell, replicate, order, commit)
                writer.writerow(row)
                file.flush()
                order += 1
                wrong += row["verified"] != "yes"
                print(
                    f"{order}/{total}  {row['server']} {row['scenario']} {row['connections']}: {row['requests_per_s']} "
                    f"requests/s, p99 {row['latency_p99_us']} us, {row['conflicts']} conflicts"
                    f"{'' if row['verified'] == 'yes' else ', WRONG'}",
                    flush=True,
                )
    if wrong:
        raise Wrong(f"{wrong} of {total} rows are wrong (column verified)")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BadInput as bad:
        print(f"harness/load/load.py: {bad}", file=sys.stderr)
        sys.exit(2)
    except Wrong as wrong:
        print(f"harness/load/load.py: {wrong}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\nharness/load.py: interrupted; finished rows stay", file=sys.stderr)
        sys.exit(130)
