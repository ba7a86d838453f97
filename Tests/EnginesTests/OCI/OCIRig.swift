import CLinux
import Glibc
import Logging
import Sandbox
import TestSupport

@testable import Engines

/// An engine with folders of its own, and what tests ask the host about it.
struct OCIRig: EngineRig {
    let folder: String
    let prefix: String
    let runtime: OCIRuntime
    let engine: OCIEngine
    let gate: RecordingGate

    var provider: any SandboxProvider { engine }
    func restarted() -> any SandboxProvider { Self.engine(runtime, in: folder, gate: gate) }

    /// Another engine over the same folders.
    static func engine(
        _ runtime: OCIRuntime, in folder: String, gate: (any OutboundGate)? = nil, rootfs: String? = nil,
        path: String? = nil, execd: String = DockerRig.execd, cgroupRoot: String = "/sys/fs/cgroup",
        startDeadline: Duration = .seconds(20)
    ) -> OCIEngine {
        OCIEngine(
            configuration: OCIConfiguration(
                execdPath: execd, stateDirectory: folder + "/state", rootfs: rootfs ?? OCIRootfs.path,
                runtime: runtime, runtimeDirectory: folder + "/run", runtimePath: path, cgroupRoot: cgroupRoot,
                startDeadline: startDeadline),
            gate: { _ in gate }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs `body` with a fresh engine and removes everything afterwards.
    static func with(_ runtime: OCIRuntime, _ body: (OCIRig) async throws -> Void) async throws {
        let prefix = "t\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let folder = "/tmp/perimeter-\(prefix)"
        guard mkdir(folder, 0o755) == 0 else { throw NamespaceRig.Failure("no folder") }
        let gate = RecordingGate()
        let rig = OCIRig(
            folder: folder, prefix: prefix, runtime: runtime, engine: engine(runtime, in: folder, gate: gate),
            gate: gate)
        do { try await body(rig) } catch {
            await rig.clean()
            throw error
        }
        await rig.clean()
    }

    private func clean() async {
        await engine.shutdown()
        HostView.removeTree(folder)
    }

    func id(_ name: String = "a") throws -> SandboxID {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw NamespaceRig.Failure("no id") }
        return id
    }

    func spec(_ name: String) throws -> SandboxSpec { SandboxSpec(id: try id(name), limits: NamespaceRig.limits) }
    func spec() throws -> SandboxSpec { try spec("a") }

    // MARK: - What the host has

    /// Living processes in a group of this rig, or with a command line that names its folder.
    func processes() -> [String] {
        HostView.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            let line = HostView.text("/proc/\(pid)/cmdline") ?? ""
            let groups = HostView.text("/proc/\(pid)/cgroup") ?? ""
            return groups.contains(prefix) || line.contains(folder) ? "\(pid) \(line)" : nil
        }
    }

    /// Folders of control groups with this rig's name, in every controller.
    func groups() -> [String] {
        let top = "/sys/fs/cgroup"
        return HostView.names(in: top).flatMap { controller in
            HostView.names(in: "\(top)/\(controller)/perimeter-\(engine.owner)").filter { $0.contains(prefix) }.map {
                "\(controller) \($0)"
            }
        }
    }

    func mounts() -> [String] {
        (HostView.text("/proc/self/mountinfo") ?? "").split(separator: "\n").filter { $0.contains(folder) }.map(
            String.init)
    }

    /// Loop devices over files of this rig.
    func loops() -> [String] {
        HostView.names(in: "/sys/block").filter { $0.hasPrefix("loop") }.filter {
            (HostView.text("/sys/block/\($0)/loop/backing_file") ?? "").contains(folder)
        }
    }

    /// What is left on the host, after at most thirty seconds in which the kernel may finish tearing down.
    func leftovers() async -> [String] {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let found = processes() + groups() + mounts() + loops() + HostView.names(in: folder + "/run/sandboxes")
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
