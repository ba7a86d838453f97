import Egress
import Sandbox
import Testing
import Wire

@testable import Worker

@Suite struct WorkItemTests {
    @Test func `reads a secret with or without padding and in either alphabet`() throws {
        let json = #"{"sessions_token":"sk-?>~","interrupted_calls":["sevt_1",2],"environment":{"type":"cloud"}}"#
        let standard = Base64.encode(Array(json.utf8))
        let safe = standard.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }.filter { $0 != "=" }
        for text in [standard, String(safe)] {
            let secret = try #require(WorkSecret(text))
            #expect(secret.sessionsToken == Credential("sk-?>~"))
            #expect(secret.interruptedCalls == ["sevt_1"])
            #expect(secret.environment == ["type": "cloud"])
        }
        #expect(WorkSecret("!!!") == nil)
        #expect(WorkSecret(Base64.encode(Array("[]".utf8))) == nil)
        #expect(WorkSecret(Base64.encode(Array(#"{"sessions_token":""}"#.utf8)))?.sessionsToken == nil)
        #expect(WorkSecret(Base64.encode(Array(#"{"sessions_token":"a\nb"}"#.utf8)))?.sessionsToken == nil)
    }

    @Test(arguments: 0...20) func `base64 comes back as it went`(count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 83 &+ 250) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }

    @Test func `reads items, tolerates newer ones and refuses ids that are not safe`() throws {
        let item = try #require(
            WorkItem([
                "id": "work_1", "environment_id": "env_1", "data": ["type": "session", "id": "session_9"], "x": 1,
            ]))
        #expect(item.kind == .session(try #require(RemoteID("session_9"))))
        let other = try #require(WorkItem(["id": "work_1", "environment_id": "env_1", "data": ["type": "dream"]]))
        #expect(other.kind == .other(type: "dream"))
        #expect(WorkItem(["id": "a/../b", "environment_id": "env_1", "data": ["type": "session", "id": "s"]]) == nil)
        #expect(WorkItem(["id": "a", "environment_id": "env_1", "data": ["type": "session", "id": "../s"]]) == nil)
        #expect(WorkItem([:]) == nil)
    }

    @Test func `a credential never prints`() throws {
        let credential = try #require(Credential("sk-secret"))
        #expect("\(credential)" == "•••")
        #expect(String(reflecting: credential) == "•••")
        var dumped = ""
        dump(credential, to: &dumped)
        #expect(!dumped.contains("secret"))
    }

    @Test func `query values are encoded byte by byte`() {
        #expect(
            PercentEncoding.encode("2026-10-31T12:00:00.1+00:00 é~") == "2026-10-31T12%3A00%3A00.1%2B00%3A00%20%C3%A9~")
    }

    @Test func `the network follows the operator and the environment`() {
        func policy(_ hosts: [String], _ networking: JSON?) -> NetworkPolicy {
            .effective(allowedHosts: hosts, environment: networking.map { ["type": "cloud", "networking": $0] })
        }
        let limited: JSON = ["type": "limited", "allowed_hosts": ["a.example", "*"]]
        #expect(policy([], nil) == .none)
        #expect(policy(["b.example"], nil) == .allow(hosts: ["b.example"]))
        #expect(policy(["*"], nil) == .allow(hosts: ["*"]))
        #expect(policy([], limited) == .allow(hosts: ["a.example"]))
        #expect(policy(["*", "b.example"], limited) == .allow(hosts: ["b.example", "a.example"]))
        #expect(policy([], ["type": "unrestricted"]) == .none)
        #expect(policy(["*"], ["type": "unrestricted"]) == .allow(hosts: ["*"]))
        #expect(policy(["*"], ["type": "newer"]) == .none)
        let packages: JSON = ["type": "limited", "allowed_hosts": ["pypi.org"], "allow_package_managers": true]
        guard case .allow(let hosts) = policy([], packages) else {
            Issue.record("nothing is allowed")
            return
        }
        #expect(hosts.count { $0 == "pypi.org" } == 1 && hosts.contains("registry.npmjs.org"))
        #expect(hosts.allSatisfy { EgressRule($0) != nil })
    }
}
