import socket
import threading
import time

import anthropic
import pytest

from harness import ADMIN_KEY, CUSTOM, HEADERS, message, texts, wait_until

TURN = [
    "user.message",
    "session.status_running",
    "session.thread_status_running",
    "span.model_request_start",
    "agent.message",
    "span.model_request_end",
    "session.thread_status_idle",
    "session.usage",
    "session.status_idle",
]


def collect(world, session, action, **query):
    """The events of a stream from before the action to the next idle."""
    events = []
    with world.client.beta.sessions.events.stream(session.id, **query) as stream:
        action()
        for event in stream:
            events.append(event)
            if event.type == "session.status_idle":
                return events


def test_ev_01_order_of_a_turn(scripted, model):
    session = scripted.session(CUSTOM)
    events = collect(scripted, session, lambda: scripted.send(session, "hi"))
    assert [e.type for e in events] == ["user.message"] + TURN
    assert events[0].processed_at is None and events[1].processed_at is not None
    assert events[0].id == events[1].id
    assert texts(events)[-1] == "hi" and events[-1].stop_reason.type == "end_turn"


def test_ev_01_frames_on_the_wire(world):
    session = world.session(CUSTOM)
    with world.raw.stream("GET", f"/v1/sessions/{session.id}/events/stream") as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        world.send(session, "say hi")
        frames, text = [], ""
        for chunk in answer.iter_text():
            text += chunk
            if "event: session.status_idle" in text and text.endswith("\n\n"):
                break
    for frame in text.split("\n\n"):
        lines = [line for line in frame.split("\n") if line and not line.startswith(":")]
        if lines:
            assert lines[0].startswith("event: ") and lines[1].startswith("data: {") and len(lines) == 2
            frames.append(lines[0][7:])
    assert frames == ["user.message"] + TURN


def test_ev_02_history_equals_streams(world):
    session = world.session(CUSTOM)
    other = []
    with world.client.beta.sessions.events.stream(session.id) as second:
        events = collect(world, session, lambda: world.send(session, "say hi"))
        for event in second:
            other.append(event)
            if event.type == "session.status_idle":
                break
    assert [e.model_dump() for e in other] == [e.model_dump() for e in events]
    history = world.check(session)
    assert [e.id for e in history] == list(dict.fromkeys(e.id for e in events))
    assert [e.id for e in world.history(session, order="desc")] == [e.id for e in history][::-1]
    assert [e.type for e in world.history(session, types=["agent.message", "user.message"])] == [
        "user.message",
        "agent.message",
    ]
    assert len(list(world.client.beta.sessions.events.list(session.id, limit=2))) == len(history)
    with pytest.raises(anthropic.BadRequestError):
        world.history(session, types=["event_delta"])


def test_ev_03_a_dropped_connection_loses_nothing(world):
    session = world.session(CUSTOM)
    seen = []
    with world.client.beta.sessions.events.stream(session.id) as stream:
        world.send(session, "slow 20 one two three four five six seven eight nine ten eleven twelve")
        for event in stream:
            seen.append(event.id)
            if event.type == "span.model_request_start":
                break
    events = []
    with world.client.beta.sessions.events.stream(session.id) as stream:
        known = world.history(session)
        if not any(e.type == "session.status_idle" for e in known):
            for event in stream:
                events.append(event.id)
                if event.type == "session.status_idle":
                    break
    union = list(dict.fromkeys(seen + [e.id for e in known] + events))
    assert set(union) == {e.id for e in world.check(session)}


def test_ev_04_an_idle_stream_gets_headers_and_heartbeats(world):
    session = world.session(CUSTOM)
    with socket.create_connection(("127.0.0.1", world.server.port)) as connection:
        request = f"GET /v1/sessions/{session.id}/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
        request += "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items()) + "\r\n"
        connection.sendall(request.encode())
        connection.settimeout(2)
        assert b"200 OK" in connection.recv(65536)
        connection.settimeout(20)
        began, text = time.monotonic(), b""
        while b": keepalive" not in text and time.monotonic() - began < 20:
            text += connection.recv(65536)
        assert b": keepalive" in text and b"event:" not in text


def test_ev_05_queued_messages(world):
    session = world.session(CUSTOM)
    first = world.send(session, "slow 300 one two three four five six seven eight")
    wait_until(lambda: world.history(session, types=["span.model_request_start"]), 10, "the first turn")
    (second,) = world.send(session, "say second")
    assert second.processed_at is None and first[0].processed_at is None
    assert world.idle(session, 2).type == "end_turn"
    history = world.check(session)
    order = [e.id for e in history if e.type in ("user.message", "session.status_idle")]
    assert order[0] == first[0].id and order[2] == second.id
    assert all(e.processed_at for e in history)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [{"type": "user.dance"}],
        [{"type": "user.message", "content": [{"type": "text", "text": ""}]}],
        [{"type": "user.message", "content": [{"type": "redacted"}]}],
        [{"type": "user.tool_confirmation", "tool_use_id": "sevt_none", "result": "allow"}],
        [{"type": "user.custom_tool_result", "custom_tool_use_id": "sevt_none"}],
        [{"type": "user.tool_result", "tool_use_id": "sevt_none"}],
        [{"type": "system.message", "content": [{"type": "text", "text": "x"}]}],
        [{"type": "system.message", "content": [{"type": "text", "text": "x"}]}, message("y")],
        [message("good"), {"type": "user.dance"}],
        [{**message("x"), "more": 1}],
    ],
)
def test_ev_06_refused_events_leave_nothing(world, events):
    session = world.session(CUSTOM)
    with pytest.raises(anthropic.BadRequestError):
        world.client.beta.sessions.events.send(session.id, events=events)
    assert world.history(session) == []


def test_ev_06_a_system_message_behind_a_user_message(scripted, model):
    session = scripted.session(CUSTOM)
    system = {"type": "system.message", "content": [{"type": "text", "text": "be brief"}]}
    scripted.send(session, message("go"), system)
    scripted.idle(session)
    assert "be brief" in str(model.requests()[-1]["body"])


def test_ev_07_previews(world):
    session = world.session(CUSTOM)
    deltas, starts, final, plain = {}, [], {}, []
    with world.client.beta.sessions.events.stream(session.id) as without:
        with world.client.beta.sessions.events.stream(
            session.id, event_deltas=["agent.message", "agent.thinking"]
        ) as stream:
            world.send(session, "think hard\nslow 5 one two three four five six")
            for event in stream:
                if event.type == "event_start":
                    starts.append(event.event.id)
                elif event.type == "event_delta":
                    assert event.event_id in starts and event.event_id not in final
                    key = (event.event_id, event.delta.index)
                    deltas[key] = deltas.get(key, "") + event.delta.content.text
                elif event.type == "agent.message":
                    final[event.id] = [block.text for block in event.content]
                elif event.type == "session.status_idle":
                    break
        for event in without:
            plain.append(event.type)
            if event.type == "session.status_idle":
                break
    assert len(set(starts)) == len(starts) and deltas
    for (identifier, index), text in deltas.items():
        assert final[identifier][index].startswith(text)
    assert not {"event_start", "event_delta"} & set(plain)
    with pytest.raises(anthropic.BadRequestError):
        with world.client.beta.sessions.events.stream(session.id, event_deltas=["user.message"]):
            pass


def test_ev_08_model_failures(scripted, model):
    overloaded = {"status": 529, "error_type": "overloaded_error", "error_message": "busy", "retry_after": 1}
    model.script(overloaded, {"content": [{"type": "text", "text": "at last"}]})
    session = scripted.session(CUSTOM, text="go")
    assert scripted.idle(session, seconds=20).type == "end_turn"
    history = scripted.check(session)
    errors = [e for e in history if e.type == "session.error"]
    assert errors and errors[0].error.retry_status.type == "retrying"
    assert any(e.type == "session.status_rescheduled" for e in history)
    assert "at last" in texts(history)
    ends = [e for e in history if e.type == "span.model_request_end"]
    assert [e.is_error for e in ends] == [True, False]


def test_ev_08_refusal(world):
    session = world.session(CUSTOM, text="refuse cyber")
    assert world.idle(session).type == "refusal"
    (idle,) = world.history(session, types=["session.status_idle"])
    assert idle.stop_details is not None
    world.check(session)


def test_ev_08_a_failure_that_no_retry_helps(scripted, model):
    model.script({"status": 400, "error_type": "invalid_request_error", "error_message": "no"})
    session = scripted.session(CUSTOM, text="go")
    assert scripted.idle(session).type == "retries_exhausted"
    (error,) = scripted.history(session, types=["session.error"])
    assert error.error.retry_status.type == "exhausted"
    scripted.check(session)


def test_a_stream_that_breaks_in_the_middle(scripted, model):
    model.script(
        {"content": [{"type": "text", "text": "half of this"}], "break_after_chunks": 3},
        {"content": [{"type": "text", "text": "whole"}]},
    )
    session = scripted.session(CUSTOM, text="go")
    assert scripted.idle(session, seconds=20).type == "end_turn"
    assert texts(e for e in scripted.check(session) if e.type == "agent.message") == ["whole"]


def test_many_streams_at_once(world):
    session = world.session(CUSTOM)
    counts = []

    def follow():
        with world.client.beta.sessions.events.stream(session.id) as stream:
            ready.append(1)
            counts.append(sum(1 for _ in iter(lambda: next(stream).type, "session.status_idle")))

    ready = []
    threads = [threading.Thread(target=follow) for _ in range(30)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(ready) == 30, 10, "thirty streams")
    world.send(session, "say hi")
    for thread in threads:
        thread.join(10)
    assert counts == [len(TURN)] * 30
