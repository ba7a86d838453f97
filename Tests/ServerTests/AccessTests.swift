import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import Server

@Suite struct AccessTests {
    @Test func `every credential reaches its own calls and no others`() async throws {
        try await ServerRig.with { rig in
            let queue = "/v1/environments/\(rig.environment)/work"
            let session = "/v1/sessions/\(rig.session)"
            let claim = try await rig.json(.get, queue + "/poll", key: rig.environmentKey)
            let work = try #require(claim["id"]?.stringValue)
            let secret = try #require(claim["secret"]?.stringValue.flatMap { Base64.decode($0) })
            let token = try #require(try JSON(parsing: secret)["sessions_token"]?.stringValue)

            let expected: [(path: String, admin: Int, environment: Int, other: Int, token: Int, worker: Int)] = [
                ("/v1/agents", 200, 403, 403, 403, 403),
                ("/v1/environments", 200, 403, 403, 403, 403),
                ("/v1/sessions", 200, 403, 403, 403, 403),
                ("/v1/models", 200, 403, 403, 403, 403),
                (session, 200, 200, 403, 200, 403),
                (session + "/events", 200, 200, 403, 200, 403),
                (session + "/threads", 200, 200, 403, 200, 403),
                ("/v1/vaults", 200, 403, 403, 403, 403),
                // The token's item is not acknowledged yet.
                (session + "/sandbox/secrets", 403, 403, 403, 403, 403),
                (queue, 403, 200, 403, 403, 403),
                (queue + "/stats", 200, 200, 403, 403, 403),
                (queue + "/poll?reclaim_older_than_ms=86400000", 403, 200, 403, 403, 403),
                (queue + "/\(work)", 200, 403, 403, 403, 403),
                ("/v1/environments/-/work/poll", 403, 403, 403, 403, 200),
                ("/v1/organizations/api_keys", 200, 403, 403, 403, 403),
                ("/v1/environments/\(rig.environment)/keys", 200, 403, 403, 403, 403),
            ]
            for row in expected {
                let keys = [
                    (ServerRig.admin, row.admin), (rig.environmentKey, row.environment),
                    (rig.otherEnvironmentKey, row.other),
                    (token, row.token), (ServerRig.worker, row.worker),
                ]
                for (key, status) in keys {
                    let seen = try await rig.status(.get, row.path, key: key)
                    #expect(seen == status, "\(row.path) with \(key.prefix(14)): \(seen)")
                }
                #expect(try await rig.status(.get, row.path, key: "sk-ant-api03-wrong") == 401)
                #expect(try await rig.status(.get, row.path, key: nil) == 401)
            }
        }
    }

    @Test func `the token of an older claim is dead`() async throws {
        try await ServerRig.with { rig in
            let queue = "/v1/environments/\(rig.environment)/work"
            func token() async throws -> String {
                let claim = try await rig.json(.get, queue + "/poll?reclaim_older_than_ms=0", key: rig.environmentKey)
                let secret = try #require(claim["secret"]?.stringValue.flatMap { Base64.decode($0) })
                return try #require(try JSON(parsing: secret)["sessions_token"]?.stringValue)
            }
            let first = try await token()
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)", key: first) == 200)
            let second = try await token()
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)", key: first) == 401)
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)", key: second) == 200)
        }
    }

    @Test func `a revoked key stops at once and stays revoked`() async throws {
        try await ServerRig.with { rig in
            let key = try await rig.json(.post, "/v1/organizations/api_keys", ["name": "k"])
            let (id, secret) = (try #require(key["id"]?.stringValue), try #require(key["key"]?.stringValue))
            #expect(try await rig.status(.get, "/v1/agents", key: secret) == 200)
            _ = try await rig.json(.post, "/v1/organizations/api_keys/\(id)", ["status": "archived"])
            #expect(try await rig.status(.get, "/v1/agents", key: secret) == 401)
            #expect(try await rig.status(.post, "/v1/organizations/api_keys/\(id)", ["status": "active"]) == 400)
            let listed = try await rig.json(.get, "/v1/organizations/api_keys")
            #expect(!listed.text.contains(secret))
        }
    }

    @Test func `another workspace's objects do not exist`() async throws {
        try await ServerRig.with { rig in
            let workspace = try await rig.json(.post, "/v1/organizations/workspaces", ["name": "other"])
            let made = try await rig.json(
                .post, "/v1/organizations/api_keys", ["name": "k", "workspace_id": workspace["id"] ?? .null])
            let key = try #require(made["key"]?.stringValue)
            #expect(try await rig.status(.get, "/v1/sessions/\(rig.session)", key: key) == 404)
            #expect(try await rig.status(.get, "/v1/environments/\(rig.environment)", key: key) == 404)
            #expect(try await rig.status(.get, "/v1/environments/\(rig.environment)/work/stats", key: key) == 404)
            #expect(try await rig.json(.get, "/v1/agents", key: key)["data"] == [])
            #expect(
                try await rig.status(
                    .post, "/v1/organizations/api_keys", ["name": "k", "workspace_id": "wrkspc_default"], key: key)
                    == 403)
        }
    }
}
