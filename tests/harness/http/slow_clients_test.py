#!/usr/bin/python3
"""`occkit serve` while many slow clients hang on: slow_clients_test.py OCCKIT [--clients N]

They send nothing, half a request, a body byte by byte, or take no answer. Meanwhile honest clients are answered, no
write that was acknowledged is lost, a slow client costs no more memory than is stated, one client too many is told so,
and SIGTERM ends the server. 2,000 slow clients unless told otherwise; each takes a file descriptor here and there.
"""

import argparse
import contextlib
import resource
import sys
import threading
import unittest

sys.dont_write_bytecode = True

from served import Client, Served  # noqa: E402

HONEST_CLIENTS = 4
WRITES = 100  # of each honest client
LARGE_BYTES = 64 << 10
# Of a client that is slow to ask: its connection, and what it has sent so far.
SLOW_BYTES = 32 << 10
# Of one that takes no answers: those that it has asked for before the server reads no more of it.
UNREAD_BYTES = 1 << 20
# Descriptors for everything else.
SPARE = 200

HEAD = b"PUT /slow/_doc/1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
SLOW = {
    "sends nothing": b"",
    "half a request line": b"PUT /slow/_d",
    "half a header": HEAD[:60],
    "no end of the header": HEAD,
    "a byte of the body": HEAD + b"\r\n{",
    "a chunk without an end": b"PUT /slow/_doc/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{",
    "half of a gzip body": HEAD + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
}
options = None


class Slow(contextlib.AbstractContextManager):
    """Clients that hang on until the `with` ends."""

    def __init__(self, server, sent):
        self.sockets = []
        try:
            for number in range(options.clients):
                self.sockets.append(server.connect())
                if part := sent(number):
                    self.sockets[-1].sendall(part)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for each in self.sockets:
            each.close()


def write_honestly(port, name, failures):
    """Counts up by conditional writes, and reads what it has written."""
    client = Client(port)
    try:
        status, answer = client.ask("PUT", f"/honest/_doc/{name}", '{"n": 0}')
        for number in range(1, WRITES + 1):
            condition = f"if_seq_no={answer['_seq_no']}&if_primary_term={answer['_primary_term']}"
            status, answer = client.ask("PUT", f"/honest/_doc/{name}?{condition}", f'{{"n": {number}}}')
            if status != 200:
                raise AssertionError(f"{status}: {answer}")
            status, read = client.ask("GET", f"/honest/_doc/{name}")
            if status != 200 or read["_source"] != {"n": number}:
                raise AssertionError(f"{status}: {read}")
    except Exception as error:  # told on the test's own thread
        failures.append(f"client {name}: {error!r}")
    finally:
        client.close()


class SlowClients(unittest.TestCase):
    def answers_the_honest(self, server):
        client = Client(server.port)
        client.ask("DELETE", "/honest")  # of the time before
        failures = []
        threads = [threading.Thread(target=write_honestly, args=(server.port, name, failures))
                   for name in range(HONEST_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        for name in range(HONEST_CLIENTS):
            status, read = client.ask("GET", f"/honest/_doc/{name}")
            self.assertEqual((status, read["_version"], read["_source"]), (200, WRITES + 1, {"n": WRITES}))
        client.close()

    def costs_at_most(self, server, before, bytes_a_client):
        self.assertLess((server.resident_bytes() - before) / options.clients, bytes_a_client)

    def test_clients_that_are_slow_to_ask_keep_nobody_from_an_answer(self):
        parts = list(SLOW.values())
        with Served(options.occkit, "--threads", "2") as server:
            self.answers_the_honest(server)
            before = server.resident_bytes()
            with Slow(server, lambda number: parts[number % len(parts)]):
                self.answers_the_honest(server)
                self.costs_at_most(server, before, SLOW_BYTES)
                client = Client(server.port)
                self.assertEqual(client.ask("GET", "/slow/_doc/1")[0], 404)  # nothing of theirs was carried out
                client.close()
            self.answers_the_honest(server)

    def test_clients_that_take_no_answers_keep_nobody_from_an_answer(self):
        with Served(options.occkit, "--threads", "2") as server:
            client = Client(server.port)
            client.ask("PUT", "/large/_doc/1", '{"text": "' + "x" * LARGE_BYTES + '"}')
            self.answers_the_honest(server)
            before = server.resident_bytes()
            with Slow(server, lambda _: 16 * b"GET /large/_doc/1 HTTP/1.1\r\nHost: x\r\n\r\n"):
                self.answers_the_honest(server)
                self.costs_at_most(server, before, UNREAD_BYTES)
            self.assertEqual(len(client.ask("GET", "/large/_doc/1")[1]["_source"]["text"]), LARGE_BYTES)
            client.close()

    def test_one_client_too_many_is_told_so_and_the_others_go_on(self):
        with Served(options.occkit, "--max-connections", str(options.clients + 1)) as server:
            client = Client(server.port)
            client.ask("PUT", "/i/_doc/1", '{"n": 1}')
            with Slow(server, lambda _: HEAD):
                with server.connect() as other:
                    self.assertTrue(other.recv(100).startswith(b"HTTP/1.1 503 "))
                self.assertEqual(client.ask("GET", "/i/_doc/1")[1]["_source"], {"n": 1})
            client.close()

    def test_server_ends_while_they_hang_on(self):
        with Served(options.occkit) as server:
            client = Client(server.port)
            self.assertEqual(client.ask("PUT", "/i/_doc/1", '{"n": 1}')[0], 201)
            client.close()
            with Slow(server, lambda _: b""):
                server.process.terminate()
                self.assertEqual(server.process.wait(60), 0)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0], allow_abbrev=False)
    parser.add_argument("occkit")
    parser.add_argument("--clients", type=int, default=2_000, metavar="N", help="slow clients (2,000)")
    options = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if not 1 <= options.clients <= limit - SPARE:
        parser.error(f"--clients must be 1 to {limit - SPARE}, by the files that may be open, not {options.clients}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    unittest.main(argv=sys.argv[:1])


if __name__ == "__main__":
    main()
