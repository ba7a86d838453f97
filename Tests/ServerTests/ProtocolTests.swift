import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import Server

@Suite struct ProtocolTests {
    @Test func `every answer has a request id and errors repeat it`() async throws {
        try await ServerRig.with { rig in
            for (path, status) in [("/v1/agents", 200), ("/v1/agents/agent_none", 404), ("/v1/nothing", 404)] {
                let response = try await rig.send(.get, path)
                let id = try #require(response.headers[.requestID])
                #expect(response.status.code == status)
                #expect(id.hasPrefix("req_"))
                #expect(response.headers[.workspaceID] == "wrkspc_default")
                guard status != 200 else { continue }
                let body = try JSON(parsing: Array(response.body.readableBytesView))
                #expect(body["request_id"] == .string(id))
                #expect(body["error"]?["type"] == "not_found_error")
            }
        }
    }

    @Test func `version and beta headers are checked`() async throws {
        try await ServerRig.with { rig in
            let rows: [(name: HTTPField.Name, value: String, path: String, status: Int)] = [
                (.version, "2023-06-01", "/v1/agents", 200), (.version, "1999-01-01", "/v1/agents", 400),
                (.version, "", "/v1/agents", 400), (.beta, "", "/v1/agents", 404), (.beta, "", "/v1/models", 200),
                (.beta, "made-up-2026-01-01, managed-agents-2026-04-01", "/v1/agents", 400),
                (.beta, " managed-agents-2026-04-01 ,managed-agents-2026-04-01", "/v1/agents", 200),
            ]
            for row in rows {
                let response = try await rig.send(.get, row.path, headers: [row.name: row.value])
                #expect(response.status.code == row.status, "\(row)")
            }
            #expect(try await rig.status(.get, "/v1/agents?beta=true") == 200)
        }
    }

    @Test(arguments: [
        ("/v1/agents?nope=1", "nope"), ("/v1/agents?limit=0", "limit"), ("/v1/agents?limit=101", "limit"),
        ("/v1/agents?limit=x", "limit"), ("/v1/agents?limit=1&limit=2", "limit"), ("/v1/agents?page=garbage", "page"),
        ("/v1/agents?created_at%5Bgte%5D=yesterday", "created_at[gte]"),
        ("/v1/agents?include_archived=1", "include_archived"),
        ("/v1/agents?a=%zz", "query"), ("/v1/sessions?statuses[]=busy", "statuses[]"),
        ("/v1/sessions?order=up", "order"),
        ("/v1/sessions?agent_version=1", "agent_version"), ("/v1/models?after_id=none", "after_id"),
    ])
    func `a wrong query is refused by its name`(path: String, name: String) async throws {
        try await ServerRig.with { rig in
            let response = try await rig.send(.get, path)
            let body = try JSON(parsing: Array(response.body.readableBytesView))
            #expect(response.status == .badRequest)
            #expect(body["error"]?["message"]?.stringValue?.hasPrefix(name) == true, "\(body.text)")
        }
    }

    @Test func `bodies that are too large, broken or missing are refused without a trace`() async throws {
        try await ServerRig.with(bodyLimit: 2048) { rig in
            let before = try await rig.json(.get, "/v1/agents")
            let large: JSON = [
                "name": "a", "model": "rehearsal-1", "system": .string(String(repeating: "x", count: 3000)),
            ]
            #expect(try await rig.status(.post, "/v1/agents", large) == 413)
            for bytes: [UInt8] in [
                [], Array("{".utf8), Array("[]".utf8), Array("1".utf8), [0xFF, 0xFE], Array("{\"name\":1}".utf8),
            ] {
                #expect(try await rig.send(.post, "/v1/agents", bytes: bytes).status == .badRequest)
            }
            #expect(try await rig.json(.get, "/v1/agents") == before)
        }
    }

    @Test func `lists page through everything once, in order`() async throws {
        try await ServerRig.with { rig in
            for number in 0..<5 {
                _ = try await rig.json(.post, "/v1/agents", ["name": .string("a\(number)"), "model": "rehearsal-1"])
            }
            var names: [String] = []
            var page: String?
            var requests = 0
            repeat {
                let cursor = page.map { "&page=\($0)" } ?? ""
                let answer = try await rig.json(.get, "/v1/agents?limit=2" + cursor)
                names += answer["data"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
                page = answer["next_page"]?.stringValue
                requests += 1
            } while page != nil
            #expect(names == ["a4", "a3", "a2", "a1", "a0", "a"])
            #expect(requests == 3)
        }
    }

    @Test func `the cursor of sessions goes both ways and is bound to its order`() async throws {
        try await ServerRig.with { rig in
            let agent = try await rig.json(.get, "/v1/agents")["data"]?.arrayValue?.first?["id"] ?? .null
            for _ in 0..<4 {
                _ = try await rig.json(
                    .post, "/v1/sessions", ["agent": agent, "environment_id": .string(rig.environment)])
            }
            let first = try await rig.json(.get, "/v1/sessions?limit=2")
            #expect(first["prev_page"] == .null)
            let next = try #require(first["next_page"]?.stringValue)
            let second = try await rig.json(.get, "/v1/sessions?limit=2&page=\(next)")
            let back = try #require(second["prev_page"]?.stringValue)
            let again = try await rig.json(.get, "/v1/sessions?limit=2&page=\(back)")
            func ids(_ page: JSON) -> [JSON?] { page["data"]?.arrayValue?.map { $0["id"] } ?? [] }
            #expect(ids(again) == ids(first))
            #expect(Set(ids(first) + ids(second)).count == 4)
            #expect(try await rig.status(.get, "/v1/sessions?order=asc&page=\(next)") == 400)
            #expect(try await rig.status(.get, "/v1/agents?page=\(next)") == 400)
        }
    }

    @Test func `an empty poll is the JSON null`() async throws {
        try await ServerRig.with { rig in
            let path = "/v1/environments/\(rig.environment)/work/poll"
            _ = try await rig.json(.get, path, key: rig.environmentKey)
            let response = try await rig.send(.get, path + "?block_ms=1", key: rig.environmentKey)
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "application/json")
            #expect(String(buffer: response.body) == "null")
            #expect(try await rig.status(.get, path + "?block_ms=0", key: rig.environmentKey) == 400)
        }
    }

    @Test func `health needs no credential`() async throws {
        try await ServerRig.with { rig in
            let live = try await rig.status(.get, "/healthz", key: nil)
            let ready = try await rig.status(.get, "/readyz", key: nil)
            #expect([live, ready] == [200, 200])
            let metrics = try await rig.send(.get, "/metrics", key: nil)
            #expect(String(buffer: metrics.body).contains("perimeter_sessions{status=\"idle\"} 1\n"))
        }
    }
}
