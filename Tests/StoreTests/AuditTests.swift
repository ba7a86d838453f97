import Testing
import Wire

@testable import Store

@Suite struct AuditTests {
    /// The chain as an export writes it.
    private func exported(_ store: Store) async throws -> [String] {
        let lines = try await store.auditLines(after: nil, ascending: true, limit: 1000)
        for line in lines { #expect(line.hash == AuditChain.hash(line.text.utf8)) }
        var verifier = AuditVerifier()
        for line in lines { try verifier.read(line.text.utf8) }
        return lines.map(\.text) + [verifier.head.line]
    }

    private func check(_ lines: [String]) throws(AuditBreak) {
        var verifier = AuditVerifier()
        try verifier.feed(Array(lines.joined(separator: "\n").utf8)[...] + [0x0A])
        try verifier.finish()
    }

    private func broken(_ lines: [String]) -> Int? {
        do throws(AuditBreak) {
            try check(lines)
            return nil
        } catch {
            return error.line
        }
    }

    private func withChain(of length: Int, _ body: ([String]) async throws -> Void) async throws {
        try await withStore { store, clock in
            for number in 1...length {
                clock.advance(.seconds(1))
                _ = try await store.createWorkspace(name: "number \(number)")
            }
            try await body(try await exported(store))
        }
    }

    @Test func `an export that nobody touched is whole`() async throws {
        try await withChain(of: 5) { lines in
            #expect(lines.count == 6)
            #expect(broken(lines) == nil)
        }
    }

    @Test func `a changed, dropped, added, moved or missing line is found and named`() async throws {
        try await withChain(of: 6) { lines in
            for index in 0..<6 {
                var changed = lines
                changed[index] = lines[index].replacing("number \(index + 1)", with: "number \(index + 2)")
                #expect(changed[index] != lines[index] && broken(changed) == index + 1)
                var dropped = lines
                dropped.remove(at: index)
                #expect(broken(dropped) == index + 1)
                var doubled = lines
                doubled.insert(lines[index], at: index)
                #expect(broken(doubled) == index + 2)
                if index < 5 {
                    var moved = lines
                    moved.swapAt(index, index + 1)
                    #expect(broken(moved) == index + 1)
                }
                // Cut off between two lines, and within one.
                #expect(broken(Array(lines[..<(index + 1)])) == index + 2)
                #expect(broken(Array(lines[..<index]) + [String(lines[index].dropLast(3))]) == index + 1)
            }
            #expect(broken(lines + [lines[0]]) == 8)
            var unfinished = AuditVerifier()
            try unfinished.feed(Array(lines.joined(separator: "\n").utf8)[...])
            #expect(throws: AuditBreak.self) { try unfinished.finish() }
        }
    }

    @Test func `a chain that was rewritten as a whole is found by a hash from elsewhere`() async throws {
        try await withChain(of: 3) { lines in
            let known = AuditChain.hash(lines[1].utf8)
            for (index, name) in ["number 1", "another"].enumerated() {
                var rewritten: [String] = []
                var previous = AuditChain.origin
                for line in lines.dropLast() {
                    var json = try JSON(parsing: Array(line.replacing("number 1", with: name).utf8))
                    json["previous"] = .string(previous)
                    previous = AuditChain.hash(json.bytes)
                    rewritten.append(json.text)
                }
                var verifier = AuditVerifier(watchingFor: known)
                for line in rewritten { try verifier.read(line.utf8) }
                #expect(verifier.hasMet == (index == 0))
            }
        }
    }

    @Test func `bytes that are no chain give an error and never a crash`() {
        var bits = SystemRandomNumberGenerator()
        let seed = UInt64.random(in: 0...UInt64.max, using: &bits)
        var state = seed
        for _ in 0..<2000 {
            var verifier = AuditVerifier()
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes.append(UInt8(truncatingIfNeeded: state >> 40))
            }
            #expect(throws: AuditBreak.self, "seed \(seed)") {
                try verifier.feed(bytes[...])
                try verifier.finish()
            }
        }
        var endless = AuditVerifier()
        #expect(throws: AuditBreak.self) { try endless.feed([UInt8](repeating: 0x61, count: 100_000)[...]) }
    }

    /// Every act, by whoever it was.
    @Test func `acts leave a line each, with who did them, and no secrets`() async throws {
        try await withStore { bare, _ in
            let store = bare.sealing(with: try VaultsTests.keys(VaultsTests.first))
                .acting(as: AuditActor(.apiKey, id: "apikey_9"))
            let (key, secret) = try await {
                _ = try await store.createWorkspace(name: "w")
                let workspace = try await store.workspaces()[0].id
                return try await store.createKey(kind: .api, name: "k", workspace: workspace)
            }()
            _ = try await store.renameKey(key.id, workspace: key.workspaceID, name: "renamed")
            _ = try await store.revokeKey(key.id, workspace: key.workspaceID)
            _ = try await store.revokeKey(key.id, workspace: key.workspaceID)
            let vault = try await VaultsTests.vault(store)
            let credential = try await VaultsTests.credential(VaultsTests.bearer(), in: vault, store)
            _ = try await store.archiveVault(vault, workspace: Store.workspace)
            try await store.deleteVault(vault, workspace: Store.workspace)
            let lines = try await store.auditLines(after: nil, ascending: true, limit: 100)
            let entries = try lines.map { try JSON(parsing: Array($0.text.utf8)) }
            #expect(
                entries.map { $0["action"]?.stringValue } == [
                    "workspace.created", "key.created", "key.updated", "key.revoked", "vault.created",
                    "credential.created", "credential.archived", "vault.archived", "vault.deleted",
                ])
            #expect(entries.allSatisfy { $0["actor"] == ["type": "api_key", "id": "apikey_9"] })
            #expect(entries[5]["subject"]?.stringValue == credential.rawValue)
            let text = lines.map(\.text).joined()
            #expect(!text.contains(secret.reveal()) && !text.contains(secret.hash) && !text.contains("token-1"))
        }
    }

    @Test func `an act and its line are stored together or not at all, whatever statement fails`() async throws {
        try await withDatabaseFile { path in
            let database = FaultyDatabase(try SQLiteDatabase(path: path))
            let store = try await Store(database: database, clock: TestClock(), ids: CountingIdentifiers())
            let workspace = try await store.createWorkspace(name: "w").id
            var refused = 0
            for allowed in 0..<20 {
                let before = try await store.keys(workspace: workspace, kind: .api, limit: 100).count
                database.allow(allowed)
                let isDone = (try? await store.createKey(kind: .api, name: "k", workspace: workspace)) != nil
                database.allow(nil)
                refused += isDone ? 0 : 1
                let after = try await store.keys(workspace: workspace, kind: .api, limit: 100).count
                let lines = try await store.auditLines(after: nil, ascending: true, limit: 100)
                #expect(after == before + (isDone ? 1 : 0))
                #expect(lines.count == 1 + after, "after \(allowed) statements")
            }
            #expect((3..<20).contains(refused))
            #expect(broken(try await exported(store)) == nil)
            try await store.close()
        }
    }

    @Test func `many acts at once make one chain without holes`() async throws {
        try await withStore { store, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask { _ = try await store.createWorkspace(name: "\(number)") }
                }
                try await group.waitForAll()
            }
            let lines = try await exported(store)
            #expect(lines.count == 201)
            #expect(broken(lines) == nil)
        }
    }

    @Test func `lines about tool calls share the transaction of the events and hold no input or output`() async throws {
        try await withDatabaseFile { path in
            let database = FaultyDatabase(try SQLiteDatabase(path: path))
            let clock = TestClock()
            let store = try await Store(database: database, clock: clock, ids: CountingIdentifiers())
            try await store.addEnvironment()
            let session = try await store.addSession(message: "go")
            let lease = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            let call = Event(
                id: EventID.make(store.ids), type: .agentToolUse, processedAt: clock.now(),
                fields: ["name": "bash", "input": ["command": "print-the-input"], "evaluated_permission": "allow"])
            var before = database.writes
            _ = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: nil, entries: [LogEntry(call)],
                    leaseExpiresAt: clock.now().advanced(by: .seconds(10))))
            #expect(database.writes == before + 1)
            before = database.writes
            let result = ClientEvent(
                type: .userToolResult,
                fields: [
                    "tool_use_id": .string(call.id.rawValue), "content": [["type": "text", "text": "the-output"]],
                    "is_error": true,
                ])
            _ = try await store.acting(as: AuditActor(.work, id: "work_1")).send(
                [result], to: session.id, workspace: Store.workspace, sender: .worker)
            #expect(database.writes == before + 1)
            let lines = try await store.auditLines(after: nil, ascending: false, limit: 2)
            let (answered, called) = (
                try JSON(parsing: Array(lines[0].text.utf8)), try JSON(parsing: Array(lines[1].text.utf8))
            )
            #expect(called["action"] == "tool.called" && called["details"]?["name"] == "bash")
            #expect(called["actor"] == ["type": "agent", "id": .string(session.id.rawValue)])
            #expect(answered["action"] == "tool.answered" && answered["details"]?["is_error"] == true)
            #expect(answered["actor"] == ["type": "work", "id": "work_1"])
            #expect(called["subject"] == answered["subject"])
            let text = lines.map(\.text).joined()
            #expect(!text.contains("print-the-input") && !text.contains("the-output"))
            try await store.close()
        }
    }

    @Test func `texts of others cannot make a line long`() async throws {
        try await withStore { store, _ in
            let long = String(repeating: "\u{0}ä", count: 100_000)
            _ = try await store.createWorkspace(name: long)
            try await store.audit(.streamOpened, long, workspace: "w", ["x": .string(long)])
            for line in try await store.auditLines(after: nil, ascending: true, limit: 10) {
                #expect(line.text.utf8.count <= AuditChain.lineLimit)
            }
            #expect(broken(try await exported(store)) == nil)
        }
    }

    @Test func `refusals of a sandbox are lines when they are new or have doubled, and few at once`() async throws {
        try await withStore { store, _ in
            try await store.addEnvironment()
            let session = try await store.addSession()
            func report(_ denials: [(String, Int)]) async throws -> Int {
                let before = try await store.auditLines(after: nil, ascending: true, limit: 1000).count
                try await store.reportSandbox(
                    of: session,
                    ["egress_denials": .array(denials.map { ["reason": .string($0.0), "count": JSON($0.1)] })])
                return try await store.auditLines(after: nil, ascending: true, limit: 1000).count - before
            }
            #expect(try await report([]) == 0)
            #expect(try await report([("a", 1)]) == 1)
            #expect(try await report([("a", 1)]) == 0)
            #expect(try await report([("a", 2), ("b", 1)]) == 2)
            #expect(try await report([("a", 3), ("b", 1)]) == 0)
            #expect(try await report([("a", 4), ("b", 1)]) == 1)
            // Another worker counts from the beginning.
            #expect(try await report([("a", 1)]) == 1)
            #expect(try await report((0..<30).map { ("c\($0)", 1) }) == 5)
        }
    }
}
