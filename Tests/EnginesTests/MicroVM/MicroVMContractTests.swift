import Testing

extension MicroVMTests {
    @Suite struct MicroVMContractTests {
        @Test(arguments: EngineContract.allCases)
        func contract(_ promise: EngineContract) async throws {
            try await MicroVMRig.with { try await promise.check($0) }
        }
    }
}
