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
            "statmount": (457, 457), "a call of the future": (900, 900), "io_setup": (206, 0),
            "process_vm_writev": (311, 271), "name_to_handle_at": (303, 264), "mbind": (237, 235),
            "clock_settime": (227, 112), "settimeofday": (164, 170), "adjtimex": (159, 171), "sethostname": (170, 161),
            "fanotify_init": (300, 262), "process_madvise": (440, 440), "memfd_secret": (447, 447),
            "delete_module": (176, 106), "kexec_file_load": (320, 294), "swapoff": (168, 225), "io_uring_enter": (426, 426),
        }
        for name, numbers in calls.items():
            ctypes.set_errno(0)
            result = libc.syscall(numbers[arm], 0x10000000, 0, 0, 0, 0)
            print(name, "=", errno.errorcode.get(ctypes.get_errno(), "ALLOWED"))
        # A new user namespace through clone, whose flags are in a register.
        result = libc.syscall((56, 220)[arm], 0x10000000 | 17, 0, 0, 0, 0)
        if result == 0: os._exit(0)
        print("clone newuser =", errno.errorcode.get(ctypes.get_errno(), "ALLOWED"))
        for protocol in (132, 33, 136, 262):
            try: socket.socket(2, 1 if protocol != 136 else 2, protocol); print("protocol", protocol, "= ALLOWED")
            except OSError as error: print("protocol", protocol, "=", errno.errorcode[error.errno])
        for pair in (2, 30):
            try: socket.socketpair(pair); print("family pair", pair, "= ALLOWED")
            except OSError as error: print("family pair", pair, "=", errno.errorcode[error.errno])
        for option in (35, 62, 67):
            ctypes.set_errno(0); libc.prctl(option, 1, 0, 0, 0)
            print("option", option, "=", errno.errorcode.get(ctypes.get_errno(), "ALLOWED"))
        for family in (16, 17, 38, 40, 15, 21):
            try:
                socket.socket(family, socket.SOCK_RAW if family in (16, 17, 15) else socket.SOCK_STREAM)
                print("family", family, "= ALLOWED")
            except OSError as error: print("family", family, "=", errno.errorcode[error.errno])
        for request in (0x5412, 0x541C, 0x541D, 0x5423):
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
                #expect(lines.count == 70, "\(text)")
                for line in lines {
                    let expected =
                        switch line.split(separator: " ").first {
                        case "clone3", "a", "io_setup": "= ENOSYS"
                        case "query": "query = 0"
                        case "family": "= EAFNOSUPPORT"
                        case "protocol": "= EPROTONOSUPPORT"
                        case "option": "= EINVAL"
                        case "personality": "personality = -1 EPERM"
                        default: "= EPERM"
                        }
                    #expect(line.hasSuffix(expected), "\(line)")
                }
            }
        }
    }
}
