internal import ArgumentParser
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The flags with which any setting can be given, shared by all commands.
struct SettingsOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Settings file (YAML); else $PERIMETER_CONFIG.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?

    @Option(
        name: .long, help: ArgumentHelp("Directory of the store and the generated keys.", valueName: "dir"),
        completion: .directory)
    var dataDir: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Any setting, such as model.provider=anthropic. May be repeated.", valueName: "key=value"))
    var set: [String] = []

    /// Reads all sources.
    /// - Parameter extra: flags of the command itself.
    /// - Throws: ``CommandError`` `.usage` for anything that cannot be used.
    func load(_ extra: [(flag: String, key: SettingKey, text: String?)] = []) throws(CommandError) -> LoadedSettings {
        var flags: [(flag: String, key: SettingKey, text: String)] = []
        for assignment in set {
            guard let equals = assignment.firstIndex(of: "=") else {
                throw CommandError(.usage, "--set \(assignment): expected key=value")
            }
            let name = String(assignment[..<equals])
            guard let key = SettingCatalogue.key(named: name) else {
                throw CommandError(
                    .usage, "unknown setting '\(name)' in --set",
                    remedy: SettingCatalogue.suggestion(for: name).map { "did you mean \($0)?" })
            }
            flags.append(("--set", key, String(assignment[assignment.index(after: equals)...])))
        }
        if let dataDir { flags.append(("--data-dir", SettingCatalogue.dataDirectory, dataDir)) }
        for (flag, key, text) in extra { if let text { flags.append((flag, key, text)) } }
        let environment = ProcessInfo.processInfo.environment
        var file: (path: String, text: String)?
        if let path = config ?? environment["PERIMETER_CONFIG"].flatMap({ $0.isEmpty ? nil : $0 }) {
            guard let bytes = FileManager.default.contents(atPath: path) else {
                throw CommandError(.usage, "cannot read the settings file \(path)")
            }
            guard let text = String(data: bytes, encoding: .utf8) else {
                throw CommandError(.usage, "\(path) is not UTF-8")
            }
            file = (path, text)
        }
        var loaded = try LoadedSettings(flags: flags, environment: environment, file: file, isRoot: geteuid() == 0)
        if !loaded.settings.dataDirectory.hasPrefix("/") {
            loaded.settings.dataDirectory =
                FileManager.default.currentDirectoryPath + "/" + loaded.settings.dataDirectory
        }
        return loaded
    }
}
