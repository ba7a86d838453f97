internal import Crypto
internal import Sandbox
internal import Wire

/// The packages that an environment names. Never empty.
struct PackageList: Equatable, Sendable {
    struct Part: Equatable, Sendable {
        var manager: PackageManager
        var names: [String]
    }
    /// In the order in which they are installed.
    let parts: [Part]

    /// - Parameter environment: the configuration of an environment, as our own server sends it with an item.
    /// - Returns: nil when it names none.
    /// - Throws: `.notInstalled` for a name that a manager would take for an option.
    init?(environment: JSON?) throws(SandboxError) {
        let lists = environment?["packages"]
        var parts: [Part] = []
        for manager in PackageManager.allCases {
            let names = lists?[manager.rawValue]?.arrayValue?.compactMap(\.stringValue) ?? []
            guard !names.isEmpty else { continue }
            for name in names where !Self.isName(name) {
                throw SandboxError(.notInstalled, "'\(name.prefix(64))' is no package for \(manager.rawValue)")
            }
            parts.append(Part(manager: manager, names: names))
        }
        guard !parts.isEmpty else { return nil }
        self.parts = parts
    }

    private static func isName(_ text: String) -> Bool {
        !text.isEmpty && !text.hasPrefix("-") && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    /// What the kept result is called: the same for the same list in the same environment over the same system.
    /// - Parameter bytes: of the disk that it is made on, which bounds it.
    func layer(engine: String, system: String, environment: RemoteID, bytes: Int) -> SnapshotID? {
        let words =
            [engine, system, environment.rawValue, "\(bytes)"] + parts.flatMap { [$0.manager.rawValue] + $0.names }
        return SnapshotID(Self.prefix(environment) + Self.digits(words.joined(separator: "\0"), 16))
    }

    /// Begins the names of an environment's layers.
    static func prefix(_ environment: RemoteID) -> String {
        SnapshotID.layerPrefix + digits(environment.rawValue, 6) + "-"
    }

    private static func digits(_ text: String, _ bytes: Int) -> String {
        SHA256.hash(data: Array(text.utf8)).prefix(bytes).map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }.joined()
    }
}
