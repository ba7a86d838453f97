import threading

import anthropic
import pytest

from harness import CUSTOM, message, wait_until


def test_se_01_a_session_pins_its_agent(world):
    agents = world.client.beta.agents
    agent, environment = world.agent(CUSTOM, system="first"), world.environment()
    agents.update(agent.id, system="second")
    create = world.client.beta.sessions.create
    latest = create(agent=agent.id, environment_id=environment.id)
    pinned = create(agent={"type": "agent", "id": agent.id, "version": 1}, environment_id=environment.id)
    assert (latest.status, latest.agent.version, latest.agent.system) == ("idle", 2, "second")
    assert (pinned.agent.version, pinned.agent.system) == (1, "first")
    agents.update(agent.id, system="third")
    assert world.client.beta.sessions.retrieve(latest.id).agent.system == "second"
    with pytest.raises(anthropic.NotFoundError):
        create(agent="agent_none", environment_id=environment.id)
    with pytest.raises(anthropic.NotFoundError):
        create(agent=agent.id, environment_id="env_none")


def test_se_02_initial_events(world):
    session = world.session(CUSTOM, text="say hello")
    assert session.status == "running"
    assert world.idle(session).type == "end_turn"
    assert world.check(session)[0].type == "user.message"
    create = dict(agent=session.agent.id, environment_id=session.environment_id)
    count = len(list(world.client.beta.sessions.list(agent_id=session.agent.id)))
    for second in ({"type": "user.interrupt"}, {"type": "user.message", "content": []}, {"type": "nonsense"}):
        with pytest.raises(anthropic.BadRequestError):
            world.client.beta.sessions.create(initial_events=[message("x"), second], **create)
    assert len(list(world.client.beta.sessions.list(agent_id=session.agent.id))) == count


def test_se_03_updates_emit_what_changed(world):
    sessions = world.client.beta.sessions
    session = world.session(CUSTOM)
    assert sessions.update(session.id, title="t", metadata={"a": "1"}).title == "t"
    sessions.update(session.id, title="t", metadata={"a": "1"})
    sessions.update(session.id, metadata={"b": "2"})
    first, second = world.history(session, types=["session.updated"])
    assert first.title == "t" and first.metadata == {"a": "1"}
    assert second.metadata == {"a": "1", "b": "2"} and "title" not in second.model_fields_set


def test_se_04_archive_and_delete(scripted, model):
    model.script({"content": [{"type": "text", "text": "slowly"}], "delay_ms": 3000})
    session = scripted.session(CUSTOM, text="go")
    sessions = scripted.client.beta.sessions
    for call in (sessions.archive, sessions.delete):
        with pytest.raises(anthropic.BadRequestError):
            call(session.id)
    scripted.send(session, {"type": "user.interrupt"})
    assert scripted.idle(session).type == "end_turn"
    seen = []
    with scripted.client.beta.sessions.events.stream(session.id) as stream:
        def read():
            for event in stream:
                seen.append(event.type)

        reader = threading.Thread(target=read)
        reader.start()
        assert sessions.archive(session.id).status == "terminated"
        assert sessions.archive(session.id).archived_at
        wait_until(lambda: "session.status_terminated" in seen, 5, "the end of the session")
        with pytest.raises(anthropic.ConflictError):
            scripted.send(session, "more")
        assert scripted.check(session)[-1].type == "session.status_terminated"
        sessions.delete(session.id)
        reader.join(5)
    assert not reader.is_alive() and seen[-1] == "session.deleted"
    with pytest.raises(anthropic.NotFoundError):
        sessions.retrieve(session.id)


def test_se_06_resources_of_a_self_hosted_session(world):
    session = world.session(CUSTOM)
    assert list(world.client.beta.sessions.resources.list(session.id)) == []
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.resources.add(session.id, type="file", file_id="file_1")


def test_usage_and_stats(world):
    session = world.session(CUSTOM, text="tokens 120")
    world.idle(session)
    session = world.client.beta.sessions.retrieve(session.id)
    assert session.usage.input_tokens >= 120 and session.usage.output_tokens > 0
    assert session.stats.duration_seconds > 0 and session.stats.active_seconds is not None


def test_th_01_the_primary_thread(world):
    session = world.session(CUSTOM, text="say hello")
    world.idle(session)
    threads = world.client.beta.sessions.threads
    (thread,) = list(threads.list(session.id))
    assert thread.parent_thread_id is None and thread.status == "idle" and thread.usage is not None
    assert threads.retrieve(thread.id, session_id=session.id).agent.id == session.agent.id
    events = list(threads.events.list(thread.id, session_id=session.id))
    assert [e.id for e in events] == [e.id for e in world.history(session)]
    named = [e for e in events if e.type.startswith("session.thread_status")]
    assert {e.session_thread_id for e in named} == {thread.id}
    with pytest.raises(anthropic.BadRequestError):
        threads.archive(thread.id, session_id=session.id)
    with threads.events.stream(thread.id, session_id=session.id) as stream:
        world.send(session, "say again")
        for event in stream:
            if event.type == "session.status_idle":
                break
