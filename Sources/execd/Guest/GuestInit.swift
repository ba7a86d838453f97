internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// The first process of a virtual machine: boots it, becomes one session's when its host says so, and carries bytes between
/// the host's port and the daemon, which runs as the programs' user and knows nothing of all this. A second port is for
/// orders while the first one is the daemon's.
final class GuestInit {
    private static let socket = "/run/execd.sock"
    private static let waits = 10_000
    private static let wait: UInt32 = 1000

    private let system: GuestSystem
    private let bridge: PortBridge
    private let orders: PortBridge
    private let signals: Descriptor
    private var daemon: Int32?

    struct Ports {
        var daemon: String
        var orders: String
    }

    /// The devices through which a machine's first process hears from its host; nil for every other process. The kernel makes
    /// them variables: Swift finds arguments through /proc, which nobody has mounted yet.
    static var ports: Ports? {
        guard getpid() == 1, let daemon = getenv("PERIMETER_GUEST_PORT"), let orders = getenv("PERIMETER_GUEST_ORDERS")
        else { return nil }
        return Ports(daemon: String(cString: daemon), orders: String(cString: orders))
    }

    /// Never returns: when it has to end, so does the machine.
    static func run(_ ports: Ports) -> Never {
        do {
            try GuestInit(ports).serve()
        } catch {
            // The log of the kernel, at the level of errors, which the console shows.
            try? GuestFiles.write("<3>perimeter: \(error)\n", to: "/dev/kmsg")
        }
        clinux_restart()
        exit(1)
    }

    private init(_ ports: Ports) throws {
        signal(SIGPIPE, SIG_IGN)
        umask(0o022)
        signals = try Descriptor(opened: clinux_signalfd([SIGCHLD], 1), "signalfd")
        system = try GuestSystem()
        bridge = try Self.open(ports.daemon)
        orders = try Self.open(ports.orders)
    }

    /// The kernel may find the device only a moment later.
    private static func open(_ port: String) throws -> PortBridge {
        var opened = Glibc.open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        for _ in 0..<waits where opened < 0 {
            usleep(wait)
            opened = Glibc.open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        }
        return try PortBridge(port: Descriptor(opened: opened, "open the port"))
    }

    private func serve() throws {
        while true {
            try bridge.pump { try answer($0) }
            try orders.pump { try obey($0) }
            guard PortBridge.wait(for: [bridge, orders], or: signals) else { continue }
            while let bytes = try? signals.read(upTo: Int(CLINUX_SIGNAL_RECORD)), !bytes.isEmpty {}
            // Without its daemon a machine is of no use.
            if isDaemonGone() { return finish() }
        }
    }

    /// Reaps what has ended: orphans become children of the first process.
    private func isDaemonGone() -> Bool {
        var isGone = false
        while case let pid = waitpid(-1, nil, WNOHANG), pid > 0 { isGone = isGone || pid == daemon }
        return isGone
    }

    private func answer(_ payload: [UInt8]) throws {
        let (request, nonce) = try GuestRequest.parse(payload)
        do {
            switch request {
            case .ping: break
            case .start(let settings, let moment):
                try adjust(to: moment)
                try start(settings)
            case .attach(let moment, let token):
                try adjust(to: moment)
                if let token { expect(token) }
            case .sync, .end: throw SystemFailure(EINVAL, "take an order on the daemon's port")
            }
            bridge.reply(GuestReply(failure: nil), to: nonce)
            guard request != .ping else { return }
            bridge.connect(try Descriptor(opened: clinux_connect_unix(Self.socket), "connect to the daemon"))
        } catch {
            bridge.reply(GuestReply(failure: "\(error)"), to: nonce)
        }
    }

    private func obey(_ payload: [UInt8]) throws {
        let (request, nonce) = try GuestRequest.parse(payload)
        switch request {
        case .sync:
            sync()
            orders.reply(GuestReply(failure: nil), to: nonce)
        case .end:
            finish()
            clinux_restart()
        case .ping, .start, .attach: orders.reply(GuestReply(failure: "this port is for orders"), to: nonce)
        }
    }

    private func expect(_ token: [UInt8]) {
        bridge.expect(token)
        orders.expect(token)
    }

    private func adjust(to moment: GuestMoment) throws(SystemFailure) {
        guard clinux_set_clock(moment.clock) == 0 else { throw SystemFailure(errno, "set the clock") }
        guard clinux_reseed(moment.seed, UInt64(moment.seed.count)) == 0 else {
            throw SystemFailure(errno, "reseed the random number generator")
        }
    }

    private func start(_ settings: GuestSettings) throws {
        guard daemon == nil else { throw SystemFailure(EEXIST, "start a second time") }
        try system.openWork()
        let listener = try Descriptor(opened: clinux_listen_unix(Self.socket), "listen for the daemon")
        guard chmod(Self.socket, 0o600) == 0 else { throw SystemFailure(errno, "chmod") }
        let null = try Descriptor(opened: Glibc.open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null")
        daemon = try GuestDaemon(settings: settings).spawn(listener: listener, null: null)
        expect(settings.token)
    }

    private func finish() {
        bridge.disconnect()
        kill(-1, SIGKILL)
        while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
        system.closeWork()
    }
}
