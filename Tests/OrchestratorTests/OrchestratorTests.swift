import Models
import Orchestrator
import Store
import Testing
import Wire

private let twoSteps = """
    ```bash
    echo one
    ```
    ```bash
    echo two
    ```
    """

@Suite struct OrchestratorTests {
    private func withStore(_ body: (Store) async throws -> Void) async throws {
        try await Rig.withFile { path in
            let store = try await Store(database: SQLiteDatabase(path: path))
            try await body(store)
            try await store.close()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a turn with two tool calls ends with the model's answer`() async throws {
        try await withStore { store in
            let session = try await Rig.makeSession(in: store, message: twoSteps)
            let events = try await Rig.run(store, session.id) { $0.isAtRest }
            #expect(violations(in: events) == [])
            #expect(events.count(.agentToolUse) == 2)
            #expect(events.count(.agentToolResult) == 2)
            #expect(events.count(.modelRequestStart) == 3)
            #expect(events.stopReason == "end_turn")
            #expect(events.answer.contains("ran echo two"))
            let record = try await store.session(session.id, workspace: Rig.workspace)
            #expect(record?.status == .idle)
            #expect(record?.usage.output ?? 0 > 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `two messages in a row are two turns when the first is running`() async throws {
        try await withStore { store in
            let session = try await Rig.makeSession(in: store, message: "slow 50 one two three four")
            let events = try await Rig.run(store, session.id) { events in
                if events.count(.modelRequestStart) == 1, events.count(.userMessage) == 1 { return true }
                return false
            }
            #expect(events.count(.userMessage) == 1)
            _ = try await store.send(
                [Rig.userMessage("say second")], to: session.id, workspace: Rig.workspace, sender: .client)
            let all = try await Rig.run(store, session.id) { $0.isAtRest && $0.count(.statusIdle) == 2 }
            #expect(violations(in: all) == [])
            #expect(all.count(.statusRunning) == 2)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `an interrupt ends a streaming answer at once`() async throws {
        try await withStore { store in
            let session = try await Rig.makeSession(
                in: store, message: "slow 1000 a b c d e f g h i j k l m n o p q r s t")
            async let running = Rig.run(store, session.id) { $0.isAtRest }
            while try await Rig.history(store, session.id).count(.modelRequestStart) == 0 {
                let mark = store.signals.mark(.events(session.id))
                if try await Rig.history(store, session.id).count(.modelRequestStart) > 0 { break }
                await store.signals.wait(for: .events(session.id), since: mark)
            }
            _ = try await store.send(
                [ClientEvent(type: .userInterrupt, fields: [:])], to: session.id, workspace: Rig.workspace,
                sender: .client)
            let events = try await running
            #expect(violations(in: events) == [])
            #expect(events.count(.agentMessage) == 0)
            #expect(events.last { $0.type == .modelRequestEnd }?["is_error"] == true)
            #expect(events.stopReason == "end_turn")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a model that fails twice is asked again, one that always fails is given up`() async throws {
        try await withStore { store in
            let session = try await Rig.makeSession(in: store, message: "fail overloaded 2\nsay made it")
            let events = try await Rig.run(store, session.id) { $0.isAtRest }
            #expect(violations(in: events) == [])
            #expect(events.count(.statusRescheduled) == 2)
            #expect(events.stopReason == "end_turn")
            let other = try await Rig.makeSession(in: store, message: "fail overloaded 99")
            let dead = try await Rig.run(store, other.id) { $0.isAtRest }
            #expect(violations(in: dead) == [])
            #expect(dead.stopReason == "retries_exhausted")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a context over the limit is compacted and the session goes on`() async throws {
        try await withStore { store in
            let session = try await Rig.makeSession(in: store, message: "tokens 5000\nsay first")
            var configuration = OrchestratorConfiguration(linger: .milliseconds(200))
            configuration.compactionTokens = 1000
            _ = try await Rig.run(store, session.id, limits: configuration) { $0.isAtRest }
            _ = try await store.send(
                [Rig.userMessage("say second")], to: session.id, workspace: Rig.workspace, sender: .client)
            let events = try await Rig.run(store, session.id, limits: configuration) {
                $0.isAtRest && $0.count(.statusIdle) == 2
            }
            #expect(violations(in: events) == [])
            #expect(events.count(.contextCompacted) == 1)
            #expect(events.answer.contains("second"))
        }
    }

    @Test(.timeLimit(.minutes(5)), arguments: [MortalDatabase.Moment.beforeCommit, .afterCommit])
    func `a process killed at any write loses nothing and doubles nothing`(_ moment: MortalDatabase.Moment) async throws
    {
        var deadline = 1
        var survived = false
        while !survived {
            try await Rig.withFile { path in
                let setUp = try await Store(database: SQLiteDatabase(path: path))
                let session = try await Rig.makeSession(in: setUp, message: twoSteps)
                try await setUp.close()

                let mortal = MortalDatabase(try SQLiteDatabase(path: path), dyingAt: deadline, moment)
                do {
                    let store = try await Store(database: mortal)
                    let events = try await Rig.run(store, session.id) { $0.isAtRest }
                    survived = !mortal.isDead && events.isAtRest
                } catch {}
                try await mortal.close()

                let store = try await Store(database: SQLiteDatabase(path: path))
                try await store.releaseAllLeases()
                let events = try await Rig.run(store, session.id) { $0.isAtRest }
                #expect(violations(in: events) == [], "killed at write \(deadline)")
                #expect(events.count(.agentToolUse) == 2, "killed at write \(deadline)")
                #expect(events.count(.agentToolResult) == 2, "killed at write \(deadline)")
                #expect(events.count(.agentMessage) == 1, "killed at write \(deadline)")
                #expect(events.answer.contains("ran echo two"))
                try await store.close()
            }
            deadline += 1
        }
        #expect(deadline > 8)
    }
}
