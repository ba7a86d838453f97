internal import Wire
internal import Configuration

/// One setting: its name, its type, its default and the environment variables that carry it.
struct SettingKey: Sendable {
    enum Kind: Sendable {
        case text
        case choice([String])
        case flag
        case count(ClosedRange<Int>)
        /// Bytes, with an optional unit: `512MiB`.
        case size(ClosedRange<Int>)
        /// In the environment separated by commas.
        case list
        /// A list of tables; in the environment a JSON array of objects with string members.
        case tables(members: [String])
    }

    /// As in the file: `model.base_url` is `base_url` below `model`.
    let name: String
    let kind: Kind
    /// What holds when nobody sets it; nil leaves it unset.
    let fallback: String?
    /// The environment variables, the first one that is set wins.
    let variables: [String]
    let isSecret: Bool
    let summary: String

    init(
        _ name: String, _ kind: Kind, default fallback: String? = nil, variables: [String], isSecret: Bool = false,
        _ summary: String
    ) {
        self.name = name
        self.kind = kind
        self.fallback = fallback
        self.variables = variables
        self.isSecret = isSecret
        self.summary = summary
    }

    var path: AbsoluteConfigKey { AbsoluteConfigKey(name.split(separator: ".").map(String.init), context: [:]) }

    /// How the type is called in messages and documentation.
    var typeName: String {
        switch kind {
        case .text: "text"
        case .choice(let choices): choices.joined(separator: " | ")
        case .flag: "true | false"
        case .count(let range): "\(range.lowerBound) – \(range.upperBound)"
        case .size: "bytes, or with a unit: 512MiB"
        case .list: "list of texts"
        case .tables(let members): "list of {\(members.joined(separator: ", "))}"
        }
    }

    /// Reads the text of a flag, a variable or a scalar of the file.
    /// - Parameter origin: where the text comes from, for the message.
    /// - Throws: ``CommandError`` `.usage` when the text does not fit the type. Never repeats a secret.
    func parse(_ text: String, origin: String) throws(CommandError) -> ConfigContent {
        func refuse() -> CommandError {
            let shown = isSecret ? "•••" : "'\(text.prefix(80))'"
            return CommandError(.usage, "\(name) in \(origin): \(shown) is not \(typeName)")
        }
        switch kind {
        case .text:
            guard !text.isEmpty else { throw refuse() }
            return .string(text)
        case .choice(let choices):
            guard choices.contains(text) else { throw refuse() }
            return .string(text)
        case .flag:
            switch text.lowercased() {
            case "true", "yes", "on", "1": return .bool(true)
            case "false", "no", "off", "0": return .bool(false)
            default: throw refuse()
            }
        case .count(let range):
            guard let number = Int(text), range.contains(number) else { throw refuse() }
            return .int(number)
        case .size(let range):
            guard let bytes = ByteSize(text)?.bytes, range.contains(bytes) else { throw refuse() }
            return .int(bytes)
        case .list:
            return .stringArray(text.split(separator: ",").map { $0.trimmingSpaces() }.filter { !$0.isEmpty })
        case .tables:
            // Checked member by member when the table is read.
            return .string(text)
        }
    }
}

extension Substring {
    fileprivate func trimmingSpaces() -> String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
