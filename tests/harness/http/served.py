"""`occkit serve` for a test: its address, one request on a connection of its own, and the memory that it has."""

import http.client
import json
import re
import socket
import subprocess

TIMEOUT_S = 60


class Served:
    """A server of `occkit` on a free port, until the `with` ends. SIGTERM must end it with status 0."""

    def __init__(self, occkit, *options):
        self.command = [occkit, "serve", "--strategy", "packed_cas", "--listen", "127.0.0.1:0", *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        if not (told := re.match(r"http://127\.0\.0\.1:(\d+):", line)):
            self.process.kill()
            raise AssertionError(f"{' '.join(self.command)}: no address, but '{line.strip()}'")
        self.port = int(told[1])
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            status = self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process.stdout.close()
        if kind is None and status != 0:
            raise AssertionError(f"the server ended with {status}")

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)


class Client:
    """An honest client: one connection, which it keeps."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def ask(self, method, target, body=None, headers=None):
        """(status, parsed answer)"""
        self.connection.request(method, target, body, {"Content-Type": "application/json", **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def close(self):
        self.connection.close()
