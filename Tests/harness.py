"""The real binary, started for tests, and clients for it."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import anthropic
import httpx2 as httpx

from event_order import check_history

ROOT = pathlib.Path(__file__).parent.parent
BINARY = os.environ.get("PERIMETER_BINARY", str(ROOT / ".build/debug/perimeter"))
ADMIN_KEY = "sk-ant-admin01-tests"
HEADERS = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01"}
for name in list(os.environ):
    if name.startswith(("ANTHROPIC_", "PERIMETER_")) and name not in ("PERIMETER_BINARY", "PERIMETER_EXECD"):
        del os.environ[name]


def free_port():
    """Below the range from which the system gives ports away, so that nobody takes it before the server, or while it restarts."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def wait_until(question, seconds=10, what="the condition"):
    """The first true answer. `seconds` is what a quiet machine needs at most; a busy one gets four times that."""
    deadline = time.monotonic() + 4 * seconds
    while time.monotonic() < deadline:
        answer = question()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"{what} did not come true within {seconds} s")


class Process:
    """One process of the binary with its log."""

    def __init__(self, command, folder, name, environment):
        self.command, self.folder, self.name = command, folder, name
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
        if "PERIMETER_EXECD" in os.environ:
            self.environment["PERIMETER_EXECD"] = os.environ["PERIMETER_EXECD"]
        self.log = folder / f"{name}.log"
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [BINARY, self.command], env=self.environment, stdout=log, stderr=log, cwd=self.folder
            )
        return self

    def kill(self):
        """As a crash: no signal that could be handled."""
        self.child.kill()
        self.child.wait()

    def stop(self):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(45)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop: {self.log.read_text()[-3000:]}")


class Server(Process):
    def __init__(self, folder, command="server", **environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(
            command,
            folder,
            command,
            {
                "PERIMETER_LISTEN": f"127.0.0.1:{self.port}",
                "PERIMETER_DATA_DIR": str(folder / "data"),
                "PERIMETER_ADMIN_KEY": ADMIN_KEY,
                **environment,
            },
        )

    def start(self):
        super().start()
        wait_until(self.is_ready, 15, f"{self.name} at {self.url}")
        return self

    def is_ready(self):
        if self.child.poll() is not None:
            raise AssertionError(f"{self.name} ended: {self.log.read_text()[-3000:]}")
        try:
            return httpx.get(self.url + "/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def client(self, key=ADMIN_KEY, **options):
        options = {"max_retries": 0, "_strict_response_validation": True, **options}
        return anthropic.Anthropic(base_url=self.url, api_key=key, **options)

    def asynchronous(self, key=ADMIN_KEY, **options):
        return anthropic.AsyncAnthropic(base_url=self.url, api_key=key, **options)

    def raw(self, key=ADMIN_KEY, headers=HEADERS):
        return httpx.Client(base_url=self.url, headers={"authorization": f"Bearer {key}", **headers}, timeout=60)


class FakeModel:
    """The scripted Messages endpoint."""

    def __init__(self, folder):
        port_file = folder / "model-port"
        self.child = subprocess.Popen(
            [sys.executable, str(ROOT / "Tests/Fakes/fake_model.py"), "--port-file", str(port_file)]
        )
        port = wait_until(lambda: port_file.exists() and port_file.read_text().strip(), 10, "the fake model")
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.Client(base_url=self.url)

    def script(self, *responses):
        assert self.http.post("/script", json={"responses": list(responses)}).status_code == 200

    def requests(self):
        return self.http.get("/requests").json()["requests"]

    def reset(self):
        self.http.post("/reset")

    def stop(self):
        self.http.close()
        self.child.kill()
        self.child.wait()


class World:
    """A client with short ways to make and follow what most tests need."""

    def __init__(self, server):
        self.server = server
        self.client = server.client()
        self.raw = server.raw()

    def agent(self, *tools, model="claude-opus-5-5", **more):
        tools = list(tools) or [{"type": "agent_toolset_20260401"}]
        return self.client.beta.agents.create(name="test", model=model, tools=tools, **more)

    def environment(self, kind="self_hosted", **more):
        return self.client.beta.environments.create(name="test", config={"type": kind}, **more)

    def environment_key(self, environment):
        answer = self.raw.post(f"/v1/environments/{environment.id}/keys", json={"name": "worker"})
        assert answer.status_code == 200, answer.text
        return answer.json()["key"]

    def session(self, *tools, text=None, kind="self_hosted", environment=None, **more):
        environment = environment or self.environment(kind)
        events = {"initial_events": [message(text)]} if text else {}
        return self.client.beta.sessions.create(
            agent=self.agent(*tools, **more).id, environment_id=environment.id, **events
        )

    def send(self, session, *events):
        events = [message(event) if isinstance(event, str) else event for event in events]
        return self.client.beta.sessions.events.send(session.id, events=events).data

    def history(self, session, **query):
        return list(self.client.beta.sessions.events.list(session.id, **query))

    def status(self, session):
        return self.client.beta.sessions.retrieve(session.id).status

    def idle(self, session, count=1, seconds=15):
        """Waits for the count-th idle event and returns its stop reason."""

        def reasons():
            events = self.history(session, types=["session.status_idle"])
            return events if len(events) >= count else None

        return wait_until(reasons, seconds, f"idle number {count} of {session.id}")[count - 1].stop_reason

    def finished(self, session, count=1, seconds=30):
        """Waits for the count-th end of a turn, whatever was asked in between, and returns its stop reason."""

        def reasons():
            events = self.history(session, types=["session.status_idle"])
            ends = [event.stop_reason for event in events if event.stop_reason.type != "requires_action"]
            return ends if len(ends) >= count else None

        return wait_until(reasons, seconds, f"the end of turn {count} of {session.id}")[count - 1]

    def check(self, session):
        """The rules that every history keeps (sdk-conformance §4)."""
        history = self.history(session)
        check_history([event.model_dump() for event in history])
        return history


def message(text):
    return {"type": "user.message", "content": [{"type": "text", "text": text}]}


def texts(events):
    return [
        block.text
        for event in events
        for block in getattr(event, "content", None) or []
        if getattr(block, "type", None) == "text"
    ]


def tool_use(name, identifier="t1", **input):
    return {"type": "tool_use", "id": f"toolu_{identifier}", "name": name, "input": input}


CUSTOM = {"type": "custom", "name": "lookup", "description": "Looks up.", "input_schema": {"type": "object"}}
TOOLSET = {"type": "agent_toolset_20260401"}
ASKING = {**TOOLSET, "default_config": {"permission_policy": {"type": "always_ask"}}}
