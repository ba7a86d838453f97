import Testing
import Wire

@testable import Store

@Suite struct VaultsTests {
    static let first = Secret(String(repeating: "a", count: 64))
    static let second = Secret(String(repeating: "b", count: 64))

    static func keys(_ current: Secret, older: [Secret] = []) throws -> MasterKeys {
        MasterKeys(current: try #require(MasterKey(current)), older: older.compactMap { MasterKey($0) })
    }

    static func vault(_ store: Store) async throws -> VaultID {
        let id = VaultID.make(store.ids)
        let now = store.clock.now()
        let body = try VaultRequest.create(["display_name": "v"], id: id, at: now)
        try await store.createVault(id, body: body, workspace: Store.workspace, at: now)
        return id
    }

    @discardableResult
    static func credential(_ auth: JSON, in vault: VaultID, _ store: Store) async throws -> CredentialID {
        let id = CredentialID.make(store.ids)
        let now = store.clock.now()
        let new = try CredentialRequest.create(["auth": auth], id: id, vault: vault, at: now)
        try await store.createCredential(new, id: id, vault: vault, workspace: Store.workspace, at: now)
        return id
    }

    static func bearer(_ number: Int = 1) -> JSON {
        [
            "type": "static_bearer", "token": .string("token-\(number)"),
            "mcp_server_url": .string("https://example.com/\(number)"),
        ]
    }

    private func secrets(_ id: CredentialID, _ vault: VaultID, _ store: Store, _ keys: MasterKeys) async throws
        -> Secret
    {
        try await store.credential(id, vault: vault, workspace: Store.workspace).secrets(keys).value
    }

    @Test func `a secret opens under its key, in its row, unchanged, and nowhere else`() throws {
        let keys = try Self.keys(Self.first)
        let sealed = try keys.seal(Array("secret".utf8), owner: "vlt_1/vcrd_1")
        #expect(try keys.open(sealed, owner: "vlt_1/vcrd_1") == Array("secret".utf8))
        #expect(try keys.seal(Array("secret".utf8), owner: "vlt_1/vcrd_1") != sealed)
        #expect(throws: StoreError.self) { try keys.open(sealed, owner: "vlt_1/vcrd_2") }
        #expect(throws: StoreError.self) { try Self.keys(Self.second).open(sealed, owner: "vlt_1/vcrd_1") }
        #expect(try Self.keys(Self.second, older: [Self.first]).open(sealed, owner: "vlt_1/vcrd_1").count == 6)
        for index in sealed.bytes.indices {
            var changed = sealed
            changed.bytes[index] ^= 1
            #expect(throws: StoreError.self) { try keys.open(changed, owner: "vlt_1/vcrd_1") }
        }
        for count in 0..<sealed.bytes.count {
            var cut = sealed
            cut.bytes = Array(sealed.bytes.prefix(count))
            #expect(throws: StoreError.self) { try keys.open(cut, owner: "vlt_1/vcrd_1") }
        }
    }

    @Test func `keys and secrets do not print`() throws {
        let key = try #require(MasterKey(Self.first))
        let secrets = CredentialSecrets(value: Secret("hidden-value"), refreshToken: Secret("hidden-value"))
        for text in ["\(key)", String(reflecting: key), "\(secrets)", String(reflecting: secrets)] {
            #expect(!text.contains("aaaa") && !text.contains("hidden-value"), "\(text)")
        }
        var dumped = ""
        dump((key, secrets, try Self.keys(Self.first)), to: &dumped)
        #expect(!dumped.contains("aaaa") && !dumped.contains("hidden-value"))
        #expect(MasterKey(Secret("short")) == nil)
    }

    @Test func `secrets move to a new key and need the old one no longer`() async throws {
        try await withStore { store, _ in
            let old = store.sealing(with: try Self.keys(Self.first))
            let vault = try await Self.vault(old)
            let ids = [
                try await Self.credential(Self.bearer(1), in: vault, old),
                try await Self.credential(Self.bearer(2), in: vault, old),
            ]
            let archived = try await Self.credential(Self.bearer(3), in: vault, old)
            _ = try await old.archiveCredential(archived, vault: vault, workspace: Store.workspace)

            let bare = store.sealing(with: try Self.keys(Self.second))
            await #expect(throws: StoreError.self) { try await bare.reseal() }
            let both = store.sealing(with: try Self.keys(Self.second, older: [Self.first]))
            #expect(try await both.reseal() == 2)
            #expect(try await both.reseal() == 0)
            #expect(try await store.sealingKeyIDs() == [try Self.keys(Self.second).current.id])
            for (number, id) in ids.enumerated() {
                let secret = try await secrets(id, vault, store, try Self.keys(Self.second))
                #expect(secret.reveal() == "token-\(number + 1)")
            }
        }
    }

    @Test func `an update keeps what it does not replace`() async throws {
        try await withStore { store, clock in
            let keys = try Self.keys(Self.first)
            let store = store.sealing(with: keys)
            let vault = try await Self.vault(store)
            let auth: JSON = [
                "type": "mcp_oauth", "access_token": "a1", "mcp_server_url": "https://example.com",
                "refresh": [
                    "client_id": "c", "refresh_token": "r1", "token_endpoint": "https://example.com/token",
                    "token_endpoint_auth": ["type": "client_secret_post", "client_secret": "s1"],
                ],
            ]
            let id = try await Self.credential(auth, in: vault, store)
            clock.advance(.seconds(1))
            func update(_ auth: JSON) async throws -> CredentialRecord {
                let now = clock.now()
                _ = try await store.updateCredential(id, vault: vault, workspace: Store.workspace) { current in
                    try CredentialRequest.update(current, with: ["auth": auth], at: now)
                }
                return try await store.credential(id, vault: vault, workspace: Store.workspace)
            }
            let changed = try await update(["type": "mcp_oauth", "refresh": ["refresh_token": "r2"]])
            #expect(changed.revision == 2)
            #expect(
                try changed.secrets(keys)
                    == CredentialSecrets(
                        value: Secret("a1"), refreshToken: Secret("r2"), clientSecret: Secret("s1")))
            #expect(try await update(["type": "mcp_oauth"]).revision == 2)
        }
    }

    @Test func `an archived credential and a deleted vault leave no secret behind`() async throws {
        try await withStore { store, _ in
            let store = store.sealing(with: try Self.keys(Self.first))
            let vault = try await Self.vault(store)
            let id = try await Self.credential(Self.bearer(), in: vault, store)
            _ = try await store.archiveVault(vault, workspace: Store.workspace)
            #expect(try await store.sealingKeyIDs() == [])
            let record = try await store.credential(id, vault: vault, workspace: Store.workspace)
            #expect(record.sealed == nil && record.archivedAt != nil)
            #expect(record.body["archived_at"] == JSON(record.archivedAt))
            try await store.deleteVault(vault, workspace: Store.workspace)
            await #expect(throws: WireError.self) {
                try await store.credential(id, vault: vault, workspace: Store.workspace)
            }
        }
    }

    @Test func `two at once cannot take one key`() async throws {
        try await withStore { store, _ in
            let store = store.sealing(with: try Self.keys(Self.first))
            let vault = try await Self.vault(store)
            let made = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask { (try? await Self.credential(Self.bearer(), in: vault, store)) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
        }
    }

    @Test func `without a master key nothing is stored`() async throws {
        try await withStore { store, _ in
            let vault = try await Self.vault(store)
            await #expect(throws: StoreError.self) { try await Self.credential(Self.bearer(), in: vault, store) }
        }
    }
}
