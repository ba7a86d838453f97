import CLinux
import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// A daemon that was started before its session was known.
@Suite struct FirstConnectionTests {
    private static let token = String(repeating: "0123456789abcdef", count: 4)
    private let orders = ExecdOrders(proxyPort: 0, outputLimit: 4096, processLimit: 77)

    /// The real one, awaiting its first connection.
    private final class Awaiting {
        let tools: ToolRig
        let pid: pid_t
        private let children = ChildTable()
        private var hasEnded = false

        init() throws {
            signal(SIGPIPE, SIG_IGN)
            tools = try ToolRig()
            let null = try Descriptor(opened: open("/dev/null", O_RDWR | O_CLOEXEC), "open")
            let execd = try DaemonRig.executable()
            pid = try children.spawn(
                ChildTable.Program(
                    path: execd,
                    arguments: [
                        execd, "--await", tools.folder + "/s", "--workdir", tools.work, "--trust-root", tools.folder,
                    ],
                    environment: ["PATH=/usr/bin:/bin"], directory: "/",
                    descriptors: [(null.raw, 0), (null.raw, 1), (null.raw, 2)]))
        }

        deinit {
            guard !hasEnded else { return }
            kill(pid, SIGTERM)
            _ = waitForEnd()
        }

        func waitForEnd() -> ChildTable.ExitStatus {
            while true {
                if let status = children.takeStatus(of: pid) {
                    hasEnded = true
                    return status
                }
                sched_yield()
            }
        }

        /// Connects, as the daemon comes up, and says something.
        func say(_ text: String) throws -> Descriptor {
            let end = ContinuousClock.now + .seconds(60)
            var raw: Int32 = -1
            while raw < 0, ContinuousClock.now < end {
                raw = clinux_connect_unix(tools.folder + "/s")
                if raw < 0 { usleep(1000) }
            }
            let socket = try Descriptor(opened: raw, "connect")
            try socket.write(Array(text.utf8))
            return socket
        }

        /// What the daemon answers to a greeting; nil when it closes instead.
        func greeting(_ socket: Descriptor) throws -> HelloAck? {
            try? socket.write(WorkerMessage.hello(version: ProtocolLimits.version, wantsProgress: false).encoded(on: 0))
            var decoder = MessageDecoder<ExecdMessage>()
            while let bytes = try? socket.read(upTo: 4096), !bytes.isEmpty {
                decoder.feed(bytes)
                if let next = try decoder.next(), case .helloAck(let ack) = next.message { return ack }
            }
            return nil
        }
    }

    @Test func `the first one that says it right is believed, and no other after it`() throws {
        let daemon = try Awaiting()
        for wrong in [String(repeating: "g", count: ExecdOrders.length), Self.token + "0000ffffffff00000000"] {
            #expect(try daemon.greeting(try daemon.say(wrong)) == nil)
        }
        do { _ = try daemon.say(String(Self.token.prefix(20))) }
        let words = Self.token + orders.digits
        let first = try daemon.say(words)
        #expect(try daemon.greeting(first)?.outputLimit == 4096)
        let other = String(repeating: "f", count: 64)
        let others = ExecdOrders(proxyPort: 0, outputLimit: 4096, processLimit: 78)
        for wrong in [other + orders.digits, Self.token + others.digits] {
            #expect(try daemon.greeting(try daemon.say(wrong)) == nil)
        }
        #expect(try daemon.greeting(try daemon.say(words)) != nil)
    }

    @Test func `it ends when it is told to, also before anybody came`() throws {
        let daemon = try Awaiting()
        let socket = try daemon.say("")
        kill(daemon.pid, SIGTERM)
        #expect(daemon.waitForEnd() == .exited(0))
        _ = socket
    }

    @Test func `orders are what they were, and nothing else is`() {
        let values = [
            orders, ExecdOrders(proxyPort: 3128, outputLimit: 16 << 20, processLimit: 0),
            ExecdOrders(proxyPort: .max, outputLimit: 1024, processLimit: 1_000_000),
        ]
        for value in values { #expect(ExecdOrders(parsing: Array((Self.token + value.digits).utf8)) == value) }
        for digits in [
            "", "0000000010000000000", "000000001000000000000", "0000000003ff00000000", "00000000100000 00000",
            "0000000010000010000A", "000000001000000f4241", "0000010000010000004d",
        ] {
            #expect(ExecdOrders(parsing: Array((Self.token + digits).utf8)) == nil, "\(digits)")
        }
        #expect(ExecdOrders(parsing: Array((Self.token.uppercased() + orders.digits).utf8)) == nil)
    }
}
