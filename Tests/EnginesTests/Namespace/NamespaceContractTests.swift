import Testing

@Suite(.serialized) struct NamespaceContractTests {
    @Test(arguments: EngineContract.allCases)
    func contract(_ promise: EngineContract) async throws {
        try await NamespaceRig.with { try await promise.check($0) }
    }
}
