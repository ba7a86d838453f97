/// Where package managers fetch from instead of their public registries. The operator's word: such a host may be private.
public struct PackageMirrors: Sendable, Equatable {
    private var addresses: [PackageManager: String] = [:]

    public init() {}

    /// - Parameter addresses: `http` or `https` addresses; for apt also whole lines of a `sources.list`, separated by `;`.
    /// - Throws: ``WorkerError`` `.configuration` naming the manager whose address cannot be used.
    public init(_ addresses: [PackageManager: String]) throws(WorkerError) {
        self.addresses = addresses
        for (manager, text) in addresses {
            let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) && ![0x22, 0x27, 0x5C].contains($0) }
            let isOne = manager == .apt || !text.contains(" ")
            guard isPlain, isOne, !Self.hosts(in: text).isEmpty, !text.contains("@") else {
                throw WorkerError(
                    .configuration,
                    "the mirror for \(manager.rawValue) must be an http or https address without user, quotes and spaces"
                )
            }
        }
    }

    subscript(_ manager: PackageManager) -> String? { addresses[manager] }

    /// What egress rules call the mirror of a manager: hosts with their ports.
    func rules(for manager: PackageManager) -> [String] { addresses[manager].map { Self.hosts(in: $0) } ?? [] }

    /// The rules of all mirrors, for the list of what may lead to addresses that are not public.
    public var rules: [String] { PackageManager.allCases.flatMap { rules(for: $0) } }

    /// The hosts of all addresses in a text, always with a port.
    private static func hosts(in text: String) -> [String] {
        text.split(whereSeparator: { $0 == " " || $0 == ";" }).compactMap { word -> String? in
            let parts = word.split(separator: "://", maxSplits: 1)
            guard parts.count == 2, let port = ["http": 80, "https": 443][String(parts[0].lowercased())] else {
                return nil
            }
            let authority = parts[1].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            guard !authority.isEmpty else { return nil }
            let end = authority.last == "]" ? nil : authority.lastIndex(of: ":")
            return end == nil ? "\(authority):\(port)" : String(authority)
        }
    }
}
