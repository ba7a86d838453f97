import Testing

/// Pods keep every promise, as far as a fake cluster can show it.
@Suite(.serialized) struct KubernetesContractTests {
    @Test(arguments: EngineContract.allCases)
    func `a Pod keeps every promise`(_ promise: EngineContract) async throws {
        try await KubernetesRig.with { try await promise.check($0) }
    }

    @Test(arguments: EngineContract.allCases)
    func `a claim keeps every promise`(_ promise: EngineContract) async throws {
        try await KubernetesRig.withClaims { try await promise.check($0) }
    }
}
