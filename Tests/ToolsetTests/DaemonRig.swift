import CLinux
import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// The real daemon as a process of its own, with a connection to it. Fails, and does not skip, when it has not been built.
final class DaemonRig {
    let tools: ToolRig
    let pid: pid_t
    private let children = ChildTable()
    private var socket: Descriptor
    private var decoder = MessageDecoder<ExecdMessage>()
    private var nextStream: UInt32 = 1
    private var calls = 0
    private var hasEnded = false
    private(set) var output = ""

    init(options: [String] = []) throws {
        signal(SIGPIPE, SIG_IGN)
        tools = try ToolRig()
        let listener = try Descriptor(opened: clinux_listen_unix(tools.folder + "/s"), "listen")
        let null = try Descriptor(opened: open("/dev/null", O_RDWR | O_CLOEXEC), "open")
        let execd = try Self.executable()
        pid = try children.spawn(
            ChildTable.Program(
                path: execd,
                arguments: [execd, "--listen-fd", "3", "--workdir", tools.work, "--trust-root", tools.folder]
                    + options,
                environment: ["PATH=/usr/bin:/bin"], directory: "/",
                descriptors: [(null.raw, 0), (null.raw, 1), (null.raw, 2), (listener.raw, 3)]))
        socket = try Descriptor(opened: clinux_connect_unix(tools.folder + "/s"), "connect")
        try greet()
    }

    deinit {
        guard !hasEnded else { return }
        kill(pid, SIGTERM)
        _ = waitForEnd()
    }

    /// Another connection, on which nothing has been said yet.
    static func connect(_ daemon: DaemonRig) throws -> Descriptor {
        try Descriptor(opened: clinux_connect_unix(daemon.tools.folder + "/s"), "connect")
    }

    /// Takes a new connection, which replaces the old one.
    func reconnect() throws {
        socket = try Descriptor(opened: clinux_connect_unix(tools.folder + "/s"), "connect")
        decoder = MessageDecoder()
        nextStream = 1
        try greet()
    }

    func send(_ message: WorkerMessage, on stream: UInt32 = 0) throws {
        try socket.write(message.encoded(on: stream))
    }

    func receive() throws -> (stream: UInt32, message: ExecdMessage) {
        while true {
            if let next = try decoder.next() {
                if case .output(let bytes) = next.message { output += String(decoding: bytes, as: UTF8.self) }
                return next
            }
            let bytes = try socket.read(upTo: 1 << 16)
            try #require(!bytes.isEmpty, "the daemon is gone")
            decoder.feed(bytes)
        }
    }

    func takeStream() -> UInt32 {
        defer { nextStream += 2 }
        return nextStream
    }

    /// - Returns: the call's stream.
    func start(_ id: String, _ input: CallInput) throws -> UInt32 {
        let stream = takeStream()
        try send(.call(id: id, input: input), on: stream)
        return stream
    }

    func result(on stream: UInt32) throws -> CallResult {
        while true {
            let next = try receive()
            if next.stream == stream, case .result(let result) = next.message { return result }
        }
    }

    func bash(_ command: String?, restart: Bool = false, timeout: Int? = nil) throws -> CallResult {
        let input = CallInput.bash(command: command, restart: restart, timeoutMilliseconds: timeout)
        return try result(on: try start(nextID(), input))
    }

    /// - Returns: why it was refused, or nil.
    func configure(_ configuration: Configuration) throws -> Fault? {
        let stream = takeStream()
        try send(.configure(configuration), on: stream)
        while true {
            let next = try receive()
            guard next.stream == stream else { continue }
            switch next.message {
            case .configured: return nil
            case .fault(let fault): return fault
            default: throw ProtocolError.invalidField("configured")
            }
        }
    }

    private func nextID() -> String {
        calls += 1
        return "call\(calls)"
    }

    /// Waits until the daemon has ended.
    func waitForEnd() -> ChildTable.ExitStatus {
        while true {
            if let status = children.takeStatus(of: pid) {
                hasEnded = true
                return status
            }
            sched_yield()
        }
    }

    private func greet() throws {
        try send(.hello(version: ProtocolLimits.version, wantsProgress: true))
        guard case .helloAck = try receive().message else { throw ProtocolError.invalidField("hello") }
    }

    static func executable() throws -> String {
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let chosen = getenv("PERIMETER_EXECD").map { [String(cString: $0)] }
        let built = ["x86_64", "aarch64"].map { "\(root)/.build/execd/\($0)-unknown-linux-gnu/release/perimeter-execd" }
        let found = (chosen ?? built).first { access($0, X_OK) == 0 }
        return try #require(found, "perimeter-execd is not built: run ./test, or build it as scripts/common.sh does")
    }
}
