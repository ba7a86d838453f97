import Store
import Testing
import Wire

@Suite struct KeysTests {
    @Test func `a configured key replaces the one before it and can come back`() async throws {
        try await withStore { store, clock in
            let (first, second) = (KeySecret("sk-ant-admin01-first"), KeySecret("sk-ant-admin01-second"))
            for secret in [first, first, second] {
                try await store.ensureKey(secret, kind: .organization, name: "bootstrap")
            }
            #expect(try await store.key(hash: first.hash)?.isValid(at: clock.now()) == false)
            #expect(try await store.key(hash: second.hash)?.isValid(at: clock.now()) == true)
            try await store.ensureKey(first, kind: .organization, name: "bootstrap")
            #expect(try await store.key(hash: first.hash)?.isValid(at: clock.now()) == true)
            #expect(try await store.key(hash: second.hash)?.isValid(at: clock.now()) == false)
        }
    }

    @Test func `secrets are not stored and do not print`() async throws {
        try await withStore { store, _ in
            try await store.ensureKey(KeySecret("sk-ant-admin01-first"), kind: .organization, name: "bootstrap")
            let (record, secret) = try await store.createKey(kind: .api, name: "k", workspace: Store.defaultWorkspace)
            #expect("\(secret)" == "•••")
            #expect(!"\(record)".contains(secret.reveal()))
            #expect(record.hint.hasPrefix("sk-ant-api03-"))
            #expect(try await store.key(hash: secret.hash)?.id == record.id)
        }
    }

    @Test func `a key ends with its environment`() async throws {
        try await withStore { store, _ in
            try await store.ensureKey(KeySecret("sk-ant-admin01-first"), kind: .organization, name: "bootstrap")
            let id = EnvironmentID.make(store.ids)
            let (body, kind) = try EnvironmentRequest.create(["name": "e"], id: id, at: store.clock.now())
            try await store.createEnvironment(
                id, kind: kind, body: body, workspace: Store.defaultWorkspace, at: store.clock.now())
            let (_, secret) = try await store.createKey(
                kind: .environment, name: "w", workspace: Store.defaultWorkspace, environment: id.rawValue)
            try await store.deleteEnvironment(id, workspace: Store.defaultWorkspace)
            #expect(try await store.key(hash: secret.hash) == nil)
        }
    }
}
