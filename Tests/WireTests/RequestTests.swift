import Testing
import Wire

@Suite struct RequestTests {
    private let id: EnvironmentID
    private let time = Timestamp(microseconds: 0)

    init() throws { id = try #require(EnvironmentID("env_1")) }

    @Test func `an environment without a configuration is cloud, unrestricted, without packages`() throws {
        let (object, kind) = try EnvironmentRequest.create(["name": "e"], id: id, at: time)
        #expect(kind == .cloud)
        #expect(object["config"]?["networking"] == ["type": "unrestricted"])
        #expect(object["config"]?["packages"]?["apt"] == [])
    }

    @Test func `limited networking is resolved and ties packages to package managers`() throws {
        let limited: JSON = ["type": "limited", "allowed_hosts": ["a.example", "*.b.example"]]
        let object = try EnvironmentRequest.create(
            ["name": "e", "config": ["type": "cloud", "networking": limited]], id: id, at: time
        ).object
        #expect(object["config"]?["networking"]?["allow_package_managers"] == false)
        #expect(throws: WireError.self) {
            try EnvironmentRequest.create(
                ["name": "e", "config": ["type": "cloud", "networking": limited, "packages": ["pip": ["numpy"]]]],
                id: id, at: time)
        }
        for host in ["http://a", "a:80", "a/b", ""] {
            #expect(throws: WireError.self) {
                try EnvironmentRequest.create(
                    [
                        "name": "e",
                        "config": [
                            "type": "cloud", "networking": ["type": "limited", "allowed_hosts": [.string(host)]],
                        ],
                    ], id: id, at: time)
            }
        }
    }

    @Test func `the kind of an environment never changes and archived ones stay as they are`() throws {
        var object = try EnvironmentRequest.create(["name": "e"], id: id, at: time).object
        let change = #expect(throws: WireError.self) {
            try EnvironmentRequest.update(object, with: ["config": ["type": "self_hosted"]])
        }
        #expect(change?.details == ["error_code": "invalid_config_type_change"])
        #expect(try EnvironmentRequest.update(object, with: ["description": ""])["description"] == "")
        object["archived_at"] = JSON(time)
        let archived = #expect(throws: WireError.self) { try EnvironmentRequest.update(object, with: ["name": "f"]) }
        #expect(archived?.details == ["error_code": "environment_archived"])
    }

    @Test(
        arguments: [
            ["events": []], [:], ["events": [["type": "session.status_idle"]]], ["events": [["type": "user.message"]]],
            ["events": [["type": "user.message", "content": []]]],
            ["events": [["type": "user.message", "content": [["type": "text", "text": ""]]]]],
            ["events": [["type": "user.message", "content": [["type": "redacted"]]]]],
            ["events": [["type": "user.message", "content": [["type": "search_result"]]]]],
            ["events": [["type": "user.message", "content": [["type": "text", "text": "a"]], "more": 1]]],
            ["events": [["type": "user.tool_confirmation", "tool_use_id": "x", "result": "maybe"]]],
            [
                "events": [
                    ["type": "user.tool_confirmation", "tool_use_id": "x", "result": "allow", "deny_message": "no"]
                ]
            ],
            ["events": [["type": "user.tool_result", "tool_use_id": ""]]],
            [
                "events": [
                    ["type": "system.message", "content": [["type": "text", "text": "a"]]],
                    ["type": "user.message", "content": [["type": "text", "text": "a"]]],
                ]
            ],
        ] as [JSON])
    func `events that cannot be sent are refused as a whole`(body: JSON) {
        #expect(throws: WireError.self) { try ClientEvent.request(body) }
    }

    @Test func `events keep their members`() throws {
        let events = try ClientEvent.request([
            "events": [
                ["type": "user.message", "content": [["type": "text", "text": "a"]]],
                [
                    "type": "user.tool_result", "tool_use_id": "u", "is_error": true,
                    "content": [["type": "text", "text": "b"]],
                ],
                ["type": "user.interrupt"],
            ]
        ])
        #expect(events.map(\.type) == [.userMessage, .userToolResult, .userInterrupt])
        #expect(events[1].settledCall == "u")
        #expect(events[1].fields["is_error"] == true)
    }

    @Test func `a session request names what it cannot have`() throws {
        let good = try SessionRequest(["agent": "agent_1", "environment_id": "env_1", "resources": [], "vault_ids": []])
        #expect(good.agentVersion == nil)
        #expect(
            try SessionRequest(["agent": ["type": "agent", "id": "a", "version": 2], "environment_id": "e"])
                .agentVersion == 2)
        for (key, value) in [
            ("budget", ["type": "limit"]), ("vault_ids", ["v"]), ("resources", [["type": "file"]]), ("x", 1),
        ] as [(String, JSON)] {
            var body: JSON = ["agent": "a", "environment_id": "e"]
            body[key] = value
            let error = #expect(throws: WireError.self) { try SessionRequest(body) }
            #expect(error?.message.hasPrefix(key) == true)
        }
    }
}
