internal import ArgumentParser
internal import Wire

/// Shows every setting in force and where it came from.
struct ConfigCheck: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Read all settings and show what holds, and why; secrets as •••.")

    @Flag(name: .long, help: "Print one JSON object per setting.")
    var json = false

    @OptionGroup(title: "Settings") var settings: SettingsOptions

    func run() async throws {
        let loaded = try settings.load()
        for warning in loaded.warnings { Terminal.writeError("warning: \(warning)\n") }
        var table = Table("SETTING", "VALUE", "FROM")
        for key in SettingCatalogue.all {
            let (value, origin) = loaded.effective(key)
            if json {
                let object: JSON = ["key": .string(key.name), "value": value, "from": .string(origin)]
                Terminal.write(object.text + "\n")
            } else {
                table.add(key.name, value.isNull ? "-" : value.stringValue ?? value.text, origin)
            }
        }
        if !json { table.print(orElse: "no settings") }
    }
}
