import Testing

@testable import Engines

@Suite(.serialized) struct OCIContractTests {
    @Test(arguments: EngineContract.allCases)
    func crun(_ promise: EngineContract) async throws {
        try await OCIRig.with(.crun) { try await promise.check($0) }
    }
}
