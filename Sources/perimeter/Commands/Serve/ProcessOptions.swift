internal import ArgumentParser

/// Flags of every long-lived process.
struct ProcessOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Least severe log lines: debug, info, warning, error …", valueName: "level"))
    var logLevel: String?

    @Option(name: .long, help: ArgumentHelp("text or json.", valueName: "format"))
    var logFormat: String?

    @OptionGroup(title: "Settings") var settings: SettingsOptions

    func load(_ extra: [(flag: String, key: SettingKey, text: String?)] = []) throws(CommandError) -> LoadedSettings {
        try settings.load(
            extra + [
                ("--log-level", SettingCatalogue.logLevel, logLevel),
                ("--log-format", SettingCatalogue.logFormat, logFormat),
            ])
    }
}
