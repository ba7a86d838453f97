/// How much there is of what operators watch.
public struct StoreCounts: Sendable, Equatable {
    /// Sessions that are not archived, by status.
    public var sessions: [String: Int]
    /// Work items that are not stopped, by state.
    public var work: [String: Int]
    public var openCalls: Int
}

extension Store {
    /// Counts over all workspaces. Costs a pass over the index of each table.
    public func counts() async throws -> StoreCounts {
        try await database.read { connection in
            func grouped(_ sql: String) throws -> [String: Int] {
                Dictionary(
                    try connection.query(sql, []).map { ($0.text(0), $0.integer(1)) }, uniquingKeysWith: { $1 })
            }
            return StoreCounts(
                sessions: try grouped(
                    "SELECT status, COUNT(*) FROM sessions WHERE archived_at IS NULL GROUP BY status"),
                work: try grouped("SELECT state, COUNT(*) FROM work WHERE state <> 'stopped' GROUP BY state"),
                openCalls: try connection.first("SELECT COUNT(*) FROM calls WHERE settled = 0")?.integer(0) ?? 0)
        }
    }
}
