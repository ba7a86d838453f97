/// The command line of QEMU for one machine. Pure.
///
/// All files come as descriptors: QEMU's own user may open none of them.
struct QEMUCommand {
    /// Descriptors of QEMU, in order.
    enum Place: Int {
        case control = 3
        case port, orders, root, work, memory, kernel, initramfs, console
    }

    var mebibytes: Int
    var processors: Int
    var isEmulated: Bool
    /// The rate of the time stamp counter, which an emulated guest could not find out.
    var timeStampKilohertz: UInt64
    var memory: Memory
    var boots: Bool

    enum Memory { case template, copy, own }

    /// The two ports, as the guest finds them.
    private static let ports = "PERIMETER_GUEST_PORT=/dev/vport0p1 PERIMETER_GUEST_ORDERS=/dev/vport0p2"

    var arguments: [String] {
        general + confinement + memoryArguments + channels + disk("root", .root, isReadOnly: true)
            + disk("work", .work, isReadOnly: false) + bootArguments
    }

    private var general: [String] {
        [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-name", "perimeter",
            // Translated code is bounded, or it would grow to a quarter of the guest's memory and more.
            "-accel", isEmulated ? "tcg,tb-size=32" : "kvm",
            // An emulated guest has its counter: the timers of a PC would only wake it.
            "-M", "microvm,memory-backend=ram" + (isEmulated ? ",rtc=off,pit=off,pic=off" : ""),
            "-m", "\(mebibytes)", "-smp", "\(processors)",
        ] + (isEmulated ? [] : ["-cpu", "host"])
    }

    /// What QEMU forbids itself by a filter over its system calls.
    private var confinement: [String] {
        ["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]
    }

    private var memoryArguments: [String] {
        let file = "memory-backend-file,id=ram,size=\(mebibytes)M,mem-path=\(Self.path(.memory)),share="
        return switch memory {
        case .template: ["-object", file + "on"]
        case .copy: ["-object", file + "off"]
        case .own: ["-object", "memory-backend-ram,id=ram,size=\(mebibytes)M"]
        }
    }

    private var channels: [String] {
        [
            "-chardev", "socket,id=control,fd=\(Place.control.rawValue),server=on,wait=off", "-mon",
            "chardev=control,mode=control", "-chardev",
            "socket,id=port,fd=\(Place.port.rawValue),server=on,wait=off", "-device", "virtio-serial-device", "-device",
            "virtserialport,chardev=port,name=perimeter", "-chardev",
            "socket,id=orders,fd=\(Place.orders.rawValue),server=on,wait=off", "-device",
            "virtserialport,chardev=orders,name=orders",
        ]
    }

    private func disk(_ name: String, _ place: Place, isReadOnly: Bool) -> [String] {
        [
            "-add-fd", "fd=\(place.rawValue),set=\(place.rawValue)", "-drive",
            "if=none,id=\(name),format=raw,readonly=\(isReadOnly ? "on" : "off"),auto-read-only=off,file.driver=file,"
                + "file.filename=/dev/fdset/\(place.rawValue),file.auto-read-only=off,file.locking=off",
            "-device", "virtio-blk-device,drive=\(name),serial=\(name)",
        ]
    }

    private var bootArguments: [String] {
        guard boots else { return ["-serial", "null", "-incoming", "defer"] }
        var words = ["console=ttyS0", "quiet", "panic=-1", "reboot=t", "random.trust_cpu=on", "cryptomgr.notests"]
        if isEmulated {
            words += [
                // Without a timer to compare with, the kernel cannot calibrate the counter and hangs in many boots.
                "tsc_early_khz=\(timeStampKilohertz)", "tsc=reliable",
                // What they mitigate is not there, and they cost twice under emulation.
                "mitigations=off", "nokaslr",
            ]
        }
        // Swift looks for its own path in /proc, which is not there before the first process mounts it.
        words += ["rdinit=/init", "SWIFT_ROOT=/", Self.ports]
        return [
            "-serial", "file:\(Self.path(.console))", "-kernel", Self.path(.kernel), "-initrd", Self.path(.initramfs),
            "-append", words.joined(separator: " "),
        ]
    }

    private static func path(_ place: Place) -> String { "/proc/self/fd/\(place.rawValue)" }
}
