"""The real binary, started for a measurement, and a plain keep-alive client for it."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ADMIN_KEY = "sk-ant-admin01-benchmarks"
HEADERS = {
    "authorization": f"Bearer {ADMIN_KEY}",
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "managed-agents-2026-04-01",
}
FIRST_PORT, LAST_PORT = (int(port) for port in os.environ.get("BENCH_PORTS", "8720-8739").split("-"))
# A worker with room for all sessions of a run: one that went idle keeps its place for a while.
MANY = {"PERIMETER_CONCURRENT_SESSIONS": "256", "PERIMETER_MAX_IDLE_SECONDS": "2", "PERIMETER_DISK_LIMIT": "64MiB"}


def binary():
    """The executable to measure: `BENCH_BINARY`, else the release build, else the debug build."""
    named = os.environ.get("BENCH_BINARY")
    if named:
        return pathlib.Path(named)
    for build in ("release", "debug"):
        path = ROOT / ".build" / build / "perimeter"
        if path.exists():
            return path
    raise SystemExit("no perimeter executable: swift build -c release --product perimeter")


def build_kind():
    """How the executable was built, as `BENCH_BUILD` says or as its path shows; results carry it."""
    return os.environ.get("BENCH_BUILD") or ("release" if "release" in str(binary()) else "debug")


def execd():
    """The static daemon of the sandboxes: `PERIMETER_EXECD`, else the one that ./run builds."""
    candidates = [os.environ.get("PERIMETER_EXECD"), ROOT / ".build/execd/release/perimeter-execd"]
    return next((str(path) for path in candidates if path and pathlib.Path(path).exists()), None)


def free_port():
    for port in range(FIRST_PORT, LAST_PORT + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit(f"no free port from {FIRST_PORT} to {LAST_PORT}; set BENCH_PORTS")


class Folder:
    """A directory on the disk of `TMPDIR` that goes with its scope."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Process:
    """One child process with its log; ends with its scope."""

    def __init__(self, arguments, folder, name, environment=None):
        self.arguments, self.folder, self.log = [str(a) for a in arguments], folder, folder / f"{name}.log"
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PERIMETER_", "ANTHROPIC_"))}
        self.environment = {**kept, **(environment or {})}
        self.child = None

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.arguments, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        return self

    def __exit__(self, *_):
        if self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def check(self):
        """Fails with the log when the process is no more."""
        if self.child.poll() is not None:
            raise SystemExit(f"{self.arguments[0]} ended: {self.log.read_text()[-3000:]}")

    def memory(self):
        """Resident set and its private part, in MiB."""
        text = pathlib.Path(f"/proc/{self.child.pid}/smaps_rollup").read_text()
        fields = {line.split(":")[0]: line.split()[1] for line in text.splitlines()[1:]}
        private = int(fields["Private_Clean"]) + int(fields["Private_Dirty"])
        return {"rss_mib": round(int(fields["Rss"]) / 1024, 1), "private_mib": round(private / 1024, 1)}


class Perimeter(Process):
    """`perimeter server` or `perimeter up`, ready when its scope begins."""

    def __init__(self, folder, command="server", **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = {
            "PERIMETER_LISTEN": f"127.0.0.1:{self.port}",
            "PERIMETER_DATA_DIR": str(folder / "data"),
            "PERIMETER_ADMIN_KEY": ADMIN_KEY,
        }
        if execd():
            environment["PERIMETER_EXECD"] = execd()
        super().__init__([binary(), command], folder, command, {**environment, **settings})

    def __enter__(self):
        begin = time.perf_counter()
        super().__enter__()
        while not self.is_ready():
            if time.perf_counter() - begin > 30:
                self.__exit__()
                raise SystemExit(f"not ready after 30 s: {self.log.read_text()[-3000:]}")
            time.sleep(0.0005)
        self.start_seconds = time.perf_counter() - begin
        return self

    def is_ready(self):
        self.check()
        with socket.socket() as connection:
            if connection.connect_ex(("127.0.0.1", self.port)):
                return False
            connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
            return b" 200 " in connection.recv(256)


class Worker(Process):
    """`perimeter worker` for one environment."""

    def __init__(self, folder, url, environment, key, **settings):
        variables = {
            "PERIMETER_SERVER_URL": url,
            "ANTHROPIC_ENVIRONMENT_ID": environment,
            "ANTHROPIC_ENVIRONMENT_KEY": key,
            "PERIMETER_DATA_DIR": str(folder / "worker-data"),
        }
        if execd():
            variables["PERIMETER_EXECD"] = execd()
        super().__init__([binary(), "worker"], folder, "worker", {**variables, **settings})


class Client:
    """One keep-alive connection; every answer but a success ends the measurement."""

    def __init__(self, port, headers=HEADERS):
        self.headers = dict(headers)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def call(self, method, path, body=None):
        text = None if body is None else json.dumps(body)
        headers = self.headers if text is None else {**self.headers, "content-type": "application/json"}
        self.connection.request(method, path, body=text, headers=headers)
        if not self.connection.sock:
            raise SystemExit(f"{method} {path}: the connection ended")
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status // 100 != 2:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:500].decode(errors='replace')}")
        return json.loads(data) if data else None

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)

    def agent(self, tools=True):
        body = {"name": "benchmark", "model": "rehearsal-1"}
        if tools:
            body["tools"] = [{"type": "agent_toolset_20260401"}]
        return self.post("/v1/agents", body)["id"]

    def environment(self, kind="self_hosted"):
        return self.post("/v1/environments", {"name": "benchmark", "config": {"type": kind}})["id"]

    def environment_key(self, environment):
        return self.post(f"/v1/environments/{environment}/keys", {"name": "worker"})["key"]

    def session(self, agent, environment, text=None):
        body = {"agent": agent, "environment_id": environment}
        if text is not None:
            body["initial_events"] = [message(text)]
        return self.post("/v1/sessions", body)["id"]

    def events(self, session):
        events, page = [], ""
        while page is not None:
            answer = self.get(f"/v1/sessions/{session}/events?limit=1000{page}")
            events += answer["data"]
            page = answer.get("next_page")
            page = None if page is None else f"&page={page}"
        return events

    def finished(self, session, seconds=60):
        """The history once the turn of the session is over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            events = self.events(session)
            ends = [event["stop_reason"]["type"] for event in events if event["type"] == "session.status_idle"]
            if any(reason != "requires_action" for reason in ends):
                return events
            time.sleep(0.05)
        raise SystemExit(f"{session} did not end within {seconds} s")


def message(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def bash_plan(commands):
    """A prompt that makes the rehearsal model run the commands one after the other."""
    return "\n".join(f"```bash\n{command}\n```" for command in commands)
