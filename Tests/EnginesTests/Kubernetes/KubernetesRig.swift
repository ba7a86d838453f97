import Glibc
import Logging
import Sandbox
import TestSupport
import Wire

@testable import Engines

/// An engine over a cluster of its own.
struct KubernetesRig: EngineRig {
    let folder: String
    let prefix: String
    let cluster: FakeCluster
    let engine: KubernetesEngine
    let gate: RecordingGate
    /// What all its engines have in common.
    let change: @Sendable (inout KubernetesConfiguration) -> Void

    var provider: any SandboxProvider { engine }
    func restarted() -> any SandboxProvider { another() }

    /// Another engine over the same cluster, and the same worker's folder.
    func another(_ change: (inout KubernetesConfiguration) -> Void = { _ in }) -> KubernetesEngine {
        Self.engine(folder, prefix, gate) { [common = self.change] in
            common(&$0)
            change(&$0)
        }
    }

    private static func engine(
        _ folder: String, _ namespace: String, _ gate: RecordingGate,
        _ change: (inout KubernetesConfiguration) -> Void = { _ in }
    ) -> KubernetesEngine {
        var configuration = KubernetesConfiguration(
            access: .kubeconfig(path: folder + "/cluster/kubeconfig"), image: "sandbox:1",
            stateDirectory: folder + "/state", namespace: namespace, execdImage: "execd:1",
            readyDeadline: .seconds(60))
        change(&configuration)
        return KubernetesEngine(
            configuration: configuration, gate: { _ in gate },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// - Parameter variables: what the fake does otherwise.
    static func with(
        _ variables: [(String, String)] = [],
        _ change: @escaping @Sendable (inout KubernetesConfiguration) -> Void = { _ in },
        _ body: (KubernetesRig) async throws -> Void
    ) async throws {
        let prefix = "t\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        let folder = "/tmp/perimeter-\(prefix)"
        guard mkdir(folder, 0o711) == 0 else { throw NamespaceRig.Failure("no folder") }
        let cluster = try FakeCluster.start(in: folder + "/cluster", variables)
        defer {
            cluster.stop()
            HostView.removeTree(folder)
        }
        try HostView.write(cluster.kubeconfig, to: cluster.folder + "/kubeconfig")
        let gate = RecordingGate()
        try await body(
            KubernetesRig(
                folder: folder, prefix: prefix, cluster: cluster, engine: engine(folder, prefix, gate, change),
                gate: gate, change: change))
    }

    func spec(_ name: String) throws -> SandboxSpec {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw NamespaceRig.Failure("no id") }
        return SandboxSpec(id: id, limits: NamespaceRig.limits)
    }

    /// Everything of a kind in the cluster, whoever made it.
    func names(_ kind: ClusterAPI.Kind) async throws -> [String] {
        let selector = "\(SandboxNames.role)=\(SandboxNames.roleValue)"
        return try await engine.cluster().api.list(kind, selector: selector).compactMap {
            $0["metadata"]?["name"]?.stringValue
        }
    }

    func leftovers() async -> [String] {
        let traces = HostTraces(folder: folder, prefix: prefix)
        return await traces.leftovers {
            do { return try await names(.pods) + names(.secrets) } catch { return ["\(error)"] }
        }
    }
}
