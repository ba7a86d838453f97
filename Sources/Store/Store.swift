public import Wire

/// Everything durable: the repositories over one database.
///
/// Facets lie in files named after their API noun: `Agents`, `Audit`, `Environments`, `Keys`, `Sessions`, `Events`, `Vaults`,
/// `Work`.
public struct Store: Sendable {
    package let database: any SQLDatabase
    package let clock: any WallClock
    package let ids: any IdentifierSource
    /// Woken after commits; carries no data.
    public let signals: Signals
    /// Seals secrets; nil refuses to store or read any.
    private(set) var masterKeys: MasterKeys?
    /// Whose acts the writes of this value are.
    var actor = AuditActor(.system)

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

    /// The same store, able to store and read secrets.
    public func sealing(with keys: MasterKeys) -> Store {
        var store = self
        store.masterKeys = keys
        return store
    }

    /// Finishes running transactions and closes the database.
    public func close() async throws { try await database.close() }
}
