"""A network of the test's own: every port and loopback address of it is free, and names stand for what the test says."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct

CLONE_FS, CLONE_NEWNS, CLONE_NEWNET = 0x00000200, 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@contextlib.contextmanager
def private_network(hosts, folder):
    """This thread, and what it starts, is in there. `hosts` are names with their addresses. Needs root."""
    here = os.getcwd()
    before = {kind: os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY) for kind in ("net", "mnt")}
    call("unshare", CLONE_NEWNET | CLONE_NEWNS)
    try:
        call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
        names = folder / "hosts"
        names.write_text("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in hosts.items()))
        call("mount", os.fsencode(names), b"/etc/hosts", None, MS_BIND, None)
        with socket.socket() as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        yield
    finally:
        # Threads that began in there share this one's root, which may not change under them.
        call("unshare", CLONE_FS)
        for kind in ("net", "mnt"):
            call("setns", before[kind], 0)
            os.close(before[kind])
        os.chdir(here)
