internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// The first process of a virtual machine: boots it, becomes one session's when its host says so, and carries bytes between
/// the host's port and the daemon, which runs as the programs' user and knows nothing of all this.
final class GuestInit {
    private static let socket = "/run/execd.sock"
    private static let waits = 10_000
    private static let wait: UInt32 = 1000

    private let system: GuestSystem
    private let bridge: PortBridge
    private let signals: Descriptor
    private var daemon: Int32?

    /// The device through which a machine's first process hears from its host; nil for every other process. The kernel makes
    /// it a variable: Swift finds arguments through /proc, which nobody has mounted yet.
    static var port: String? {
        guard getpid() == 1, let value = getenv("PERIMETER_GUEST_PORT") else { return nil }
        return String(cString: value)
    }

    /// Never returns: when it has to end, so does the machine.
    static func run(port: String) -> Never {
        do {
            try GuestInit(port: port).serve()
        } catch {
            // The log of the kernel, at the level of errors, which the console shows.
            try? GuestFiles.write("<3>perimeter: \(error)\n", to: "/dev/kmsg")
        }
        clinux_restart()
        exit(1)
    }

    private init(port: String) throws {
        signal(SIGPIPE, SIG_IGN)
        umask(0o022)
        signals = try Descriptor(opened: clinux_signalfd([SIGCHLD], 1), "signalfd")
        system = try GuestSystem()
        var opened = open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        for _ in 0..<Self.waits where opened < 0 {
            usleep(Self.wait)
            opened = open(port, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        }
        bridge = try PortBridge(port: Descriptor(opened: opened, "open the port"))
    }

    private func serve() throws {
        while true {
            try bridge.pump { try answer($0) }
            guard bridge.wait(with: signals) else { continue }
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
            case .sync: sync()
            case .start(let settings, let moment):
                try adjust(to: moment)
                try start(settings)
            case .attach(let moment, let token):
                try adjust(to: moment)
                if let token { bridge.expect(token) }
            case .end:
                finish()
                clinux_restart()
            }
            bridge.reply(GuestReply(failure: nil), to: nonce)
            guard request != .ping, request != .sync else { return }
            bridge.connect(try Descriptor(opened: clinux_connect_unix(Self.socket), "connect to the daemon"))
        } catch {
            bridge.reply(GuestReply(failure: "\(error)"), to: nonce)
        }
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
        let null = try Descriptor(opened: open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null")
        daemon = try GuestDaemon(settings: settings).spawn(listener: listener, null: null)
        bridge.expect(settings.token)
    }

    private func finish() {
        bridge.disconnect()
        kill(-1, SIGKILL)
        while waitpid(-1, nil, 0) > 0 || errno == EINTR {}
        system.closeWork()
    }
}
