import Testing

/// Pods keep every promise, as far as a fake cluster can show it.
@Suite(.serialized) struct KubernetesContractTests {
    @Test(arguments: EngineContract.allCases)
    func `a Pod keeps every promise`(_ promise: EngineContract) async throws {
        try await KubernetesRig.with { try await promise.check($0) }
    }
}

/// And so do claims, over a pool without warm Pods: those that nobody has claimed would look like something left behind.
@Suite(.serialized) struct KubernetesClaimContractTests {
    @Test(arguments: EngineContract.allCases)
    func `a claim keeps every promise`(_ promise: EngineContract) async throws {
        try await KubernetesRig.withClaims { try await promise.check($0) }
    }
}
