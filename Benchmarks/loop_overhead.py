"""What the agent loop adds to each tool round trip, from the times that the events of a session record."""

import argparse

import harness
import report


def gaps(events):
    """Milliseconds of: a result to the next model request, and a model request to the calls of its answer.

    `processed_at` of a result is when the loop took it, so the first gap is the loop's own; the second holds the time
    of the rehearsal model, which is small. Their sum is the overhead of one round trip without the tool.
    """
    result_to_request, request_to_call, last_result, last_request = [], [], None, None
    for event in events:
        if event["type"] in ("user.tool_result", "agent.tool_result"):
            last_result = event["processed_at"]
        elif event["type"] == "span.model_request_start":
            last_request = event["processed_at"]
            if last_result:
                result_to_request.append(report.milliseconds(last_result, last_request))
        elif event["type"] == "agent.tool_use" and last_result:
            request_to_call.append(report.milliseconds(last_request, event["processed_at"]))
    return result_to_request, request_to_call


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--calls", type=int, default=30)
    options = parser.parse_args()
    plan = harness.bash_plan(["true"] * options.calls)
    rows = []
    with harness.Folder() as folder, harness.Perimeter(folder, "up", **harness.MANY) as server:
        client = harness.Client(server.port)
        agent, environment = client.agent(), client.environment("cloud")
        client.finished(client.session(agent, environment, plan))
        for name, at_once in (("one session at a time", 1), ("four sessions at once", 4)):
            before, after, rounds = [], [], []
            for _ in range(max(1, options.sessions // at_once)):
                sessions = [client.session(agent, environment, plan) for _ in range(at_once)]
                for session in sessions:
                    events = client.finished(session)
                    more_before, more_after = gaps(events)
                    before += more_before[: len(more_after)]
                    after += more_after
                    uses = [e["processed_at"] for e in events if e["type"] == "agent.tool_use"]
                    rounds += [report.milliseconds(*pair) for pair in zip(uses, uses[1:])]
            total = [sum(pair) for pair in zip(before, after)]
            goal = ("p50", 5) if at_once == 1 else None
            rows.append({"what": f"{name}: result to next model request (ms)", **report.summary(before)})
            rows.append({"what": f"{name}: model request to tool use (ms)", **report.summary(after)})
            rows.append({"what": f"{name}: overhead of a round trip, their sum (ms)", **report.summary(total, goal)})
            rows.append({"what": f"{name}: whole round trip with bash true (ms)", **report.summary(rounds)})
    report.publish("loop_overhead", rows)


if __name__ == "__main__":
    main()
