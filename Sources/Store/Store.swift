public import Wire

/// Everything durable: the repositories over one database.
///
/// Facets lie in files named after their API noun: `Agents`, `Environments`, `Keys`, `Sessions`, `Events`, `Work`.
public struct Store: Sendable {
    package let database: any SQLDatabase
    package let clock: any WallClock
    package let ids: any IdentifierSource
    /// Woken after commits; carries no data.
    public let signals: Signals

    /// Brings the schema up to date.
    /// - Throws: ``StoreError`` when the database cannot be used or comes from a newer version.
    public init(
        database: some SQLDatabase, clock: some WallClock = SystemWallClock(), ids: (any IdentifierSource)? = nil
    ) async throws {
        self.database = database
        self.clock = clock
        self.ids = ids ?? RandomIdentifierSource(clock: clock)
        signals = Signals()
        try await Migrations.apply(to: database)
    }

    /// Finishes running transactions and closes the database.
    public func close() async throws { try await database.close() }
}
