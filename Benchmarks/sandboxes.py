"""Sandbox creation and tool calls through `perimeter up`, one at a time and in bursts, beside bubblewrap alone."""

import argparse
import concurrent.futures
import json
import os
import time

import harness
import report

# What bubblewrap does for any sandbox: the namespaces, a read-only root, /proc, /dev and a work directory.
BWRAP = [
    *["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", "/usr", "/usr"],
    *["--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"],
    *["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", "/workspace", "--chdir", "/workspace"],
]


def spawn(arguments):
    """Milliseconds from start to end of a program."""
    begin = time.perf_counter()
    child = os.posix_spawnp(arguments[0], arguments, os.environ)
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{arguments[0]} failed with status {status}")
    return (time.perf_counter() - begin) * 1000


def bubblewrap(count, at_once):
    """Milliseconds of `bwrap … true`, each from the begin of its burst when there are several at once."""
    if at_once == 1:
        return [spawn([*BWRAP, "true"]) for _ in range(count)]
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        children = {os.posix_spawnp("bwrap", [*BWRAP, "true"], os.environ) for _ in range(at_once)}
        while children:
            child, status = os.waitpid(-1, 0)
            if child in children:
                children.remove(child)
                if status:
                    raise SystemExit(f"bwrap failed with status {status}")
                times.append((time.perf_counter() - begin) * 1000)
    return times


def created(log):
    """Of each sandbox in the log, by id: when it was ready, and its stages in milliseconds."""
    stages = {}
    for line in log.read_text().splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if entry.get("message") == "sandbox created":
            launch, ready = (float(entry[stage].split()[0]) * 1000 for stage in ("launch", "ready"))
            stages[entry["sandbox_id"]] = (entry["time"], launch, ready)
    return stages


class Sandboxes:
    """Sessions with two bash calls each, on one server with its worker."""

    def __init__(self, server):
        self.server, self.client = server, harness.Client(server.port)
        self.agent, self.environment = self.client.agent(), self.client.environment("cloud")
        self.plan = harness.bash_plan(["true", "true"])

    def burst(self, size):
        """The histories of sessions that are created at once."""
        def create(_):
            return harness.Client(self.server.port).session(self.agent, self.environment, self.plan)

        with concurrent.futures.ThreadPoolExecutor(min(size, 20)) as pool:
            sessions = list(pool.map(create, range(size)))
        return {session: self.client.finished(session, 120) for session in sessions}

    def settled(self):
        """Waits until the sandboxes of idle sessions are gone, so that bursts do not overlap."""
        time.sleep(float(harness.MANY["PERIMETER_MAX_IDLE_SECONDS"]) + 1)

    def rows(self, name, histories, single_target=None, burst_target=None):
        launches, readies, totals, commands, firsts, warm = [], [], [], [], [], []
        stages = created(self.server.log)
        for session, events in histories.items():
            uses = [e["processed_at"] for e in events if e["type"] == "agent.tool_use"]
            results = [e for e in events if e["type"] == "agent.tool_result"]
            if len(results) != 2 or any(e["is_error"] for e in results):
                raise SystemExit(f"{session}: {results}")
            results = [e["processed_at"] for e in results]
            begin = next(e["processed_at"] for e in events if e["type"] == "session.status_running")
            time_ready, launch, ready = stages[session]
            launches.append(launch)
            readies.append(ready)
            totals.append(launch + ready)
            firsts.append(report.milliseconds(begin, results[0]))
            commands.append(launch + ready + report.milliseconds(time_ready, results[0]))
            warm.append(report.milliseconds(uses[1], results[1]))
        return [
            {"what": f"{name}: sandbox launch (ms)", **report.summary(launches)},
            {"what": f"{name}: launched to daemon ready (ms)", **report.summary(readies)},
            {"what": f"{name}: sandbox create, both (ms)", **report.summary(totals, burst_target)},
            {"what": f"{name}: create begun to first result stored (ms)", **report.summary(commands, single_target)},
            {"what": f"{name}: session running to first result (ms)", **report.summary(firsts)},
            {"what": f"{name}: second tool use to its result, warm (ms)", **report.summary(warm)},
        ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--single", type=int, default=40)
    parser.add_argument("--bursts", type=int, default=5)
    options = parser.parse_args()
    settings = {**harness.MANY, "PERIMETER_LOG_LEVEL": "debug", "PERIMETER_LOG_FORMAT": "json"}
    with harness.Folder() as folder, harness.Perimeter(folder, "up", **settings) as server:
        sandboxes = Sandboxes(server)
        sandboxes.burst(2)
        sandboxes.settled()
        single = {}
        for _ in range(options.single):
            single |= sandboxes.burst(1)
        rows = sandboxes.rows("one at a time", single, ("p50", 15))
        twenty = {}
        for _ in range(options.bursts):
            sandboxes.settled()
            twenty |= sandboxes.burst(20)
        rows += sandboxes.rows("bursts of 20", twenty)
        sandboxes.settled()
        rows += sandboxes.rows("100 at once", sandboxes.burst(100), burst_target=("p95", 600))
        memory = server.memory()
    for name, count, at_once in (("one at a time", 100, 1), ("bursts of 20", 5, 20), ("100 at once", 3, 100)):
        times = bubblewrap(count, at_once)
        rows.append({"what": f"bubblewrap alone, bwrap … true, {name} (ms)", **report.summary(times)})
    report.publish("sandboxes", rows, memory_after=memory)


if __name__ == "__main__":
    main()
