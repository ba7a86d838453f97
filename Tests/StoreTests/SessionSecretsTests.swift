import Testing
import Wire

@testable import Store

@Suite struct SessionSecretsTests {
    private static let environment = "env_1"

    private static func variable(_ name: String, _ value: String) -> JSON {
        [
            "type": "environment_variable", "secret_name": .string(name), "secret_value": .string(value),
            "networking": ["type": "unrestricted"],
        ]
    }

    /// A session with two vaults, and the acknowledged claim of its worker.
    private func withSession(
        _ body: (Store, TestClock, [VaultID], SessionID, WorkRecord) async throws -> Void
    ) async throws {
        try await withStore { bare, clock in
            let store = bare.sealing(with: try VaultsTests.keys(VaultsTests.first))
            try await store.addEnvironment()
            let vaults = [try await VaultsTests.vault(store), try await VaultsTests.vault(store)]
            let session = try await store.createSession(
                NewSession(
                    workspaceID: Store.workspace, environmentID: Self.environment, environmentKind: .selfHosted,
                    agent: [:], agentID: "agent_1", agentVersion: 1, title: nil, metadata: [:], vaultIDs: vaults,
                    initialEvents: []))
            let claim = try #require(try await claim(store))
            #expect(claim.hasVaults)
            try await body(store, clock, vaults, session.id, claim.work)
        }
    }

    private func claim(_ store: Store) async throws -> WorkClaim? {
        let id = try #require(EnvironmentID(Self.environment))
        return try await store.claimWork(.environment(id), reclaimOlderThan: .zero, tokenHash: "t")
    }

    private func acknowledge(_ work: WorkRecord, _ store: Store) async throws {
        let id = try #require(EnvironmentID(Self.environment))
        _ = try await store.acknowledgeWork(work.id, environment: id, sandbox: nil)
    }

    @Test func `variables come from the first vault that has them, under placeholders that stay`() async throws {
        try await withSession { store, _, vaults, session, work in
            try await acknowledge(work, store)
            try await VaultsTests.credential(Self.variable("B", "of second"), in: vaults[1], store)
            let first = try await VaultsTests.credential(Self.variable("B", "of first"), in: vaults[0], store)
            try await VaultsTests.credential(Self.variable("A", "a"), in: vaults[1], store)
            try await VaultsTests.credential(VaultsTests.bearer(), in: vaults[0], store)
            let secrets = try #require(try await store.sessionSecrets(of: session, for: work, known: nil))
            #expect(secrets.entries.map(\.variable) == ["A", "B"])
            #expect(secrets.entries.map { $0.value.reveal() } == ["a", "of first"])
            #expect(Set(secrets.entries.map(\.placeholder)).count == 2)
            #expect(secrets.entries.allSatisfy { $0.placeholder.hasPrefix(Store.placeholderPrefix) })
            #expect(try await store.sessionSecrets(of: session, for: work, known: secrets.revision) == nil)

            _ = try await store.archiveCredential(first, vault: vaults[0], workspace: Store.workspace)
            let changed = try #require(
                try await store.sessionSecrets(of: session, for: work, known: secrets.revision))
            #expect(changed.entries.map { $0.value.reveal() } == ["a", "of second"])
            #expect(changed.entries.map(\.placeholder) == secrets.entries.map(\.placeholder))
        }
    }

    @Test func `every change of a credential changes the revision`() async throws {
        try await withSession { store, _, vaults, session, work in
            try await acknowledge(work, store)
            func revision() async throws -> String? {
                try await store.sessionSecrets(of: session, for: work, known: nil)?.revision
            }
            var seen: Set<String?> = [try await revision()]
            let id = try await VaultsTests.credential(Self.variable("A", "a"), in: vaults[0], store)
            #expect(seen.insert(try await revision()).inserted)
            let now = store.clock.now()
            for auth: JSON in [
                ["type": "environment_variable", "secret_value": "b"],
                ["type": "environment_variable", "injection_location": ["body": false]],
            ] {
                _ = try await store.updateCredential(id, vault: vaults[0], workspace: Store.workspace) { current in
                    try CredentialRequest.update(current, with: ["auth": auth], at: now)
                }
                #expect(seen.insert(try await revision()).inserted)
            }
            try await store.deleteVault(vaults[0], workspace: Store.workspace)
            #expect(!seen.insert(try await revision()).inserted, "as without credentials")
        }
    }

    @Test func `only the latest claim gets secrets, and only while its lease lasts`() async throws {
        try await withSession { store, clock, vaults, session, early in
            try await VaultsTests.credential(Self.variable("A", "a"), in: vaults[0], store)
            func isGiven(_ work: WorkRecord, _ session: SessionID) async throws -> Bool {
                do { return try await store.sessionSecrets(of: session, for: work, known: nil) != nil } catch let error
                    as WireError
                {
                    #expect(error.status == 403)
                    return false
                }
            }
            #expect(try await !isGiven(early, session), "not acknowledged")
            clock.advance(.seconds(1))
            let late = try #require(try await claim(store)).work
            try await acknowledge(late, store)
            #expect(try await isGiven(late, session))
            #expect(try await !isGiven(early, session), "an older claim")
            let other = try await store.addSession()
            #expect(try await !isGiven(late, other.id), "another session")
            clock.advance(.seconds(Store.firstBeatSeconds))
            #expect(try await !isGiven(late, session), "the lease ran out")
        }
    }

    @Test func `a deleted session leaves no placeholders`() async throws {
        try await withSession { store, _, vaults, session, work in
            try await acknowledge(work, store)
            try await VaultsTests.credential(Self.variable("A", "a"), in: vaults[0], store)
            _ = try await store.sessionSecrets(of: session, for: work, known: nil)
            func count() async throws -> Int? {
                try await store.database.read { try $0.first("SELECT COUNT(*) FROM placeholders")?.integer(0) }
            }
            #expect(try await count() == 1)
            try await store.deleteSession(session, workspace: Store.workspace)
            #expect(try await count() == 0)
        }
    }
}
