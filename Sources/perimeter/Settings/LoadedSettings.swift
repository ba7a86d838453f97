internal import Configuration
internal import Wire

/// The settings together with where each of them came from.
struct LoadedSettings: Sendable {
    var settings: Settings
    /// Strongest first: flags, environment, file, defaults.
    var layers: [SettingsLayer]
    /// What people should know but what stops nothing.
    var warnings: [String]

    /// Lays the sources over each other.
    ///
    /// - Parameters:
    ///   - flags: what was given on the command line.
    ///   - environment: the process's variables.
    ///   - file: path and text of the settings file, when there is one.
    ///   - isRoot: decides the default data directory.
    /// - Throws: ``CommandError`` `.usage` naming the key or variable that cannot be used.
    init(
        flags: [(flag: String, key: SettingKey, text: String)], environment: [String: String],
        file: (path: String, text: String)?, isRoot: Bool
    ) throws(CommandError) {
        let (variables, unknown) = try SettingsLayer.environment(environment)
        var layers = [try SettingsLayer.flags(flags), variables]
        if let file { layers.append(try SettingsLayer.file(file.text, path: file.path)) }
        layers.append(try SettingsLayer.defaults)
        self.layers = layers
        warnings = unknown.map { "unknown environment variable \($0)" }
        settings = try Settings(
            reader: ConfigReader(providers: layers.map(\.provider)),
            defaultDataDirectory: Self.defaultDataDirectory(environment, isRoot: isRoot))
    }

    static func defaultDataDirectory(_ environment: [String: String], isRoot: Bool) -> String {
        // The state directory of the XDG base directory specification; root's services live in /var/lib.
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/perimeter" }
        if !isRoot, let home = environment["HOME"], home.hasPrefix("/") { return home + "/.local/state/perimeter" }
        return "/var/lib/perimeter"
    }

    /// What is in force for `key`, without secrets, and where it came from.
    func effective(_ key: SettingKey) -> (value: JSON, origin: String) {
        if let entry = layers.lazy.compactMap({ $0.entries[key.name] }).first {
            return (key.isSecret ? "•••" : JSON(entry.content, kind: key.kind), entry.origin)
        }
        if key.name == SettingCatalogue.dataDirectory.name { return (.string(settings.dataDirectory), "default") }
        return (.null, "unset")
    }
}

extension JSON {
    fileprivate init(_ content: ConfigContent, kind: SettingKey.Kind) {
        switch content {
        case .string(let text): self = .string(text)
        case .int(let number):
            if case .size = kind { self = .string(ByteSize(bytes: number).description) } else { self = JSON(number) }
        case .bool(let flag): self = .bool(flag)
        case .stringArray(let items): self = .array(items.map(JSON.string))
        default: self = .null
        }
    }
}
