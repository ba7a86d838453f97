import CLinux
import Glibc
import Logging
import Sandbox
import TestSupport

@testable import Engines

/// An engine with folders of its own, and what tests ask the host about it.
struct NamespaceRig: EngineRig {
    let folder: String
    let engine: NamespaceEngine
    let prefix: String
    let gate: RecordingGate

    var provider: any SandboxProvider { engine }
    func restarted() -> any SandboxProvider { Self.engine(in: folder, gate: gate) }

    static let execd: String = {
        if let chosen = getenv("PERIMETER_EXECD") { return String(cString: chosen) }
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        #if arch(arm64)
            let triple = "aarch64-unknown-linux-gnu"
        #else
            let triple = "x86_64-unknown-linux-gnu"
        #endif
        return "/\(root)/.build/execd/\(triple)/release/perimeter-execd"
    }()

    init(folder: String, prefix: String) {
        self.folder = folder
        self.prefix = prefix
        let gate = RecordingGate()
        self.gate = gate
        engine = Self.engine(in: folder, gate: gate)
    }

    /// Another engine over the same folders: what a restarted worker has.
    static func engine(
        in folder: String, gate: (any OutboundGate)? = nil, bubblewrap: String = "/usr/bin/bwrap",
        execd: String = execd,
        cgroupRoot: String = "/sys/fs/cgroup", allowsWeakerLimits: Bool = false
    ) -> NamespaceEngine {
        NamespaceEngine(
            configuration: NamespaceConfiguration(
                execdPath: execd, stateDirectory: folder + "/state", runtimeDirectory: folder + "/run",
                bubblewrapPath: bubblewrap, cgroupRoot: cgroupRoot, allowsWeakerLimits: allowsWeakerLimits),
            gate: { _ in gate }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs `body` with a fresh engine and removes everything afterwards.
    static func with(_ body: (NamespaceRig) async throws -> Void) async throws {
        let number = UInt32.random(in: 0...UInt32.max)
        let prefix = "t\(String(number, radix: 36))"
        let rig = NamespaceRig(folder: "/tmp/perimeter-\(prefix)", prefix: prefix)
        guard mkdir(rig.folder, 0o755) == 0 else { throw Failure("no folder: \(String(cString: strerror(errno)))") }
        do {
            try await body(rig)
        } catch {
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

    func id(_ name: String = "a") throws -> SandboxID {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw Failure("no id") }
        return id
    }

    /// Small bounds, so that reaching them is quick.
    func spec(_ name: String = "a", limits: ResourceLimits) throws -> SandboxSpec {
        SandboxSpec(id: try id(name), limits: limits)
    }

    func spec(_ name: String) throws -> SandboxSpec { try spec(name, limits: Self.limits) }
    func spec() throws -> SandboxSpec { try spec("a") }

    static let limits = ResourceLimits(memoryBytes: 128 << 20, processes: 64, cpuPercent: 200, diskBytes: 64 << 20)

    /// Provisions, runs `body` and destroys.
    func withSandbox(
        limits: ResourceLimits = Self.limits, _ body: (any Sandbox) async throws -> Void
    ) async throws {
        let sandbox = try await engine.provision(try spec(limits: limits))
        do {
            try await body(sandbox)
        } catch {
            await sandbox.destroy()
            throw error
        }
        await sandbox.destroy()
    }

    // MARK: - What the host has

    /// Command lines of living processes that name this rig's folder or have a file of it mounted or open.
    func processes() -> [String] {
        HostView.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            guard let groups = HostView.text("/proc/\(pid)/cgroup"), groups.contains(prefix) else { return nil }
            return "\(pid) \(HostView.text("/proc/\(pid)/cmdline") ?? "")"
        }
    }

    /// Folders of control groups with this rig's name.
    func groups() -> [String] {
        ["memory", "pids", "cpu", "freezer", "unified"].flatMap { controller in
            let top = "/sys/fs/cgroup/\(controller)"
            return HostView.names(in: top).filter { $0.hasPrefix("perimeter-") }.flatMap { parent in
                HostView.names(in: "\(top)/\(parent)").filter { $0.contains(prefix) }.map { "\(top)/\(parent)/\($0)" }
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
            let found = processes() + groups() + mounts() + loops()
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

extension Sandbox {
    /// The text that a command prints; an error result is text too.
    func bash(_ command: String, timeout: Int = 20_000) async throws -> String {
        let number = UInt64.random(in: 0...UInt64.max)
        let call = ToolCall(
            id: "call-\(number)", input: .bash(command: command, restart: false, timeoutMilliseconds: timeout))
        let result = try await run(call)
        return result.content.map { block in
            if case .text(let text) = block { text } else { "" }
        }.joined()
    }
}
