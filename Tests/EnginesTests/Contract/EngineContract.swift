import Sandbox
import Testing

/// What every engine promises, one promise a case. What an engine cannot do must be refused: no case is left out.
enum EngineContract: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case runsCommands, keepsFiles, runsACallOnce, reattaches, destroysTwice, sweepsTheUnclaimed,
        refusesWhatItCannotBound
    case refusesWhatItCannotGive, hidesTheHost, hasNoNetwork, carriesConnectionsToTheGate, killsOnCancellation
    case boundsMemory, boundsProcesses, boundsTheDisk, takesBinaryFiles, pausesAndGoesOn, snapshotsAndForks
    case archivesSnapshots, survivesTheWorker, takesSettings, trustsCertificates

    var testDescription: String { rawValue }

    func check(_ rig: any EngineRig) async throws {
        switch self {
        case .runsCommands: try await EngineLife(rig: rig).runsCommands()
        case .keepsFiles: try await EngineLife(rig: rig).keepsFiles()
        case .runsACallOnce: try await EngineLife(rig: rig).runsACallOnce()
        case .reattaches: try await EngineLife(rig: rig).reattaches()
        case .destroysTwice: try await EngineLife(rig: rig).destroysTwice()
        case .sweepsTheUnclaimed: try await EngineLife(rig: rig).sweepsTheUnclaimed()
        case .survivesTheWorker: try await EngineLife(rig: rig).survivesTheWorker()
        case .takesBinaryFiles: try await EngineLife(rig: rig).takesBinaryFiles()
        case .killsOnCancellation: try await EngineLife(rig: rig).killsOnCancellation()
        case .refusesWhatItCannotBound: try await EngineBounds(rig: rig).refusesWhatItCannotBound()
        case .refusesWhatItCannotGive: try await EngineBounds(rig: rig).refusesWhatItCannotGive()
        case .boundsMemory: try await EngineBounds(rig: rig).boundsMemory()
        case .boundsProcesses: try await EngineBounds(rig: rig).boundsProcesses()
        case .boundsTheDisk: try await EngineBounds(rig: rig).boundsTheDisk()
        case .hidesTheHost: try await EngineBounds(rig: rig).hidesTheHost()
        case .hasNoNetwork: try await EngineBounds(rig: rig).hasNoNetwork()
        case .carriesConnectionsToTheGate: try await EngineBounds(rig: rig).carriesConnectionsToTheGate()
        case .pausesAndGoesOn: try await EngineState(rig: rig).pausesAndGoesOn()
        case .snapshotsAndForks: try await EngineState(rig: rig).snapshotsAndForks()
        case .takesSettings: try await EngineSettings(rig: rig).takesSettings()
        case .trustsCertificates: try await EngineSettings(rig: rig).trustsCertificates()
        case .archivesSnapshots: try await EngineState(rig: rig).archivesSnapshots()
        }
    }
}

extension EngineRig {
    /// Provisions, runs `body`, destroys, and looks that nothing is left.
    func withSandbox(
        _ spec: SandboxSpec, _ body: (any Sandbox) async throws -> Void
    ) async throws {
        let sandbox = try await provider.provision(spec)
        do { try await body(sandbox) } catch {
            await sandbox.destroy()
            throw error
        }
        await sandbox.destroy()
        #expect(await leftovers() == [])
    }
}
