internal import FoundationEssentials
internal import Wire
internal import Yams

/// A request body that a person wrote: JSON, or YAML with the same shape.
enum DocumentFile {
    /// - Throws: ``CommandError`` `.usage` when the file cannot be read or is no object.
    static func read(_ path: String) throws(CommandError) -> JSON {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw CommandError(.usage, "cannot read \(path)")
        }
        let document: JSON
        if path.hasSuffix(".json") {
            do { document = try JSON(parsing: bytes) } catch {
                throw CommandError(.usage, "\(path) is not JSON: \(error)")
            }
        } else {
            do {
                document = try Yams.compose(yaml: String(decoding: bytes, as: UTF8.self)).map(JSON.init(yaml:)) ?? .null
            } catch {
                throw CommandError(.usage, "\(path) is not YAML: \(error)")
            }
        }
        guard document.objectValue != nil else {
            throw CommandError(.usage, "\(path): expected an object, got \(document.kindName)")
        }
        return document
    }
}

extension JSON {
    /// The JSON value with the meaning of a YAML node (core schema).
    fileprivate init(yaml node: Node) {
        switch node {
        case .mapping(let mapping):
            self = .object(Object(mapping.map { (key: $0.key.scalar?.string ?? "", value: JSON(yaml: $0.value)) }))
        case .sequence(let items): self = .array(items.map(JSON.init(yaml:)))
        case .scalar(let scalar):
            guard [.plain, .any].contains(scalar.style) else {
                self = .string(scalar.string)
                return
            }
            switch scalar.string {
            case "", "~", "null": self = .null
            case "true": self = .bool(true)
            case "false": self = .bool(false)
            default:
                if let number = Int64(scalar.string) {
                    self = .integer(number)
                } else if let number = Double(scalar.string), number.isFinite {
                    self = .double(number)
                } else {
                    self = .string(scalar.string)
                }
            }
        case .alias: self = .null
        }
    }
}
