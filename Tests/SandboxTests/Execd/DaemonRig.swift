import CLinux
import Glibc
import Logging
import NIOCore
import NIOPosix
import Sandbox
import Synchronization
import TestSupport

/// A real daemon outside of any sandbox, in folders of its own.
final class DaemonRig: Sendable {
    let folder: String
    let pid: Int32
    let proxyPort: UInt16

    var socket: String { folder + "/s" }
    var work: String { folder + "/work" }
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private init(folder: String, pid: Int32, proxyPort: UInt16) {
        self.folder = folder
        self.pid = pid
        self.proxyPort = proxyPort
    }

    /// Starts a daemon, runs `body`, kills the daemon and removes its files.
    static func with(_ body: (DaemonRig) async throws -> Void) async throws {
        let rig = try await start()
        defer { rig.end() }
        try await body(rig)
    }

    /// As ``with(_:)``, connected.
    static func connected(
        gate: (any OutboundGate)? = nil, _ body: (DaemonRig, ExecdClient) async throws -> Void
    ) async throws {
        try await with { rig in
            let client = try await rig.connect(gate: gate)
            do {
                try await body(rig, client)
            } catch {
                await client.detach()
                throw error
            }
            await client.detach()
        }
    }

    func connect(gate: (any OutboundGate)? = nil) async throws(SandboxError) -> ExecdClient {
        try await ExecdClient.connect(socketPath: socket, gate: gate, deadline: .seconds(20), logger: Self.quiet)
    }

    /// The code of the error that `body` throws; nil when it throws none.
    static func failure<R: Sendable>(
        of body: @Sendable () async throws(SandboxError) -> R
    ) async -> SandboxError.Code? {
        do throws(SandboxError) {
            _ = try await body()
            return nil
        } catch {
            return error.code
        }
    }

    /// The code of the end that `body` waits for, or of the error that it throws instead.
    static func code(of body: @Sendable () async throws -> SandboxError?) async -> SandboxError.Code? {
        do { return try await body()?.code } catch { return (error as? SandboxError)?.code }
    }

    /// Whether the daemon has exited; waits for it at most ten seconds.
    func hasExited() async -> Bool {
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            var info = siginfo_t()
            // Leaves the process to be reaped by `end`, so that its id stays taken.
            guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 else { return false }
            if info.si_signo == SIGCHLD { return true }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    private func end() {
        kill(pid, SIGTERM)
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        HostView.removeTree(folder)
    }

    private static func start() async throws -> DaemonRig {
        let execd = try executable()
        let proxyPort = try await freePort()
        var template = Array("/tmp/perimeter-execd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("no folder") }
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        mkdir(folder + "/work", 0o755)
        let listener = clinux_listen_unix(folder + "/s")
        guard listener >= 0 else { throw Failure("listen: \(errno)") }
        defer { close(listener) }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let maps = [(null, 0), (null, 1), (null, 2), (listener, 3)].map {
            clinux_descriptor_map(source: $0.0, target: Int32($0.1))
        }
        let words = [
            execd, "--listen-fd", "3", "--workdir", folder + "/work", "--proxy-port", "\(proxyPort)", "--trust-root",
            folder,
        ]
        var pid: Int32 = 0
        let failure = withStrings(words) { arguments in
            withStrings(["PATH=/usr/bin:/bin"]) { environment in
                clinux_spawn(&pid, execd, arguments, environment, "/", maps, maps.count)
            }
        }
        guard failure == 0 else { throw Failure("spawn: \(failure)") }
        return DaemonRig(folder: folder, pid: pid, proxyPort: proxyPort)
    }

    private static func executable() throws -> String {
        let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let chosen = getenv("PERIMETER_EXECD").map { String(cString: $0) }
        let built = ["x86_64", "aarch64"].map { "\(root)/.build/execd/\($0)-unknown-linux-gnu/release/perimeter-execd" }
        guard let found = (chosen.map { [$0] } ?? built).first(where: { access($0, X_OK) == 0 }) else {
            throw Failure("perimeter-execd is not built: run ./test, or build it as scripts/common.sh does")
        }
        return found
    }

    /// Below the range from which the system gives ports to whoever asks for any, so that nobody else takes it meanwhile.
    /// Asked by connecting: a socket bound for a moment would live on in a program that another test starts just then.
    private static func freePort() async throws -> UInt16 {
        for _ in 0..<100 {
            let port = candidate.withLock { port in
                port = port < 32_000 ? port + 1 : 10_000
                return port
            }
            let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            guard let channel else { return UInt16(port) }
            try await channel.close().get()
        }
        throw Failure("no free port")
    }

    private static let candidate = Mutex(Int.random(in: 10_000..<32_000))

    private static func withStrings<R>(_ texts: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R)
        -> R
    {
        var pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

extension ExecdClient {
    /// What a command prints, with an id of its own.
    func bash(_ command: String, id: String) async throws(SandboxError) -> ToolResult {
        try await run(ToolCall(id: id, input: .bash(command: command, restart: false, timeoutMilliseconds: nil)))
    }
}

extension ToolResult {
    var text: String {
        content.map { block in
            if case .text(let text) = block { text } else { "" }
        }.joined()
    }
}
