import Store
import Testing
import Wire

@Suite struct WorkTests {
    private func claim(
        _ store: Store, _ token: String = "t", reclaim: Duration = .seconds(5)
    ) async throws -> WorkClaim? {
        let environment = try #require(EnvironmentID("env_1"))
        return try await store.claimWork(.environment(environment), reclaimOlderThan: reclaim, tokenHash: token)
    }

    @Test func `an item goes from the queue through its life`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let environment = try #require(EnvironmentID("env_1"))
            let depth = try await store.queueDepth(environment)
            #expect(depth.waiting == 1 && depth.claimed == 0 && depth.oldest == clock.now())
            let work = try #require(try await claim(store)).work
            #expect(work.sessionID == session.id)
            #expect(try await claim(store, "u") == nil)
            #expect(try await store.queueDepth(environment).claimed == 1)
            let acknowledged = try await store.acknowledgeWork(work.id, environment: environment, sandbox: "namespace")
            #expect(acknowledged.state == .starting)
            let beat = try await store.heartbeat(
                work.id, environment: environment, expected: nil, leaseSeconds: 10, isHolder: false)
            #expect(beat.state == .active && beat.leaseExtended && beat.leaseSeconds == 10)
            let stopping = try await store.stopWork(work.id, environment: environment, force: false)
            #expect(stopping.state == .stopping)
            let told = try await store.heartbeat(
                work.id, environment: environment, expected: nil, leaseSeconds: nil, isHolder: false)
            #expect(told.state == .stopping && !told.leaseExtended)
            #expect(try await store.stopWork(work.id, environment: environment, force: true).state == .stopped)
            await #expect(throws: WireError.self) {
                try await store.stopWork(work.id, environment: environment, force: true)
            }
        }
    }

    @Test func `an unacknowledged claim is offered again, and its first token dies`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            _ = try await store.addSession()
            #expect(try await claim(store, "first") != nil)
            #expect(try await store.work(tokenHash: "first") != nil)
            clock.advance(.seconds(6))
            #expect(try await claim(store, "second") != nil)
            #expect(try await store.work(tokenHash: "first") == nil)
            #expect(try await store.work(tokenHash: "second") != nil)
        }
    }

    @Test func `a heartbeat is compare-and-set, and a lost answer may be repeated by the holder`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            _ = try await store.addSession()
            let environment = try #require(EnvironmentID("env_1"))
            let id = try #require(try await claim(store)).work.id
            _ = try await store.acknowledgeWork(id, environment: environment, sandbox: nil)
            func beat(_ expected: Timestamp?, holder: Bool = false) async throws -> Timestamp? {
                try await store.heartbeat(
                    id, environment: environment, expected: expected, leaseSeconds: nil, isHolder: holder
                ).lastHeartbeat
            }
            let first = try await beat(nil)
            do {
                _ = try await beat(nil)
                Issue.record("a repeated first beat was accepted from somebody unknown")
            } catch let error as WireError {
                #expect(error.status == 412)
                #expect(error.details?["error_code"] == "heartbeat_precondition_failed")
                #expect(error.details?["current_state"]?["last_heartbeat"]?.stringValue == first?.description)
            }
            let repeated = try await beat(nil, holder: true)
            #expect(repeated != first)
            clock.advance(.seconds(1))
            #expect(try await beat(repeated) != repeated)
        }
    }

    @Test func `a lost lease requeues the item and names the calls that may have run`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let environment = try #require(EnvironmentID("env_1"))
            let id = try #require(try await claim(store)).work.id
            _ = try await store.acknowledgeWork(id, environment: environment, sandbox: nil)
            _ = try await store.heartbeat(id, environment: environment, expected: nil, leaseSeconds: 10, isHolder: true)
            let lease = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(60)))
            let call = EventID.make(store.ids)
            _ = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: 0,
                    entries: [
                        LogEntry(
                            Event(
                                id: call, type: .agentToolUse, processedAt: clock.now(),
                                fields: ["name": "bash", "input": [:]]))
                    ], needsWorker: true, leaseExpiresAt: clock.now().advanced(by: .seconds(60))))
            #expect(try await store.expireWorkLeases(limit: 5).requeued == 0)
            clock.advance(.seconds(11))
            #expect(try await store.expireWorkLeases(limit: 5).requeued == 1)
            let again = try #require(try await claim(store, "next"))
            #expect(again.work.id == id)
            #expect(again.interruptedCalls == [call.rawValue])
        }
    }

    @Test func `an item that loses too many workers stops and its session is reported`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let environment = try #require(EnvironmentID("env_1"))
            for round in 1...2 {
                let id = try #require(try await claim(store, "t\(round)")).work.id
                _ = try await store.acknowledgeWork(id, environment: environment, sandbox: nil)
                clock.advance(.seconds(31))
                let expired = try await store.expireWorkLeases(limit: 2)
                #expect(expired.stranded == (round == 2 ? [session.id] : []))
            }
            #expect(try await claim(store, "t3") == nil)
        }
    }

    @Test func `a stopped item of a session that waits for a worker gets a successor`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let environment = try #require(EnvironmentID("env_1"))
            let id = try #require(try await claim(store)).work.id
            let lease = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(60)))
            _ = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: 0,
                    entries: [
                        LogEntry(
                            Event(
                                id: EventID.make(store.ids), type: .agentToolUse, processedAt: clock.now(),
                                fields: ["name": "bash", "input": [:]]))
                    ], needsWorker: true, leaseExpiresAt: clock.now().advanced(by: .seconds(60))))
            _ = try await store.stopWork(id, environment: environment, force: true)
            let next = try #require(try await claim(store, "next"))
            #expect(next.work.id != id)
        }
    }
}
