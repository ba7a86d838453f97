"""Each engine that runs here: start of a sandbox until its first command, warm calls, forks, and what an idle one costs."""

import argparse
import concurrent.futures
import os
import pathlib
import subprocess
import time

import harness
import report
from bubblewrap import bubblewrap

ROOTFS = pathlib.Path(os.environ.get("BENCH_ROOTFS", harness.ROOT / ".build/bench-rootfs"))
GUEST = pathlib.Path(os.environ.get("PERIMETER_MICROVM_GUEST", harness.ROOT / ".build/microvm"))
IMAGE = "localhost/perimeter-bench:latest"


class Engine:
    """What to set for an engine, and how many sandboxes of it this machine takes at once."""

    def __init__(self, name, single, burst, idle, forks, **settings):
        self.name, self.single, self.burst, self.idle, self.forks = name, single, burst, idle, forks
        # What SPECIFICATION.md promises of the default engine.
        self.targets = (("p50", 15), ("p95", 600)) if name == "namespace" else (None, None)
        self.settings = {"PERIMETER_SANDBOX_ENGINE": name.split("-")[0], **settings}


def oci(runtime, *counts):
    return Engine(f"oci-{runtime}", *counts, PERIMETER_OCI_ROOTFS=str(ROOTFS), PERIMETER_OCI_RUNTIME=runtime)


def engines(socket):
    emulated = {"PERIMETER_MICROVM_GUEST": str(GUEST), "PERIMETER_MICROVM_EMULATION": "true"}
    return [
        Engine("namespace", 40, 100, 100, 100),
        oci("crun", 40, 100, 100, 100),
        oci("runc", 20, 50, 50, 20),
        oci("runsc", 10, 10, 10, 5),
        Engine("docker-podman", 10, 10, 10, 5, PERIMETER_DOCKER_IMAGE=IMAGE, PERIMETER_DOCKER_SOCKET=str(socket)),
        Engine("microvm-emulated", 5, 4, 4, 4, **emulated),
    ]


class Podman:
    """A container daemon of this run's own, with the root file system as its image; ends with its scope."""

    def __init__(self, folder):
        self.folder, self.socket = folder, folder / "podman.sock"
        self.environment = {**os.environ, "CONTAINERS_CONF": str(folder / "containers.conf")}
        self.command = [
            *["podman", "--root", str(folder / "root"), "--runroot", str(folder / "runroot"), "--tmpdir"],
            *[str(folder / "tmp"), "--storage-driver", "overlay", "--runtime", "runc"],
        ]

    def __enter__(self):
        (self.folder / "containers.conf").write_text(
            '[containers]\nnetns = "none"\ndefault_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n'
        )
        archive = self.folder / "rootfs.tar"
        subprocess.run(["tar", "-C", ROOTFS, "-cf", archive, "."], check=True)
        self.run("import", "-q", str(archive), IMAGE)
        self.service = subprocess.Popen(
            [*self.command, "system", "service", "--time", "0", f"unix://{self.socket}"], env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        deadline = time.monotonic() + 30
        while not self.socket.exists():
            if time.monotonic() > deadline:
                raise SystemExit("podman does not answer")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.service.terminate()
        self.service.wait()
        subprocess.run([*self.command, "rm", "-af"], env=self.environment, capture_output=True)
        subprocess.run(["umount", str(self.folder / "root/overlay")], capture_output=True)

    def run(self, *arguments):
        subprocess.run([*self.command, *arguments], env=self.environment, check=True, capture_output=True)

    def start(self):
        """Milliseconds of `podman run … true`."""
        begin = time.perf_counter()
        self.run("run", "--rm", "--network", "none", IMAGE, "true")
        return (time.perf_counter() - begin) * 1000


class Fleet:
    """Sessions with two calls each on one server; what their sandboxes' starts took, as the worker tells it."""

    def __init__(self, server):
        self.server, self.client = server, harness.Client(server.port)
        self.agent, self.environment = self.client.agent(), self.client.environment("cloud")

    def create(self, metadata=None):
        body = {"agent": self.agent, "environment_id": self.environment, "metadata": metadata or {}}
        body["initial_events"] = [harness.message(harness.bash_plan(["true", "true"]))]
        return harness.Client(self.server.port).post("/v1/sessions", body)["id"]

    def start(self, size, gap=0, metadata=None):
        """Sessions that start at once, or `gap` seconds after one another, each until it has ended its turn."""
        sessions = []
        with concurrent.futures.ThreadPoolExecutor(min(size, 20)) as pool:
            for session in [pool.submit(self.create, metadata) for _ in range(size) if not gap or not time.sleep(gap)]:
                sessions.append(session.result())
        return {session: self.client.finished(session, 600) for session in sessions}

    def stages(self, session):
        deadline = time.monotonic() + 30
        while True:
            stages = self.client.get(f"/v1/sessions/{session}/sandbox")["stages"]
            if "first_tool" in stages:
                return stages
            if time.monotonic() > deadline:
                raise SystemExit(f"no start times of {session}: {stages}")
            time.sleep(0.02)

    def rows(self, name, histories, with_warm=False, target=None):
        firsts, totals, warm = [], [], []
        for session, events in histories.items():
            uses = [e["processed_at"] for e in events if e["type"] == "agent.tool_use"]
            results = [e for e in events if e["type"] == "agent.tool_result"]
            if len(results) != 2 or any(e["is_error"] for e in results):
                raise SystemExit(f"{name}, {session}: {results}")
            begin = next(e["processed_at"] for e in events if e["type"] == "session.status_running")
            stages = self.stages(session)
            firsts.append(1000 * sum(stages.get(step, 0) for step in ("create", "execd_ready", "first_tool")))
            totals.append(report.milliseconds(begin, results[0]["processed_at"]))
            warm.append(report.milliseconds(uses[1], results[1]["processed_at"]))
        rows = [
            {"what": f"{name}: create to first command (ms)", **report.summary(firsts, target)},
            {"what": f"{name}: session running to first result stored (ms)", **report.summary(totals)},
        ]
        return rows + ([{"what": f"{name}: warm call, whole way (ms)", **report.summary(warm)}] if with_warm else [])


def available():
    """MiB that the machine could give, caches dropped."""
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3")
    time.sleep(0.5)
    line = next(line for line in open("/proc/meminfo") if line.startswith("MemAvailable"))
    return int(line.split()[1]) / 1024


def settled():
    """Until the sandboxes of idle sessions are gone, so that bursts do not overlap."""
    time.sleep(float(harness.MANY["PERIMETER_MAX_IDLE_SECONDS"]) + 2)


def starts(engine):
    """One engine's rows: one after the other, staggered, at once, from a snapshot."""
    rows = []
    with harness.Folder() as folder, harness.Perimeter(folder, "up", **harness.MANY, **engine.settings) as server:
        fleet = Fleet(server)
        fleet.start(1)
        single = {}
        for _ in range(engine.single):
            single |= fleet.start(1)
        rows += fleet.rows(f"{engine.name}, one at a time", single, with_warm=True, target=engine.targets[0])
        settled()
        rows += fleet.rows(f"{engine.name}, one every 100 ms", fleet.start(engine.single, gap=0.1))
        settled()
        rows += fleet.rows(
            f"{engine.name}, {engine.burst} at once", fleet.start(engine.burst), target=engine.targets[1]
        )
        settled()
        origin = fleet.create()
        fleet.client.finished(origin, 600)
        snapshot = [harness.binary(), "sessions", "snapshot", origin, "origin", "--server", server.url]
        subprocess.run([*snapshot, "--key", harness.ADMIN_KEY], check=True, capture_output=True)
        forks = fleet.start(engine.forks, metadata={"perimeter.snapshot": "origin"})
        rows += fleet.rows(f"{engine.name}, {engine.forks} forks of one at once", forks)
    return rows


def density(engine):
    """MiB of memory that each of many idle sandboxes costs, the worker's share and the kernel's included."""
    settings = {**harness.MANY, **engine.settings, "PERIMETER_MAX_IDLE_SECONDS": "600"}
    with harness.Folder() as folder, harness.Perimeter(folder, "up", **settings) as server:
        fleet = Fleet(server)
        fleet.start(1)
        before = available()
        fleet.start(engine.idle)
        each = (before - available()) / engine.idle
    return {"what": f"{engine.name}: memory of an idle sandbox, {engine.idle} of them (MiB)", "each": round(each, 2)}


def container(runtime, folder):
    """Milliseconds of a runtime's own start of `true` on the same root file system, one after the other."""
    bundle = folder / runtime
    bundle.mkdir()
    subprocess.run([runtime, "spec"], cwd=bundle, check=True)
    text = (bundle / "config.json").read_text().replace('"terminal": true', '"terminal": false')
    text = text.replace('"rootfs"', f'"{ROOTFS}"', 1) if '"path": "rootfs"' in text else text
    (bundle / "config.json").write_text(text.replace('"sh"', '"true"', 1))
    # crun refuses machines whose second version of control groups holds a controller beside the first.
    hide = "umount /sys/fs/cgroup/unified 2>/dev/null; " if runtime == "crun" else ""
    script = f"{hide}for n in $(seq 20); do date +%s%N; {runtime} run -b {bundle} bench-{os.getpid()}-$n; done; date +%s%N"
    output = subprocess.run(
        ["unshare", "-m", "--propagation", "private", "sh", "-ec", script], check=True, capture_output=True, text=True
    ).stdout
    moments = [int(line) / 1e6 for line in output.split()]
    return [b - a for a, b in zip(moments, moments[1:])]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engines", help="some of them, separated by commas")
    parser.add_argument("--divide", type=int, default=1, help="divides all counts, for a short run")
    options = parser.parse_args()
    if not ROOTFS.exists():
        raise SystemExit(f"no root file system at {ROOTFS}: Benchmarks/setup-rootfs.sh")
    chosen = options.engines.split(",") if options.engines else None
    rows = []
    with harness.Folder() as folder, Podman(folder) as podman:
        for engine in engines(podman.socket):
            if chosen and engine.name not in chosen:
                continue
            for count in ("single", "burst", "idle", "forks"):
                setattr(engine, count, max(2, getattr(engine, count) // options.divide))
            rows += [*starts(engine), density(engine)]
        rows.append({"what": "bwrap … true, one at a time (ms)", **report.summary(bubblewrap(40, 1))})
        rows.append({"what": "bwrap … true, 100 at once (ms)", **report.summary(bubblewrap(3, 100))})
        for runtime in ("crun", "runc"):
            times = container(runtime, folder)
            rows.append({"what": f"{runtime} run … true, one at a time (ms)", **report.summary(times)})
        times = [podman.start() for _ in range(10)]
        rows.append({"what": "podman run … true, one at a time (ms)", **report.summary(times)})
    report.publish("engines", rows)


if __name__ == "__main__":
    main()
