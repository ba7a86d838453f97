internal import ArgumentParser

/// Flags of the commands that serve, for the settings that people change most.
struct ServeOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Address of the API, such as 127.0.0.1:8700; port 0 takes a free one.", valueName: "host:port"))
    var listen: String?

    @Option(name: .long, help: ArgumentHelp("Model back end: rehearsal or anthropic.", valueName: "name"))
    var modelProvider: String?

    @OptionGroup var common: ProcessOptions

    func load() throws(CommandError) -> LoadedSettings {
        try common.load([
            ("--listen", SettingCatalogue.listen, listen),
            ("--model-provider", SettingCatalogue.modelProvider, modelProvider),
        ])
    }
}
