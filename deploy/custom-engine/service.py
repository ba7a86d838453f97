#!/usr/bin/env python3
"""Serves a command hook by HTTP (docs/custom-engine.md): `POST /VERB`, and `GET /connect?id=ID` as an upgrade to the byte stream.

    service.py HOOK [ARGUMENT…]

Variables: PERIMETER_HOOK_SECRET_FILE, a file with the bearer secret; PERIMETER_HOOK_PORT, a port of 127.0.0.1 (default 8750). Started
with LISTEN_FDS=1, as systemd does, it serves the listening socket that it inherits. TLS is for a proxy in front that passes
`Upgrade` on.
"""

import hmac
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.parse

HOOK = sys.argv[1:]
LIMIT = 1 << 20
STATUS = {0: 200, 10: 422, 11: 404, 12: 507}
VERBS = {
    "describe", "create", "pause", "snapshot", "destroy", "list", "snapshots", "remove-snapshot", "export-snapshot",
    "import-snapshot",
}


def secret():
    with open(os.environ["PERIMETER_HOOK_SECRET_FILE"]) as file:
        return file.read().strip()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        path = urllib.parse.urlsplit(self.path)
        verb = path.path.strip("/")
        if not self.is_allowed() or verb not in VERBS:
            return self.answer(401 if not self.is_allowed() else 404, {"error": "no"})
        length = int(self.headers.get("content-length", 0))
        with tempfile.TemporaryFile() as archive:
            if verb == "import-snapshot":
                query = {key: values[0] for key, values in urllib.parse.parse_qs(path.query).items()}
                request = json.dumps({"version": 1, **query}).encode()
                self.receive(length, archive)
            elif length <= LIMIT:
                request = self.rfile.read(length)
            else:
                return self.answer(413, {"error": "the request is too long"})
            result = run([verb], request, archive)
            if result.returncode == 0 and verb == "export-snapshot":
                return self.send_archive(archive)
            if result.returncode == 0:
                return self.answer(200, json.loads(result.stdout or b"{}"))
            words = result.stderr[-400:].decode(errors="replace")
            self.answer(STATUS.get(result.returncode, 503), {"error": words})

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        upgrade = self.headers.get("upgrade", "").lower()
        if not self.is_allowed() or path.path.strip("/") != "connect" or upgrade != "perimeter-execd":
            return self.answer(401 if not self.is_allowed() else 404, {"error": "no"})
        sandbox = urllib.parse.parse_qs(path.query).get("id", [""])[0]
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: perimeter-execd\r\n\r\n")
        self.wfile.flush()
        self.close_connection = True
        # The hook gets the connection itself. It ends when either side does.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        subprocess.run(HOOK + ["connect", sandbox], stdin=self.connection, stdout=self.connection)

    def is_allowed(self):
        given = self.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {secret()}".encode())

    def receive(self, length, target):
        while length > 0 and (piece := self.rfile.read(min(length, LIMIT))):
            target.write(piece)
            length -= len(piece)
        target.seek(0)

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_archive(self, archive):
        size = archive.seek(0, 2)
        archive.seek(0)
        self.send_response(200)
        self.send_header("content-length", str(size))
        self.end_headers()
        while piece := archive.read(LIMIT):
            self.wfile.write(piece)

    def log_message(self, format, *arguments):
        pass


def run(words, request, archive):
    # The archive is descriptor 3 of the hook.
    shell = ["/bin/sh", "-c", 'exec 3<>"$0"; exec "$@"', f"/proc/self/fd/{archive.fileno()}"]
    return subprocess.run(shell + HOOK + words, input=request, capture_output=True, pass_fds=[archive.fileno()])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    if os.environ.get("LISTEN_FDS") == "1":
        server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
        server.socket = socket.socket(fileno=3)
        # It may have been made for an event loop.
        server.socket.setblocking(True)
    else:
        server = Server(("127.0.0.1", int(os.environ.get("PERIMETER_HOOK_PORT", "8750"))), Handler)
    server.serve_forever()
