/// The part of the worker's settings that the `kubernetes` engine reads.
struct KubernetesSettings: Sendable {
    /// Nil when nobody set it.
    var image: String?
    var execdImage: String?
    /// Nil makes Pods.
    var claimPool: String?
    var namespace: String?
    /// A kubeconfig; nil takes the service account.
    var config: String?
    var context: String?
    var runtimeClass: String?
    var isolation: VouchedIsolation
    var storageClass: String?
    var usesUserNamespaces: Bool
}
