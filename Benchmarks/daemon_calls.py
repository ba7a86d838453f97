"""The daemon of a sandbox alone, over its protocol: bubblewrap with the daemon to the first command, and warm calls."""

import argparse
import os
import socket
import struct
import subprocess
import time

import harness
import report
from bubblewrap import BWRAP, spawn

HELLO, HELLO_ACK, PING, PONG, SHUTDOWN, FAULT, CALL, CALL_ACCEPTED, RESULT = 1, 2, 3, 4, 5, 6, 16, 17, 19
VERSION = 1


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


def bash(command):
    return b"\x01\x01" + text(command) + b"\x00\x00"


def write(path, content):
    return b"\x03" + text(path) + text(content)


def read(path):
    return b"\x02" + text(path) + b"\x00"


class Daemon:
    """One sandbox: bubblewrap, the daemon in it, and a connection. Its times are milliseconds from the start."""

    def __init__(self, folder, number):
        path = str(folder / f"{number}.socket")
        workspace = folder / f"workspace-{number}"
        workspace.mkdir()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(8)
        # Above what bubblewrap opens for itself.
        inherited = os.dup2(listener.fileno(), 50)
        begin = time.perf_counter()
        self.child = subprocess.Popen(
            [*BWRAP, "--bind", workspace, "/workspace", "--ro-bind", harness.execd(), "/execd", "/execd"]
            + ["--listen-fd", str(inherited), "--workdir", "/workspace"],
            pass_fds=[inherited],
        )
        os.close(inherited)
        listener.close()
        self.stream, self.next, self.calls = socket.socket(socket.AF_UNIX), 1, 0
        self.stream.settimeout(30)
        self.stream.connect(path)
        self.send(HELLO, 0, struct.pack(">HB", VERSION, 0))
        self.until({HELLO_ACK})
        self.ready = (time.perf_counter() - begin) * 1000
        self.call(bash("true"))
        self.first = (time.perf_counter() - begin) * 1000

    def send(self, kind, stream, payload):
        self.stream.sendall(struct.pack(">BII", kind, stream, len(payload)) + payload)

    def until(self, kinds):
        while True:
            kind, _, length = struct.unpack(">BII", self.take(9))
            payload = self.take(length)
            if kind == FAULT:
                raise SystemExit(f"the daemon refused: {payload}")
            if kind in kinds:
                return payload

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.stream.recv(count - len(data))
            if not piece:
                raise SystemExit("the daemon closed the connection")
            data += piece
        return data

    def call(self, input):
        """Milliseconds of one call."""
        self.calls += 1
        begin = time.perf_counter()
        self.send(CALL, self.next, b"\x00" + text(f"call-{self.calls}") + input)
        self.next += 2
        self.until({RESULT})
        return (time.perf_counter() - begin) * 1000

    def ping(self):
        begin = time.perf_counter()
        self.send(PING, 0, bytes(8))
        self.until({PONG})
        return (time.perf_counter() - begin) * 1000

    def stop(self):
        self.send(SHUTDOWN, 0, b"")
        self.stream.close()
        self.child.wait(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sandboxes", type=int, default=60)
    parser.add_argument("--calls", type=int, default=1000)
    options = parser.parse_args()
    if not harness.execd():
        raise SystemExit("no perimeter-execd; ./run builds it, or set PERIMETER_EXECD")
    readies, firsts, alone = [], [], []
    with harness.Folder() as folder:
        for number in range(options.sandboxes):
            daemon = Daemon(folder, number)
            readies.append(daemon.ready)
            firsts.append(daemon.first)
            daemon.stop()
            alone.append(spawn([*BWRAP, "true"]))
        daemon = Daemon(folder, "warm")
        pings = [daemon.ping() for _ in range(options.calls)]
        warm = [daemon.call(bash("true")) for _ in range(options.calls)]
        process = [daemon.call(bash("/bin/true")) for _ in range(options.calls // 4)]
        writes = [daemon.call(write("note.txt", "text\n")) for _ in range(options.calls // 4)]
        reads = [daemon.call(read("note.txt")) for _ in range(options.calls // 4)]
        daemon.stop()
    rows = [
        {"what": "bubblewrap with the daemon: start to ready (ms)", **report.summary(readies)},
        {"what": "its first bash call (ms)", **report.summary([b - a for a, b in zip(readies, firsts)])},
        {"what": "both: start to first command done (ms)", **report.summary(firsts, ("p50", 15))},
        {"what": "bubblewrap alone, bwrap … true (ms)", **report.summary(alone)},
        {"what": "ping, the client's own floor (ms)", **report.summary(pings)},
        {"what": "warm bash call, a builtin (ms)", **report.summary(warm, ("p50", 1))},
        {"what": "warm bash call, a process (ms)", **report.summary(process)},
        {"what": "warm write call (ms)", **report.summary(writes)},
        {"what": "warm read call (ms)", **report.summary(reads)},
    ]
    ratio = round(report.percentile(firsts, 50) / report.percentile(alone, 50), 2)
    report.publish("daemon_calls", rows, first_command_over_bubblewrap_p50=ratio)


if __name__ == "__main__":
    main()
