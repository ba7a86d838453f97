import Testing

@testable import Engines

/// The engine with the real runtimes.
@Suite(.serialized, .ociRootfs) struct OCITests {
    @Suite(.serialized) struct Contract {
        @Test(arguments: EngineContract.allCases)
        func crun(_ promise: EngineContract) async throws {
            try await OCIRig.with(.crun) { try await promise.check($0) }
        }

        @Test(arguments: EngineContract.allCases)
        func runc(_ promise: EngineContract) async throws {
            try await OCIRig.with(.runc) { try await promise.check($0) }
        }

        @Test(arguments: EngineContract.allCases)
        func runsc(_ promise: EngineContract) async throws {
            try await OCIRig.with(.runsc) { try await promise.check($0) }
        }
    }
}
