internal import Wire

/// The system calls that programs in an OCI container may make, as the `linux.seccomp` member of `config.json`. Pure.
///
/// Everything that is not named answers ENOSYS, so that programs fall back as on an older kernel. Left out is what widens the
/// kernel's surface or builds privileges: mounts, namespaces, tracing, keys, BPF, io_uring, modules, clocks, handles. The names
/// follow the default list of container engines, less what needs a capability.
enum SyscallAllowList {
    static let plain = """
        accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime
        clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
        epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
        fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat
        get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer
        getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid
        getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch io_cancel io_destroy io_getevents io_setup io_submit ioctl ioprio_get ioprio_set kill
        landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr
        llistxattr lremovexattr lseek lsetxattr lstat madvise membarrier memfd_create mincore mkdir mkdirat mknod mknodat
        mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap
        msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause
        pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2
        prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom
        recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select
        semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address
        setfsgid setfsuid setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit
        setsid setsockopt setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair
        splice stat statfs statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create
        timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill
        truncate umask uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write writev
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    /// Every CLONE_NEW… flag that clone(2) takes.
    private static let namespaceFlags: Int64 = 0x7E02_0000
    /// Unix and internet sockets.
    private static let families: [Int64] = [1, 2, 10]
    /// The plain one, its 32-bit and old-uname forms, and the question which one is set.
    private static let personalities: [Int64] = [0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF]
    private static let noSuchCall: Int64 = 38

    static var json: JSON {
        #if arch(arm64)
            let architecture: JSON = "SCMP_ARCH_AARCH64"
        #else
            let architecture: JSON = "SCMP_ARCH_X86_64"
        #endif
        var rules: [JSON] = [
            ["names": .array(plain.map { .string($0) }), "action": "SCMP_ACT_ALLOW"],
            rule("clone", [("valueTwo", 0), ("value", namespaceFlags)], "SCMP_CMP_MASKED_EQ"),
        ]
        rules += families.map { rule("socket", [("value", $0)], "SCMP_CMP_EQ") }
        rules += personalities.map { rule("personality", [("value", $0)], "SCMP_CMP_EQ") }
        return [
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": .integer(noSuchCall),
            "architectures": [architecture], "syscalls": .array(rules),
        ]
    }

    /// Allows a call when its first argument compares like this.
    private static func rule(_ name: String, _ values: [(String, Int64)], _ comparison: String) -> JSON {
        let members: [(key: String, value: JSON)] = values.map { (key: $0.0, value: .integer($0.1)) }
        let argument = JSON.object(
            JSON.Object([(key: "index", value: 0), (key: "op", value: .string(comparison))] + members))
        return ["names": [.string(name)], "action": "SCMP_ACT_ALLOW", "args": [argument]]
    }
}
