public import Sandbox

/// How the `kubernetes` engine works: one Pod per sandbox, in one namespace that holds nothing else.
public struct KubernetesConfiguration: Sendable {
    public enum Access: Sendable {
        /// As a Pod of the cluster: the service account's files, read anew for every request, since its token changes.
        case serviceAccount(
            folder: String = "/var/run/secrets/kubernetes.io/serviceaccount",
            url: String = "https://kubernetes.default.svc")
        /// A file as kubectl has it; `context` nil takes its current one.
        case kubeconfig(path: String, context: String? = nil)
    }

    public var access: Access
    /// Where the Pods are made; nil takes the service account's or the context's own.
    public var namespace: String?
    /// The SandboxWarmPool from which sandboxes are claimed; nil makes Pods. Its template then says what `image`, `execdImage` and
    /// `storageClass` do otherwise.
    public var claimPool: String?
    /// The image of sandboxes that ask for none; nil with a pool alone. It needs bash and the usual commands.
    public var image: String?
    /// An image with nothing but `/perimeter-execd`, from which every Pod gets the daemon; nil when the images of the sandboxes have
    /// it as `/opt/perimeter/execd`.
    public var execdImage: String?
    /// Such as `gvisor` or `kata`; nil takes the cluster's default.
    public var runtimeClass: String?
    /// What the operator vouches for: the cluster decides what a runtime class is.
    public var isolation: EngineCapabilities.Isolation
    /// Of the volumes for work directories; nil takes the cluster's default. Its volumes must have the size that they are asked for.
    public var storageClass: String?
    /// Asks for a user namespace per Pod, in which processes can be counted. On by default.
    public var usesUserNamespaces: Bool
    /// Keeps this worker's name as an owner; must outlive the process.
    public var stateDirectory: String
    /// Creates sandboxes also where a bound does not hold; the boundary label then says which. Off by default.
    public var allowsWeakerLimits: Bool
    /// How long a Pod lives at most, so that one that nobody finds any more ends by itself. 24 hours by default.
    public var lifetime: Duration
    /// How long the API server may take for one answer. 30 seconds by default.
    public var answerDeadline: Duration
    /// How long a new Pod may take until the daemon in it listens: finding a node, fetching images. 5 minutes by default.
    public var readyDeadline: Duration
    /// How long a removed Pod may take to be gone. 1 minute by default.
    public var removalDeadline: Duration
    /// How long the volume of a session that nobody serves is kept. 30 days by default.
    public var retention: Duration
    /// What a probe's sandbox is bounded by: little, or with a pool what its template must keep to.
    public var probeLimits: ResourceLimits

    public init(
        access: Access, image: String?, stateDirectory: String, namespace: String? = nil, claimPool: String? = nil,
        execdImage: String? = nil,
        runtimeClass: String? = nil, isolation: EngineCapabilities.Isolation = .sharedKernel,
        storageClass: String? = nil, usesUserNamespaces: Bool = true, allowsWeakerLimits: Bool = false,
        lifetime: Duration = .seconds(86_400), answerDeadline: Duration = .seconds(30),
        readyDeadline: Duration = .seconds(300), removalDeadline: Duration = .seconds(60),
        retention: Duration = .seconds(30 * 86_400),
        probeLimits: ResourceLimits = ResourceLimits(
            memoryBytes: 256 << 20, processes: 64, cpuPercent: 50, diskBytes: 64 << 20)
    ) {
        self.access = access
        self.namespace = namespace
        self.claimPool = claimPool
        self.image = image
        self.execdImage = execdImage
        self.runtimeClass = runtimeClass
        self.isolation = isolation
        self.storageClass = storageClass
        self.usesUserNamespaces = usesUserNamespaces
        self.stateDirectory = stateDirectory
        self.allowsWeakerLimits = allowsWeakerLimits
        self.lifetime = lifetime
        self.answerDeadline = answerDeadline
        self.readyDeadline = readyDeadline
        self.removalDeadline = removalDeadline
        self.retention = retention
        self.probeLimits = probeLimits
    }
}
