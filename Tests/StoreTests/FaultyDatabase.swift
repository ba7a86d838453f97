import Store
import Synchronization

/// A database that refuses the n-th statement from now on, and counts writes.
final class FaultyDatabase: SQLDatabase {
    struct Refused: Error {}
    private struct State {
        var statementsLeft: Int?
        var writes = 0
    }
    private let inner: SQLiteDatabase
    private let state = Mutex(State())

    init(_ inner: SQLiteDatabase) { self.inner = inner }

    var dialect: SQLDialect { inner.dialect }
    /// Transactions that were asked for; each costs one share of a commit.
    var writes: Int { state.withLock { $0.writes } }

    /// Lets `count` statements of writes through; nil lets all.
    func allow(_ count: Int?) { state.withLock { $0.statementsLeft = count } }

    func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value { try await inner.read(body) }

    func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        state.withLock { $0.writes += 1 }
        return try await inner.write { [self] in try body(Connection(inner: $0, owner: self)) }
    }

    func close() async throws { try await inner.close() }

    private func pass() throws {
        try state.withLock { state in
            guard let left = state.statementsLeft else { return }
            guard left > 0 else { throw Refused() }
            state.statementsLeft = left - 1
        }
    }

    private struct Connection: SQLConnection {
        let inner: any SQLConnection
        let owner: FaultyDatabase

        func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
            try owner.pass()
            return try inner.execute(sql, arguments)
        }
        func query(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow] {
            try owner.pass()
            return try inner.query(sql, arguments)
        }
    }
}
