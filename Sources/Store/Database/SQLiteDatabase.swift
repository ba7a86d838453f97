internal import Dispatch
internal import Foundation
internal import GRDB

/// The embedded database: SQLite in WAL mode with full synchronisation, one writer with group commit, several readers.
public final class SQLiteDatabase: SQLDatabase {
    private let pool: DatabasePool
    private let writer: GroupCommitWriter

    public var dialect: SQLDialect { .sqlite }

    /// Opens or creates the database file.
    /// - Parameters:
    ///   - path: the file; its directory must exist.
    ///   - readers: most snapshot connections at once.
    ///   - waitingWrites: writes beyond this many waiting ones are refused with `.overloaded`.
    public init(path: String, readers: Int = 4, waitingWrites: Int = 8192) throws {
        var configuration = GRDB.Configuration()
        configuration.maximumReaderCount = readers
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA foreign_keys = OFF")
            try database.execute(sql: "PRAGMA cache_size = -16000")
        }
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
        } catch {
            throw StoreError(.failed, "cannot open the database at \(path)", cause: error)
        }
        writer = GroupCommitWriter(pool: pool, limit: waitingWrites)
    }

    public func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await pool.read { database in try body(SQLiteConnection(database: database)) }
    }

    public func write<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLConnection) throws -> Value
    ) async throws -> Value {
        try await writer.write(body)
    }

    public func close() async throws {
        await writer.stop()
        try pool.close()
    }
}

struct SQLiteConnection: SQLConnection {
    let database: Database

    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int {
        let statement = try database.cachedStatement(sql: sql)
        try statement.execute(arguments: StatementArguments(arguments.map(\.databaseValue)))
        return database.changesCount
    }

    func query(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow] {
        let statement = try database.cachedStatement(sql: sql)
        let cursor = try Row.fetchCursor(statement, arguments: StatementArguments(arguments.map(\.databaseValue)))
        var rows: [SQLRow] = []
        let columns = statement.columnCount
        while let row = try cursor.next() {
            var values: [SQLValue] = []
            values.reserveCapacity(columns)
            for column in 0..<columns { values.append(SQLValue(row[column] as DatabaseValue)) }
            rows.append(SQLRow(values))
        }
        return rows
    }
}

extension SQLValue {
    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .integer(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .bytes(let bytes): Data(bytes).databaseValue
        }
    }

    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        case .null: self = .null
        case .int64(let number): self = .integer(number)
        case .double(let number): self = .integer(Int64(number))
        case .string(let text): self = .text(text)
        case .blob(let data): self = .bytes([UInt8](data))
        }
    }
}
