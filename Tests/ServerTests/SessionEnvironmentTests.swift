import HTTPTypes
import HummingbirdTesting
import Testing
import Wire

@testable import Server

@Suite struct SessionEnvironmentTests {
    private static func config(_ hosts: [JSON]) -> JSON {
        ["type": "cloud", "networking": ["type": "limited", "allowed_hosts": .array(hosts)]]
    }

    @Test func `the worker of a session follows its environment, nobody else does`() async throws {
        try await ServerRig.with { rig in
            let environment =
                try await rig.json(
                    .post, "/v1/environments", ["name": "e", "config": Self.config([])])["id"]?.stringValue ?? ""
            let agent = try await rig.json(.get, "/v1/agents")["data"]?.arrayValue?.first?["id"] ?? .null
            let session = try await rig.json(
                .post, "/v1/sessions", ["agent": agent, "environment_id": .string(environment)])["id"]?.stringValue
            let queue = "/v1/environments/-/work"
            let claim = try await rig.json(.get, queue + "/poll", key: ServerRig.worker)
            #expect(claim["data"]?["id"] == JSON(session))
            let secret = try JSON(
                parsing: try #require(claim["secret"]?.stringValue.flatMap { Base64.decode($0) }))
            let token = try #require(secret["sessions_token"]?.stringValue)
            let work = "/v1/environments/\(environment)/work/\(claim["id"]?.stringValue ?? "")"
            let path = "/v1/sessions/\(session ?? "")/sandbox/environment"
            #expect(try await rig.status(.get, path, key: token) == 403, "it is not acknowledged")
            _ = try await rig.json(.post, work + "/ack", key: ServerRig.worker)

            let first = try await rig.json(.get, path, key: token)
            #expect(first["environment"]?["networking"]?["allowed_hosts"] == [] && first["archived"] == false)
            for key in [ServerRig.admin, rig.environmentKey, rig.otherEnvironmentKey, ServerRig.worker] {
                #expect(try await rig.status(.get, path, key: key) == 403)
            }
            #expect(
                try await rig.status(.get, "/v1/sessions/\(rig.session)/sandbox/environment", key: token) == 403)

            let revision = try #require(first["revision"]?.stringValue)
            _ = try await rig.json(.post, "/v1/environments/\(environment)", ["name": "another"])
            #expect(
                try await rig.json(.get, path + "?revision=\(revision)", key: token) == .null, "no rule has changed")
            async let changed = rig.json(.get, path + "?revision=\(revision)&wait_ms=60000", key: token)
            _ = try await rig.json(
                .post, "/v1/environments/\(environment)", ["config": Self.config(["open.example"])])
            let second = try await changed
            #expect(second["environment"]?["networking"]?["allowed_hosts"] == ["open.example"])

            let next = try #require(second["revision"]?.stringValue)
            async let archived = rig.json(.get, path + "?revision=\(next)&wait_ms=60000", key: token)
            _ = try await rig.json(.post, "/v1/environments/\(environment)/archive")
            #expect(try await archived["archived"] == true)
        }
    }
}
