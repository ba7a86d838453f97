internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// `perimeter-execd`: runs a sandbox's tools and speaks to the worker over one byte stream.
@main
struct Execd {
    static func main() {
        do {
            exit(try start(Array(CommandLine.arguments.dropFirst())))
        } catch {
            let line = Array("perimeter-execd: \(message(of: error))\n".utf8)
            _ = write(2, line, line.count)
            exit(2)
        }
    }

    private static func start(_ arguments: [String]) throws -> Int32 {
        if arguments.isEmpty, let ports = GuestInit.ports { GuestInit.run(ports) }
        var options = try Options(arguments: arguments)
        if case .install(let path) = options.role { return try Installation(at: path).run() }
        // Before anything else: no tool may trace this process or look at its memory and descriptors. The token passes a bridge.
        guard clinux_set_dumpable(0) == 0 else { throw SystemFailure(errno, "prctl") }
        if case .bridge(let path) = options.role { return try Bridge(to: path).run() }
        guard clinux_set_cloexec_from(3) == 0 else { throw SystemFailure(errno, "close_range") }
        _ = clinux_set_child_subreaper()
        // While there is one thread: growing the table of descriptors later, which a spawn does, waits some ten milliseconds
        // for the kernel's other readers of it.
        let high = fcntl(2, F_DUPFD_CLOEXEC, 255)
        if high >= 0 { close(high) }
        var token = ConnectionToken.taken()
        let listener = try listener(options.role, isGuarded: token != nil)
        signal(SIGPIPE, SIG_IGN)
        umask(0o022)
        try Confinement.enforce(options)
        let signals = try Descriptor(opened: clinux_signalfd([SIGCHLD, SIGTERM, SIGINT, SIGHUP], 4), "signalfd")
        var first: Descriptor?
        if case .await = options.role {
            guard let found = FirstConnection.wait(at: listener, signals: signals) else { return 0 }
            (token, first) = (found.token, found.socket)
            options.take(found.orders)
        }
        try bound(options.processLimit)
        let settings = ToolSettings(
            workDirectory: options.workDirectory, roots: options.roots, readOnlyRoots: options.readOnlyRoots,
            environment: ToolEnvironment.make(
                inherited: inheritedEnvironment(), workDirectory: options.workDirectory, proxyPort: options.proxyPort),
            outputLimit: options.outputLimit, spillLimit: options.spillLimit,
            defaultTimeoutMilliseconds: options.defaultTimeoutMilliseconds,
            maximumTimeoutMilliseconds: options.maximumTimeoutMilliseconds, proxyPort: options.proxyPort)
        var proxy: Descriptor?
        if options.proxyPort != 0 {
            proxy = try Descriptor(opened: clinux_listen_loopback(options.proxyPort), "listen on the proxy port")
        }
        let trust = options.trustRoot.map { TrustFolder(parents: [$0]) } ?? TrustFolder()
        let daemon = try Daemon(
            settings: settings, trust: trust, listener: listener, token: token, first: first, proxy: proxy,
            proxyPort: options.proxyPort, names: options.namePort == 0 ? nil : NameService(port: options.namePort),
            signals: signals, memoryGuard: options.memoryLimit > 0 ? MemoryGuard(limit: options.memoryLimit) : nil)
        return daemon.run()
    }

    private static func listener(_ role: Options.Role, isGuarded: Bool) throws -> Descriptor {
        switch role {
        case .listenDescriptor(let raw): return Descriptor(raw)
        case .listen(let path):
            // Programs inside can reach a path: without a token they could act as the worker.
            guard isGuarded else {
                throw Options.Invalid(message: "--listen needs PERIMETER_EXECD_TOKEN with 64 hexadecimal digits")
            }
            return try made(path)
        case .await(let path):
            guard !isGuarded else { throw Options.Invalid(message: "--await takes its token with a connection") }
            return try made(path)
        case .bridge, .install: throw Options.Invalid(message: "only a daemon listens")
        }
    }

    private static func made(_ path: String) throws -> Descriptor {
        unlink(path)
        return try Descriptor(opened: clinux_listen_unix(path), "listen at the given path")
    }

    /// For engines that cannot bound the processes of a sandbox from the outside.
    private static func bound(_ processes: Int) throws {
        guard processes > 0 else { return }
        guard clinux_bound_processes(UInt64(processes)) == 0 else {
            throw SystemFailure(errno, "bound the processes")
        }
    }

    private static func inheritedEnvironment() -> [String] {
        var entries: [String] = []
        var next = environ
        while let entry = next.pointee {
            entries.append(String(cString: entry))
            next += 1
        }
        return entries
    }

    private static func message(of error: any Error) -> String {
        switch error {
        case let invalid as Options.Invalid: invalid.message
        case let refused as ToolError: refused.message
        default: "\(error)"
        }
    }
}
