public import Sandbox

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What a worker serves, and within which bounds.
public struct WorkerConfiguration: Sendable {
    /// The server, such as `https://api.example.com`; no path, no trailing slash.
    public var serverURL: String
    /// The environment whose queue is polled; `-` asks our own server for items of any cloud environment.
    public var environment: String
    /// Polls and acknowledges. Session calls use the item's own token when it brings one.
    public var environmentKey: Credential
    /// Names this worker in the queue's statistics.
    public var workerID: String
    /// Where the journals of started calls live; must outlive the process for calls to run at most once.
    public var stateDirectory: String
    /// Sessions served at once. 8 by default.
    public var concurrentSessions: Int
    /// The lease asked for with every heartbeat: a crashed worker's sessions move on after it. 10 s by default.
    public var leaseSeconds: Int
    /// How long a session may idle before its item is given back; nil keeps it. 60 s by default.
    public var maxIdle: Duration?
    /// Hosts that sandboxes may reach; `*` permits what an environment calls unrestricted. None by default.
    public var allowedHosts: [String]
    /// Where packages of environments come from instead of the public registries.
    public var packageMirrors: PackageMirrors
    /// Upper bounds of each sandbox.
    public var limits: ResourceLimits
    /// How long running calls may go on after a stop was asked for. 30 s by default.
    public var drainTimeout: Duration
    /// How long one poll may be held by the server, from 1 to 999. 999 by default.
    public var blockMilliseconds: Int
    /// How long snapshots, archives and the files of ended sessions are kept.
    public var retention: RetentionPolicy

    /// - Throws: ``WorkerError`` `.configuration` naming the setting that cannot work.
    public init(
        serverURL: String, environment: String, environmentKey: Credential, stateDirectory: String,
        workerID: String = WorkerConfiguration.makeWorkerID(), concurrentSessions: Int = 8, leaseSeconds: Int = 10,
        maxIdle: Duration? = .seconds(60), allowedHosts: [String] = [],
        packageMirrors: PackageMirrors = PackageMirrors(), limits: ResourceLimits = ResourceLimits(),
        drainTimeout: Duration = .seconds(30), blockMilliseconds: Int = 999,
        retention: RetentionPolicy = RetentionPolicy()
    ) throws(WorkerError) {
        var url = Substring(serverURL)
        while url.last == "/" { url.removeLast() }
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw WorkerError(.configuration, "the server URL must start with http:// or https://")
        }
        guard RemoteID(environment) != nil else {
            throw WorkerError(.configuration, "'\(environment.prefix(64))' is not an environment id")
        }
        guard stateDirectory.hasPrefix("/") else {
            throw WorkerError(.configuration, "the state directory must be an absolute path")
        }
        guard (1...1024).contains(concurrentSessions) else {
            throw WorkerError(.configuration, "concurrent sessions must be from 1 to 1024")
        }
        guard (1...3600).contains(leaseSeconds) else {
            throw WorkerError(.configuration, "lease seconds must be from 1 to 3600")
        }
        guard (1...999).contains(blockMilliseconds) else {
            throw WorkerError(.configuration, "block milliseconds must be from 1 to 999")
        }
        guard Credential(workerID) != nil, workerID.utf8.count <= 128 else {
            throw WorkerError(.configuration, "the worker id must be 1 to 128 printable ASCII characters")
        }
        self.serverURL = String(url)
        self.environment = environment
        self.environmentKey = environmentKey
        self.workerID = workerID
        self.stateDirectory = stateDirectory
        self.concurrentSessions = concurrentSessions
        self.leaseSeconds = leaseSeconds
        self.maxIdle = maxIdle
        self.allowedHosts = allowedHosts
        self.packageMirrors = packageMirrors
        self.limits = limits
        self.drainTimeout = drainTimeout
        self.blockMilliseconds = blockMilliseconds
        self.retention = retention
    }

    /// A new worker id: the host's name and 12 random hexadecimal digits.
    public static func makeWorkerID() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let isNamed = gethostname(&buffer, buffer.count - 1) == 0
        let name = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.filter { (0x21...0x7E).contains($0) }.prefix(
            64)
        let digits = Array("0123456789abcdef")
        let random = String((0..<12).map { _ in digits[Int.random(in: 0..<16)] })
        return (isNamed && !name.isEmpty ? String(decoding: name, as: UTF8.self) : "worker") + "-" + random
    }
}
