"""Nodes: their settings, their processes, and what they answer."""

import json
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from engine import last_lines
from refusal import Failure, Refusal

LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %marker%m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
"""
# Beside the heap: class data, code, threads, Netty's buffers. Seen at rest: 330 MB with a heap of 768 MB.
BESIDE_HEAP_MB = 300
# No proxy stands between this machine and itself.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def marker_of(folder):
    """On the command line of every process of this folder's cluster, and of no other."""
    return f"-Docckit.cluster={folder}"


def facts_of(pid):
    """(when it was started, its state, its command line); None if there is no such process."""
    try:
        after_name = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return int(after_name[19]), after_name[0], words
    except (OSError, IndexError):
        return None


def is_running(pid, started):
    """The process is the one that was started then: its number may have been given to another one since."""
    facts = facts_of(pid)
    return facts is not None and facts[1] != "Z" and facts[0] == started


def marked_processes(marker):
    """Every process of the cluster, remembered or not."""
    found = {int(entry): facts_of(entry) for entry in os.listdir("/proc") if entry.isdigit()}
    return [pid for pid, facts in found.items() if facts is not None and facts[1] != "Z" and marker in facts[2]]


def end(pids):
    """Kills them and waits until they are gone."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + 20
    for pid in pids:
        while (facts := facts_of(pid)) is not None and facts[1] != "Z":
            if time.monotonic() > deadline:
                raise Failure(f"process {pid} did not end within 20 s of SIGKILL")
            time.sleep(0.02)
        try:
            os.waitpid(pid, 0)
        except (ChildProcessError, OSError):
            pass


def free_memory_mb():
    """What this process and its children may still take."""
    free = [int(line.split()[1]) // 1024 for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
            if line.startswith("MemAvailable")]
    try:
        limit = pathlib.Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(pathlib.Path("/sys/fs/cgroup/memory.current").read_text())
        if limit != "max":
            free.append((int(limit) - used) // 2**20)
    except OSError:
        pass
    return min(free)


def require_memory(nodes, heap_mb):
    needed, free = nodes * (heap_mb + BESIDE_HEAP_MB), free_memory_mb()
    if needed > free:
        raise Refusal(f"{nodes} node{'s' if nodes > 1 else ''} with a heap of {heap_mb} MB may take {needed} MB of "
                      f"memory, and {free} MB are free; accepted are smaller ones (--heap) or fewer (--nodes)")


def settings_of(engine, network, node, nodes, folder, manager, extra, joins):
    """What stands in the node's YAML file. `joins`: the cluster was formed before, so nothing says who forms it."""
    old, open_search = engine.major == 6, engine.is_opensearch
    settings = {
        "cluster.name": f"occkit-{network.kind}",
        "node.name": f"n{node}",
        "path.data": str(folder / "run" / f"n{node}" / "data"),
        "transport.host": network.transport_host(node),
        "transport.tcp.port" if old else "transport.port": network.transport_port(node),
        "http.host": network.http_host(node),
        "http.port": network.http_port(node),
        "cluster.routing.allocation.disk.threshold_enabled": False,
        "processors" if old else "node.processors": 1,
    }
    if len(nodes) == 1:
        settings["discovery.type"] = "single-node"
    else:
        seeds = [f"{network.transport_host(each)}:{network.transport_port(each)}" for each in nodes]
        settings["discovery.zen.ping.unicast.hosts" if old else "discovery.seed_hosts"] = seeds
        # One node forms the cluster by itself and is its manager; the others join it.
        if old:
            settings["discovery.zen.minimum_master_nodes"] = 1 if node == manager and not joins else len(nodes) // 2 + 1
        elif node == manager and not joins:
            name = "cluster.initial_cluster_manager_nodes" if open_search else "cluster.initial_master_nodes"
            settings[name] = [f"n{manager}"]
    settings.update(extra)
    return settings


class Node:
    """One node of a cluster that is up or coming up; `facts` is what is remembered of it: pid and started."""

    def __init__(self, number, facts, network, folder):
        self.number, self.facts, self.network = number, facts, network
        self.home = folder / "run" / f"n{number}"
        self.log = self.home / "log.txt"
        self.marker = marker_of(folder)
        self.url = network.url(number)

    def __str__(self):
        return f"n{self.number}"

    def alive(self):
        return "pid" in self.facts and is_running(self.facts["pid"], self.facts["started"])

    def paused(self):
        return self.alive() and facts_of(self.facts["pid"])[1] == "T"

    def start(self, engine, java, heap_mb, settings):
        """Starts its process; the caller remembers `facts`."""
        config = self.home / "config"
        config.mkdir(parents=True, exist_ok=True)
        # JSON is YAML.
        text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())
        (config / ("opensearch.yml" if engine.is_opensearch else "elasticsearch.yml")).write_text(text)
        (config / "log4j2.properties").write_text(LOGGING)
        prefix = "opensearch" if engine.is_opensearch else "es"
        command = [
            *self.network.command(self.number), java, f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", self.marker,
            "-Dlog4j2.disable.jmx=true", f"-Dlog4j2.configurationFile={config / 'log4j2.properties'}",
            f"-D{prefix}.path.home={self.home}", *engine.options, "-cp", engine.class_path(), engine.main,
            str(self.home)]
        with open(self.log, "ab") as log:
            running = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                       cwd=self.home, start_new_session=True)
        self.facts.clear()
        facts = facts_of(running.pid)
        self.facts.update(pid=running.pid, started=facts[0] if facts else None)

    def signal(self, number):
        os.kill(self.facts["pid"], number)

    def answers(self):
        """It speaks HTTP, whatever it says: a node without a manager fails most requests, and not every engine has
        `/`."""
        try:
            OPENER.open(self.url, timeout=1).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def ask(self, path, method="GET", body=None, timeout=5):
        """The parsed answer; None if there is none, or one that is not 200."""
        request = urllib.request.Request(self.url + path, method=method, headers={"Content-Type": "application/json"},
                                         data=None if body is None else json.dumps(body).encode())
        try:
            with OPENER.open(request, timeout=timeout) as answer:
                return json.loads(answer.read())
        except (OSError, ValueError):
            return None

    def require_alive(self):
        """Raises with the end of its log if its process has ended."""
        if self.alive():
            return
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        hint = ""
        if "OutOfMemoryError" in text or "insufficient memory" in text:
            hint = " for want of memory (--heap, --nodes)"
        elif "BindException" in text or "Address already in use" in text:
            hint = " since its port was taken (--port)"
        raise Failure(f"{self} ended{hint}. The last lines of {self.log}:\n{last_lines(text)}")
