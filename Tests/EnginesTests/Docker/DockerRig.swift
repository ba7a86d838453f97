import Glibc
import Logging
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// An engine with folders of its own on the suite's daemon, and what tests ask the host about it.
struct DockerRig: EngineRig {
    let service: PodmanService
    let folder: String
    let prefix: String
    let engine: DockerEngine
    let gate: RecordingGate

    var provider: any SandboxProvider { engine }
    func restarted() -> any SandboxProvider { engine(gate: gate) }

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

    /// Runs `body` with a fresh engine and removes everything afterwards.
    static func with(_ body: (DockerRig) async throws -> Void) async throws {
        let service = try #require(PodmanService.current)
        let prefix = "t\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let folder = "/tmp/perimeter-\(prefix)"
        guard mkdir(folder, 0o755) == 0 else { throw PodmanService.Failure("no folder") }
        let gate = RecordingGate()
        let engine = Self.engine(in: folder, socketPath: service.socketPath, gate: gate)
        let rig = DockerRig(service: service, folder: folder, prefix: prefix, engine: engine, gate: gate)
        do { try await body(rig) } catch {
            await rig.clean()
            throw error
        }
        await rig.clean()
    }

    private func clean() async {
        await engine.sweep(keeping: [])
        HostView.removeTree(folder)
    }

    static func engine(
        in folder: String, socketPath: String, gate: (any OutboundGate)? = nil, execd: String = execd,
        image: String = PodmanService.image, pulls: Bool = false, runtime: String? = nil,
        answerDeadline: Duration = .seconds(60), readyDeadline: Duration = .seconds(10),
        confinement: (@Sendable (Int32, FileIdentity) -> ContainerConfinement?)? = nil
    ) -> DockerEngine {
        DockerEngine(
            configuration: DockerConfiguration(
                execdPath: execd, stateDirectory: folder + "/state", image: image, runtimeDirectory: folder + "/run",
                socketPath: socketPath, pulls: pulls, runtime: runtime, answerDeadline: answerDeadline,
                readyDeadline: readyDeadline),
            gate: { _ in gate },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            confinement: confinement)
    }

    /// Another engine over the same folders.
    func engine(
        gate: (any OutboundGate)? = nil, execd: String = execd, image: String = PodmanService.image,
        pulls: Bool = false, runtime: String? = nil
    ) -> DockerEngine {
        Self.engine(
            in: folder, socketPath: service.socketPath, gate: gate, execd: execd, image: image, pulls: pulls,
            runtime: runtime)
    }

    func id(_ name: String = "a") throws -> SandboxID { try #require(SandboxID("\(prefix)-\(name)")) }

    static let limits = ResourceLimits(memoryBytes: 128 << 20, processes: 64, cpuPercent: 200, diskBytes: 64 << 20)

    func spec(_ name: String) throws -> SandboxSpec { SandboxSpec(id: try id(name), limits: Self.limits) }
    func spec() throws -> SandboxSpec { try spec("a") }

    // MARK: - What the host has

    /// Containers of this rig's engine, by the daemon's word.
    func containers() async throws -> [ListedContainer] {
        try await service.daemon.list(label: ContainerLabels.owner, value: engine.owner)
    }

    /// Processes in other mount namespaces that have a folder of this rig mounted, and the monitors of its containers.
    func processes() -> [String] {
        let own = HostView.link("/proc/self/ns/mnt")
        return HostView.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            let line = HostView.text("/proc/\(pid)/cmdline") ?? ""
            let isInside =
                HostView.link("/proc/\(pid)/ns/mnt") != own
                && (HostView.text("/proc/\(pid)/mountinfo") ?? "").contains(folder)
            return isInside || line.contains("perimeter-\(engine.owner)-") ? "\(pid) \(line)" : nil
        }
    }

    func mounts() -> [String] {
        (HostView.text("/proc/self/mountinfo") ?? "").split(separator: "\n").map(String.init).filter {
            $0.contains(folder) || ($0.contains(service.folder) && $0.contains("/merged "))
        }
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
            let containers = ((try? await containers()) ?? []).map { "container \($0.id)" }
            let found =
                containers + processes() + mounts() + loops() + HostView.names(in: folder + "/run/sandboxes")
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
