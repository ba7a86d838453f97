import asyncio
import time

import anthropic
import pytest

from harness import CUSTOM, TOOLSET, texts, wait_until


@pytest.fixture
def queue(world):
    class Queue:
        environment = world.environment()
        key = world.environment_key(environment)
        client = world.server.client(key=key)
        work = client.beta.environments.work

        def poll(self, **query):
            return self.work.poll(self.environment.id, **query)

        def session(self, text=None):
            return world.session(TOOLSET, text=text, environment=self.environment)

    return Queue()


def test_wk_01_a_worker_on_an_empty_queue(world, queue):
    async def run():
        client = world.server.asynchronous(key=queue.key)
        worker = client.beta.environments.work.worker(environment_id=queue.environment.id, environment_key=queue.key)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(worker.run(), 4)

    asyncio.run(run())
    assert world.client.beta.environments.work.stats(queue.environment.id).workers_polling == 1
    assert queue.poll(block_ms=1) is None


def test_wk_03_reclaim_and_heartbeats(world, queue):
    session = queue.session()
    item = queue.poll()
    assert item.data.id == session.id and item.secret and item.state == "queued"
    assert world.client.beta.environments.work.stats(queue.environment.id).pending == 1
    assert queue.poll() is None
    time.sleep(0.01)
    again = queue.poll(reclaim_older_than_ms=1)
    assert again.id == item.id
    assert queue.work.ack(item.id, environment_id=queue.environment.id).state == "starting"
    beat = queue.work.heartbeat(item.id, environment_id=queue.environment.id, expected_last_heartbeat="NO_HEARTBEAT")
    assert beat.state == "active" and beat.lease_extended
    with pytest.raises(anthropic.APIStatusError) as lost:
        queue.work.heartbeat(item.id, environment_id=queue.environment.id, expected_last_heartbeat="NO_HEARTBEAT")
    assert type(lost.value).__name__ == "BetaHeartbeatPreconditionFailedError"
    assert lost.value.body["error"]["details"]["current_state"]["last_heartbeat"] == beat.last_heartbeat
    queue.work.heartbeat(item.id, environment_id=queue.environment.id, expected_last_heartbeat=beat.last_heartbeat)


def test_wk_04_stop(world, queue):
    session = queue.session()
    item = queue.poll()
    queue.work.ack(item.id, environment_id=queue.environment.id)
    beat = queue.work.heartbeat(item.id, environment_id=queue.environment.id, expected_last_heartbeat="NO_HEARTBEAT")
    assert queue.work.stop(item.id, environment_id=queue.environment.id).state == "stopping"
    told = queue.work.heartbeat(item.id, environment_id=queue.environment.id, expected_last_heartbeat=beat.last_heartbeat)
    assert told.state == "stopping" and not told.lease_extended
    assert queue.work.stop(item.id, environment_id=queue.environment.id, force=True).state == "stopped"
    with pytest.raises(anthropic.ConflictError):
        queue.work.stop(item.id, environment_id=queue.environment.id, force=True)
    world.send(session, "say hi")
    wait_until(lambda: queue.poll() is not None, 5, "a new item for the session")


def test_wk_04_a_lease_that_runs_out_is_taken_over(world, queue):
    queue.session()
    item = queue.poll()
    queue.work.ack(item.id, environment_id=queue.environment.id)
    queue.work.heartbeat(
        item.id, environment_id=queue.environment.id, expected_last_heartbeat="NO_HEARTBEAT", desired_ttl_seconds=1
    )
    assert queue.poll() is None
    again = wait_until(queue.poll, 8, "the item again")
    assert again.id == item.id and again.state == "queued" and again.latest_heartbeat_at is None


def test_wk_05_scopes(world, queue):
    session = queue.session()
    other = world.environment()
    foreign = world.server.client(key=world.environment_key(other))
    with pytest.raises(anthropic.PermissionDeniedError):
        foreign.beta.sessions.retrieve(session.id)
    with pytest.raises(anthropic.PermissionDeniedError):
        foreign.beta.environments.work.poll(queue.environment.id)
    with pytest.raises(anthropic.PermissionDeniedError):
        world.client.beta.environments.work.list(queue.environment.id)
    (item,) = list(queue.work.list(queue.environment.id))
    with pytest.raises(anthropic.PermissionDeniedError):
        queue.work.retrieve(item.id, environment_id=queue.environment.id)
    with pytest.raises(anthropic.PermissionDeniedError):
        queue.client.beta.agents.list()
    assert world.client.beta.environments.work.retrieve(item.id, environment_id=queue.environment.id).secret is None
    updated = world.client.beta.environments.work.update(
        item.id, environment_id=queue.environment.id, metadata={"a": "1"}
    )
    assert updated.metadata == {"a": "1"}


def test_items_of_archived_sessions_leave_the_queue(world, queue):
    session = queue.session()
    world.client.beta.sessions.archive(session.id)
    assert queue.poll() is None


def test_a_held_poll_wakes_at_once(world, queue):
    import threading

    def woken_after():
        got = []
        thread = threading.Thread(target=lambda: got.append((queue.poll(block_ms=999), time.monotonic())))
        thread.start()
        time.sleep(0.3)
        made = time.monotonic()
        session = queue.session()
        thread.join(30)
        assert got[0][0].data.id == session.id
        return got[0][1] - made

    # A poll that only looked again at its end would need 0.7 s each time; one slow moment of the machine may be forgiven.
    assert min(woken_after() for _ in range(3)) < 0.6


def test_a_custom_tool_of_a_self_hosted_session_waits_for_the_client(world, worker):
    environment = world.environment()
    worker(world, environment)
    session = world.session(TOOLSET, CUSTOM, text='tool lookup {"a": 1}', environment=environment)
    assert world.idle(session).type == "requires_action"
    (use,) = world.history(session, types=["agent.custom_tool_use"])
    world.send(
        session,
        {"type": "user.custom_tool_result", "custom_tool_use_id": use.id, "content": [{"type": "text", "text": "b"}]},
    )
    assert world.idle(session, 2).type == "end_turn"
    assert "lookup" in texts(world.check(session))[-1]
