import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import Server

@Suite struct SessionSecretsTests {
    private static let auth: JSON = [
        "type": "environment_variable", "secret_name": "TOKEN", "secret_value": "first-secret",
        "networking": ["type": "limited", "allowed_hosts": ["api.example.com"]],
    ]

    /// A session with a vault, and the path and the token of its worker, whose item is acknowledged.
    private func served(
        _ rig: ServerRig, vaults: [JSON]
    ) async throws -> (session: String, path: String, token: String) {
        let queue = "/v1/environments/\(rig.environment)/work"
        // The rig's own session comes first.
        _ = try await rig.json(.get, queue + "/poll", key: rig.environmentKey)
        let agent = try await rig.json(.get, "/v1/agents")["data"]?.arrayValue?.first?["id"] ?? .null
        let made = try await rig.json(
            .post, "/v1/sessions",
            ["agent": agent, "environment_id": .string(rig.environment), "vault_ids": .array(vaults)])
        let session = try #require(made["id"]?.stringValue)
        let claim = try await rig.json(.get, queue + "/poll", key: rig.environmentKey)
        #expect(claim["data"]?["id"] == .string(session))
        let secret = try JSON(
            parsing: try #require(claim["secret"]?.stringValue.flatMap { Base64.decode($0) }))
        #expect(secret["has_vaults"] == true)
        let work = try #require(claim["id"]?.stringValue)
        _ = try await rig.json(.post, queue + "/\(work)/ack", key: rig.environmentKey)
        return (
            session, "/v1/sessions/\(session)/sandbox/secrets",
            try #require(secret["sessions_token"]?.stringValue)
        )
    }

    @Test func `the worker of a session gets its secrets, nobody else does, and a change wakes it`() async throws {
        try await ServerRig.with { rig in
            let vault = try await rig.json(.post, "/v1/vaults", ["display_name": "v"])["id"] ?? .null
            let credentials = "/v1/vaults/\(vault.stringValue ?? "")/credentials"
            let credential = try await rig.json(.post, credentials, ["auth": Self.auth])["id"]?.stringValue ?? ""
            let (_, path, token) = try await served(rig, vaults: [vault])

            let response = try await rig.send(.get, path, key: token)
            #expect(response.headers[.cacheControl] == "no-store")
            let first = try JSON(parsing: Array(response.body.readableBytesView))
            let entry = try #require(first["secrets"]?.arrayValue?.first)
            #expect(entry["variable"] == "TOKEN" && entry["value"] == "first-secret")
            #expect(entry["networking"]?["allowed_hosts"] == ["api.example.com"])
            #expect(entry["injection_location"] == ["header": true, "body": true])
            for key in [ServerRig.admin, rig.environmentKey, rig.otherEnvironmentKey, ServerRig.worker] {
                #expect(try await rig.status(.get, path, key: key) == 403)
            }
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)/sandbox/secrets", key: token) == 403)

            let revision = try #require(first["revision"]?.stringValue)
            #expect(try await rig.json(.get, path + "?revision=\(revision)", key: token) == .null)
            async let held = rig.json(.get, path + "?revision=\(revision)&wait_ms=60000", key: token)
            _ = try await rig.json(
                .post, credentials + "/\(credential)",
                ["auth": ["type": "environment_variable", "secret_value": "second-secret"]])
            let second = try await held["secrets"]?.arrayValue?.first
            #expect(second?["value"] == "second-secret")
            #expect(second?["placeholder"] == entry["placeholder"])
        }
    }

    @Test func `a stopped item's token gets nothing`() async throws {
        try await ServerRig.with { rig in
            let vault = try await rig.json(.post, "/v1/vaults", ["display_name": "v"])["id"] ?? .null
            let (session, path, token) = try await served(rig, vaults: [vault])
            #expect(try await rig.json(.get, path, key: token)["secrets"] == [])
            _ = try await rig.json(.post, "/v1/sessions/\(session)/archive")
            #expect(try await rig.status(.get, path, key: token) == 401)
        }
    }
}
