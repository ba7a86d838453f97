"""The command line against the real server, as a person at a terminal would use it."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest

from harness import ADMIN_KEY, BINARY, Server, World, wait_until


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("cli"), command="up", PERIMETER_DISK_LIMIT="64MiB").start()
    yield server
    server.stop()


@pytest.fixture
def perimeter(up):
    def run(*arguments, status=0, text=None, key=ADMIN_KEY):
        environment = {"PATH": os.environ["PATH"], "HOME": str(up.folder), "ANTHROPIC_API_KEY": key}
        environment["PERIMETER_SERVER_URL"] = up.url
        done = subprocess.run(
            [BINARY, *arguments], env=environment, input=text, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == status, f"{done.returncode}: {done.stdout}{done.stderr}"
        return done

    return run


def objects(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_run_shows_the_turn_and_ends_with_its_outcome(perimeter):
    done = perimeter("run", "```bash\necho out of the box\n```")
    assert "out of the box" in done.stdout and "end_turn" in done.stdout and "\x1b" not in done.stdout
    assert perimeter("run", "-", text="say from a pipe").stdout.count("from a pipe") >= 1
    refused = perimeter("run", "refuse cyber", status=1)
    assert "refused" in refused.stderr
    events = objects(perimeter("run", "--json", "say hi"))
    assert events[-1]["type"] == "session.status_idle"


def test_administration(perimeter):
    (agent,) = objects(perimeter("agents", "create", "--name", "a", "--model", "rehearsal-1", "--json"))
    assert perimeter("agents", "list").stdout.splitlines()[0].split()[0] == "ID"
    perimeter("agents", "update", agent["id"], "--name", "b")
    assert [v["version"] for v in objects(perimeter("agents", "versions", agent["id"], "--json"))] == [2, 1]
    (environment,) = objects(perimeter("environments", "create", "--name", "e", "--type", "self-hosted", "--json"))
    (key,) = objects(perimeter("environments", "keys", "create", environment["id"], "--json"))
    assert key["key"].startswith("sk-ant-oat01-")
    assert key["key"] not in perimeter("environments", "keys", "list", environment["id"]).stdout
    perimeter("environments", "keys", "revoke", environment["id"], key["id"])
    perimeter("environments", "delete", environment["id"])
    perimeter("environments", "get", environment["id"], status=3)
    secret = perimeter("keys", "create", "--name", "k").stdout.strip()
    perimeter("agents", "list", key=secret)
    (listed,) = [k for k in objects(perimeter("keys", "list", "--json")) if k["name"] == "k"]
    perimeter("keys", "revoke", listed["id"])
    assert "key" in perimeter("agents", "list", key=secret, status=4).stderr
    perimeter("agents", "archive", agent["id"])
    perimeter("agents", "get", "agent_none", status=3)
    assert "name" in perimeter("agents", "create", status=1).stderr
    perimeter("agents", "create", "--nonsense", status=2)


def test_sessions_are_followed_and_steered(perimeter, up):
    world = World(up)
    asking = world.agent({"type": "agent_toolset_20260401", "default_config": {"permission_policy": {"type": "always_ask"}}})
    environment = world.environment("cloud")
    (session,) = objects(
        perimeter("sessions", "create", "--agent", asking.id, "--environment", environment.id, "--json")
    )
    perimeter("sessions", "send", session["id"], "```bash\necho approved\n```\n```bash\necho denied\n```")

    def waiting():
        events = [e.stop_reason for e in world.client.beta.sessions.events.list(session["id"], types=["session.status_idle"])]
        return events and events[-1].type == "requires_action" and events[-1].event_ids

    first = wait_until(waiting, 10, "the first ask")
    perimeter("sessions", "approve", session["id"])
    wait_until(lambda: waiting() and waiting() != first, 10, "the second ask")
    perimeter("sessions", "deny", session["id"], "--reason", "not this one")
    wait_until(lambda: world.client.beta.sessions.retrieve(session["id"]).status == "idle" and not waiting(), 10, "the end")
    shown = perimeter("sessions", "events", session["id"]).stdout
    assert "approved" in shown and "not this one" in shown
    assert session["id"] in perimeter("sessions", "list").stdout
    perimeter("sessions", "archive", session["id"])
    perimeter("sessions", "send", session["id"], "more", status=1)
    perimeter("sessions", "delete", session["id"])
    perimeter("sessions", "get", session["id"], status=3)


def test_interrupting_a_run_at_a_terminal(up):
    environment = {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": ADMIN_KEY, "PERIMETER_SERVER_URL": up.url, "TERM": "xterm"}
    leader, follower = pty.openpty()
    child = subprocess.Popen(
        [BINARY, "run", "```bash\nsleep 300\n```"], env=environment, stdout=follower, stderr=follower, stdin=follower
    )
    os.close(follower)
    seen = b""
    deadline = time.monotonic() + 20
    while b"sleep 300" not in seen and time.monotonic() < deadline:
        seen += os.read(leader, 4096)
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    assert child.wait(15) == 130
    os.close(leader)
    assert b"\x1b[" in seen


def test_unreachable_and_help(perimeter):
    perimeter("agents", "list", "--server", "http://127.0.0.1:9", status=5)
    for command in (["--help"], ["run", "--help"], ["sessions", "stream", "--help"], ["help", "worker"]):
        assert "USAGE" in perimeter(*command).stdout
    assert "complete" in perimeter("--generate-completion-script", "bash").stdout
    assert "unknown" in perimeter("--set", "nonsense=1", "agents", "list", status=2).stderr.lower()


def test_config_check(perimeter, tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("listen: 127.0.0.1:1234\nmodel:\n  api_key: hidden-key\n")
    shown = perimeter("config", "check", "--config", str(good)).stdout
    assert "127.0.0.1:1234" in shown and "hidden-key" not in shown
    bad = tmp_path / "bad.yaml"
    bad.write_text("listem: 127.0.0.1:1234\n")
    assert "listen" in perimeter("config", "check", "--config", str(bad), status=2).stderr


def test_doctor_tells_what_excludes_what_for_claims(perimeter, tmp_path):
    chosen = ("--set", "worker.sandbox_engine=kubernetes", "--set", "worker.kubernetes_claim_pool=pool")
    for more in ("kubernetes_image=some:1", "kubernetes_execd_image=some:1", "kubernetes_storage_class=fixed"):
        folder = ("--data-dir", str(tmp_path))
        shown = perimeter("doctor", *folder, *chosen, "--set", f"worker.{more}", status=1).stdout
        assert "pool" in shown and "set PERIMETER_KUBERNETES_" in shown.replace("either ", "")
    assert "pool" in perimeter("config", "check", *chosen).stdout
