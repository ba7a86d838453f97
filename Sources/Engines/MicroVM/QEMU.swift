internal import CLinux
internal import Glibc
internal import Wire

/// QEMU with its `microvm` machine.
struct QEMU: VMM {
    let path: String
    let isEmulated: Bool
    private let version: String
    private let timeStampKilohertz: UInt64

    static let kvm = "/dev/kvm"

    /// Asks the program for its version, and measures the host's clock. Costs some ten milliseconds.
    init(path: String, isEmulated: Bool) throws(SystemError) {
        self.path = path
        self.isEmulated = isEmulated
        version = try Self.version(of: path)
        timeStampKilohertz = isEmulated ? clinux_time_stamp_kilohertz() : 0
    }

    var label: String { "QEMU \(version) microvm, \(isEmulated ? "software emulation" : "KVM")" }

    /// A guest on KVM has seen the processor it started on.
    var stateFormat: String { "qemu-\(version)-microvm-" + (isEmulated ? "tcg" : "kvm-\(Self.processor)") }

    private static var processor: String {
        let lines = (HostFiles.text("/proc/cpuinfo") ?? "").split(separator: "\n")
        let model = lines.first { $0.hasPrefix("model name") } ?? ""
        return String(StableHash.of(String(model)), radix: 36)
    }

    var overheadBytes: Int { (isEmulated ? 160 : 96) << 20 }
    var threads: Int { 128 }

    var group: UInt32? {
        guard !isEmulated, case .group(let group) = Self.access else { return nil }
        return group
    }

    /// How a user of its own gets at KVM.
    enum Access: Equatable {
        case everybody, nobody
        case group(UInt32)
    }

    static var access: Access {
        var facts = stat()
        guard stat(kvm, &facts) == 0 else { return .nobody }
        return Access(mode: facts.st_mode, group: facts.st_gid)
    }

    func processors(cpuPercent: Int) -> Int {
        isEmulated ? 1 : max(1, min((cpuPercent + 99) / 100, sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    func program(_ machine: Machine, null: Int32) -> ConfinedProgram {
        let memory: (QEMUCommand.Memory, Int32) =
            switch machine.memory {
            case .template(let file): (.template, file)
            case .copy(let file): (.copy, file)
            case .own: (.own, null)
            }
        let command = QEMUCommand(
            mebibytes: machine.mebibytes, processors: machine.processors, isEmulated: isEmulated,
            timeStampKilohertz: timeStampKilohertz, memory: memory.0, boots: machine.boot != nil)
        let boot = machine.boot.map { [$0.kernel, $0.initramfs, $0.console] } ?? []
        // In the order of `QEMUCommand.Place`.
        return ConfinedProgram(
            path: path, arguments: command.arguments,
            descriptors: [
                null, null, machine.messages, machine.control, machine.port, machine.orders, machine.root, machine.work,
                memory.1,
            ] + boot)
    }

    func control(socket: String, until deadline: ContinuousClock.Instant) throws(SystemError) -> any MachineControl {
        QEMUControl(connection: try QMPConnection(socket: socket, until: deadline))
    }

    private static func version(of path: String) throws(SystemError) -> String {
        let output = clinux_memory_file("version", nil, 0)
        guard output >= 0 else { throw SystemError("memfd") }
        defer { close(output) }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard null >= 0 else { throw SystemError("open /dev/null") }
        defer { close(null) }
        let pid = try HostProgram.spawn(path, ["--version"], [(null, 0), (output, 1), (null, 2)])
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(output, &bytes, bytes.count, 0)
        // "QEMU emulator version 7.2.22 (Debian …)": builds of one version differ in what they save.
        let words = String(decoding: bytes[..<max(0, count)], as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard clinux_did_exit(status) != 0, clinux_exit_status(status) == 0, words.count > 3, words[2] == "version"
        else { throw SystemError("ask \(path) for its version", code: EIO) }
        return String(words[3])
    }
}

/// QEMU's words for the orders of a ``MachineControl``.
struct QEMUControl: MachineControl {
    let connection: QMPConnection

    private static let pause: UInt32 = 2000
    private static let file = "state"

    func resume() throws(SystemError) { _ = try connection.execute("cont") }
    func halt() throws(SystemError) { _ = try connection.execute("stop") }

    func save(to state: Int32, hasMemory: Bool) throws(SystemError) {
        try prepare(state, hasMemory)
        // The default would take a second for every 128 MiB.
        _ = try connection.execute("migrate-set-parameters", ["max-bandwidth": .integer(1 << 40)])
        _ = try connection.execute("migrate", ["uri": JSON("fd:\(Self.file)")])
        while true {
            let progress = try connection.execute("query-migrate")
            switch progress["status"]?.stringValue {
            case "completed": return
            case "failed", "cancelled":
                throw SystemError("QEMU did not save: \(progress["error-desc"]?.stringValue ?? "")", code: EIO)
            default: usleep(Self.pause)
            }
        }
    }

    func restore(from state: Int32, hasMemory: Bool) throws(SystemError) {
        try prepare(state, hasMemory)
        _ = try connection.execute("migrate-incoming", ["uri": JSON("fd:\(Self.file)")])
        while try connection.execute("query-status")["status"]?.stringValue == "inmigrate" { usleep(Self.pause) }
    }

    private func prepare(_ state: Int32, _ hasMemory: Bool) throws(SystemError) {
        _ = try connection.execute(
            "migrate-set-capabilities",
            ["capabilities": [["capability": "x-ignore-shared", "state": .bool(!hasMemory)]]])
        _ = try connection.execute("getfd", ["fdname": JSON(Self.file)], descriptor: state)
    }
}

extension QEMU.Access {
    init(mode: UInt32, group: UInt32) {
        // The group of root may do more than use this device.
        self =
            mode & 0o006 == 0o006 ? .everybody : mode & 0o060 == 0o060 && group != 0 ? .group(group) : .nobody
    }
}
