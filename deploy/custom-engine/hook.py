#!/usr/bin/env python3
"""A complete hook for Perimeter's `custom` engine (docs/custom-engine.md): sandboxes from bubblewrap, as root, on this host.

    hook.py VERB            one JSON object on standard input, one on standard output
    hook.py connect ID      standard input and output become the byte stream to the daemon

Per sandbox: a user of its own on the host, control groups (version 1 or 2) for memory, processes and CPU, a mounted image of
fixed size for its files. Needs bubblewrap, e2fsprogs, mount, tar, and `perimeter-execd`.

Variables: PERIMETER_HOOK_DIR (default /var/lib/perimeter-hook), PERIMETER_EXECD (default /usr/lib/perimeter/perimeter-execd).
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import zlib

DIR = os.environ.get("PERIMETER_HOOK_DIR", "/var/lib/perimeter-hook")
EXECD = os.environ.get("PERIMETER_EXECD", "/usr/lib/perimeter/perimeter-execd")
CGROUPS = "/sys/fs/cgroup"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
MIB = 1 << 20

UNSUPPORTED, ABSENT, FULL, UNAVAILABLE = 10, 11, 12, 13


class Refusal(Exception):
    """Ends the request with an exit code; the text goes to standard error."""

    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


def name_of(request, key):
    value = request.get(key)
    if not isinstance(value, str) or not NAME.match(value):
        raise Refusal(UNSUPPORTED, f"'{key}' is no name")
    return value


class Groups:
    """The control groups of one sandbox."""

    def __init__(self, sandbox):
        self.parents = []
        for controller in ("memory", "pids", "cpu"):
            if os.path.exists(f"{CGROUPS}/{controller}/cgroup.procs"):
                self.parents.append((f"{CGROUPS}/{controller}/perimeter-hook", {controller}, False))
        missing = {"memory", "pids", "cpu"}.difference(*[names for _, names, _ in self.parents])
        if missing and os.path.exists(f"{CGROUPS}/cgroup.controllers"):
            self.parents.append((f"{CGROUPS}/perimeter-hook", missing, True))
        self.folders = [f"{parent}/{sandbox}" for parent, _, _ in self.parents]

    def create(self, limits):
        for (parent, controllers, unified), folder in zip(self.parents, self.folders):
            os.makedirs(parent, exist_ok=True)
            if unified:
                for place in (CGROUPS, parent):
                    write(f"{place}/cgroup.subtree_control", " ".join(f"+{name}" for name in sorted(controllers)))
            os.makedirs(folder, exist_ok=True)
            memory, quota = limits["memoryBytes"], limits["cpuPercent"] * 1000
            if "memory" in controllers:
                write(f"{folder}/{'memory.max' if unified else 'memory.limit_in_bytes'}", str(memory))
                swap = ("memory.swap.max", "0") if unified else ("memory.memsw.limit_in_bytes", str(memory))
                if os.path.exists(f"{folder}/{swap[0]}"):
                    write(f"{folder}/{swap[0]}", swap[1])
            if "pids" in controllers:
                write(f"{folder}/pids.max", str(limits["processes"]))
            if "cpu" in controllers and unified:
                write(f"{folder}/cpu.max", f"{quota} 100000")
            elif "cpu" in controllers:
                write(f"{folder}/cpu.cfs_period_us", "100000")
                write(f"{folder}/cpu.cfs_quota_us", str(quota))

    def join(self):
        for folder in self.folders:
            write(f"{folder}/cgroup.procs", "0")

    def members(self):
        found = set()
        for folder in self.folders:
            try:
                with open(f"{folder}/cgroup.procs") as file:
                    found.update(int(line) for line in file)
            except FileNotFoundError:
                pass
        return found

    def signal(self, number):
        """Repeats until no new process appears."""
        reached = set()
        while new := self.members() - reached:
            for pid in new:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            reached |= new

    def destroy(self):
        for _ in range(500):
            self.signal(signal.SIGKILL)
            left = [folder for folder in self.folders if os.path.isdir(folder)]
            if not left:
                return
            for folder in left:
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
            time.sleep(0.01)
        raise Refusal(UNAVAILABLE, "processes of the sandbox do not end")


class Box:
    """One sandbox and its files."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.folder = f"{DIR}/sandboxes/{sandbox}"
        self.image = f"{DIR}/files/{sandbox}.img"
        self.work = f"{self.folder}/work"
        self.socket = f"{self.folder}/execd.sock"
        self.groups = Groups(sandbox)
        # Far from all real users, and the same for the life of the files.
        self.user = 0x20000000 + (zlib.crc32(sandbox.encode()) & 0x0FFFFFFF)

    @contextlib.contextmanager
    def alone(self):
        """One request at a time: `destroy` may come while a `create` that the worker gave up still runs."""
        os.makedirs(f"{DIR}/locks", mode=0o700, exist_ok=True)
        # Few files for many sandboxes: two that share one wait for each other.
        with open(f"{DIR}/locks/{self.user % 256}", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self

    @property
    def owner(self):
        try:
            with open(f"{self.folder}/owner") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def create(self, request):
        limits = request["limits"]
        if request.get("gpus") or "image" in request:
            raise Refusal(UNSUPPORTED, "no images and no GPUs here")
        # First of all what `list` and `destroy` find it by.
        for folder in (DIR, f"{DIR}/sandboxes", self.folder):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, 0o711)
        write(f"{self.folder}/owner", request["owner"])
        is_new = self.open_files(limits["diskBytes"])
        if "snapshot" in request and is_new:
            with open(snapshot_path(request), "rb") as archive:
                self.confined(["tar", "-C", "/workspace", "-xf", "-"], archive, None)
        self.groups.create(limits)
        self.start(request, limits)

    def open_files(self, size):
        os.makedirs(f"{DIR}/files", mode=0o700, exist_ok=True)
        is_new = not os.path.exists(self.image)
        if is_new:
            draft = f"{self.image}.new"
            with open(draft, "wb") as file:
                file.truncate(size)
            run("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-E", f"root_owner={self.user}:{self.user}", draft)
            os.rename(draft, self.image)
        elif os.path.getsize(self.image) > size:
            raise Refusal(UNSUPPORTED, "the files of this sandbox are larger than the limit")
        os.makedirs(self.work, exist_ok=True)
        run("mount", "-t", "ext4", "-o", "loop,nodev,nosuid", self.image, self.work)
        shutil.rmtree(f"{self.work}/lost+found", ignore_errors=True)
        return is_new

    def system(self):
        """A root without anything of this host but its programs."""
        words = ["bwrap", "--unshare-all", "--unshare-user", "--disable-userns", "--as-pid-1", "--new-session"]
        words += ["--hostname", "sandbox", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
        words += ["--ro-bind", "/usr", "/usr"]
        for link in ("bin", "sbin", "lib", "lib32", "lib64"):
            if os.path.islink(f"/{link}"):
                words += ["--symlink", os.readlink(f"/{link}"), f"/{link}"]
            elif os.path.isdir(f"/{link}"):
                words += ["--ro-bind", f"/{link}", f"/{link}"]
        for path in ("ssl", "ca-certificates", "alternatives", "ld.so.cache"):
            words += ["--ro-bind-try", f"/etc/{path}", f"/etc/{path}"]
        words += ["--ro-bind", shared_hosts(), "/etc/hosts"]
        return words + ["--proc", "/proc", "--dev", "/dev", "--bind", self.work, "/workspace", "--chdir", "/workspace"]

    def confined(self, command, source, target):
        """Runs a program over the sandbox's files as its user, without anything else: archives are not trusted."""
        result = subprocess.run(
            self.system() + ["--remount-ro", "/", "--"] + command, stdin=source or subprocess.DEVNULL,
            stdout=target or subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=self.become, env=PLAIN)
        # tar ends with 1 when a file changed under it, as files of a living sandbox do.
        if result.returncode not in ((0, 1) if target else (0,)):
            raise Refusal(UNAVAILABLE, f"{command[0]}: {result.stderr[-300:].decode(errors='replace')}")

    def become(self):
        os.setgroups([])
        os.setresgid(self.user, self.user, self.user)
        os.setresuid(self.user, self.user, self.user)

    def start(self, request, limits):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self.socket)
        os.chmod(self.socket, 0o600)
        listener.listen(16)
        unit = max(1 << 16, limits["memoryBytes"] // 32)
        variables = {"PATH": PLAIN["PATH"], "HOME": "/workspace", "USER": "agent", "LANG": "C.UTF-8", "TMPDIR": "/tmp"}
        variables["PERIMETER_EXECD_TOKEN"] = request["token"]
        words = self.system()
        for path, share in (("/tmp", 12), ("/dev/shm", 4), ("/run", 1), ("/var", 1)):
            words += ["--perms", "1777", "--size", str(share * unit), "--tmpfs", path]
        # The daemon inherits its listening socket: programs inside cannot reach it.
        words += ["--dir", "/opt", "--ro-bind", EXECD, "/opt/execd", "--remount-ro", "/dev", "--remount-ro", "/"]
        words += ["--", "/opt/execd", "--listen-fd", str(listener.fileno()), "--workdir", "/workspace", "--root", "/tmp"]
        words += ["--read-only-root", "/usr", "--proxy-port", str(request["proxyPort"])]
        words += ["--output-limit", str(limits["outputBytes"]), "--confine"]

        def enter():
            os.setsid()
            self.groups.join()
            self.become()

        with open(f"{self.folder}/log", "wb") as log:
            subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=variables, preexec_fn=enter,
                pass_fds=[listener.fileno()])

    def connect(self):
        if self.owner is None:
            raise Refusal(ABSENT, "no such sandbox")
        self.groups.signal(signal.SIGCONT)
        try:
            socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect(self.socket)
        except (FileNotFoundError, ConnectionRefusedError):
            # Its daemon ended, or this host was restarted: what was there is gone, but for the files.
            raise Refusal(ABSENT, "the sandbox has ended")
        os.execv(EXECD, [EXECD, "--bridge", self.socket])

    def destroy(self):
        self.groups.destroy()
        while subprocess.run(["umount", self.work], stderr=subprocess.DEVNULL, env=PLAIN).returncode == 0:
            pass
        if os.path.ismount(self.work):
            raise Refusal(UNAVAILABLE, "the files of the sandbox are still in use")
        shutil.rmtree(self.folder, ignore_errors=True)

    def snapshot(self, request):
        if self.owner is None:
            raise Refusal(ABSENT, "no such sandbox")
        draft = f"{snapshot_path(request)}.new"
        os.makedirs(os.path.dirname(draft), mode=0o700, exist_ok=True)
        with open(draft, "wb") as archive:
            self.confined(["tar", "-C", "/workspace", "-cf", "-", "."], None, archive)
        os.rename(draft, snapshot_path(request))



def shared_hosts():
    """The names that a sandbox knows, in a file for all of them."""
    path = f"{DIR}/hosts"
    if not os.path.exists(path):
        os.makedirs(DIR, mode=0o711, exist_ok=True)
        draft = f"{path}.{os.urandom(8).hex()}"
        with open(draft, "w") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
        os.chmod(draft, 0o644)
        os.rename(draft, path)
    return path


PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def run(*words):
    result = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=PLAIN)
    if result.returncode != 0:
        raise Refusal(UNAVAILABLE, f"{words[0]}: {result.stderr[-300:].decode(errors='replace')}")


def snapshot_path(request):
    return f"{DIR}/snapshots/{name_of(request, 'owner')}/{name_of(request, 'snapshot')}.tar"


def entries(folder):
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def describe(_):
    return {
        "version": 1, "boundary": "bubblewrap, own user and namespaces, no capabilities, no system call filter",
        "isolation": "sharedKernel", "pause": "processes", "snapshot": "files", "images": False, "network": True,
        "gpus": 0, "bounds": ["memory", "processes", "cpu", "disk"],
    }


def snapshots(request):
    folder = f"{DIR}/snapshots/{name_of(request, 'owner')}"
    facts = [(name[:-4], os.stat(f"{folder}/{name}")) for name in entries(folder) if name.endswith(".tar")]
    return {"snapshots": [{"id": name, "bytes": fact.st_size, "createdAt": int(fact.st_mtime)} for name, fact in facts]}


def create(request):
    if "snapshot" in request and not os.path.exists(snapshot_path(request)):
        raise Refusal(UNSUPPORTED, "no such snapshot")
    with Box(name_of(request, "id")).alone() as box:
        box.create(request)


def list_sandboxes(request):
    boxes = [name for name in entries(f"{DIR}/sandboxes") if NAME.match(name)]
    return {"sandboxes": [name for name in boxes if Box(name).owner == request["owner"]]}


def pause(request):
    with Box(name_of(request, "id")).alone() as box:
        if box.owner is None:
            raise Refusal(ABSENT, "no such sandbox")
        box.groups.signal(signal.SIGSTOP)


def destroy(request):
    with Box(name_of(request, "id")).alone() as box:
        box.destroy()


def remove_snapshot(request):
    try:
        os.unlink(snapshot_path(request))
    except FileNotFoundError:
        raise Refusal(ABSENT, "no such snapshot")


def export_snapshot(request):
    try:
        with open(snapshot_path(request), "rb") as source, open(3, "wb") as target:
            shutil.copyfileobj(source, target)
    except FileNotFoundError:
        raise Refusal(ABSENT, "no such snapshot")


def import_snapshot(request):
    path = snapshot_path(request)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(3, "rb") as source, open(f"{path}.new", "wb") as target:
        shutil.copyfileobj(source, target)
    # Read by tar without any rights, over an empty folder: the archive may come from anywhere.
    checker = Box("import")
    checker.work = f"{DIR}/empty"
    os.makedirs(checker.work, exist_ok=True)
    os.chmod(DIR, 0o711)
    try:
        with open(f"{path}.new", "rb") as source:
            checker.confined(["tar", "-tf", "-"], source, None)
    except Refusal as refusal:
        os.unlink(f"{path}.new")
        raise Refusal(UNSUPPORTED, f"no archive: {refusal}")
    os.rename(f"{path}.new", path)


VERBS = {
    "describe": describe, "create": create, "list": list_sandboxes, "snapshots": snapshots,
    "destroy": destroy, "pause": pause, "snapshot": lambda request: Box(name_of(request, "id")).snapshot(request),
    "remove-snapshot": remove_snapshot, "export-snapshot": export_snapshot, "import-snapshot": import_snapshot,
}


def main(words):
    try:
        if words[:1] == ["connect"] and len(words) == 2:
            Box(name_of({"id": words[1]}, "id")).connect()
        if len(words) != 1 or words[0] not in VERBS:
            raise Refusal(UNSUPPORTED, f"unknown request: {' '.join(words)}")
        request = json.load(sys.stdin)
        if request.get("version") != 1:
            raise Refusal(UNSUPPORTED, "only version 1 of the contract is known here")
        json.dump(VERBS[words[0]](request) or {}, sys.stdout)
        return 0
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return refusal.code
    except OSError as error:
        print(error, file=sys.stderr)
        return FULL if error.errno == 28 else UNAVAILABLE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
