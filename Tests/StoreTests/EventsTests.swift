import Store
import Testing
import Wire

@Suite struct EventsTests {
    @Test func `a taken input appears twice in the log and once in history`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let sent = try await store.send(
                [.message("hi")], to: session.id, workspace: Store.workspace, sender: .client)
            #expect(sent[0].processedAt == nil)
            let lease = try #require(
                try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            var taken = sent[0]
            taken.processedAt = clock.now()
            let seq = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: 1,
                    entries: [
                        LogEntry(taken, replacesQueued: true),
                        LogEntry(Event(id: EventID.make(store.ids), type: .statusRunning, processedAt: clock.now())),
                    ], status: .running, leaseExpiresAt: clock.now().advanced(by: .seconds(10))))
            #expect(seq == 3)
            #expect(try await store.events(of: session.id, after: 0).map(\.type).count == 3)
            let history = try await store.history(of: session.id, EventQuery())
            #expect(history.bodies.count == 2)
            #expect(try JSON(parsing: history.bodies[0])["processed_at"]?.stringValue != nil)
        }
    }

    @Test func `history pages meet every event once, in both orders`() async throws {
        try await withStore { store, _ in
            try await store.addEnvironment()
            let session = try await store.addSession()
            for number in 0..<7 {
                _ = try await store.send(
                    [.message("m\(number)")], to: session.id, workspace: Store.workspace, sender: .client)
            }
            for ascending in [true, false] {
                var query = EventQuery()
                query.limit = 3
                query.ascending = ascending
                var seen: [String] = []
                repeat {
                    let page = try await store.history(of: session.id, query)
                    seen += try page.bodies.compactMap { try JSON(parsing: $0)["id"]?.stringValue }
                    query.after = page.next
                } while query.after != nil
                #expect(seen.count == 7)
                #expect(seen == (ascending ? seen.sorted() : seen.sorted().reversed()))
            }
        }
    }

    @Test func `a request is accepted or refused as a whole`() async throws {
        try await withStore { store, _ in
            try await store.addEnvironment()
            let session = try await store.addSession()
            await #expect(throws: WireError.self) {
                try await store.send(
                    [.message("kept?"), .toolResult("sevt_nothing")], to: session.id, workspace: Store.workspace,
                    sender: .client)
            }
            #expect(try await store.lastSeq(of: session.id) == 0)
        }
    }

    @Test func `a call is settled once, by whoever comes first`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment()
            let session = try await store.addSession()
            let call = EventID.make(store.ids)
            let lease = try #require(
                try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            _ = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: 0,
                    entries: [
                        LogEntry(
                            Event(
                                id: call, type: .agentToolUse, processedAt: clock.now(),
                                fields: ["name": "bash", "input": [:], "evaluated_permission": "ask"]))
                    ], leaseExpiresAt: clock.now().advanced(by: .seconds(10))))
            func send(_ event: ClientEvent, _ sender: EventSender = .client) async throws {
                _ = try await store.send([event], to: session.id, workspace: Store.workspace, sender: sender)
            }
            await #expect(throws: WireError.self) { try await send(.toolResult(call.rawValue), .worker) }
            await #expect(throws: WireError.self) { try await send(.message("not now")) }
            await #expect(throws: WireError.self) { try await send(.confirmation(call.rawValue, "allow"), .worker) }
            try await send(.confirmation(call.rawValue, "allow"))
            await #expect(throws: WireError.self) { try await send(.confirmation(call.rawValue, "deny")) }
            try await send(.toolResult(call.rawValue), .worker)
            await #expect(throws: WireError.self) { try await send(.toolResult(call.rawValue), .worker) }
        }
    }

    @Test func `a worker's result in a cloud environment is the server's own event`() async throws {
        try await withStore { store, clock in
            try await store.addEnvironment(kind: .cloud)
            let session = try await store.addSession(kind: .cloud)
            let call = EventID.make(store.ids)
            let lease = try #require(
                try await store.acquireLease(on: session.id, owner: "a", for: .seconds(10)))
            _ = try await store.commit(
                SessionCommit(
                    session: session.id, fence: lease.fence, ifSeq: 0,
                    entries: [
                        LogEntry(
                            Event(
                                id: call, type: .agentToolUse, processedAt: clock.now(),
                                fields: ["name": "bash", "input": [:], "evaluated_permission": "allow"]))
                    ], leaseExpiresAt: clock.now().advanced(by: .seconds(10))))
            await #expect(throws: WireError.self) {
                try await store.send(
                    [.toolResult(call.rawValue)], to: session.id, workspace: Store.workspace, sender: .client)
            }
            let stored = try await store.send(
                [.toolResult(call.rawValue)], to: session.id, workspace: Store.workspace, sender: .worker)
            #expect(stored[0].type == .agentToolResult)
        }
    }
}
