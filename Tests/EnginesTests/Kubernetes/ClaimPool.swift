import TestSupport
import Testing
import Wire
import Yams

@testable import Engines

/// The pool that `deploy/kubernetes/claim-pool.yaml` describes, with the fake cluster's images and sizes for tests.
struct ClaimPool {
    static let name = "perimeter"
    var template: JSON
    var pool: JSON

    init(replicas: Int = 0) throws {
        let text = try #require(HostView.text(Checkout.root + "/deploy/kubernetes/claim-pool.yaml"))
        let changes = [
            ("registry.example.com/perimeter-execd:1", "execd:1"), ("registry.example.com/sandbox:1", "sandbox:1"),
            ("memory: 1Gi", "memory: 128Mi"), ("storage: 2Gi", "storage: 32Mi"),
            ("sizeLimit: 384Mi", "sizeLimit: 48Mi"),
            ("sizeLimit: 32Mi", "sizeLimit: 4Mi"), ("replicas: 2", "replicas: \(replicas)"),
        ]
        for (old, _) in changes { #expect(text.contains(old), "the example has no \(old)") }
        let nodes = try compose_all(yaml: changes.reduce(text) { $0.replacing($1.0, with: $1.1) }).map { $0 }
        template = try Self.json(try #require(nodes.first))
        pool = try Self.json(try #require(nodes.last))
    }

    var spec: JSON {
        get { template["spec"] ?? .null }
        set { template["spec"] = newValue }
    }

    /// Of the Pods.
    var pod: JSON {
        get { spec["podTemplate"]?["spec"] ?? .null }
        set {
            var podTemplate = spec["podTemplate"]
            podTemplate?["spec"] = newValue
            spec["podTemplate"] = podTemplate
        }
    }

    /// Of the container that the session runs in.
    var container: JSON {
        get { pod["containers"]?.arrayValue?.first ?? .null }
        set { pod["containers"] = [newValue] }
    }

    private static func json(_ node: Node) throws -> JSON {
        switch node {
        case .mapping(let mapping):
            return .object(JSON.Object(try mapping.map { (key: $0.key.string ?? "", value: try json($0.value)) }))
        case .sequence(let sequence): return .array(try sequence.map { try json($0) })
        case .alias: throw NamespaceRig.Failure("an alias that was not followed")
        case .scalar(let scalar):
            guard scalar.style == .plain else { return .string(scalar.string) }
            return node.bool.map { .bool($0) } ?? node.int.map { JSON($0) } ?? .string(scalar.string)
        }
    }
}

extension KubernetesRig {
    /// As ``with(_:_:_:)``, over a cluster that has agent-sandbox and a pool.
    static func withClaims(
        replicas: Int = 0, _ variables: [(String, String)] = [], pool change: (inout ClaimPool) -> Void = { _ in },
        _ body: (KubernetesRig) async throws -> Void
    ) async throws {
        var pool = try ClaimPool(replicas: replicas)
        change(&pool)
        try await with(
            variables + [("FAKE_AGENT_SANDBOX", "1")],
            {
                $0.claimPool = ClaimPool.name
                $0.image = nil
                $0.execdImage = nil
            }
        ) { rig async throws in
            let api = try await rig.engine.cluster().api
            // Before the Pods of the pool, as the chart does it.
            _ = try #require(try await api.create(.policies, PodManifest.policy))
            _ = try #require(try await api.create(.templates, pool.template))
            _ = try #require(try await api.create(.pools, pool.pool))
            try await body(rig)
        }
    }
}
