import ExecdProtocol
import Glibc
import Sandbox
import Synchronization

/// The daemon's end of a connection, in the hands of a test: says what it is told to, whatever the protocol allows.
final class FakeDaemon: Sendable {
    private let own: Int32
    private let other: Int32
    private let greets: Bool
    private let decoder = Mutex(MessageDecoder<WorkerMessage>())

    /// - Parameter greets: answers the client's greeting while it connects.
    init(greets: Bool = true) throws {
        var pair: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
            throw DaemonRig.Failure("socketpair")
        }
        (own, other) = (pair[0], pair[1])
        self.greets = greets
    }

    deinit { close(own) }

    static let greeting = HelloAck(
        instance: 7, workDirectory: "/work", outputLimit: 1000, defaultTimeoutMilliseconds: 1,
        maximumTimeoutMilliseconds: 2, proxyPort: 0)

    /// The client takes over the other end.
    /// - Parameter answer: what is said to its greeting instead of the right thing.
    func connect(
        gate: (any OutboundGate)? = nil, deadline: Duration = .seconds(20), answer: ExecdMessage? = nil
    ) async throws -> ExecdClient {
        async let client = ExecdClient.connect(
            descriptor: other, gate: gate, deadline: deadline, logger: DaemonRig.quiet)
        if greets || answer != nil {
            _ = try await hear { _, message in message.kind == .hello }
            say(answer ?? .helloAck(Self.greeting))
        }
        return try await client
    }

    func say(_ message: ExecdMessage, on stream: UInt32 = 0) {
        say(bytes: message.encoded(on: stream))
    }

    /// Writes until all is gone or the client has closed.
    func say(bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(own, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Says no more.
    func hangUp() { shutdown(own, Int32(SHUT_RDWR)) }

    /// The next messages of the client until `isLast`; nil when the client closed before.
    func hear(
        until isLast: @Sendable (UInt32, WorkerMessage) -> Bool
    ) async throws -> [(UInt32, WorkerMessage)]? {
        var heard: [(UInt32, WorkerMessage)] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            while let (stream, message) = try decoder.withLock({ try $0.next() }) {
                heard.append((stream, message))
                if isLast(stream, message) { return heard }
            }
            // Blocking would take one of the few threads that the client's tasks need.
            let count = recv(own, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN {
                try await Task.sleep(for: .milliseconds(1))
                continue
            }
            guard count > 0 else { return nil }
            decoder.withLock { $0.feed(Array(buffer[..<count])) }
        }
    }
}
