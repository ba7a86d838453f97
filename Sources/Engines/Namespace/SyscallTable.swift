/// The numbers of the system calls that the filter names, per architecture (kernel: asm/unistd.h).
struct SyscallTable: Sendable {
    /// The AUDIT_ARCH value of native code.
    let architecture: UInt32
    /// The first number of the x32 interface, which shares the architecture value; nil where there is none.
    let foreignFrom: UInt32?
    /// Refused with EPERM whatever their arguments are.
    let denied: [UInt32]
    let clone: UInt32
    let clone3: UInt32
    let socket: UInt32
    let ioctl: UInt32
    let personality: UInt32

    static let native: SyscallTable = {
        #if arch(arm64)
            arm64
        #else
            x86
        #endif
    }()

    /// Calls with the same number everywhere: the mount interface of 5.2, io_uring, and others since the numbers were unified.
    private static let unified: [UInt32] = [
        428, 429, 430, 431, 432, 433, 442,  // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
        425, 426, 427,  // io_uring_setup, io_uring_enter, io_uring_register
        438, 440, 443, 447, 450,  // pidfd_getfd, process_madvise, quotactl_fd, memfd_secret, set_mempolicy_home_node
        448, 457, 458,  // process_mrelease, statmount, listmount
        459, 460, 461,  // lsm_get_self_attr, lsm_set_self_attr, lsm_list_modules
    ]
    /// The last call whose meaning was looked at; a newer one does not exist for a sandbox.
    static let lastKnown: UInt32 = 466

    static let x86 = SyscallTable(
        architecture: 0xC000_003E, foreignFrom: 0x4000_0000,
        denied: unified + [
            165, 166, 155, 161,  // mount, umount2, pivot_root, chroot
            272, 308,  // unshare, setns
            101, 310, 311, 312,  // ptrace, process_vm_readv, process_vm_writev, kcmp
            321, 298, 323, 300,  // bpf, perf_event_open, userfaultfd, fanotify_init
            248, 249, 250,  // add_key, request_key, keyctl
            246, 320, 169,  // kexec_load, kexec_file_load, reboot
            174, 175, 313, 176,  // create_module, init_module, finit_module, delete_module
            303, 304,  // name_to_handle_at, open_by_handle_at
            179, 167, 168, 163,  // quotactl, swapon, swapoff, acct
            159, 164, 227, 305,  // adjtimex, settimeofday, clock_settime, clock_adjtime
            170, 171, 172, 173, 154,  // sethostname, setdomainname, iopl, ioperm, modify_ldt
            103, 153, 212, 180,  // syslog, vhangup, lookup_dcookie, nfsservctl
            134, 136, 139, 156,  // uselib, ustat, sysfs, _sysctl
            237, 238, 239, 256, 279, 278,  // mbind, set_mempolicy, get_mempolicy, migrate_pages, move_pages, vmsplice
        ], clone: 56, clone3: 435, socket: 41, ioctl: 16, personality: 135)

    static let arm64 = SyscallTable(
        architecture: 0xC000_00B7, foreignFrom: nil,
        denied: unified + [
            40, 39, 41, 51,  // mount, umount2, pivot_root, chroot
            97, 268,  // unshare, setns
            117, 270, 271, 272,  // ptrace, process_vm_readv, process_vm_writev, kcmp
            280, 241, 282, 262,  // bpf, perf_event_open, userfaultfd, fanotify_init
            217, 218, 219,  // add_key, request_key, keyctl
            104, 294, 142,  // kexec_load, kexec_file_load, reboot
            105, 273, 106,  // init_module, finit_module, delete_module
            264, 265,  // name_to_handle_at, open_by_handle_at
            60, 224, 225, 89,  // quotactl, swapon, swapoff, acct
            171, 170, 112, 266,  // adjtimex, settimeofday, clock_settime, clock_adjtime
            161, 162, 116, 58, 18, 42,  // sethostname, setdomainname, syslog, vhangup, lookup_dcookie, nfsservctl
            235, 237, 236, 238, 239, 75,  // mbind, set_mempolicy, get_mempolicy, migrate_pages, move_pages, vmsplice
        ], clone: 220, clone3: 435, socket: 198, ioctl: 29, personality: 92)
}
