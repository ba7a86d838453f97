"""Start to /readyz, and memory when idle."""

import time

import harness
import report

ROUNDS = 20


def measure(command):
    first, again, memory = [], [], []
    for number in range(ROUNDS):
        with harness.Folder() as folder:
            for times in (first, again):
                with harness.Perimeter(folder, command) as server:
                    times.append(server.start_seconds * 1000)
                    if times is again and number < 3:
                        time.sleep(2)
                        memory.append(server.memory())
    idle = max(memory, key=lambda sample: sample["rss_mib"])
    goal = ("p50", 100) if command == "server" else None
    return [
        {"what": f"{command}: start to /readyz, new data directory (ms)", **report.summary(first, goal)},
        {"what": f"{command}: start to /readyz, existing one (ms)", **report.summary(again, goal)},
    ], {f"{command}_idle": idle}


def main():
    rows, facts = measure("server")
    more, idle = measure("up")
    facts |= idle
    facts["idle_target"] = "server rss_mib < 50"
    facts["idle_met"] = facts["server_idle"]["rss_mib"] < 50
    report.publish("start", rows + more, executable_mib=round(harness.binary().stat().st_size / 2**20, 1), **facts)


if __name__ == "__main__":
    main()
