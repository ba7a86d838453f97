import Testing

/// The example hook keeps every promise as a program.
@Suite(.serialized) struct CustomCommandContractTests {
    @Test(arguments: EngineContract.allCases)
    func `the example hook keeps every promise`(_ promise: EngineContract) async throws {
        try await CustomRig.with(.command) { try await promise.check($0) }
    }
}

/// And behind HTTP, beside the other: what takes long in them is waiting.
@Suite(.serialized) struct CustomServiceContractTests {
    @Test(arguments: EngineContract.allCases)
    func `the example service keeps every promise`(_ promise: EngineContract) async throws {
        try await CustomRig.with(.service) { try await promise.check($0) }
    }
}
