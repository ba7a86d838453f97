/// How long what is kept for sessions is kept.
public struct RetentionPolicy: Sendable, Equatable {
    /// Both bounds count; 0 takes a bound away.
    public struct Rule: Sendable, Equatable {
        /// The newest so many of each environment stay.
        public var newest: Int
        /// Those that are no older than so many days stay.
        public var days: Int

        public init(newest: Int = 0, days: Int = 0) {
            self.newest = newest
            self.days = days
        }
    }
    public var snapshots: Rule
    public var archives: Rule
    /// Files of a session are removed so many days after it was archived; those of a deleted one at once.
    public var archivedSessionDays: Int

    public init(snapshots: Rule = Rule(), archives: Rule = Rule(), archivedSessionDays: Int = 7) {
        self.snapshots = snapshots
        self.archives = archives
        self.archivedSessionDays = archivedSessionDays
    }
}

extension RetentionPolicy.Rule {
    private static let day = 86_400

    /// The names that are to go.
    /// - Parameters:
    ///   - kept: names, `ENVIRONMENT-NAME`, and when they were made, in seconds since 1970.
    ///   - now: likewise.
    func expired(among kept: [(name: String, createdAt: Int)], now: Int) -> [String] {
        guard newest > 0 || days > 0 else { return [] }
        var seen: [Substring: Int] = [:]
        return kept.sorted { ($0.createdAt, $0.name) > ($1.createdAt, $1.name) }.compactMap { item in
            let environment = item.name.prefix { $0 != "-" }
            seen[environment, default: 0] += 1
            let isSurplus = newest > 0 && seen[environment, default: 0] > newest
            let isOld = days > 0 && now - item.createdAt > days * Self.day
            return isSurplus || isOld ? item.name : nil
        }
    }
}
