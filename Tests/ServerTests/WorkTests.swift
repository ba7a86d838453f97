import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import Server

@Suite struct WorkTests {
    @Test func `an item goes from claim to stop, and a wrong heartbeat learns the present state`() async throws {
        try await ServerRig.with { rig in
            let queue = "/v1/environments/\(rig.environment)/work"
            let key = rig.environmentKey
            let claim = try await rig.json(.get, queue + "/poll", key: key)
            let work = try #require(claim["id"]?.stringValue)
            #expect(try await rig.json(.get, queue + "/stats")["pending"] == 1)
            #expect(try await rig.json(.post, queue + "/\(work)/ack", key: key)["state"] == "starting")
            #expect(try await rig.status(.post, queue + "/\(work)/ack", key: key) == 409)
            let beat = queue + "/\(work)/heartbeat?expected_last_heartbeat="
            let first = try await rig.json(.post, beat + "NO_HEARTBEAT&desired_ttl_seconds=30", key: key)
            #expect(first["state"] == "active")
            #expect(first["ttl_seconds"] == 30)
            let stamp = try #require(first["last_heartbeat"]?.stringValue)
            for wrong in ["NO_HEARTBEAT", "2026-01-01T00:00:00Z", "nonsense"] {
                let response = try await rig.send(.post, beat + wrong, key: key)
                let details = try JSON(parsing: Array(response.body.readableBytesView))["error"]?["details"]
                #expect(response.status.code == 412)
                #expect(details?["error_code"] == "heartbeat_precondition_failed")
                #expect(details?["current_state"]?["last_heartbeat"] == .string(stamp))
            }
            #expect(try await rig.json(.post, beat + stamp, key: key)["lease_extended"] == true)
            #expect(try await rig.status(.post, queue + "/\(work)/heartbeat", key: key) == 400)
            #expect(try await rig.json(.post, queue + "/\(work)/stop", [:], key: key)["state"] == "stopping")
            #expect(try await rig.json(.post, beat + "NO_HEARTBEAT", key: key)["lease_extended"] == false)
            #expect(try await rig.json(.post, queue + "/\(work)/stop", ["force": true], key: key)["state"] == "stopped")
            let again = try await rig.send(.post, queue + "/\(work)/stop", ["force": true], key: key)
            #expect(again.status.code == 409)
            #expect(again.headers[.shouldRetry] == "false")
        }
    }

    @Test func `metadata of an item is patched within its bounds`() async throws {
        try await ServerRig.with { rig in
            let queue = "/v1/environments/\(rig.environment)/work"
            let item = try #require(
                try await rig.json(.get, queue, key: rig.environmentKey)["data"]?.arrayValue?.first?["id"]?.stringValue)
            #expect(try await rig.json(.post, queue + "/\(item)", ["metadata": ["a": "1"]])["metadata"] == ["a": "1"])
            #expect(try await rig.json(.get, queue + "/\(item)")["secret"] == .null)
            let response = try await rig.send(.post, queue + "/\(item)", ["metadata": ["a": 1]])
            #expect(
                try JSON(parsing: Array(response.body.readableBytesView))["error"]?["details"]?["error_code"]
                    == "invalid_metadata")
        }
    }

    @Test func `a held poll wakes when work arrives`() async throws {
        try await ServerRig.with { rig in
            let path = "/v1/environments/\(rig.environment)/work/poll"
            _ = try await rig.json(.get, path, key: rig.environmentKey)
            let agent = try await rig.json(.get, "/v1/agents")["data"]?.arrayValue?.first?["id"] ?? .null
            async let claim = rig.json(.get, path + "?block_ms=999", key: rig.environmentKey)
            let made = try await rig.json(
                .post, "/v1/sessions", ["agent": agent, "environment_id": .string(rig.environment)])
            #expect(try await claim["data"]?["id"] == made["id"])
        }
    }
}
