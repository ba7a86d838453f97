import HTTPTypes
import Testing
import Wire

@testable import Server

@Suite struct EndedSessionsTests {
    @Test func `a worker hears of its environment's sessions only, and of none that were never here`() async throws {
        try await ServerRig.with { rig in
            let path = "/v1/environments/\(rig.environment)/work/ended"
            let question: JSON = ["session_ids": [.string(rig.session), "sesn_never", "../x", 1]]
            func answer() async throws -> JSON {
                try await rig.json(.post, path, question, key: rig.environmentKey)["data"] ?? .null
            }
            #expect(try await answer() == [["id": .string(rig.session), "state": "living", "ended_at": .null]])
            let cloud = try await rig.json(
                .post, "/v1/environments/-/work/ended", question, key: ServerRig.worker)
            #expect(cloud["data"] == [])
            for key in [ServerRig.admin, rig.otherEnvironmentKey, ServerRig.worker] {
                #expect(try await rig.status(.post, path, question, key: key) == 403)
            }

            _ = try await rig.json(.post, "/v1/sessions/\(rig.session)/archive", [:])
            let archived = try await answer().arrayValue?.first
            #expect(archived?["state"] == "archived")
            #expect(archived?["ended_at"]?.stringValue.flatMap { Timestamp($0) } != nil)
            _ = try await rig.json(.delete, "/v1/sessions/\(rig.session)")
            #expect(try await answer().arrayValue?.map { $0["state"] } == ["deleted"])
            #expect(
                try await rig.status(.post, path, ["session_ids": "x"], key: rig.environmentKey) == 400)
            #expect(try await rig.status(.post, path, ["x": []], key: rig.environmentKey) == 400)
        }
    }
}
