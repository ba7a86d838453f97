internal import Configuration
internal import Wire
internal import Yams

extension SettingsLayer {
    /// Reads the settings file.
    ///
    /// - Parameters:
    ///   - yaml: the text of the file.
    ///   - path: named in messages and as origin.
    /// - Throws: ``CommandError`` `.usage` that names the line and the key, also for keys nobody knows.
    static func file(_ yaml: String, path: String) throws(CommandError) -> SettingsLayer {
        let root: Node?
        do { root = try Yams.compose(yaml: yaml) } catch {
            throw CommandError(.usage, "\(path) is not YAML: \(error)")
        }
        var layer = SettingsLayer(name: "file")
        guard let root, !Self.isNull(root) else { return layer }
        guard let mapping = root.mapping else {
            throw CommandError(.usage, "\(path): expected keys and values at the top")
        }
        try layer.read(mapping, prefix: "", path: path)
        return layer
    }

    private mutating func read(_ mapping: Node.Mapping, prefix: String, path: String) throws(CommandError) {
        for (nameNode, value) in mapping {
            let name = prefix + (nameNode.scalar?.string ?? "?")
            let origin = "\(path):\(nameNode.mark?.line ?? 0)"
            if let key = SettingCatalogue.key(named: name) {
                guard !Self.isNull(value) else { continue }
                try set(key, Self.content(of: value, for: key, origin: origin), origin: origin)
            } else if SettingCatalogue.all.contains(where: { $0.name.hasPrefix(name + ".") }) {
                guard !Self.isNull(value) else { continue }
                guard let inner = value.mapping else {
                    throw CommandError(.usage, "\(name) in \(origin): expected keys and values below it")
                }
                try read(inner, prefix: name + ".", path: path)
            } else {
                let hint = SettingCatalogue.suggestion(for: name).map { "did you mean \($0)?" }
                throw CommandError(
                    .usage, "unknown setting '\(name)' in \(origin)",
                    remedy: hint ?? "remove it; `perimeter config check` lists every key")
            }
        }
    }

    private static func content(
        of node: Node, for key: SettingKey, origin: String
    ) throws(CommandError) -> ConfigContent {
        switch (key.kind, node) {
        case (.list, .sequence(let items)):
            var texts: [String] = []
            for item in items {
                guard let text = item.scalar?.string else {
                    throw CommandError(.usage, "\(key.name) in \(origin): expected a list of texts")
                }
                texts.append(text)
            }
            return .stringArray(texts)
        case (.tables, .sequence(let items)):
            var tables: [JSON] = []
            for item in items {
                guard let members = item.mapping else {
                    throw CommandError(.usage, "\(key.name) in \(origin): expected a list of keys and values")
                }
                var object = JSON.Object()
                for (name, value) in members {
                    guard let name = name.scalar?.string, let text = value.scalar?.string else {
                        throw CommandError(.usage, "\(key.name) in \(origin): expected texts as keys and values")
                    }
                    object[name] = .string(text)
                }
                tables.append(.object(object))
            }
            return .string(JSON.array(tables).text)
        case (.tables, _):
            throw CommandError(.usage, "\(key.name) in \(origin): expected a list")
        case (_, .scalar(let scalar)):
            return try key.parse(scalar.string, origin: origin)
        default:
            throw CommandError(.usage, "\(key.name) in \(origin): expected \(key.typeName)")
        }
    }

    /// `key:` and `key: ~` leave a setting unset.
    private static func isNull(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node else { return false }
        return [.plain, .any].contains(scalar.style) && ["", "~", "null"].contains(scalar.string)
    }
}
