import Store
import Testing
import Wire

@Suite struct ObjectsTests {
    private func agent(_ store: Store, _ name: String) async throws -> AgentID {
        let request = AgentRequest(models: ModelCatalogue { _ in "high" })
        let id = AgentID.make(store.ids)
        let now = store.clock.now()
        let body = AgentRequest.object(try request.create(["name": .string(name), "model": "m"]), id: id, at: now)
        try await store.createAgent(id, body: body, workspace: Store.workspace, at: now)
        return id
    }

    @Test func `versions keep what they were and an archive shows on all of them`() async throws {
        try await withStore { store, clock in
            let id = try await agent(store, "a")
            clock.advance(.seconds(1))
            for name: JSON in ["b", "b", "c"] {
                _ = try await store.updateAgent(id, workspace: Store.workspace) { current in
                    var changed = current
                    changed["name"] = name
                    return changed == current ? nil : changed
                }
            }
            #expect(try await store.agent(id.rawValue, workspace: Store.workspace)?["version"] == 3)
            #expect(try await store.agent(id.rawValue, workspace: Store.workspace, version: 1)?["name"] == "a")
            #expect(try await store.agent(id.rawValue, workspace: Store.workspace, version: 4) == nil)
            let archived = try await store.archiveAgent(id, workspace: Store.workspace)
            #expect(try await store.archiveAgent(id, workspace: Store.workspace) == archived)
            let versions = try await store.agentVersions(id, workspace: Store.workspace, before: nil, limit: 10)
            #expect(versions.map(\.version) == [3, 2, 1])
            #expect(versions.allSatisfy { $0.body["archived_at"] == archived["archived_at"] })
        }
    }

    @Test func `a change that throws leaves nothing`() async throws {
        try await withStore { store, _ in
            let id = try await agent(store, "a")
            await #expect(throws: WireError.self) {
                try await store.updateAgent(id, workspace: Store.workspace) { _ in throw WireError.invalid("no") }
            }
            #expect(try await store.agent(id.rawValue, workspace: Store.workspace)?["version"] == 1)
            #expect(try await store.agent(id.rawValue, workspace: "wrkspc_other") == nil)
        }
    }

    @Test func `pages have no gaps, also among equal times`() async throws {
        try await withStore { store, clock in
            for number in 0..<7 {
                _ = try await agent(store, "\(number)")
                if number == 3 { clock.advance(.seconds(1)) }
            }
            var query = PageQuery()
            query.limit = 2
            var names: [String] = []
            while true {
                let rows = try await store.agents(workspace: Store.workspace, query)
                names += rows.compactMap { $0.body["name"]?.stringValue }
                guard let last = rows.last else { break }
                query.after = (last.createdAt, last.id)
            }
            #expect(names == ["6", "5", "4", "3", "2", "1", "0"])
        }
    }
}
