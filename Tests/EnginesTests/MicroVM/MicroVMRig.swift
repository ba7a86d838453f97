import Glibc
import Logging
import Sandbox
import TestSupport

@testable import Engines

/// An engine with folders of its own whose guests run in software emulation, and what tests ask the host about it.
struct MicroVMRig: EngineRig {
    let folder: String
    let prefix: String
    let gate: RecordingGate
    let engine: MicroVMEngine

    var provider: any SandboxProvider { engine }

    /// Made by `scripts/microvm-guest.sh`, which `./test` runs.
    private static let guest: String = {
        if let chosen = getenv("PERIMETER_MICROVM_GUEST") { return String(cString: chosen) }
        return "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/") + "/.build/microvm"
    }()

    static let limits = ResourceLimits(memoryBytes: 192 << 20, processes: 64, cpuPercent: 100, diskBytes: 64 << 20)

    /// Shared by all tests: a guest boots once for each size of machines.
    private static let templates = TemplateShelf()

    static func engine(
        in folder: String, gate: (any OutboundGate)? = nil, emulation: Bool = true, guest: String = guest,
        qemu: String = "/usr/bin/qemu-system-x86_64", cgroupRoot: String = "/sys/fs/cgroup",
        bootDeadline: Duration? = nil, templates: TemplateShelf = templates
    ) -> MicroVMEngine {
        MicroVMEngine(
            configuration: MicroVMConfiguration(
                execdPath: NamespaceRig.execd, guestDirectory: guest, stateDirectory: folder + "/state",
                runtimeDirectory: folder + "/run", qemuPath: qemu, cgroupRoot: cgroupRoot, emulation: emulation,
                bootDeadline: bootDeadline),
            gate: { _ in gate }, templates: templates, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs `body` with a fresh engine and removes everything afterwards.
    static func with(_ body: (MicroVMRig) async throws -> Void) async throws {
        let prefix = "v\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let folder = "/tmp/perimeter-\(prefix)"
        guard mkdir(folder, 0o755) == 0 else { throw NamespaceRig.Failure("no folder") }
        let gate = RecordingGate()
        let rig = MicroVMRig(folder: folder, prefix: prefix, gate: gate, engine: engine(in: folder, gate: gate))
        do { try await body(rig) } catch {
            await rig.clean()
            throw error
        }
        await rig.clean()
    }

    private func clean() async {
        await engine.sweep(keeping: [])
        HostView.removeTree(folder)
        engine.groups.removeParents()
    }

    func restarted() -> any SandboxProvider { Self.engine(in: folder, gate: gate) }

    func spec(_ name: String) throws -> SandboxSpec {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw NamespaceRig.Failure("no id") }
        return SandboxSpec(id: id, limits: Self.limits)
    }

    /// Monitors that are in a control group of this rig.
    func processes() -> [String] {
        HostView.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            guard let groups = HostView.text("/proc/\(pid)/cgroup"), groups.contains(prefix) else { return nil }
            return "\(pid) \(HostView.text("/proc/\(pid)/cmdline") ?? "")"
        }
    }

    private func groups() -> [String] {
        engine.groups.known.map { "control group of \($0)" }.filter { $0.contains(prefix) }
    }

    private func files() -> [String] {
        HostView.names(in: folder + "/run/sandboxes").filter { $0.contains(prefix) }
            + HostView.names(in: folder + "/state/paused").map { "paused \($0)" }
    }

    func leftovers() async -> [String] {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let found = processes() + groups() + files()
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
