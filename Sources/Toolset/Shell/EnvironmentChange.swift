/// What a running shell has to be told after the variables of programs changed.
struct EnvironmentChange: Equatable {
    /// `NAME=value` to export, a bare name to unset.
    private(set) var entries: [String] = []

    var isEmpty: Bool { entries.isEmpty }

    /// - Parameters: `NAME=value`, each name once.
    init(from old: [String], to new: [String]) {
        guard old != new else { return }
        let known = Set(old)
        let left = Set(new.map(Self.name))
        entries = old.map(Self.name).filter { !left.contains($0) } + new.filter { !known.contains($0) }
    }

    private static func name(_ entry: String) -> String { String(entry.prefix { $0 != "=" }) }
}
