"""The rules that every session history keeps, whatever happened in it."""

USES = {"agent.tool_use": "tool_use_id", "agent.custom_tool_use": "custom_tool_use_id"}
RESULTS = {
    "agent.tool_result": "tool_use_id",
    "user.tool_result": "tool_use_id",
    "user.custom_tool_result": "custom_tool_use_id",
}


def check_history(events):
    identifiers = [event["id"] for event in events]
    assert len(set(identifiers)) == len(identifiers), "an event is listed twice"
    spans, answered, uses = set(), set(), {}
    previous, last_time, is_running = None, None, False
    for event in events:
        kind, time = event["type"], event.get("processed_at")
        if time is not None:
            assert last_time is None or time >= last_time, f"{kind} goes back in time"
            last_time = time
        if kind == "span.model_request_start":
            spans.add(event["id"])
        elif kind == "span.model_request_end":
            spans.remove(event["model_request_start_id"])
        elif kind in USES:
            uses[event["id"]] = kind
        elif kind in RESULTS:
            call = event[RESULTS[kind]]
            assert call in uses, f"{kind} answers a call that is not there"
            assert call not in answered, f"call {call} is answered twice"
            answered.add(call)
        elif kind == "session.status_running":
            is_running = True
        elif kind == "session.status_idle":
            assert previous == "session.usage", f"idle comes behind {previous}"
            assert not spans, "a model request is open while the session is idle"
            reason = event["stop_reason"]
            if reason["type"] == "requires_action":
                for call in reason["event_ids"]:
                    assert call in uses and call not in answered, f"{call} is not open"
            else:
                assert is_running, "idle twice"
                assert not set(uses) - answered, "open calls at the end of a turn"
                is_running = False
        previous = kind
