/// How the `microvm` engine works on this host.
public struct MicroVMConfiguration: Sendable {
    /// The static daemon executable, which is the guest's first process too.
    public var execdPath: String
    /// What `scripts/microvm-guest.sh` prepared: `vmlinux`, `modules`, `root.ext4`. The last may be any root file system for
    /// the host's processor, as an ext4 image.
    public var guestDirectory: String
    /// Keeps the work disks, paused machines and snapshots; must outlive the process and the host's restarts.
    public var stateDirectory: String
    /// Keeps what belongs to living machines: sockets and ledgers. Gone after a restart of the host.
    public var runtimeDirectory: String
    public var qemuPath: String
    /// Where the control group file systems are mounted.
    public var cgroupRoot: String
    /// Emulates the processor in software instead of using KVM: many times slower, for tests and for hosts without KVM. Never
    /// chosen by the engine itself. Off by default.
    public var emulation: Bool
    /// Creates sandboxes also where a bound cannot be enforced; the boundary label then says which. Off by default.
    public var allowsWeakerLimits: Bool
    /// How long a machine may take to boot. 15 seconds by default, 90 when emulated.
    public var bootDeadline: Duration
    /// How long the work disk, and the paused machine, of a session that nobody serves are kept. 30 days by default.
    public var retention: Duration

    /// - Parameters:
    ///   - runtimeDirectory: nil takes a name below `/run/perimeter` made from `stateDirectory`.
    ///   - bootDeadline: nil takes the default.
    public init(
        execdPath: String, guestDirectory: String, stateDirectory: String, runtimeDirectory: String? = nil,
        qemuPath: String = "/usr/bin/qemu-system-x86_64", cgroupRoot: String = "/sys/fs/cgroup",
        emulation: Bool = false, allowsWeakerLimits: Bool = false, bootDeadline: Duration? = nil,
        retention: Duration = .seconds(30 * 86_400)
    ) {
        self.execdPath = execdPath
        self.guestDirectory = guestDirectory
        self.stateDirectory = stateDirectory
        self.runtimeDirectory =
            runtimeDirectory ?? "/run/perimeter/" + String(StableHash.of(stateDirectory), radix: 36)
        self.qemuPath = qemuPath
        self.cgroupRoot = cgroupRoot
        self.emulation = emulation
        self.allowsWeakerLimits = allowsWeakerLimits
        self.bootDeadline = bootDeadline ?? .seconds(emulation ? 90 : 15)
        self.retention = retention
    }
}
