"""Durable session creates and session reads per second over keep-alive connections; load from wrk."""

import argparse
import json
import os
import shutil
import subprocess

import harness
import peer
import report


def load(port, headers, method, paths, body, connections, seconds):
    """What wrk measured, as one row."""
    variables = {
        "BENCH_METHOD": method,
        "BENCH_PATHS": " ".join(paths),
        "BENCH_HEADERS": "\n".join(f"{name}: {value}" for name, value in headers.items()),
    }
    if body is not None:
        variables["BENCH_BODY"] = json.dumps(body)
        variables["BENCH_HEADERS"] += "\ncontent-type: application/json"
    script = harness.ROOT / "Benchmarks/sessions.lua"
    arguments = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script]
    output = subprocess.run(
        ["wrk", *arguments, f"http://127.0.0.1:{port}"], env={**os.environ, **variables}, text=True,
        check=True, capture_output=True,
    ).stdout
    result = json.loads(next(line for line in output.splitlines() if line.startswith("RESULT "))[7:])
    rate = result["requests"] / (result.pop("micros") / 1e6)
    return {"per_s": round(rate), **result}


def measure(name, port, headers, options, targets=(None, None)):
    client = harness.Client(port, headers)
    agent, environment = client.agent(tools=False), client.environment()
    sessions = [client.session(agent, environment) for _ in range(200)]
    body = {"agent": agent, "environment_id": environment}
    rows = []
    for connections in options.connections:
        reads = [f"/v1/sessions/{session}" for session in sessions]
        for what, method, paths, sent, target in (
            ("creates", "POST", ["/v1/sessions"], body, targets[0]),
            ("reads", "GET", reads, None, targets[1]),
        ):
            row = {"what": f"{name} {what}, {connections} connections"}
            row |= load(port, headers, method, paths, sent, connections, options.seconds)
            if row["failed"] or row["socket_errors"]:
                row["note"] = "with failures"
            if target and connections == options.connections[-1]:
                row |= {"target": f">= {target}/s", "met": row["per_s"] >= target}
            rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    if not shutil.which("wrk"):
        raise SystemExit("wrk is missing: apt-get install wrk")
    with harness.Folder() as folder, harness.Perimeter(folder) as server:
        rows = measure("perimeter", server.port, harness.HEADERS, options, (2000, 20000))
        memory = server.memory()
    facts = {"memory_after": memory, "load": "wrk, one thread, on the same machine"}
    if not options.no_peer and peer.is_installed():
        with harness.Folder() as folder, peer.OpenManagedAgents(folder) as other:
            theirs = measure("open-managed-agents", other.port, peer.HEADERS, options)
            facts["peer_memory_after"] = other.memory()
        facts["ratios"] = {
            mine["what"].removeprefix("perimeter "): round(mine["per_s"] / max(1, his["per_s"]), 1)
            for mine, his in zip(rows, theirs)
        }
        rows += theirs
    report.publish("http_rate", rows, **facts)


if __name__ == "__main__":
    main()
