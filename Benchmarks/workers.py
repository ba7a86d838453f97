"""Our worker and the official Python worker, one after the other on queues of the same server.

The official worker runs the commands as a child of its own, without a sandbox; ours makes a sandbox for each session.
"""

import argparse
import random
import time

import harness
import report

PYTHON = harness.ROOT / ".build/bench-sdk/bin/python"


def ours(folder, server, environment, key):
    return harness.Worker(folder, server.url, environment, key, **harness.MANY)


def official(folder, server, environment, key):
    work = folder / "official"
    work.mkdir()
    arguments = [PYTHON, harness.ROOT / "Benchmarks/official_worker.py", server.url, environment, work]
    return harness.Process(arguments, folder, "official", {"BENCH_ENVIRONMENT_KEY": key})


def measure(name, start, folder, server, options):
    """Rows of one worker."""
    chance, client = random.Random(7), harness.Client(server.port)
    agent, environment = client.agent(), client.environment()
    plan = harness.bash_plan(["true"] * options.calls)
    claims, firsts, warm, histories = [], [], [], {}
    key = client.environment_key(environment)
    queue = harness.Client(server.port, {**harness.HEADERS, "authorization": f"Bearer {key}"})
    with start(folder, server, environment, key) as worker:
        client.finished(client.session(agent, environment, plan))
        # The official worker serves one session at a time, so the next one comes when the last is given back.
        for _ in range(options.sessions):
            session = client.session(agent, environment, plan)
            histories[session] = client.finished(session)
            worker.check()
            while queue.get(f"/v1/environments/{environment}/work?limit=1")["data"][0]["state"] != "stopped":
                time.sleep(0.05)
            time.sleep(chance.uniform(0.1, 1.0))
        memory = worker.memory()
        items = queue.get(f"/v1/environments/{environment}/work?limit=1000")["data"]
    for item in items:
        events = histories.get(item["data"]["id"])
        if events is None:
            continue
        uses = [e["processed_at"] for e in events if e["type"] == "agent.tool_use"]
        results = [e for e in events if e["type"] == "user.tool_result"]
        if len(results) != options.calls or any(e["is_error"] for e in results):
            raise SystemExit(f"{name}: {results}")
        results = [e["processed_at"] for e in results]
        claims.append(report.milliseconds(item["created_at"], item["acknowledged_at"]))
        firsts.append(report.milliseconds(item["created_at"], results[0]))
        warm += [report.milliseconds(*pair) for pair in list(zip(uses, results))[1:]]
    goal = ("p95", 20) if start is ours else None
    return [
        {"what": f"{name}: work created to acknowledged (ms)", **report.summary(claims, goal)},
        {"what": f"{name}: work created to first result (ms)", **report.summary(firsts)},
        {"what": f"{name}: tool use to its result, warm (ms)", **report.summary(warm)},
    ], memory


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--calls", type=int, default=6)
    options = parser.parse_args()
    with harness.Folder() as folder, harness.Perimeter(folder) as server:
        rows, memory = measure("our worker", ours, folder, server, options)
        facts = {"our_worker_memory": memory}
        if PYTHON.exists():
            theirs, facts["official_worker_memory"] = measure("official worker", official, folder, server, options)
            facts["official_over_ours_p50"] = {
                mine["what"].removeprefix("our worker: "): round(his["p50"] / mine["p50"], 1)
                for mine, his in zip(rows, theirs)
            }
            rows += theirs
        else:
            print("the official worker is not installed (Benchmarks/setup-peers.sh); its side is left out", flush=True)
    report.publish("workers", rows, **facts)


if __name__ == "__main__":
    main()
