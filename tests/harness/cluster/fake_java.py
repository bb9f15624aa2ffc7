"""What the tests have for Java, which plays a node: it reads the settings that it is given, listens and answers as a
node of a cluster whose members are the fake nodes that are running. FAKE (a folder) has what it is told: `dies`, what
it prints before it ends; `never_green`.
"""

import http.server
import json
import os
import pathlib
import sys

FAKE = pathlib.Path(os.environ["FAKE"])


def told(name):
    return (FAKE / name).read_text() if (FAKE / name).exists() else None


def members():
    """The numbers of the fake nodes that run."""
    found = []
    for entry in FAKE.glob("node-*"):
        try:
            os.kill(int(entry.read_text()), 0)
            found.append(int(entry.name[5:]))
        except (OSError, ValueError):
            pass
    return sorted(found)


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.split("?")[0]
        shards = [{"index": "i", "shard": "0", "prirep": kind, "state": "STARTED", "node": node}
                  for kind, node in (("r", "n1"), ("p", "n2"), ("r", "n3"))]
        answers = {
            "/": {},
            "/_cluster/health": {"status": "red" if told("never_green") else "green",
                                 "number_of_nodes": len(members())},
            "/_cat/cluster_manager": [{"node": told("manager")}],
            "/_cat/shards": shards,
            "/_cat/shards/i": shards,
            "/_cat/indices": [{"index": "i"}],
        }
        text = json.dumps(answers.get(path)).encode()
        self.send_response(200 if path in answers else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def main():
    if told("dies"):
        sys.exit(told("dies"))
    lines = (pathlib.Path(sys.argv[-1]) / "config" / "opensearch.yml").read_text().splitlines()
    settings = {name: json.loads(value) for name, value in (line.split(": ", 1) for line in lines)}
    name = settings["node.name"]
    if settings.get("cluster.initial_cluster_manager_nodes", [name] if "discovery.type" in settings else []) == [name]:
        (FAKE / "manager").write_text(name)
    server = http.server.ThreadingHTTPServer((settings["http.host"], settings["http.port"]), Answers)
    (FAKE / f"node-{name[1:]}").write_text(str(os.getpid()))
    server.serve_forever()


if __name__ == "__main__":
    main()
