/// The seam between the repositories and a database: closures over one connection, inside one transaction.
///
/// Drivers differ in how they claim rows, wait for changes and spell placeholders; repositories never do. Statements use
/// `?` placeholders and the common subset of SQLite and PostgreSQL.
public protocol SQLDatabase: Sendable {
    /// Runs `body` against one snapshot. The closure must not keep the connection. Blocking work happens off the
    /// concurrency pool.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value

    /// Runs `body` inside a transaction and returns after it is on disk. Several callers may share one commit; a body
    /// that throws undoes only its own changes.
    /// - Throws: what `body` throws; ``StoreError`` with `.overloaded` when too many writes wait, `.failed` when the
    ///   commit failed, in which case nothing of it was stored.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLConnection) throws -> Value) async throws -> Value

    /// Names the driver's differences where a statement cannot be common.
    var dialect: SQLDialect { get }

    /// Finishes running work and closes. Later calls fail.
    func close() async throws
}

public enum SQLDialect: Sendable { case sqlite, postgresql }

/// One connection inside one transaction; used synchronously and only inside the closure that received it.
public protocol SQLConnection {
    /// Runs one statement and returns the number of rows it changed.
    @discardableResult
    func execute(_ sql: String, _ arguments: [SQLValue]) throws -> Int
    func query(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow]
}

extension SQLConnection {
    @discardableResult
    func execute(_ sql: String, _ arguments: SQLValue...) throws -> Int { try execute(sql, arguments) }
    func query(_ sql: String, _ arguments: SQLValue...) throws -> [SQLRow] { try query(sql, arguments) }
    func first(_ sql: String, _ arguments: SQLValue...) throws -> SQLRow? { try query(sql, arguments).first }
}

/// A column value or a statement argument.
public enum SQLValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case bytes([UInt8])
}

extension SQLValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByNilLiteral {
    public init(stringLiteral value: String) { self = .text(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(nilLiteral: ()) { self = .null }
    public init(_ text: String) { self = .text(text) }
    public init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
    public init(_ number: Int) { self = .integer(Int64(number)) }
    public init(_ number: Int?) { self = number.map { .integer(Int64($0)) } ?? .null }
}

/// One row, by column position.
public struct SQLRow: Sendable {
    let values: [SQLValue]

    public init(_ values: [SQLValue]) { self.values = values }

    public func text(_ column: Int) -> String {
        guard case .text(let text) = values[column] else { return "" }
        return text
    }
    public func optionalText(_ column: Int) -> String? {
        guard case .text(let text) = values[column] else { return nil }
        return text
    }
    public func integer(_ column: Int) -> Int {
        guard case .integer(let number) = values[column] else { return 0 }
        return Int(number)
    }
    public func optionalInteger(_ column: Int) -> Int? {
        guard case .integer(let number) = values[column] else { return nil }
        return Int(number)
    }
    public func bytes(_ column: Int) -> [UInt8] {
        switch values[column] {
        case .bytes(let bytes): bytes
        case .text(let text): Array(text.utf8)
        default: []
        }
    }
    public func optionalBytes(_ column: Int) -> [UInt8]? {
        guard case .bytes(let bytes) = values[column] else { return nil }
        return bytes
    }
}
