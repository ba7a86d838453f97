import time

import anthropic
import pytest

from harness import ASKING, CUSTOM, TOOLSET, texts, tool_use, wait_until


def uses(world, session, kind="agent.custom_tool_use"):
    return world.history(session, types=[kind])


def answer(use, text="found", **more):
    return {
        "type": "user.custom_tool_result",
        "custom_tool_use_id": use.id,
        "content": [{"type": "text", "text": text}],
        **more,
    }


def confirm(use, result, **more):
    return {"type": "user.tool_confirmation", "tool_use_id": use.id, "result": result, **more}


def pending(scripted, session, count, kind="agent.custom_tool_use"):
    wait_until(lambda: len(uses(scripted, session, kind)) >= count, 10, f"{count} calls")
    return uses(scripted, session, kind)


def test_tc_01_a_custom_tool(scripted, model):
    model.script(
        {"content": [tool_use("lookup", word="x")]},
        {"content": [{"type": "text", "text": "done"}]},
    )
    session = scripted.session(CUSTOM, text="go")
    (use,) = pending(scripted, session, 1)
    assert use.name == "lookup" and use.input == {"word": "x"}
    reason = scripted.idle(session)
    assert reason.type == "requires_action" and reason.event_ids == [use.id]
    (stored,) = scripted.send(session, answer(use))
    assert stored.processed_at is not None
    assert scripted.idle(session, 2).type == "end_turn"
    history = scripted.check(session)
    assert texts(e for e in history if e.type == "agent.message") == ["done"]
    sent = model.requests()[-1]["body"]["messages"][-1]["content"][0]
    assert sent["type"] == "tool_result" and "found" in str(sent["content"])
    with pytest.raises(anthropic.BadRequestError):
        scripted.send(session, answer(use))


def test_tc_02_partial_settlement(scripted, model):
    model.script(
        {"content": [tool_use("lookup", "a", n=1), tool_use("bash", "b", command="true")]},
        {"content": [{"type": "text", "text": "done"}]},
    )
    session = scripted.session(CUSTOM, ASKING, text="go")
    first = scripted.idle(session)
    (custom,), (ask,) = uses(scripted, session), uses(scripted, session, "agent.tool_use")
    assert ask.evaluated_permission == "ask" and set(first.event_ids) == {custom.id, ask.id}
    with pytest.raises(anthropic.BadRequestError):
        scripted.send(session, "hello?")
    scripted.send(session, answer(custom))
    assert scripted.idle(session, 2).event_ids == [ask.id]
    scripted.send(session, confirm(ask, "deny", deny_message="not today"))
    assert scripted.idle(session, 3).type == "end_turn"
    scripted.check(session)
    assert "not today" in str(model.requests()[-1]["body"]["messages"][-1])


def test_tc_03_confirmations_count_once(scripted, model, worker):
    environment = scripted.environment()
    worker(scripted, environment)
    model.script(
        {"content": [tool_use("bash", "a", command="echo once >> /workspace/count; wc -l < /workspace/count")]},
        {"content": [tool_use("bash", "b", command="echo never")]},
        {"content": [{"type": "text", "text": "done"}]},
    )
    session = scripted.session(ASKING, text="go", environment=environment)
    (use,) = pending(scripted, session, 1, "agent.tool_use")
    scripted.idle(session)
    scripted.send(session, confirm(use, "allow"))
    with pytest.raises(anthropic.BadRequestError):
        scripted.send(session, confirm(use, "allow"))
    second = pending(scripted, session, 2, "agent.tool_use")[1]
    results = scripted.history(session, types=["user.tool_result"])
    assert texts(results)[0].strip() == "1"
    scripted.idle(session, 2)
    scripted.send(session, confirm(second, "deny", deny_message="forbidden here"))
    wait_until(lambda: "done" in texts(scripted.history(session, types=["agent.message"])), 10, "the answer")
    (denied,) = scripted.history(session, types=["agent.tool_result"])
    assert denied.is_error and "forbidden here" in texts([denied])[0]
    scripted.check(session)


def test_tc_04_interrupt_while_the_model_streams(world):
    session = world.session(CUSTOM, text="slow 100 " + "word " * 200)
    wait_until(lambda: world.history(session, types=["span.model_request_start"]), 5, "the model request")
    began = time.monotonic()
    (interrupt,) = world.send(session, {"type": "user.interrupt"})
    assert world.idle(session).type == "end_turn" and time.monotonic() - began < 8
    history = world.check(session)
    assert [e.id for e in history if e.type == "user.interrupt"] == [interrupt.id]
    assert all(e.processed_at for e in history)


def test_tc_04_interrupt_while_a_command_runs(world, worker):
    environment = world.environment()
    worker(world, environment)
    session = world.session(TOOLSET, text="```bash\nsleep 300\n```", environment=environment)
    wait_until(lambda: uses(world, session, "agent.tool_use"), 10, "the call")
    time.sleep(0.5)
    began = time.monotonic()
    world.send(session, {"type": "user.interrupt"}, {"type": "user.message", "content": [{"type": "text", "text": "```bash\npgrep -c sleep; echo alive\n```"}]})
    wait_until(lambda: len(uses(world, session, "agent.tool_use")) == 2, 10, "the second call")
    assert world.finished(session, 2).type == "end_turn" and time.monotonic() - began < 60
    results = [e for e in world.check(session) if e.type.endswith("tool_result")]
    assert results[0].is_error and "alive" in texts(results[1:])[0] and texts(results[1:])[0].startswith("0")


def test_tc_04_interrupt_of_open_calls_and_of_nothing(scripted, model):
    model.script({"content": [tool_use("lookup")]})
    session = scripted.session(CUSTOM, text="go")
    scripted.idle(session)
    asked = len(model.requests())
    scripted.send(session, {"type": "user.interrupt"})
    assert scripted.idle(session, 2).type == "end_turn"
    assert len(model.requests()) == asked
    idles = len(scripted.history(session, types=["session.status_idle"]))
    scripted.send(session, {"type": "user.interrupt"})
    wait_until(
        lambda: all(e.processed_at for e in scripted.history(session, types=["user.interrupt"])), 5, "the interrupt"
    )
    assert len(scripted.history(session, types=["session.status_idle"])) == idles
    scripted.send(session, {"type": "user.interrupt"}, {"type": "user.message", "content": [{"type": "text", "text": "on"}]})
    assert scripted.idle(session, idles + 1).type == "end_turn"
    scripted.check(session)


def test_parallel_calls_are_answered_together(scripted, model):
    model.script(
        {"content": [tool_use("lookup", str(n), n=n) for n in range(3)]},
        {"content": [{"type": "text", "text": "done"}]},
    )
    session = scripted.session(CUSTOM, text="go")
    calls = pending(scripted, session, 3)
    scripted.idle(session)
    scripted.send(session, *[answer(use, f"r{n}") for n, use in enumerate(calls)][::-1])
    wait_until(lambda: "done" in texts(scripted.history(session, types=["agent.message"])), 10, "the answer")
    results = model.requests()[-1]["body"]["messages"][-1]["content"]
    assert [r["tool_use_id"] for r in results if r["type"] == "tool_result"] == ["toolu_0", "toolu_1", "toolu_2"]
    scripted.check(session)


def test_a_tool_that_does_not_exist_gets_an_error_result(scripted, model):
    model.script(
        {"content": [tool_use("teleport")]},
        {"content": [{"type": "text", "text": "sorry"}]},
    )
    session = scripted.session(CUSTOM, text="go")
    wait_until(lambda: "sorry" in texts(scripted.history(session, types=["agent.message"])), 10, "the answer")
    scripted.check(session)


def test_max_tokens_ends_the_turn_or_goes_on(world):
    session = world.session(CUSTOM, text="say one\nmax_tokens\nsay two")
    assert world.idle(session).type == "end_turn"
    world.check(session)


def test_auto_permission_asks_for_risk_only(scripted, model):
    auto = {**TOOLSET, "default_config": {"permission_policy": {"type": "auto"}}}
    model.script({"content": [tool_use("bash", "a", command="ls"), tool_use("bash", "b", command="sudo reboot")]})
    session = scripted.session(auto, text="go")
    safe, risky = pending(scripted, session, 2, "agent.tool_use")
    assert (safe.evaluated_permission, risky.evaluated_permission) == ("allow", "ask")
    assert risky.evaluation.type == "auto" and risky.evaluation.evaluated_permission.reason_code == "high_risk"
    assert set(scripted.idle(session).event_ids) == {safe.id, risky.id}


def test_a_long_context_is_compacted_and_the_work_goes_on(world, worker):
    environment = world.environment()
    worker(world, environment)
    plan = "\n".join(f"tokens 190000\n```bash\necho step {n}\n```" for n in range(3))
    session = world.session(TOOLSET, text=plan, environment=environment)
    assert world.finished(session).type == "end_turn"
    history = world.check(session)
    assert any(e.type == "agent.thread_context_compacted" for e in history)
    results = [e for e in history if e.type == "user.tool_result"]
    assert [texts([e])[0].strip() for e in results] == ["step 0", "step 1", "step 2"]
