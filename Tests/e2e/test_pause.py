"""Sandboxes that people pause: nothing runs in them, and the next call goes on where they stood."""

import json
import os
import signal
import subprocess

import pytest

from harness import ADMIN_KEY, BINARY, Server, TOOLSET, World, texts, wait_until


@pytest.fixture
def up(tmp_path, start):
    return start(Server(tmp_path, command="up", PERIMETER_DISK_LIMIT="64MiB"))


def perimeter(up, *arguments, status=0, key=ADMIN_KEY):
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(up.folder), "ANTHROPIC_API_KEY": key, "PERIMETER_SERVER_URL": up.url,
    }
    done = subprocess.run([BINARY, "sessions", *arguments], env=environment, capture_output=True, timeout=240)
    assert done.returncode == status, f"{done.returncode}: {done.stdout[-500:]}{done.stderr}"
    return done


def state(world, session):
    return world.raw.get(f"/v1/sessions/{session.id}/sandbox").json()["state"]


def run(world, session, command, turn):
    world.send(session, f"```bash\n{command}\n```")
    assert world.finished(session, turn).type == "end_turn"
    return texts([e for e in world.history(session) if e.type == "agent.tool_result"][-1:])[0].strip()


def is_left(world, session):
    """No worker serves the session any longer."""
    return "active" not in {item["state"] for item in works(world, session)}


def works(world, session):
    key = world.environment_key(type("Environment", (), {"id": session.environment_id}))
    items = world.server.client(key=key).beta.environments.work.list(session.environment_id)
    return [item.model_dump() for item in items if item.data.id == session.id]


def test_a_paused_sandbox_goes_on_with_the_next_call_also_after_a_restart(up):
    world = World(up)
    environment = world.environment("cloud", metadata={"perimeter.idle_seconds": "1"})
    session = world.session(TOOLSET, environment=environment)
    # A variable of the shell lives in the memory of a program inside.
    assert run(world, session, "kept=$RANDOM-x; echo $kept > /dev/shm/kept; echo ready", 1) == "ready"
    assert perimeter(up, "pause", session.id).stdout.decode().strip() == f"the sandbox of {session.id} is paused"
    assert state(world, session) == "paused"
    # Again is as good as once, and so is a pause while nobody serves the session.
    wait_until(lambda: is_left(world, session), 20, "the end of the idle time")
    assert state(world, session) == "paused"
    answer = world.raw.post(f"/v1/sessions/{session.id}/sandbox/pause")
    assert answer.status_code == 200 and answer.json()["state"] == "paused", answer.text
    # Neither a crash nor an orderly end takes it away.
    up.kill()
    up.start()
    wait_until(lambda: is_left(world, session), 20, "the end of the dead worker's lease")
    assert state(world, session) == "paused"
    up.stop()
    up.start()
    assert state(world, session) == "paused"
    assert run(world, session, 'test "$kept" = "$(cat /dev/shm/kept)" && echo the same', 2) == "the same"
    wait_until(lambda: state(world, session) in ("running", "none"), 10, "the report of the sandbox")
    wait_until(lambda: state(world, session) == "none", 30, "the end of the sandbox")

    # A session without a sandbox gets one that is paused, and then goes on.
    assert json.loads(perimeter(up, "pause", session.id, "--json").stdout)["state"] == "paused"
    assert json.loads(perimeter(up, "resume", session.id, "--json").stdout)["state"] == "running"
    assert run(world, session, "echo on", 3) == "on"
    world.check(session)


def test_what_is_in_use_is_not_paused(up):
    world = World(up)
    session = world.session(TOOLSET, kind="cloud")
    path = f"/v1/sessions/{session.id}/sandbox"
    world.send(session, "```bash\ntouch begun; until [ -e end ]; do sleep 0.1; done; echo ended\n```")
    wait_until(lambda: world.history(session, types=["agent.tool_use"]), 15, "the call")
    perimeter(up, "attach", session.id, "--", "until [ -e begun ]; do sleep 0.1; done")
    answer = world.raw.post(path + "/pause")
    assert answer.status_code == 409 and "tool call runs" in answer.json()["error"]["message"], answer.text
    assert state(world, session) == "running"
    perimeter(up, "attach", session.id, "--", "touch end")
    assert world.finished(session).type == "end_turn"

    command = [BINARY, "sessions", "attach", session.id, "--", "touch here; exec sleep 300"]
    stream = subprocess.Popen(command, env={**os.environ, "ANTHROPIC_API_KEY": ADMIN_KEY, "PERIMETER_SERVER_URL": up.url})
    perimeter(up, "attach", session.id, "--", "until [ -e here ]; do sleep 0.1; done")
    answer = world.raw.post(path + "/pause")
    assert answer.status_code == 409 and "streams open" in answer.json()["error"]["message"], answer.text
    stream.send_signal(signal.SIGINT)
    stream.wait(30)
    # The other end of a stream that was given up may still be on its way.
    wait_until(lambda: world.raw.post(path + "/pause").status_code == 200, 20, "the pause")
    # A person's stream lets it go on as a call does.
    assert perimeter(up, "attach", session.id, "--", "echo there").stdout == b"there\n"
    wait_until(lambda: state(world, session) == "running", 10, "the report that it goes on")

    for bad in (world.raw.post(path + "/pause", json={"x": 1}), world.raw.post(path + "/pause?x=1")):
        assert bad.status_code == 400
    key = world.environment_key(type("Environment", (), {"id": session.environment_id}))
    assert up.raw(key=key).post(path + "/pause").status_code == 403
    perimeter(up, "pause", "sesn_none", status=3)
    world.client.beta.sessions.archive(session.id)
    assert world.raw.post(path + "/pause").status_code in (400, 409)
    assert state(world, session) == "none"
