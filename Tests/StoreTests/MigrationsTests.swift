import Testing
import Wire

@testable import Store

@Suite struct MigrationsTests {
    /// Brings a fresh database to an older version, as the program of that time left it.
    private func prepare(_ database: SQLiteDatabase, version: Int) async throws {
        try await database.write { connection in
            try connection.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
            for (index, step) in Migrations.steps.prefix(version).enumerated() {
                for statement in step { try connection.execute(statement) }
                try connection.execute("INSERT INTO schema_version (version) VALUES (?)", SQLValue(index + 1))
            }
        }
    }

    @Test func `a session from before there were vaults has none`() async throws {
        try await withDatabaseFile { path in
            let database = try SQLiteDatabase(path: path)
            try await prepare(database, version: 3)
            try await database.write { connection in
                _ = try connection.execute(
                    """
                    INSERT INTO sessions (id, workspace_id, environment_id, environment_kind, agent_id, agent_version,
                        thread_id, status, metadata, agent, usage, created_at, updated_at, active_microseconds, last_seq,
                        lease_fence)
                    VALUES ('sesn_1', ?, 'env_1', 'cloud', 'agent_1', 1, 'sthr_1', 'idle', '{}', '{}', '{}', 1, 1, 0, 0, 0)
                    """, SQLValue(Store.workspace))
            }
            let store = try await Store(database: database)
            let id = try #require(SessionID("sesn_1"))
            #expect(try await store.session(id, workspace: Store.workspace)?.vaultIDs == [])
            #expect(try await store.sealingKeyIDs() == [])
            let version = try await database.read { connection in
                try connection.first("SELECT MAX(version) FROM schema_version")?.integer(0)
            }
            #expect(version == Migrations.steps.count)
            // Nothing is left to do the second time.
            try await Migrations.apply(to: database)
            try await store.close()
        }
    }

    @Test func `a database of a newer program is refused`() async throws {
        try await withDatabaseFile { path in
            let database = try SQLiteDatabase(path: path)
            try await prepare(database, version: Migrations.steps.count)
            try await database.write { connection in
                _ = try connection.execute(
                    "INSERT INTO schema_version (version) VALUES (?)", SQLValue(Migrations.steps.count + 1))
            }
            await #expect(throws: StoreError.self) { () async throws in _ = try await Store(database: database) }
            try await database.close()
        }
    }
}
