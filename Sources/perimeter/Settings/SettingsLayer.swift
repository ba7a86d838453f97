internal import Configuration

/// The settings that one source gives: flags, the environment, the file, or the defaults.
struct SettingsLayer: Sendable {
    struct Entry: Sendable {
        var content: ConfigContent
        /// Where exactly it was set, for people: `PERIMETER_LISTEN`, `--listen`, `perimeter.yaml`.
        var origin: String
    }

    let name: String
    private(set) var entries: [String: Entry] = [:]

    init(name: String) { self.name = name }

    mutating func set(_ key: SettingKey, _ content: ConfigContent, origin: String) {
        entries[key.name] = Entry(content: content, origin: origin)
    }

    var provider: InMemoryProvider {
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        for key in SettingCatalogue.all {
            guard let entry = entries[key.name] else { continue }
            values[key.path] = ConfigValue(entry.content, isSecret: key.isSecret)
        }
        return InMemoryProvider(name: name, values: values)
    }

    static var defaults: SettingsLayer {
        get throws(CommandError) {
            var layer = SettingsLayer(name: "defaults")
            for key in SettingCatalogue.all {
                guard let fallback = key.fallback else { continue }
                layer.set(key, try key.parse(fallback, origin: "defaults"), origin: "default")
            }
            return layer
        }
    }

    /// What the environment sets, and the `PERIMETER_` variables in it that nobody knows.
    static func environment(
        _ variables: [String: String]
    ) throws(CommandError) -> (layer: SettingsLayer, unknown: [String]) {
        var layer = SettingsLayer(name: "environment")
        var known = SettingCatalogue.otherVariables
        for key in SettingCatalogue.all {
            known.formUnion(key.variables)
            for variable in key.variables {
                // An empty variable is how shells and unit files say "unset".
                guard let text = variables[variable], !text.isEmpty else { continue }
                layer.set(key, try key.parse(text, origin: variable), origin: variable)
                break
            }
        }
        let unknown = variables.keys.filter { $0.hasPrefix("PERIMETER_") && !known.contains($0) }.sorted()
        return (layer, unknown)
    }

    /// - Parameter assignments: the flag that gave each value, the key and the text.
    static func flags(
        _ assignments: [(flag: String, key: SettingKey, text: String)]
    ) throws(CommandError) -> SettingsLayer {
        var layer = SettingsLayer(name: "flags")
        for (flag, key, text) in assignments {
            layer.set(key, try key.parse(text, origin: flag), origin: flag)
        }
        return layer
    }
}
