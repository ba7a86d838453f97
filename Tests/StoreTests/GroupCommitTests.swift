import Store
import Testing
import Wire

@Suite struct GroupCommitTests {
    private struct Refused: Error {}

    @Test func `a write that throws undoes only itself`() async throws {
        try await withDatabaseFile { path in
            let database = try SQLiteDatabase(path: path)
            try await database.write { _ = try $0.execute("CREATE TABLE t (n BIGINT)", []) }
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        do {
                            try await database.write { connection in
                                _ = try connection.execute("INSERT INTO t VALUES (?)", [.integer(Int64(number))])
                                if number % 3 == 0 { throw Refused() }
                            }
                            return true
                        } catch { return false }
                    }
                }
                var stored = 0
                for await done in group where done { stored += 1 }
                #expect(stored == 133)
            }
            let count = try await database.read { try $0.query("SELECT COUNT(*), SUM(n % 3 = 0) FROM t", [])[0] }
            #expect(count.integer(0) == 133)
            #expect(count.integer(1) == 0)
            try await database.close()
        }
    }

    @Test func `writes beyond the bound are refused with a typed error`() async throws {
        try await withDatabaseFile { path in
            let database = try SQLiteDatabase(path: path, waitingWrites: 0)
            do {
                try await database.write { _ = try $0.query("SELECT 1", []) }
                Issue.record("a write was accepted without room")
            } catch let error as StoreError {
                #expect(error.code == .overloaded)
            }
            try await database.close()
        }
    }

    @Test func `what was answered is there after the file is opened again`() async throws {
        try await withDatabaseFile { path in
            var session: SessionID?
            do {
                let store = try await Store(database: SQLiteDatabase(path: path), ids: CountingIdentifiers())
                try await store.addEnvironment()
                session = try await store.addSession(message: "remember me").id
                try await store.close()
            }
            let store = try await Store(database: SQLiteDatabase(path: path))
            let id = try #require(session)
            #expect(try await store.runnableSessions(limit: 10) == [id])
            #expect(try await store.events(of: id, after: 0).count == 1)
            try await store.close()
        }
    }
}
