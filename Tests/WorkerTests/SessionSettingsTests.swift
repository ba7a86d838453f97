import Logging
import Sandbox
import Testing

@testable import Worker

/// What a session brings is in its sandbox before the first call, whatever sandbox that is.
@Suite struct SessionSettingsTests {
    private func holder(_ provider: FakeProvider, _ settings: SandboxSettings) throws -> SandboxHolder {
        SandboxHolder(
            provider: provider, spec: SandboxSpec(id: try #require(SandboxID("sesn_1"))), settings: settings,
            start: StartReport(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func `its parts are put together`() {
        #expect(SessionSettings().sandbox == SandboxSettings())
        let settings = SessionSettings(variables: ["A": "1"], gateAuthorities: ["one", "two"]).sandbox
        #expect(settings == SandboxSettings(variables: ["A": "1"], authorities: "one\ntwo"))
    }

    @Test func `every sandbox gets it once, also one that lived already, and one that came for a dead one`()
        async throws
    {
        let provider = FakeProvider()
        let first = SandboxSettings(variables: ["A": "1"])
        let holder = try holder(provider, first)
        _ = try await holder.lease()
        _ = try await holder.lease()
        #expect(provider.settings == [first])
        await holder.markLost()
        _ = try await holder.lease()
        #expect(provider.settings == [first, first])
        await holder.detach()
    }

    @Test func `a sandbox of an earlier holder loses what that one brought`() async throws {
        let provider = FakeProvider()
        let holder = try holder(provider, SandboxSettings())
        _ = try await holder.lease()
        #expect(provider.settings == [SandboxSettings()])
        await holder.detach()
    }

    @Test func `a change reaches the living sandbox at once and later ones at their start`() async throws {
        let provider = FakeProvider()
        let (first, second) = (SandboxSettings(variables: ["A": "1"]), SandboxSettings(variables: ["A": "2"]))
        let holder = try holder(provider, first)
        try await holder.configure { $0 = second }
        #expect(provider.settings.isEmpty, "there is no sandbox yet")
        _ = try await holder.lease()
        try await holder.configure { $0 = first }
        await holder.markLost()
        _ = try await holder.lease()
        #expect(provider.settings == [second, first, first])
        await holder.detach()
    }

    @Test func `a change that a sandbox refuses is forgotten, one that was lost is not`() async throws {
        let provider = FakeProvider()
        let (first, second) = (SandboxSettings(variables: ["A": "1"]), SandboxSettings(variables: ["A": "2"]))
        let holder = try holder(provider, first)
        _ = try await holder.lease()
        for (code, kept) in [(SandboxError.Code.unsupported, first), (.lost, second)] {
            provider.script { $0.settingsFailures = [SandboxError(code, "no")] }
            await #expect(throws: SandboxError.self) { try await holder.configure { $0 = second } }
            await holder.markLost()
            _ = try await holder.lease()
            #expect(provider.settings.last == kept, "\(code)")
        }
        await holder.detach()
    }

    @Test func `a sandbox that refuses it is let go, and no call runs without it`() async throws {
        let provider = FakeProvider()
        provider.script { $0.settingsFailures = [SandboxError(.unsupported, "no such name")] }
        let holder = try holder(provider, SandboxSettings(variables: ["A": "1"]))
        let error = await #expect(throws: SandboxError.self) { _ = try await holder.lease() }
        #expect(error?.code == .unsupported && provider.log == ["detach sesn_1"])
        await #expect(throws: SandboxError.self) { _ = try await holder.lease() }
        #expect(provider.settings.isEmpty)
    }

    @Test func `through the worker it comes before the first call`() async throws {
        let bench = try WorkerBench()
        bench.server.script { state in
            state.events["sesn_1"] = [WorkerBench.bash("sevt_1", "one")]
            state.items = [WorkerBench.item()]
        }
        try await bench.serve {
            try await bench.until("the result") { bench.posts().count == 1 }
            #expect(bench.provider.settings == [SandboxSettings()])
            bench.server.emit(WorkerBench.idle)
            try await bench.stopped()
        }
        #expect(bench.provider.settings.count == 1)
    }
}
