"""Where nodes listen, and how one is cut off from the others.

Loopback: each node has ports of its own on 127.0.0.1. No node can be cut off there.

Namespaces (root only): each node has a network namespace with two interfaces. By `eth0` nodes speak to each other over
a bridge, by `eth1` clients speak to the node over a link of its own. So a node that is cut off still answers its
clients. A cut is an entry in a neighbour table: where node A may not reach node B, A has a hardware address for B that
nobody has. What A sends is then lost on the bridge without a word, as on a cable that was pulled, and each direction
and each pair of nodes can be cut by itself.

Names begin with a tag made from the folder's path, so no name of anybody else's is ever touched.
"""

import hashlib
import ipaddress
import json
import os
import shutil
import socket
import subprocess

from refusal import Failure, Refusal

NOBODY = "02:6f:63:63:00:00"
KINDS = ("loopback", "namespaces")


def ip(*arguments, check=True):
    ended = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if check and ended.returncode != 0:
        raise Failure(f"ip {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout


def tag_of(folder):
    return hashlib.sha256(str(folder).encode()).hexdigest()[:6]


def why_no_namespaces():
    """What network namespaces need and this process has not; empty if nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip (harness/install_packages.sh cluster)"
    probe = f"occkit-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode != 0:
        return "this system lets even root make no network namespaces (a container without CAP_SYS_ADMIN, for example)"
    ip("netns", "del", probe)
    return ""


class Loopback:
    """Node N: 127.0.0.1, HTTP on port PORT + N - 1, transport on that + 100."""

    kind = "loopback"

    def __init__(self, folder, facts):
        del folder
        self.port = facts["port"]

    @staticmethod
    def plan(folder, nodes, port):
        """What is to be remembered of it. Refuses ports that are taken."""
        network = Loopback(folder, {"port": port})
        for node in nodes:
            for number in (network.http_port(node), network.transport_port(node)):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("127.0.0.1", number))
                    except OSError as error:
                        raise Refusal(f"port {number} of 127.0.0.1, for node {node}, is taken ({error.strerror}); "
                                      "--port PORT takes others: PORT, PORT + 1, ... and the same + 100") from error
        return {"kind": "loopback", "port": port}

    def http_port(self, node):
        return self.port + node - 1

    def transport_port(self, node):
        return self.http_port(node) + 100

    def host(self, node):
        del node
        return "127.0.0.1"

    transport_host = http_host = host

    def url(self, node):
        return f"http://127.0.0.1:{self.http_port(node)}"

    def command(self, node):
        """What a node's command line begins with."""
        del node
        return []

    def make(self, nodes):
        pass

    def remove(self):
        pass

    def cut(self, node, others, direction):
        raise Refusal(f"a node on loopback cannot be cut off: {why_no_namespaces() or 'this cluster has none'}. "
                      "down, then up --network namespaces")

    heal = cut


class Namespaces:
    """Node N: 10.77.NET.N among nodes, 10.78.NET.(4 N + 2) for clients; both with the usual ports."""

    kind = "namespaces"

    def __init__(self, folder, facts):
        self.tag = tag_of(folder)
        self.net = facts["net"]
        self.bridge = f"ob-{self.tag}"

    @staticmethod
    def plan(folder, nodes, port):
        del folder, nodes, port
        why = why_no_namespaces()
        if why:
            raise Refusal(f"--network namespaces: {why}; --network loopback does without, and without cut and heal")
        taken = [ipaddress.ip_interface(address["local"] + "/" + str(address["prefixlen"])).network
                 for link in json.loads(ip("-j", "-4", "address") or "[]") for address in link.get("addr_info", [])]
        taken += [ipaddress.ip_network(route["dst"], strict=False)
                  for route in json.loads(ip("-j", "-4", "route") or "[]") if route["dst"] != "default"]
        for net in range(256):
            ours = [ipaddress.ip_network(f"10.{second}.{net}.0/24") for second in (77, 78)]
            if not any(each.overlaps(other) for each in ours for other in taken):
                return {"kind": "namespaces", "net": net}
        raise Refusal("--network namespaces: every network 10.77.N.0/24 is in use here")

    def namespace(self, node):
        return f"occkit-{self.tag}-{node}"

    def transport_host(self, node):
        return f"10.77.{self.net}.{node}"

    def http_host(self, node):
        return f"10.78.{self.net}.{4 * node + 2}"

    def http_port(self, node):
        del node
        return 9200

    def transport_port(self, node):
        del node
        return 9300

    def url(self, node):
        return f"http://{self.http_host(node)}:9200"

    def command(self, node):
        return ["ip", "netns", "exec", self.namespace(node)]

    def make(self, nodes):
        ip("link", "add", self.bridge, "type", "bridge")
        ip("link", "set", self.bridge, "up")
        for node in nodes:
            inside, among, client = self.namespace(node), f"ot-{self.tag}-{node}", f"oc-{self.tag}-{node}"
            ip("netns", "add", inside)
            ip("-n", inside, "link", "set", "lo", "up")
            for outer, inner in ((among, "eth0"), (client, "eth1")):
                ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", inside)
            ip("link", "set", among, "master", self.bridge, "up")
            ip("-n", inside, "address", "add", f"{self.transport_host(node)}/24", "dev", "eth0")
            ip("address", "add", f"10.78.{self.net}.{4 * node + 1}/30", "dev", client)
            ip("link", "set", client, "up")
            ip("-n", inside, "address", "add", f"{self.http_host(node)}/30", "dev", "eth1")
            for inner in ("eth0", "eth1"):
                ip("-n", inside, "link", "set", inner, "up")

    def remove(self):
        remove_left(self.tag)

    def cut(self, node, others, direction):
        self.change(node, others, direction,
                    lambda inside, address: ip("-n", inside, "neigh", "replace", address, "lladdr", NOBODY, "dev",
                                               "eth0", "nud", "permanent"))

    def heal(self, node, others, direction):
        self.change(node, others, direction,
                    lambda inside, address: ip("-n", inside, "neigh", "del", address, "dev", "eth0", check=False))

    def change(self, node, others, direction, one_way):
        for other in others:
            if direction in ("both", "out"):
                one_way(self.namespace(node), self.transport_host(other))
            if direction in ("both", "in"):
                one_way(self.namespace(other), self.transport_host(node))


def left(tag):
    """Namespaces and links with this tag."""
    if shutil.which("ip") is None:
        return [], []
    spaces = [line.split()[0] for line in ip("netns", "list", check=False).splitlines()
              if line.startswith(f"occkit-{tag}-")]
    names = [line.split(":")[1].strip().split("@")[0] for line in ip("-o", "link", check=False).splitlines()]
    return spaces, [name for name in names if name.startswith((f"ob-{tag}", f"ot-{tag}-", f"oc-{tag}-"))]


def remove_left(tag):
    """Removes them; says how many there were."""
    spaces, links = left(tag)
    # A link goes with the namespace that has its other end, at once or a little later.
    for name in links:
        ip("link", "del", name, check=False)
    for name in spaces:
        ip("netns", "del", name, check=False)
    return len(spaces) + len(links)


def network_of(folder, facts):
    return {"loopback": Loopback, "namespaces": Namespaces}[facts["kind"]](folder, facts)
