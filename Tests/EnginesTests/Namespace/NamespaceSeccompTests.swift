import Engines
import Sandbox
import Testing

/// The kernel itself refuses the calls: a program inside makes each of them by number.
@Suite(.serialized) struct NamespaceSeccompTests {
    private static let program = """
        import ctypes, errno, os, platform, socket, fcntl
        libc = ctypes.CDLL(None, use_errno=True)
        arm = platform.machine() == "aarch64"
        calls = {
            "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
            "unshare": (272, 97), "setns": (308, 268), "ptrace": (101, 117), "process_vm_readv": (310, 270),
            "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
            "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
            "open_by_handle_at": (304, 265), "quotactl": (179, 60), "reboot": (169, 142), "acct": (163, 89),
            "swapon": (167, 224), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
            "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
            "pidfd_getfd": (438, 438), "kcmp": (312, 272), "syslog": (103, 116), "clone3": (435, 435),
            "statmount": (457, 457), "a call of the future": (900, 900),
        }
        for name, numbers in calls.items():
            ctypes.set_errno(0)
            result = libc.syscall(numbers[arm], 0x10000000, 0, 0, 0, 0)
            print(name, "=", errno.errorcode.get(ctypes.get_errno(), "ALLOWED"))
        # A new user namespace through clone, whose flags are in a register.
        result = libc.syscall((56, 220)[arm], 0x10000000 | 17, 0, 0, 0, 0)
        if result == 0: os._exit(0)
        print("clone newuser =", errno.errorcode.get(ctypes.get_errno(), "ALLOWED"))
        for family in (16, 17, 38, 40, 15, 21):
            try:
                socket.socket(family, socket.SOCK_RAW if family in (16, 17, 15) else socket.SOCK_STREAM)
                print("family", family, "= ALLOWED")
            except OSError as error: print("family", family, "=", errno.errorcode[error.errno])
        for request in (0x5412, 0x541C):
            try: fcntl.ioctl(0, request, b"x"); print("ioctl", request, "= ALLOWED")
            except OSError as error: print("ioctl", request, "=", errno.errorcode[error.errno])
        print("personality =", libc.personality(0x0040000), errno.errorcode.get(ctypes.get_errno()))
        print("query =", libc.personality(0xFFFFFFFF))
        """

    @Test func `dangerous calls are refused by the kernel`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                try await sandbox.put(Array(Self.program.utf8), at: "/workspace/calls.py", mode: 0o644)
                let text = try await sandbox.bash("python3 calls.py </dev/null")
                let lines = text.split(separator: "\n").map(String.init)
                #expect(lines.count > 40, "\(text)")
                for line in lines where !line.hasPrefix("family") && !line.hasPrefix("personality") {
                    switch line.split(separator: "=").first.map(String.init) {
                    case "clone3 ", "a call of the future ": #expect(line.hasSuffix("= ENOSYS"))
                    case "query ": #expect(line == "query = 0")
                    default: #expect(line.hasSuffix("= EPERM"), "\(line)")
                    }
                }
                for line in lines where line.hasPrefix("family") {
                    #expect(line.hasSuffix("= EAFNOSUPPORT"), "\(line)")
                }
                #expect(text.contains("personality = -1 EPERM"))
            }
        }
    }

    @Test func `threads, pipes and local sockets work as usual`() async throws {
        try await NamespaceRig.with { rig in
            try await rig.withSandbox { sandbox in
                let text = try await sandbox.bash(
                    """
                    python3 - <<'END'
                    import threading, socket, subprocess, multiprocessing
                    t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()
                    s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname()); print("tcp")
                    a, b = socket.socketpair(); a.send(b"x"); print("pair", b.recv(1))
                    print(subprocess.run("echo child | cat", shell=True, capture_output=True, text=True).stdout)
                    with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))
                    END
                    """)
                for word in ["thread", "tcp", "pair b'x'", "child", "[1, 2]"] {
                    #expect(text.contains(word), "\(text)")
                }
            }
        }
    }
}
