"""What bubblewrap alone costs: the floor beneath sandboxes that are made with it."""

import os
import time

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
