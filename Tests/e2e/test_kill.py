"""Processes are killed at any moment; nothing is lost and nothing happens twice."""

import random
import subprocess
import time

import pytest

from harness import CUSTOM, Server, TOOLSET, World, texts, wait_until

PLAN = "\n".join(f"```bash\necho {n} >> trace; cat trace | wc -l\n```" for n in range(6))


@pytest.mark.parametrize("seed", range(4))
def test_the_server_is_killed_again_and_again(tmp_path, start, worker, seed):
    chance = random.Random(seed)
    server = start(Server(tmp_path))
    world = World(server)
    environment = world.environment()
    worker(world, environment, PERIMETER_MAX_IDLE_SECONDS="30")
    sessions = [world.session(TOOLSET, text=PLAN, environment=environment) for _ in range(2)]
    sessions += [world.session(CUSTOM, text="slow 20 " + "word " * 30) for _ in range(2)]
    for _ in range(5):
        time.sleep(chance.uniform(0.0, 0.4))
        server.kill()
        server.start()
    for session in sessions:
        assert world.finished(session, seconds=60).type == "end_turn", f"seed {seed}"
        world.check(session)
    for session in sessions[:2]:
        results = [e for e in world.history(session) if e.type == "user.tool_result"]
        assert [texts([e])[0].strip() for e in results] == [str(n + 1) for n in range(6)], f"seed {seed}"


def test_a_killed_worker_comes_back_to_its_sandbox(tmp_path, start, worker):
    world = World(start(Server(tmp_path)))
    environment = world.environment()
    first = worker(world, environment, PERIMETER_LEASE_SECONDS="3")
    plan = "```bash\necho run >> count; sleep 3; cat count\n```\n```bash\ncat count; echo $MARK\n```"
    session = world.session(TOOLSET, text=plan, environment=environment)
    wait_until(lambda: world.history(session, types=["agent.tool_use"]), 15, "the call")
    time.sleep(1)
    first.kill()
    killed = time.monotonic()
    first.start()
    assert world.finished(session, seconds=40).type == "end_turn"
    assert time.monotonic() - killed < 60
    results = [e for e in world.check(session) if e.type == "user.tool_result"]
    # The command went on in its sandbox while no worker was there, and ran once.
    assert [texts([e])[0].split() for e in results] == [["run"], ["run"]]


def test_another_worker_takes_over_without_running_a_call_twice(tmp_path, start, worker):
    world = World(start(Server(tmp_path)))
    environment = world.environment()
    first = worker(world, environment, name="first", PERIMETER_LEASE_SECONDS="2")
    session = world.session(TOOLSET, text="```bash\necho run >> count; sleep 60\n```", environment=environment)
    held = world.server.client(key=world.environment_key(environment)).beta.environments.work
    wait_until(lambda: [item for item in held.list(environment.id) if item.state == "active"], 15, "the claim")
    first.kill()
    killed = time.monotonic()
    worker(world, environment, name="second", PERIMETER_LEASE_SECONDS="2")
    assert world.finished(session, seconds=30).type == "end_turn"
    assert time.monotonic() - killed < 55
    (result,) = [e for e in world.check(session) if e.type == "user.tool_result"]
    assert result.is_error and "interrupted" in texts([result])[0].lower()
    # The first one's sandbox ends with its worker's sweep.
    first.start()


def test_a_graceful_stop_leaves_no_process(tmp_path, start):
    server = start(Server(tmp_path, command="up", PERIMETER_DISK_LIMIT="64MiB"))
    world = World(server)
    marker = f"sleep 98765.{server.port}"
    session = world.session(TOOLSET, text=f"```bash\n{marker} & echo started\n```", kind="cloud")
    world.finished(session, seconds=30)
    server.stop()
    runtime = str(tmp_path / "data")
    assert marker not in subprocess.run(["ps", "axo", "args"], capture_output=True, text=True).stdout
    assert runtime not in open("/proc/mounts").read()


def test_more_sessions_than_slots_do_not_wait_for_idle_ones(tmp_path, start):
    settings = {"PERIMETER_DISK_LIMIT": "32MiB", "PERIMETER_CONCURRENT_SESSIONS": "2", "PERIMETER_MAX_IDLE_SECONDS": "600"}
    world = World(start(Server(tmp_path, command="up", **settings)))
    environment = world.environment("cloud")
    sessions = [world.session(TOOLSET, text=f"```bash\necho {n} > n\n```", environment=environment) for n in range(6)]
    for session in sessions:
        assert world.finished(session, seconds=20).type == "end_turn"
    world.send(sessions[0], "```bash\ncat n\n```")
    assert world.finished(sessions[0], 2, seconds=20).type == "end_turn"
    results = [e for e in world.check(sessions[0]) if e.type == "agent.tool_result"]
    assert texts(results[-1:])[0].strip() == "0"
