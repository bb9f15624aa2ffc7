#!/usr/bin/python3
"""cluster.sh's command line: brings a cluster up, breaks it, mends it, takes it down.

What is remembered of a cluster is FOLDER/run/cluster.json, written before anything is started; FOLDER/run goes with the
cluster, FOLDER/engines stays. One command at a time works on a folder.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from engine import INSTALL, Engine, say
from network import KINDS, Namespaces, left, network_of, remove_left, tag_of, why_no_namespaces, Loopback
from nodes import Node, end, marked_processes, marker_of, require_memory, settings_of
from refusal import Failure, Refusal

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Commands take seconds, but for up, start and wait.
LOCK_WAIT_S = 5


class Cluster:
    """The cluster of a folder: what is remembered of it, and its nodes."""

    def __init__(self, folder):
        self.folder = folder
        self.file = folder / "run" / "cluster.json"
        self.facts = json.loads(self.file.read_text()) if self.file.exists() else None

    def remember(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(self.facts, indent=2))
        new.replace(self.file)

    @property
    def network(self):
        return network_of(self.folder, self.facts["network"])

    @property
    def engine(self):
        return Engine(self.facts["engine"], self.folder)

    def numbers(self):
        return sorted(int(number) for number in self.facts["nodes"])

    def node(self, number):
        return Node(number, self.facts["nodes"][str(number)], self.network, self.folder)

    def nodes(self):
        return [self.node(number) for number in self.numbers()]

    def urls(self):
        return ",".join(node.url for node in self.nodes())

    def start(self, number, joins):
        """Starts a node's process."""
        facts = self.facts
        node = self.node(number)
        node.start(self.engine, facts["java"], facts["heap_mb"],
                   settings_of(self.engine, self.network, number, self.numbers(), self.folder, facts["manager"],
                               facts["settings"], joins))
        self.remember()
        return node

    def healthy(self):
        """Nodes that may be asked: alive, not paused, not cut off."""
        return [node for node in self.nodes()
                if node.alive() and not node.paused() and str(node.number) not in self.facts["cuts"]]

    def ask(self, path):
        """What the first node answers that answers at all; None if none does."""
        for node in self.healthy():
            answer = node.ask(path)
            if answer is not None:
                return answer
        return None

    def wait_until_green(self, timeout_s, began, dead_is_failure=True):
        """Until every node is in the cluster and the cluster is green."""
        nodes, told = self.nodes(), began
        while True:
            if dead_is_failure:
                for node in nodes:
                    node.require_alive()
            health = self.ask("/_cluster/health") or {}
            if health.get("status") == "green" and health.get("number_of_nodes") == len(nodes):
                return
            now = time.monotonic()
            if now - began > timeout_s:
                raise Failure(f"after {timeout_s} s {health.get('number_of_nodes', 0)} of {len(nodes)} nodes are in "
                              f"the cluster, which is {health.get('status', 'not answering')}; logs: "
                              + ", ".join(str(node.log) for node in nodes))
            if now - told >= 5:
                told = now
                say(f"  {now - began:.0f} s: {health.get('number_of_nodes', 0)} of {len(nodes)} nodes, "
                    f"{health.get('status', 'no answer yet')}")
            time.sleep(0.2)

    def manager(self):
        """The number of the elected manager's node; None if nobody knows."""
        kind = "cluster_manager" if self.engine.is_opensearch else "master"
        rows = self.ask(f"/_cat/{kind}?format=json") or []
        return int(rows[0]["node"][1:]) if rows and re.fullmatch(r"n\d+", rows[0].get("node") or "") else None

    def copies(self, index, shard):
        """[(p or r, node number)] of the started copies of a shard."""
        rows = self.ask(f"/_cat/shards/{index}?format=json")
        if rows is None:
            there = [row["index"] for row in self.ask("/_cat/indices?format=json&h=index") or []]
            raise Refusal(f"--index {index}: no healthy node tells where it lies; "
                          f"indices: {', '.join(sorted(there)) or 'none'}")
        return [(row["prirep"], int(row["node"][1:])) for row in rows
                if row["shard"] == str(shard) and row["state"] == "STARTED"]

    def named(self, who, index=None, shard=0):
        """The number of the node that is meant by N, nN, manager, primary or replica."""
        numbered = re.fullmatch(r"n?([1-9]\d*)", who)
        if numbered:
            if int(numbered.group(1)) in self.numbers():
                return int(numbered.group(1))
        elif who == "manager":
            number = self.manager()
            if number is None:
                raise Refusal("manager: no healthy node tells who it is")
            return number
        elif who in ("primary", "replica"):
            if index is None:
                raise Refusal(f"{who} of which index? --index INDEX")
            nodes = sorted(number for kind, number in self.copies(index, shard) if kind == who[0])
            if not nodes:
                raise Refusal(f"shard {shard} of {index} has no {who} that is started")
            return nodes[0]
        raise Refusal(f"'{who}' is no node of this cluster; accepted are {', '.join(map(str, self.numbers()))}, "
                      "manager, and primary or replica with --index INDEX")


def require_up(cluster):
    if cluster.facts is None or cluster.facts["phase"] != "up":
        raise Refusal(f"no cluster is up in {cluster.folder}; cluster.sh up")
    return cluster


def require_own_folder(cluster):
    """Data that no cluster of ours wrote is never removed."""
    run = cluster.file.parent
    if cluster.facts is None and run.exists() and any(entry.name != "cluster.new" for entry in run.iterdir()):
        raise Refusal(f"{run} has no cluster.json, so it is not known whose it is; move it away")


def clean(cluster):
    """Ends and removes everything of this folder's cluster. The number of processes, and of namespaces and links."""
    require_own_folder(cluster)
    pids = marked_processes(marker_of(cluster.folder))
    end(pids)
    parts = remove_left(tag_of(cluster.folder)) if os.geteuid() == 0 else 0
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(cluster.file.parent)
    cluster.facts = None
    return len(pids), parts


def clean_leftovers(cluster):
    """What a killed `up`, or a restart of the machine, left behind. Refuses if a cluster is up."""
    require_own_folder(cluster)
    pids = marked_processes(marker_of(cluster.folder))
    if cluster.facts is not None and cluster.facts["phase"] == "up" and pids:
        raise Refusal(f"a cluster of {cluster.engine} is up in {cluster.folder} ({cluster.urls()}); cluster.sh down, "
                      "or --folder DIR and --port PORT for another one beside it")
    spaces, links = left(tag_of(cluster.folder))
    if cluster.facts is None and not pids and not spaces and not links:
        return
    ended, parts = clean(cluster)
    say(f"Cleaned what a run before this one left behind: {ended} processes, {parts} namespaces and links, its data.")


def network_for(options, numbers):
    """What is to be remembered of the network that was asked for."""
    kind = options.network
    if kind == "auto":
        why = why_no_namespaces() if len(numbers) > 1 else "one node"
        kind = "loopback" if why else "namespaces"
        if why and len(numbers) > 1:
            say(f"Nodes get ports of 127.0.0.1, without cut and heal: {why}.")
    plan = {"loopback": Loopback, "namespaces": Namespaces}[kind].plan
    return plan(options.folder, numbers, options.port)


def provide_packages(engine, options):
    """Java and Maven by Debian's packages, where something is missing that they have."""
    try:
        engine.java(options.java)
        missing = not engine.is_there() and shutil.which("mvn") is None
    except Refusal:
        missing = options.java is None and engine.oldest_java <= 17
    if missing and not options.no_install and shutil.which("apt-get"):
        subprocess.run([ROOT / "harness" / "install_packages.sh", "cluster"], check=False)


def up(options):
    cluster = Cluster(options.folder)
    engine = Engine(options.engine, options.folder)
    numbers = list(range(1, options.nodes + 1))
    if options.manager not in numbers:
        raise Refusal(f"--manager {options.manager}: accepted is a node, {', '.join(map(str, numbers))}")
    clean_leftovers(cluster)
    provide_packages(engine, options)
    java = engine.java(options.java)
    require_memory(options.nodes, options.heap)
    network = network_for(options, numbers)
    engine.provide(java)
    cluster.facts = {
        "engine": engine.name, "version": engine.version, "phase": "starting", "java": java, "heap_mb": options.heap,
        "network": network, "manager": options.manager, "settings": dict(options.setting), "cuts": {},
        "nodes": {str(number): {} for number in numbers},
    }
    cluster.remember()
    try:
        bring_up(cluster, options)
    except BaseException as error:
        end(marked_processes(marker_of(options.folder)))
        cluster.network.remove()
        if not isinstance(error, Failure):
            clean(cluster)
        raise


def bring_up(cluster, options):
    began = time.monotonic()
    facts, engine = cluster.facts, cluster.engine
    say(f"Starting {engine} with {options.nodes} node{'s' if options.nodes > 1 else ''}, on {cluster.network.kind}.")
    cluster.network.make(cluster.numbers())
    # The manager's node forms the cluster before the others are there, so that nobody else is elected.
    first = cluster.start(facts["manager"], joins=False)
    while options.nodes > 1 and cluster.manager() != first.number:
        first.require_alive()
        if time.monotonic() - began > options.timeout:
            raise Failure(f"{first} did not become the manager within {options.timeout} s; log: {first.log}")
        time.sleep(0.2)
    for number in cluster.numbers():
        if number != first.number:
            cluster.start(number, joins=True)
    cluster.wait_until_green(options.timeout, began)
    if engine.major == 6 and options.nodes > 1:
        setting = {"persistent": {"discovery.zen.minimum_master_nodes": options.nodes // 2 + 1}}
        if first.ask("/_cluster/settings", "PUT", setting) is None:
            raise Failure("discovery.zen.minimum_master_nodes could not be set")
    facts["phase"] = "up"
    cluster.remember()
    say(f"Green after {time.monotonic() - began:.0f} s. Manager: n{cluster.manager() or facts['manager']}.")
    print(cluster.urls())


def down(options):
    cluster = Cluster(options.folder)
    ended, parts = clean(cluster)
    say(f"Ended {ended} processes, removed {parts} namespaces and links, and the data." if ended or parts
        else f"Nothing of a cluster runs in {options.folder}.")


def status(options):
    cluster = require_up(Cluster(options.folder))
    health = cluster.ask("/_cluster/health") or {}
    manager = cluster.manager()
    print(f"{cluster.engine}, {len(cluster.nodes())} nodes, {cluster.network.kind}: "
          f"{health.get('status', 'no healthy node answers')}")
    for node in cluster.nodes():
        cuts = cluster.facts["cuts"].get(str(node.number), [])
        state = "killed" if not node.alive() else "paused" if node.paused() else "running"
        words = [state] + [f"cut off ({cut['direction']}) from {', '.join(f'n{other}' for other in cut['from'])}"
                           for cut in cuts]
        print(f"{node}  {node.url}  {'manager  ' if node.number == manager else ''}{', '.join(words)}")
    for row in cluster.ask("/_cat/shards?format=json") or []:
        print(f"{row['index']}  shard {row['shard']}  {'primary' if row['prirep'] == 'p' else 'replica'}  "
              f"{row['state'].lower()}  {row['node'] or '-'}")


def targets(cluster, options):
    """The nodes that a command names; `all` are all."""
    if options.who == ["all"]:
        return cluster.nodes()
    found = [cluster.node(cluster.named(who, options.index, options.shard)) for who in options.who]
    for who, node in zip(options.who, found):
        if who in ("manager", "primary", "replica"):
            say(f"{who} is {node}")
    return found


def kill(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        if not node.alive():
            raise Refusal(f"{node} is not running; cluster.sh start {node.number}")
        end([node.facts["pid"]])


def start(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        if node.alive():
            if options.who == ["all"]:
                continue
            raise Refusal(f"{node} is running")
        began = time.monotonic()
        node = cluster.start(node.number, joins=True)
        while not node.answers():
            node.require_alive()
            if time.monotonic() - began > options.timeout:
                raise Failure(f"{node} does not answer within {options.timeout} s; log: {node.log}")
            time.sleep(0.2)


def pause(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        if not node.alive():
            raise Refusal(f"{node} is not running; cluster.sh start {node.number}")
        node.signal(signal.SIGSTOP)


def resume(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        if not node.paused():
            if options.who == ["all"]:
                continue
            raise Refusal(f"{node} is not paused")
        node.signal(signal.SIGCONT)


def cut(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        others = [number for number in cluster.numbers() if number != node.number]
        if options.others:
            others = [cluster.named(who) for who in options.others.split(",")]
            if node.number in others:
                raise Refusal(f"--from {options.others}: {node} is not cut off from itself")
        # Remembered first, so that what a killed command has done is healed too.
        cluster.facts["cuts"].setdefault(str(node.number), []).append({"direction": options.direction, "from": others})
        if cluster.network.kind == "namespaces":
            cluster.remember()
        cluster.network.cut(node.number, others, options.direction)


def heal(options):
    cluster = require_up(Cluster(options.folder))
    for node in targets(cluster, options):
        others = [number for number in cluster.numbers() if number != node.number]
        cluster.network.heal(node.number, others, "both")
        cluster.facts["cuts"].pop(str(node.number), None)
        # What another node's cut took from this one stays cut.
        for number, cuts in cluster.facts["cuts"].items():
            for each in cuts:
                cluster.network.cut(int(number), each["from"], each["direction"])
        cluster.remember()


def wait(options):
    cluster = require_up(Cluster(options.folder))
    cluster.wait_until_green(options.timeout, time.monotonic(), dead_is_failure=False)


def whole_number(least, most):
    def parse(text):
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"'{text}': accepted is a whole number from {least} to {most}")
        return int(text)
    return parse


def setting(text):
    name, equals, value = text.partition("=")
    if not re.fullmatch(r"[a-z_][a-z0-9_.]*", name) or not equals:
        raise argparse.ArgumentTypeError(f"'{text}': accepted is NAME=VALUE, a setting of the engine")
    return name, value


def parser():
    whole = argparse.ArgumentParser(
        prog="cluster.sh",
        description="A real engine on this machine, with one node or three, and faults for its nodes.",
        epilog="Exit status: 0; 1 it was begun and failed; 2 bad input, or something is missing; 130 interrupted. "
        "harness/cluster/README.md has more.")
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, text):
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=function)
        made.add_argument("--folder", type=pathlib.Path, default=ROOT / "build" / "cluster", metavar="DIR",
                          help="jars, data and logs (build/cluster); a cluster for each folder")
        return made

    def fault(name, function, text):
        made = command(name, function, text)
        made.add_argument("who", nargs="+", metavar="NODE",
                          help="a number, manager, primary or replica (with --index); all")
        made.add_argument("--index", help="whose primary or replica is meant")
        made.add_argument("--shard", type=whole_number(0, 999), default=0, help="which shard of it (0)")
        return made

    brings_up = command("up", up, "Start an engine and wait until it is green. Prints the nodes' addresses.")
    brings_up.add_argument("--engine", default="opensearch",
                           help="opensearch (the default), opensearch-3, elasticsearch-8, elasticsearch-7 or "
                           "elasticsearch-6")
    brings_up.add_argument("--nodes", type=int, choices=(1, 3), default=1, help="how many (1)")
    brings_up.add_argument("--manager", type=int, default=1, metavar="N", help="which node is elected (1)")
    brings_up.add_argument("--network", choices=("auto", *KINDS), default="auto",
                           help="namespaces, where cut works (root only), or loopback; auto: namespaces for three "
                           "nodes, if they can be made")
    brings_up.add_argument("--port", type=whole_number(1024, 65000), default=9200,
                           help="on loopback: HTTP from this port on, transport 100 above (9200)")
    brings_up.add_argument("--heap", type=whole_number(128, 65536), default=768, metavar="MB",
                           help="a node's heap (768)")
    brings_up.add_argument("--setting", type=setting, action="append", default=[], metavar="NAME=VALUE",
                           help="a setting of every node, as in the engine's YAML file; may be repeated")
    brings_up.add_argument("--java", metavar="PROGRAM", help="the java of the JDK to use")
    brings_up.add_argument("--no-install", action="store_true",
                           help="install no packages; say what is missing and stop")
    brings_up.add_argument("--timeout", type=whole_number(1, 3600), default=180, metavar="S",
                           help="how long to wait for green (180)")
    command("down", down, "End it and remove its data. Jars stay.")
    command("status", status, "Nodes, faults, shards.")
    fault("kill", kill, "kill -9.")
    starts = fault("start", start, "Start a node that was killed, on its data, and wait until it answers.")
    fault("pause", pause, "SIGSTOP.")
    fault("resume", resume, "SIGCONT.")
    cuts = fault("cut", cut, "Take a node's connections to other nodes away; clients still reach it. Root only.")
    cuts.add_argument("--direction", choices=("both", "in", "out"), default="both",
                      help="what is lost: what it sends (out), what is sent to it (in), both")
    cuts.add_argument("--from", dest="others", metavar="N,M", help="from these nodes only (all others)")
    fault("heal", heal, "Undo every cut of a node.")
    waits = command("wait", wait, "Wait until all nodes are in the cluster and it is green.")
    for made in (starts, waits):
        made.add_argument("--timeout", type=whole_number(1, 3600), default=180, metavar="S", help="how long (180)")
    return whole


@contextlib.contextmanager
def alone(folder):
    """Holds the folder's lock."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / "lock", "w", encoding="utf-8")
    except OSError as error:
        raise Refusal(f"--folder {folder}: {error.strerror}") from error
    with lock:
        deadline = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refusal(f"another cluster.sh is at work on {folder}") from None
                time.sleep(0.1)
        yield


def main(arguments=None):
    """Carries out a command line; its exit status."""
    options = parser().parse_args(arguments)
    options.folder = options.folder.resolve()
    try:
        with alone(options.folder):
            options.run(options)
    except Refusal as refusal:
        say(f"cluster.sh: {refusal}")
        return 2
    except Failure as failure:
        say(f"cluster.sh: {failure}")
        return 1
    except KeyboardInterrupt:
        say("cluster.sh: interrupted")
        return 130
    return 0


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # An `up` that is told to end takes down what it has started, as after Ctrl-C.
    signal.signal(signal.SIGTERM, interrupt)
    sys.exit(main())
