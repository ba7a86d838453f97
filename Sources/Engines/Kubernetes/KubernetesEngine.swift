internal import Glibc
public import Logging
internal import NIOHTTP1
internal import NIOSSL
public import Sandbox
internal import Synchronization
internal import Wire

/// Sandboxes as Pods of a Kubernetes cluster, made here or claimed from a pool of agent-sandbox: no capabilities, no service account, no network, a read-only root from an image, and a
/// volume of bounded size that survives them. The daemon inside is reached through the API server, as `kubectl exec` does.
///
/// The cluster is the ledger: what belongs to a sandbox carries its id and its owner's name from the moment on at which it
/// exists, in an order that leaves nothing without a name. Any worker of the namespace can go on with a sandbox.
public final class KubernetesEngine: SandboxProvider, SandboxKeeper {
    public let name = "kubernetes"

    let configuration: KubernetesConfiguration
    let logger: Logger
    let lane = BlockingLane(threadLimit: 8)
    private let gate: @Sendable (SandboxSpec) -> (any OutboundGate)?
    let locks = SandboxLocks()
    private let known = Mutex<(api: ClusterAPI, owner: String)?>(nil)
    /// Bounds that a sandbox was found to lack.
    let missing = Mutex<Set<String>>([])

    static let attachDeadline = Duration.seconds(10)

    /// - Parameter gate: serves what a sandbox sends to the outside; nil lets nothing out.
    public init(
        configuration: KubernetesConfiguration, gate: @escaping @Sendable (SandboxSpec) -> (any OutboundGate)?,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gate = gate
        self.logger = logger
    }

    public var capabilities: EngineCapabilities {
        EngineCapabilities(
            isolation: configuration.isolation, pause: .files, snapshot: .nothing,
            images: configuration.claimPool == nil,
            network: true, gpus: 0,
            bounds: (countsProcesses ? ["memory", "processes", "cpu", "disk"] : ["memory", "cpu", "disk"] as Set)
                .subtracting(missing.withLock { $0 }))
    }

    /// A Pod's specification cannot bound its processes; a limit of its user can, where no other Pod has the same user.
    var countsProcesses: Bool { configuration.usesUserNamespaces || configuration.isolation == .ownKernel }

    public func provision(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        try refuseUnsupported(spec)
        return try await locks.withLock(spec.id) { () async throws(SandboxError) in
            if let pool = configuration.claimPool { return try await provision(spec, from: pool) }
            if let living = try await attach(spec) { return living }
            return try await create(spec)
        }
    }

    /// The cluster and this worker's name in it; read once.
    func cluster() async throws(SandboxError) -> (api: ClusterAPI, owner: String) {
        if let known = known.withLock({ $0 }) { return known }
        let loaded = await lane.run { [configuration, lane] () -> Result<(ClusterAPI, String), SandboxError> in
            do throws(SandboxError) {
                let access = try ClusterAccess.load(configuration.access)
                guard let namespace = configuration.namespace ?? access.namespace, Self.isName(namespace) else {
                    throw SandboxError(
                        .unavailable, "there is no namespace for sandboxes: name one that holds nothing else")
                }
                let api = ClusterAPI(
                    access: access, namespace: namespace, lane: lane, deadline: configuration.answerDeadline)
                do throws(SystemError) {
                    return .success((api, try OwnerName.kept(in: configuration.stateDirectory)))
                } catch {
                    throw SandboxError(error)
                }
            } catch {
                return .failure(error)
            }
        }
        let (api, owner) = try loaded.get()
        return known.withLock { known in
            let result = known ?? (api: api, owner: owner)
            known = result
            return result
        }
    }

    /// RFC 1123: it stands in addresses.
    private static func isName(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    // MARK: - Attaching

    /// Comes back to a Pod that lives already; nil when there is none that can be used.
    private func attach(_ spec: SandboxSpec) async throws(SandboxError) -> (any Sandbox)? {
        let (api, owner) = try await cluster()
        let name = SandboxNames.name(spec.id)
        guard let pod = try await api.get(.pods, name) else { return nil }
        guard let facts = PodFacts(pod), facts.id == spec.id else {
            throw SandboxError(
                .unavailable, "the Pod \(name) is not a sandbox of this session: use a namespace for them alone")
        }
        guard !facts.isLeaving, facts.state == .running, facts.shape == SandboxNames.shape(spec),
            let secret = try await api.get(.secrets, name), let token = Self.token(in: secret)
        else { return nil }
        if facts.owner != owner { try await take(name, of: facts.owner, as: owner, api) }
        do throws(SandboxError) {
            guard
                let client = try await connect(
                    spec, DaemonDoor(pod: name, token: token), within: Self.attachDeadline)
            else { return nil }
            return ExecdSandbox(id: spec.id, boundary: boundary, client: client, keeper: self)
        } catch {
            // What runs inside is not given up because the caller left or the API server is away for a moment.
            guard !Task.isCancelled, error.code != .unavailable else { throw error }
            logger.warning(
                "a living sandbox cannot be used and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)", "reason": "\(error.message)"])
            return nil
        }
    }

    /// The session has come to this worker: the other one's sweeps leave it alone from now on.
    private func take(_ name: String, of other: String, as owner: String, _ api: ClusterAPI) async throws(SandboxError)
    {
        logger.info("sandbox taken over", metadata: ["pod": "\(name)", "owner": "\(String(peer: other, limit: 64))"])
        for kind in [ClusterAPI.Kind.pods, .secrets, .claims] {
            _ = try await api.patch(
                kind, name, metadata: ["labels": .object(JSON.Object([(SandboxNames.owner, .string(owner))]))])
        }
    }

    static func token(in secret: JSON) -> ExecdToken? {
        secret["data"]?[PodManifest.tokenKey]?.stringValue.flatMap { Base64.decode($0) }.flatMap {
            ExecdToken(digits: String(decoding: $0, as: UTF8.self))
        }
    }

    /// Opens the stream to the daemon in a running Pod and greets.
    /// - Returns: nil when there is no such Pod.
    func connect(
        _ spec: SandboxSpec, _ door: DaemonDoor, within deadline: Duration
    ) async throws(SandboxError) -> ExecdClient? {
        let api = try await cluster().api
        let gate = gate(spec)
        let words = [PodManifest.execd, "--bridge", PodManifest.socket].map { "command=\(ServiceURL.escaped($0))" }
        let query =
            ["container=\(SandboxNames.container)", "stdin=true", "stdout=true", "stderr=true", "tty=false"] + words
        var fields = try await api.fields()
        fields.add(name: "sec-websocket-protocol", value: PodStream.protocols.joined(separator: ", "))
        let target = ClusterAPI.Kind.pods.path(api.namespace) + "/\(door.pod)/exec?"
        let answer: UpgradeDialer.Answer<ExecdEnd>
        do throws(SandboxError) {
            answer = try await UpgradeDialer.open(
                api.access.url, target: target + query.joined(separator: "&"), fields: fields,
                trust: api.access.trust ?? .makeClientConfiguration(),
                upgrader: PodStream.upgrader(hasGate: gate != nil),
                deadline: deadline)
        } catch {
            throw SandboxError(.unavailable, "no stream to the Pod: \(error.message)", cause: error)
        }
        switch answer {
        case .upgraded(let end):
            return try await ExecdClient.connect(
                end, token: door.token, orders: door.orders, gate: gate, deadline: deadline, logger: logger)
        case .refused(let status, _, let body):
            guard status != 404 else { return nil }
            let parsed = (try? JSON(parsing: body, maximumDepth: 32)) ?? .null
            let failure = ClusterAPI.failure(.init(status: status, body: parsed), "open a stream into a Pod")
            throw SandboxError(.unavailable, failure.message, cause: failure)
        }
    }
}
