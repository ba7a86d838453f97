/// The system calls that programs in a sandbox on the host's kernel may make. Everything that is not named is refused.
///
/// The names follow the default list of container engines. Left out is what widens the kernel's surface or builds privileges: mounts,
/// namespaces, tracing, keys, BPF, io_uring, modules, clocks, handles. Left out too is asynchronous I/O of the kernel (`io_setup`):
/// the requests of all processes of the host share one small bound, so one sandbox could use it up for everybody.
enum AllowedCalls {
    /// Allowed whatever their arguments are.
    static let plain = """
        accept accept4 access alarm arch_prctl bind brk cachestat capget capset chdir chmod chown clock_getres
        clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create
        epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit
        exit_group faccessat faccessat2 fadvise64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat
        fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync ftruncate
        futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu
        getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid
        getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
        gettid gettimeofday getuid getxattr getxattrat inotify_add_watch inotify_init inotify_init1
        inotify_rm_watch ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
        landlock_restrict_self lchown lgetxattr link linkat listen listxattr listxattrat llistxattr lremovexattr
        lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create mincore mkdir mkdirat mknod
        mknodat mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend
        mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat
        open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect
        poll ppoll pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pwrite64 pwritev pwritev2 read
        readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages removexattr removexattrat
        rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask
        rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max
        sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        seccomp select semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list
        set_thread_area set_tid_address setfsgid setfsuid setgid setgroups setitimer setpgid setpriority
        setregid setresgid setresuid setreuid setrlimit setsid setsockopt setuid setxattr setxattrat shmat
        shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 splice stat statfs statx symlink symlinkat
        sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
        timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask
        uname unlink unlinkat utime utimensat utimes vfork wait4 waitid write writev
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    /// Refused as if the kernel lacked them, since programs then fall back. The flags of `clone3` lie in memory, where a filter
    /// cannot look; the C library goes on with `clone`.
    static let absent = [
        "clone3", "io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel", "io_destroy",
    ]

    /// Every CLONE_NEW… flag that clone(2) takes.
    static let namespaceFlags: UInt32 = 0x7E02_0000

    static let unixFamily: UInt32 = 1
    /// IPv4 and IPv6.
    static let internetFamilies: [UInt32] = [2, 10]
    /// The family's own choice, ICMP echo, TCP, UDP. Asking for another would have the kernel load its module.
    static let internetProtocols: [UInt32] = [0, 1, 6, 17, 58]

    /// The plain one, its 32-bit and old-uname forms, and the question which one is set.
    static let personalities: [UInt32] = [0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF]

    /// Requests of ioctl(2) that are refused: TIOCSTI and TIOCLINUX put text into somebody's terminal, TIOCCONS takes the console's
    /// output, TIOCSETD loads line disciplines; those of bridges, frame relay and VLANs load their modules.
    static let refusedRequests: [ClosedRange<UInt32>] = [
        0x5412...0x5412, 0x541C...0x541D, 0x5423...0x5423, 0x8940...0x8941, 0x8980...0x8983, 0x89A0...0x89A3,
    ]

    /// What a process may ask about and set for itself with prctl(2). Not among it: moving the parts of its memory map that /proc
    /// shows, merging of equal pages (which tells neighbours what they have in common), core scheduling, performance events.
    static let processOptions: [UInt32] =
        Array(1...4) + [7, 8]  // PDEATHSIG, DUMPABLE, KEEPCAPS
        + [15, 16, 21, 22, 23, 24, 25, 27, 29, 30]  // NAME, SECCOMP, CAPBSET, TSC, SECUREBITS, TIMERSLACK
        + Array(36...42) + [47]  // CHILD_SUBREAPER, NO_NEW_PRIVS, TID_ADDRESS, THP_DISABLE, CAP_AMBIENT
        + Array(50...56)  // SVE, SPECULATION_CTRL, PAC_RESET_KEYS, TAGGED_ADDR_CTRL
        + [63, 64, 65, 66, 0x5356_4D41, 0x5961_6D61]  // SME, MDWE, VMA, PTRACER
}
