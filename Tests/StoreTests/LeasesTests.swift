import Store
import Testing
import Wire

@Suite struct LeasesTests {
    private func commit(
        _ store: Store, _ session: SessionID, fence: Int, ifSeq: Int? = nil, clock: TestClock
    ) async throws -> Int? {
        try await store.commit(
            SessionCommit(
                session: session, fence: fence, ifSeq: ifSeq,
                entries: [LogEntry(Event(id: EventID.make(store.ids), type: .statusRunning, processedAt: clock.now()))],
                status: .running, leaseExpiresAt: clock.now().advanced(by: .seconds(10))))
    }

    @Test func `one holder at a time, and an older one is fenced`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession(message: "go")
            #expect(try await store.runnableSessions(limit: 10) == [session.id])
            let first = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            #expect(try await store.acquireLease(on: session.id, owner: "b", for: .seconds(10)) == nil)
            #expect(try await store.runnableSessions(limit: 10).isEmpty)
            clock.advance(.seconds(11))
            let second = try #require(try await store.acquireLease(on: session.id, owner: "b", for: .seconds(10)))
            #expect(second.fence > first.fence)
            await #expect(throws: StoreError.self) {
                _ = try await commit(store, session.id, fence: first.fence, clock: clock)
            }
            #expect(try await store.renewLease(on: session.id, fence: first.fence, for: .seconds(10)) == false)
            #expect(try await commit(store, session.id, fence: second.fence, clock: clock) == 2)
        }
    }

    @Test func `a decision on an old view is not written`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession(message: "go")
            let lease = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            _ = try await store.send(
                [.interrupt], to: session.id, workspace: Store.workspace, sender: .client)
            #expect(try await commit(store, session.id, fence: lease.fence, ifSeq: 1, clock: clock) == nil)
            #expect(try await store.lastSeq(of: session.id) == 2)
            #expect(try await commit(store, session.id, fence: lease.fence, ifSeq: 2, clock: clock) == 3)
        }
    }

    @Test func `archiving ends the lease and the queue item`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let lease = try #require(try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            _ = try await store.archiveSession(session.id, workspace: Store.workspace)
            await #expect(throws: StoreError.self) {
                _ = try await commit(store, session.id, fence: lease.fence, clock: clock)
            }
            let environment = try #require(EnvironmentID("env_1"))
            #expect(try await store.queueDepth(environment).waiting == 0)
            await #expect(throws: WireError.self) {
                try await store.send([.message("late")], to: session.id, workspace: Store.workspace, sender: .client)
            }
        }
    }
}
