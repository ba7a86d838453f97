import Testing
import Wire

@testable import Store

@Suite struct MCPCredentialTests {
    private static func oauth(_ expiry: String) -> JSON {
        [
            "type": "mcp_oauth", "access_token": "a1", "mcp_server_url": "https://Example.com/mcp/",
            "expires_at": .string(expiry),
            "refresh": [
                "client_id": "c", "refresh_token": "r1", "token_endpoint": "https://example.com/token",
                "token_endpoint_auth": ["type": "none"],
            ],
        ]
    }

    /// A session with two vaults, of which the second has a renewable credential.
    private func withCredential(
        _ body: (Store, TestClock, [VaultID], CredentialID, SessionID) async throws -> Void
    ) async throws {
        try await withStore { bare, clock in
            let store = bare.sealing(with: try VaultsTests.keys(VaultsTests.first))
            try await store.addEnvironment()
            let vaults = [try await VaultsTests.vault(store), try await VaultsTests.vault(store)]
            let end = clock.now().advanced(by: .seconds(300)).description
            let id = try await VaultsTests.credential(Self.oauth(end), in: vaults[1], store)
            let session = try await store.createSession(
                NewSession(
                    workspaceID: Store.workspace, environmentID: "env_1", environmentKind: .selfHosted, agent: [:],
                    agentID: "agent_1", agentVersion: 1, title: nil, metadata: [:], vaultIDs: vaults,
                    initialEvents: []))
            try await body(store, clock, vaults, id, session.id)
        }
    }

    @Test func `the first vault with the same address counts`() async throws {
        try await withCredential { store, _, vaults, id, session in
            let url = try #require(ServerURL("HTTPS://example.com:443/mcp"))
            #expect(try await store.mcpCredential(for: url, of: session)?.id == id)
            let other = try #require(ServerURL("https://example.com/MCP"))
            #expect(try await store.mcpCredential(for: other, of: session) == nil)
            let bearer: JSON = ["type": "static_bearer", "token": "t", "mcp_server_url": "https://example.com/mcp"]
            let first = try await VaultsTests.credential(bearer, in: vaults[0], store)
            let found = try #require(try await store.mcpCredential(for: url, of: session))
            #expect(found.id == first && found.token.reveal() == "t" && found.refresh == nil)
            #expect(!found.isDue(at: Timestamp(microseconds: .max / 2)))
        }
    }

    @Test func `a token is due before its end, and its renewal is stored once`() async throws {
        try await withCredential { store, clock, vaults, id, session in
            let url = try #require(ServerURL("https://example.com/mcp"))
            let read = try #require(try await store.mcpCredential(for: url, of: session))
            #expect(!read.isDue(at: clock.now()))
            clock.advance(.seconds(240))
            #expect(read.isDue(at: clock.now()))
            let end = clock.now().advanced(by: .seconds(3600))
            let renewed = try #require(
                try await store.renew(read, accessToken: Secret("a2"), expiresAt: end, refreshToken: Secret("r2")))
            #expect(renewed.token.reveal() == "a2" && renewed.expiresAt == end && !renewed.isDue(at: clock.now()))
            #expect(renewed.refresh?.refreshToken.reveal() == "r2")
            let late = try await store.renew(read, accessToken: Secret("a3"), expiresAt: nil, refreshToken: nil)
            #expect(late?.token.reveal() == "a2", "the later one of two renewals gets the first one's")
            let shown = try await store.credential(id, vault: vaults[1], workspace: Store.workspace).body
            #expect(shown["auth"]?["expires_at"] == JSON(end))
            _ = try await store.archiveCredential(id, vault: vaults[1], workspace: Store.workspace)
            #expect(
                try await store.renew(renewed, accessToken: Secret("a4"), expiresAt: nil, refreshToken: nil) == nil)
        }
    }

    @Test func `a renewal without a refresh token keeps the one there is`() async throws {
        try await withCredential { store, _, _, _, session in
            let url = try #require(ServerURL("https://example.com/mcp"))
            let read = try #require(try await store.mcpCredential(for: url, of: session))
            let renewed = try await store.renew(read, accessToken: Secret("a2"), expiresAt: nil, refreshToken: nil)
            #expect(renewed?.refresh?.refreshToken.reveal() == "r1" && renewed?.expiresAt == nil)
        }
    }
}
