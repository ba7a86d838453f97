import CLinux
import Glibc
import Logging
import Sandbox
import TestSupport

@testable import Engines

/// The example hook over folders of its own, by command or by HTTP.
struct CustomRig: EngineRig {
    enum Way: String, CaseIterable, Sendable { case command, service }

    let folder: String
    let prefix: String
    let hook: CustomConfiguration.Hook
    let engine: CustomEngine
    let gate: RecordingGate
    private let service: Int32?

    var provider: any SandboxProvider { engine }
    var traces: HostTraces { HostTraces(folder: folder, prefix: prefix) }

    func restarted() -> any SandboxProvider { another() }

    /// Another engine over the same folders.
    func another(_ change: (inout CustomConfiguration) -> Void = { _ in }) -> CustomEngine {
        Self.engine(hook, folder + "/state", gate, change)
    }

    static func engine(
        _ hook: CustomConfiguration.Hook, _ state: String, _ gate: RecordingGate,
        _ change: (inout CustomConfiguration) -> Void = { _ in }
    ) -> CustomEngine {
        var configuration = CustomConfiguration(hook: hook, stateDirectory: state)
        change(&configuration)
        return CustomEngine(
            configuration: configuration, gate: { _ in gate },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    static let script = Checkout.root + "/deploy/custom-engine/hook.py"
    private static let server = Checkout.root + "/deploy/custom-engine/service.py"
    static let secret = "the-secret-of-the-hook"

    static func with(_ way: Way, _ body: (CustomRig) async throws -> Void) async throws {
        let prefix = "t\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let folder = "/tmp/perimeter-\(prefix)"
        guard mkdir(folder, 0o711) == 0 else { throw NamespaceRig.Failure("no folder") }
        let variables = [("PERIMETER_HOOK_DIR", folder + "/hook"), ("PERIMETER_EXECD", Checkout.execd)]
        var hook = CustomConfiguration.Hook.command(path: script, environment: variables)
        var service: Int32?
        if way == .service {
            let (pid, port) = try serve(script, in: folder, variables)
            service = pid
            hook = .service(url: "http://127.0.0.1:\(port)", secret: EngineSecret(secret))
        }
        let gate = RecordingGate()
        let rig = CustomRig(
            folder: folder, prefix: prefix, hook: hook, engine: engine(hook, folder + "/state", gate), gate: gate,
            service: service)
        do {
            _ = try await rig.engine.refreshedDescription()
            try await body(rig)
        } catch {
            await rig.clean()
            throw error
        }
        await rig.clean()
    }

    /// Starts the example service over a hook, on a socket that listens already.
    static func serve(_ hook: String, in folder: String, _ variables: [(String, String)]) throws -> (Int32, UInt16) {
        try HostView.write(secret, to: folder + "/secret")
        let listener = clinux_listen_loopback(0)
        defer { close(listener) }
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) == 0 }
        }
        guard listener >= 0, isNamed else { throw NamespaceRig.Failure("no listener") }
        let log = open(folder + "/service.log", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        defer { close(log) }
        let more = [
            ("LISTEN_FDS", "1"), ("PERIMETER_HOOK_SECRET_FILE", folder + "/secret"),
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ]
        let pid = try HostProgram.spawn(
            server, [hook], [(log, 1), (log, 2), (listener, 3)],
            environment: (variables + more).map { "\($0.0)=\($0.1)" })
        return (pid, UInt16(bigEndian: address.sin_port))
    }

    private func clean() async {
        await another().sweep(keeping: [])
        if let service { Self.stop(service) }
        HostTraces.removeHookGroup()
        HostView.removeTree(folder)
    }

    static func stop(_ service: Int32) {
        kill(service, SIGKILL)
        _ = clinux_reap(service, 1)
    }

    func spec(_ name: String) throws -> SandboxSpec {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw NamespaceRig.Failure("no id") }
        return SandboxSpec(id: id, limits: NamespaceRig.limits)
    }

    func leftovers() async -> [String] {
        await traces.leftovers {
            HostView.names(in: folder + "/hook/sandboxes") + HostView.names(in: folder + "/state/sandboxes")
        }
    }
}
