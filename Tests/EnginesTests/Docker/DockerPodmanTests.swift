import Testing

/// The engine against a real daemon, which is started once for all of these.
@Suite(.serialized, .podman) struct DockerPodmanTests {
    @Suite(.serialized) struct Contract {
        @Test(arguments: EngineContract.allCases)
        func contract(_ promise: EngineContract) async throws {
            try await DockerRig.with { try await promise.check($0) }
        }
    }
}
