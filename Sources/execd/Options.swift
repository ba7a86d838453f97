internal import ExecdProtocol

/// The daemon's command line. Without one, the first process of a virtual machine is a ``GuestInit``.
///
/// | option | meaning | default |
/// |---|---|---|
/// | `--listen-fd N` | a listening unix socket, inherited | – |
/// | `--listen PATH` | or a unix socket made there; needs the variable `PERIMETER_EXECD_TOKEN` | – |
/// | `--await PATH` | or one whose first connection brings the token, `--proxy-port`, `--output-limit` and `--process-limit` | – |
/// |  | each of these paths may be `@NAME`: an abstract socket, which nobody can put another one in the place of | |
/// | `--bridge PATH` | serves nothing: carries standard input and output to the socket of the daemon that does | – |
/// | `--install PATH` | serves nothing: copies this executable there, for a container that cannot | – |
/// | `--workdir DIR` | where the tools work | `/workspace` |
/// | `--root DIR` | another directory for the file tools; repeatable | – |
/// | `--read-only-root DIR` | one that they may only read; repeatable | – |
/// | `--confine` | this process and all that it starts write below the folders named here, `/tmp`, `/run`, `/var` and `/dev/shm` only, where the kernel has Landlock | – |
/// | `--writable DIR` | with `--confine`, another folder that programs may write below; repeatable | – |
/// | `--trust-root DIR` | where certificates for programs are kept | the first of `/run`, `/dev/shm`, `/var/tmp`, `/tmp` that takes them |
/// | `--proxy-port N` | local port whose connections go to the worker; 0 = none | 0 |
/// | `--name-port N` | local port at which programs' look-ups are answered, when it is to be had; 0 = none | 0 |
/// | `--output-limit BYTES` | text of one result before it spills into a file | 100000 |
/// | `--spill-limit BYTES` | such a file at most | 67108864 |
/// | `--default-timeout-ms N` | of the `bash` tool | 120000 |
/// | `--max-timeout-ms N` | the longest a call may ask for | 600000 |
/// | `--memory-limit BYTES` | of the sandbox; the largest program is ended before it is reached; 0 = another kernel sees to it | 0 |
/// | `--process-limit N` | processes and threads of this user in its user namespace (RLIMIT_NPROC); 0 = as inherited | 0 |
struct Options {
    struct Invalid: Error { var message: String }

    enum Role: Equatable {
        case listenDescriptor(Int32)
        case listen(String)
        case await(String)
        case bridge(String)
        case install(String)
    }

    var role: Role
    var workDirectory = "/workspace"
    var roots: [String] = []
    var readOnlyRoots: [String] = []
    var isConfined = false
    var writable: [String] = []
    var trustRoot: String?
    var proxyPort: UInt16 = 0
    var namePort: UInt16 = 0
    var outputLimit = 100_000
    var spillLimit = 64 << 20
    var defaultTimeoutMilliseconds = 120_000
    var maximumTimeoutMilliseconds = 600_000
    var memoryLimit = 0
    var processLimit = 0

    init(arguments: [String]) throws(Invalid) {
        var role: Role?
        var rest = arguments[...]
        while let name = rest.popFirst() {
            if name == "--confine" {
                isConfined = true
                continue
            }
            guard let value = rest.popFirst() else { throw Invalid(message: "\(name) needs a value") }
            switch name {
            case "--listen-fd": role = .listenDescriptor(try Self.number(name, value, in: 3...1_000_000))
            case "--listen": role = .listen(try Self.socket(name, value))
            case "--await": role = .await(try Self.socket(name, value))
            case "--bridge": role = .bridge(try Self.socket(name, value))
            case "--install": role = .install(try Self.path(name, value))
            case "--workdir": workDirectory = try Self.path(name, value)
            case "--root": roots.append(try Self.path(name, value))
            case "--read-only-root": readOnlyRoots.append(try Self.path(name, value))
            case "--writable": writable.append(try Self.path(name, value))
            case "--trust-root": trustRoot = try Self.path(name, value)
            case "--proxy-port": proxyPort = try Self.number(name, value, in: 0...65535)
            case "--name-port": namePort = try Self.number(name, value, in: 0...65535)
            case "--output-limit": outputLimit = try Self.number(name, value, in: 1024...(16 << 20))
            case "--spill-limit": spillLimit = try Self.number(name, value, in: 0...(1 << 40))
            case "--default-timeout-ms": defaultTimeoutMilliseconds = try Self.number(name, value, in: 1...86_400_000)
            case "--max-timeout-ms": maximumTimeoutMilliseconds = try Self.number(name, value, in: 1...86_400_000)
            case "--memory-limit": memoryLimit = try Self.number(name, value, in: 0...(1 << 50))
            case "--process-limit": processLimit = try Self.number(name, value, in: 0...1_000_000)
            default: throw Invalid(message: "unknown option \(name)")
            }
        }
        guard let role else {
            throw Invalid(message: "--listen-fd, --listen, --await, --bridge or --install is required")
        }
        self.role = role
    }

    /// What the session brings.
    mutating func take(_ orders: ExecdOrders) {
        proxyPort = orders.proxyPort
        outputLimit = Int(orders.outputLimit)
        processLimit = Int(orders.processLimit)
    }

    private static func number<T: FixedWidthInteger>(
        _ name: String, _ text: String, in range: ClosedRange<Int>
    ) throws(Invalid) -> T {
        guard let value = Int(text), range.contains(value), let number = T(exactly: value) else {
            throw Invalid(message: "\(name): \(text) is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    private static func socket(_ name: String, _ text: String) throws(Invalid) -> String {
        text.hasPrefix("@") && text.utf8.count > 1 && !text.utf8.contains(0) ? text : try path(name, text)
    }

    private static func path(_ name: String, _ text: String) throws(Invalid) -> String {
        guard text.hasPrefix("/"), !text.utf8.contains(0) else {
            throw Invalid(message: "\(name): \(text) is not an absolute path")
        }
        return text
    }
}
