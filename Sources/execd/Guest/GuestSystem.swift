internal import CLinux
internal import Glibc
internal import Toolset

/// What the first process makes of an empty machine: a root of the read-only disk under a file system in memory, and the
/// session's files on a disk of their own.
struct GuestSystem {
    static let daemon = "/opt/perimeter/execd"
    static let user: UInt32 = 1000
    /// Where the disk is mounted; only the first process may look into it, programs see the folder of files in it.
    private static let disk = "/opt/perimeter/disk"
    private static let work = "/workspace"
    private static let hostName = "sandbox"
    private static let driver = "/sys/bus/virtio/drivers/virtio_blk"
    private static let waits = 10_000
    private static let wait: UInt32 = 1000

    /// The work disk's device on the virtio bus.
    private let workDevice: String

    /// Everything that is the same for all sessions. The work disk is let go of again: a copy of this machine gets another.
    init() throws(SystemFailure) {
        try GuestFiles.mount("devtmpfs", at: "/dev")
        try GuestFiles.mount("sysfs", at: "/sys")
        for name in GuestFiles.names(in: "/modules") {
            guard clinux_load_module("/modules/\(name)") == 0 || errno == EEXIST else {
                throw SystemFailure(errno, "load a kernel module")
            }
            unlink("/modules/\(name)")
        }
        try Self.enterRoot(try Self.block("root"))
        guard clinux_bring_up_loopback() == 0 else { throw SystemFailure(errno, "bring up the loopback") }
        guard sethostname(Self.hostName, Self.hostName.utf8.count) == 0 else {
            throw SystemFailure(errno, "sethostname")
        }
        let block = try Self.block("work")
        guard let device = GuestFiles.linkedName("/sys/block/\(block)/device") else {
            throw SystemFailure(errno, "find the work disk")
        }
        workDevice = device
        try GuestFiles.write(device, to: "\(Self.driver)/unbind")
    }

    /// The name of the disk with this serial, which may take the kernel a moment to find.
    private static func block(_ serial: String) throws(SystemFailure) -> String {
        for _ in 0..<waits {
            for name in GuestFiles.names(in: "/sys/block")
            where GuestFiles.text("/sys/block/\(name)/serial")?.trimmed == serial { return name }
            usleep(wait)
        }
        throw SystemFailure(ETIMEDOUT, "find a disk")
    }

    private static func enterRoot(_ disk: String) throws(SystemFailure) {
        for folder in ["/disk", "/memory", "/root"] { try GuestFiles.makeFolder(folder, 0o755) }
        try GuestFiles.mount("ext4", at: "/disk", from: "/dev/\(disk)", clinux_mount_read_only, "noload")
        try GuestFiles.mount("tmpfs", at: "/memory", 0, "mode=0755,size=12%")
        for folder in ["/memory/upper", "/memory/work"] { try GuestFiles.makeFolder(folder, 0o755) }
        try GuestFiles.mount(
            "overlay", at: "/root", 0, "lowerdir=/disk,upperdir=/memory/upper,workdir=/memory/work")
        for (folder, mode) in [
            ("/proc", 0o555), ("/sys", 0o555), ("/dev", 0o755), ("/tmp", 0o1777), ("/run", 0o755), ("/var/tmp", 0o1777),
            ("/opt/perimeter", 0o755), (Self.disk, 0o700), (work, 0o755),
        ] as [(String, mode_t)] { try GuestFiles.makeFolder("/root" + folder, mode) }
        let plain = clinux_mount_plain
        // Programs see their own processes only, not those of the kernel.
        try GuestFiles.mount("proc", at: "/root/proc", plain, "hidepid=2")
        try GuestFiles.mount("sysfs", at: "/root/sys", plain)
        try GuestFiles.mount("devtmpfs", at: "/root/dev")
        for folder in ["pts", "shm"] { try GuestFiles.makeFolder("/root/dev/\(folder)", 0o755) }
        try GuestFiles.mount("devpts", at: "/root/dev/pts", 0, "mode=0620,ptmxmode=0666")
        // Together well below all memory: what fills them must not push out the daemon.
        try GuestFiles.mount("tmpfs", at: "/root/dev/shm", plain, "mode=1777,size=12%")
        try GuestFiles.mount("tmpfs", at: "/root/tmp", plain, "mode=1777,size=37%")
        try GuestFiles.mount("tmpfs", at: "/root/run", plain, "mode=0755,size=3%")
        _ = try Descriptor(opened: open("/root\(daemon)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o755), "create")
        guard clinux_mount("/init", "/root\(daemon)", nil, clinux_mount_bind, nil) == 0 else {
            throw SystemFailure(errno, "bind the daemon")
        }
        guard chdir("/root") == 0, clinux_mount(".", "/", nil, clinux_mount_move, nil) == 0, chroot(".") == 0,
            chdir("/") == 0
        else { throw SystemFailure(errno, "enter the root") }
    }

    /// Takes the work disk that the machine has now, and shows its files to programs.
    func openWork() throws(SystemFailure) {
        try GuestFiles.write(workDevice, to: "\(Self.driver)/bind")
        let name = try Self.block("work")
        try GuestFiles.mount(
            "ext4", at: Self.disk, from: "/dev/\(name)", clinux_mount_plain | clinux_mount_no_atime)
        let files = Self.disk + "/files"
        try GuestFiles.makeFolder(files, 0o755)
        guard chown(files, Self.user, Self.user) == 0,
            clinux_mount(files, Self.work, nil, clinux_mount_bind, nil) == 0
        else { throw SystemFailure(errno, "show the work directory") }
    }

    /// Writes the files back. Nothing may use them any more.
    func closeWork() {
        for path in [Self.work, Self.disk] { clinux_unmount(path) }
        sync()
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
