#!/usr/bin/python3
"""`occkit serve` behind a proxy, attacked through it: proxy_test.py OCCKIT

A request that the proxy ends in another place than the server is how requests are smuggled. The proxies, HAProxy and
nginx, let no DELETE through, and each attempt hides one of the victim. The victim must survive, and the next client on
the proxy's connections must get its own answer. The same attempts on a server that frames carelessly show that they
would be noticed. Status 77 where neither proxy is there.
"""

import contextlib
import pathlib
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.dont_write_bytecode = True

from served import Client, Served  # noqa: E402

OCCKIT = ""
WAIT_S = 0.3  # for an answer that may never come
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin")
HIDDEN = b"DELETE /i/_doc/victim HTTP/1.1\r\nHost: x\r\n\r\n"

HAPROXY_CONF = """
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  http-reuse always
  {lenient_front}
frontend front
  bind 127.0.0.1:{port}
  http-request deny if METH_DELETE
  default_backend back
backend back
  {lenient_back}
  server one 127.0.0.1:{behind} maxconn 1
"""
NGINX_CONF = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  ignore_invalid_headers off;
  upstream back {{ server 127.0.0.1:{behind}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($request_method = DELETE) {{ return 403; }}
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_pass http://back;
    }}
  }}
}}
"""


def head(*lines, method=b"GET", host=b"Host: x"):
    return b"\r\n".join([method + b" /i/_doc/other HTTP/1.1", *([host] if host else []), *lines, b"", b""])


def attempts():
    """{what it is: bytes}. Each ends in HIDDEN, or hides it in a body."""
    length = b"Content-Length: %d" % len(HIDDEN)
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
    forms = {
        "both lengths": head(length, b"Transfer-Encoding: chunked", method=b"POST") + b"0\r\n\r\n" + HIDDEN,
        "both lengths, the other way":
            head(b"Transfer-Encoding: chunked", length, method=b"POST") + b"0\r\n\r\n" + HIDDEN,
        "a length that hides": head(length) + HIDDEN,
        "a chunk that hides": head(b"Transfer-Encoding: chunked") + chunk,
        "a list of lengths": head(b"Content-Length: 0, %d" % len(HIDDEN)) + HIDDEN,
        "two lengths": head(b"Content-Length: 0", length) + HIDDEN,
        "no blank, no Host": head(host=b"") + HIDDEN,
        "two Hosts": head(b"Host: y") + HIDDEN,
        "a folded line": head(b"X-A: 1", b" Content-Length: 3") + HIDDEN,
        "a bare LF": head(b"X-A: 1\nTransfer-Encoding: chunked") + b"0\r\n\r\n" + HIDDEN,
        "a bare CR": head(b"X-A: 1\rTransfer-Encoding: chunked") + b"0\r\n\r\n" + HIDDEN,
        "a length behind a bare LF": head(b"X-A: 1\n" + length) + HIDDEN,
        "a blank before the colon": head(b"Content-Length : %d" % len(HIDDEN)) + HIDDEN,
        "a chunk size with 0x": head(b"Transfer-Encoding: chunked") + b"0x0\r\n\r\n" + HIDDEN,
        "a chunk size beyond 64 bits": head(b"Transfer-Encoding: chunked") + b"10000000000000000\r\n\r\n" + HIDDEN,
        "an extension with a bare LF": head(b"Transfer-Encoding: chunked") + b"0;a\nb\r\n\r\n" + HIDDEN,
        "a length in a trailer": head(b"Transfer-Encoding: chunked") + b"0\r\n" + length + b"\r\n\r\n" + HIDDEN,
        "an absolute target": b"GET http://y/i/_doc/other HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
        "a target with a line": b"GET /i/_doc/other%0d%0aX:%201 HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
        "version 0.9": b"GET /i/_doc/other\r\n" + HIDDEN,
        "Connection names the length": head(length, b"Connection: content-length") + HIDDEN,
        "Upgrade": head(b"Connection: upgrade", b"Upgrade: h2c", length) + HIDDEN,
        "Expect": head(length, b"Expect: 100-continue") + HIDDEN,
    }
    for coding in (b"gzip", b"identity", b"xchunked", b"chunked, identity", b"gzip, chunked", b'"chunked"',
                   b"chunked;q=1", b"\x0bchunked", b"chunked\x00", b"CHUNKED", b",chunked", b"chunked,chunked"):
        name = f"Transfer-Encoding {coding!r}"
        forms[name] = head(b"Transfer-Encoding: " + coding, length, method=b"POST") + b"0\r\n\r\n" + HIDDEN
        forms[name + " alone"] = head(b"Transfer-Encoding: " + coding, method=b"POST") + b"0\r\n\r\n" + HIDDEN
    return forms


# What stands behind these is a request of its own to any reader, so without a proxy it is carried out.
PIPELINED = {"a target with a line", "Transfer-Encoding b'CHUNKED' alone"}


def send(port, data):
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.settimeout(WAIT_S)
        with contextlib.suppress(OSError):
            client.sendall(data)
            while client.recv(65536):
                pass


def try_all(attack_port, port):
    """What went wrong: attempts are sent to `attack_port`; the victim is looked at at `port`, which is the server's."""
    noticed = []
    for name, data in attempts().items():
        if attack_port == port and name in PIPELINED:
            continue
        direct = Client(port)
        direct.ask("PUT", "/i/_doc/victim", '{"n": 1}')
        send(attack_port, data)
        if direct.ask("GET", "/i/_doc/victim")[0] != 200:
            noticed.append(f"{name}: the victim is gone")
        direct.close()
        for number in range(3):  # on connections that the proxy keeps
            client = Client(attack_port)
            try:
                status, answer = client.ask("GET", f"/i/_doc/own-{number}")
                if (status, answer.get("_id")) != (404, f"own-{number}"):
                    noticed.append(f"{name}: the next client was answered {status} {str(answer)[:100]}")
            except Exception as error:
                noticed.append(f"{name}: the next client was not answered: {error!r}")
            client.close()
    return noticed


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


@contextlib.contextmanager
def proxy(command, text):
    """A proxy with that configuration; its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = pathlib.Path(folder) / "conf"
        conf.write_text(text(port, folder), encoding="ascii")
        process = subprocess.Popen([word.format(conf=conf, folder=folder) for word in command],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None:
                    raise AssertionError(process.stderr.read().decode())
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
            process.wait()
            process.stderr.close()


class Careless(socketserver.StreamRequestHandler):
    """Knows lengths in decimal only and no codings, so whatever follows is the next request."""

    def handle(self):
        while line := self.rfile.readline():
            method, target = (line.decode("latin-1").split() + ["", ""])[:2]
            length = 0
            while (header := self.rfile.readline()).strip():
                if told := re.fullmatch(rb"content-length: *(\d+)\s*", header.lower()):
                    length = int(told[1])
            self.rfile.read(length)
            key = target.split("?")[0].rsplit("/", 1)[-1]
            if method == "PUT":
                self.server.kept.add(key)
            if method == "DELETE":
                self.server.kept.discard(key)
            body = b'{"_id": "%s"}' % key.encode("latin-1")
            status = b"200 OK" if key in self.server.kept else b"404 Not Found"
            self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


class Behind(unittest.TestCase):
    def test_careless_server_is_noticed(self):
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Careless) as server:
            server.daemon_threads = True
            server.kept = set()
            threading.Thread(target=server.serve_forever, daemon=True).start()
            noticed = try_all(server.server_address[1], server.server_address[1])
            server.shutdown()
        self.assertGreater(len([each for each in noticed if "the victim is gone" in each]), 15, noticed)

    def test_without_a_proxy(self):
        with Served(OCCKIT) as server:
            self.assertEqual(try_all(server.port, server.port), [])

    def through_haproxy(self, front, back):
        if not HAPROXY:
            self.skipTest("haproxy is not installed")
        with Served(OCCKIT) as server:
            with proxy([HAPROXY, "-q", "-db", "-f", "{conf}"],
                       lambda port, _: HAPROXY_CONF.format(port=port, behind=server.port, lenient_front=front,
                                                           lenient_back=back)) as port:
                self.assertEqual(try_all(port, server.port), [])

    def test_behind_haproxy(self):
        self.through_haproxy("", "")

    def test_behind_haproxy_that_lets_everything_through(self):
        self.through_haproxy("option accept-invalid-http-request", "option accept-invalid-http-response")

    def test_behind_nginx(self):
        if not NGINX:
            self.skipTest("nginx is not installed")
        with Served(OCCKIT) as server:
            with proxy([NGINX, "-p", "{folder}", "-e", "{folder}/error.log", "-c", "{conf}"],
                       lambda port, folder: NGINX_CONF.format(port=port, behind=server.port, folder=folder)) as port:
                self.assertEqual(try_all(port, server.port), [])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: proxy_test.py OCCKIT")
    if not HAPROXY and not NGINX:
        print("proxy_test: skipped, neither haproxy nor nginx is installed (harness/install_packages.sh proxy)")
        sys.exit(77)
    OCCKIT = sys.argv[1]
    unittest.main(argv=sys.argv[:1])
