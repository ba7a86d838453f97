internal import Engines
internal import Wire
internal import Worker

/// The part of the settings that a worker reads; sizes in bytes, times in seconds.
struct WorkerSettings: Sendable {
    var serverURL: String?
    var environmentID: String?
    var environmentKey: Secret?
    var sandboxEngine: String
    var concurrentSessions: Int
    /// Nil when nobody set it.
    var allowedHosts: [String]?
    var egressAuthority: String?
    var packageMirrors: PackageMirrors
    var egressLeakRules: String?
    var memoryLimit: Int
    var processLimit: Int
    var cpuLimit: Int
    var diskLimit: Int
    /// Of this host, for sandboxes.
    var gpus: GraphicsAllowance
    var leaseSeconds: Int
    /// 0 keeps the item of an idle session.
    var maxIdleSeconds: Int
    /// Sandboxes kept ready; 0 keeps none.
    var warmSandboxes: Int
    var execd: String?
    /// Nil leaves Docker and Podman alone.
    var dockerImage: String?
    var dockerSocket: String
    var dockerPulls: Bool
    var customCommand: String?
    var customURL: String?
    var customSecret: Secret?
    var customAuthority: String?
    var customIsolation: VouchedIsolation
    /// Nil makes no virtual machines.
    var microvmGuest: String?
    var microvmQEMU: String
    var microvmEmulation: Bool
    var kubernetes: KubernetesSettings
    /// Nil leaves OCI runtimes alone.
    var ociRootfs: String?
    var ociRuntime: String
    var ociPlatform: String
    var allowsWeakerLimits: Bool
}
