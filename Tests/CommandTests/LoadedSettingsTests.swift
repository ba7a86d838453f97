import Testing
import Wire

@testable import perimeter

@Suite struct LoadedSettingsTests {
    private func load(
        flags: [(flag: String, key: SettingKey, text: String)] = [], _ environment: [String: String] = [:],
        file: String? = nil
    ) throws(CommandError) -> LoadedSettings {
        try LoadedSettings(
            flags: flags, environment: environment, file: file.map { ("perimeter.yaml", $0) }, isRoot: true)
    }

    @Test func `defaults stand where nothing is set`() throws {
        let settings = try load().settings
        #expect(settings.listen == ListenAddress("127.0.0.1:8700"))
        #expect(settings.dataDirectory == "/var/lib/perimeter")
        #expect(settings.modelProvider == "rehearsal")
        #expect(settings.worker.diskLimit == 2 << 30)
        #expect(settings.worker.allowedHosts == nil)
        #expect(!settings.worker.allowsWeakerLimits)
    }

    @Test func `flags win over the environment, and that over the file`() throws {
        let file = "listen: 127.0.0.1:1\nmodel:\n  provider: anthropic\n  api_key: k\nworker:\n  memory_limit: 512MiB\n"
        let loaded = try load(
            flags: [("--listen", SettingCatalogue.listen, "127.0.0.1:3")],
            ["PERIMETER_LISTEN": "127.0.0.1:2", "PERIMETER_ALLOWED_HOSTS": "a.example,*.b.example"], file: file)
        #expect(loaded.settings.listen.port == 3)
        #expect(loaded.settings.modelProvider == "anthropic")
        #expect(loaded.settings.worker.memoryLimit == 512 << 20)
        #expect(loaded.settings.worker.allowedHosts == ["a.example", "*.b.example"])
        #expect(loaded.effective(SettingCatalogue.listen).origin == "--listen")
        #expect(loaded.effective(SettingCatalogue.modelAPIKey).value == "•••")
    }

    @Test(arguments: [
        "listem: 127.0.0.1:1\n", "worker:\n  memry_limit: 1GiB\n", "listen: [1, 2]\n",
        "worker:\n  process_limit: many\n",
        "model:\n  provider: oracle\n", "a: b: c\n", "worker:\n  disk_limit: 1KiB\n",
    ])
    func `a file with a mistake stops the start`(file: String) {
        let error = #expect(throws: CommandError.self) { try load(file: file) }
        #expect(error?.code == .usage)
    }

    @Test func `an unknown variable of ours is a warning, an empty one counts as unset`() throws {
        let loaded = try load(["PERIMETER_LISTN": "x", "PERIMETER_MODEL_PROVIDER": "", "OTHER": "y"])
        #expect(loaded.warnings.count == 1)
        #expect(loaded.settings.modelProvider == "rehearsal")
    }

    @Test func `a mistyped name is answered with the nearest one`() {
        #expect(SettingCatalogue.suggestion(for: "listem") == "listen")
        #expect(SettingCatalogue.suggestion(for: "completely_else") == nil)
    }

    @Test func `secrets do not print`() throws {
        let loaded = try load(["PERIMETER_ADMIN_KEY": "sk-ant-admin01-hidden", "PERIMETER_MODEL_API_KEY": "sk-hidden"])
        #expect(!"\(loaded.settings)".contains("hidden"))
    }

    @Test(arguments: [("8700", "127.0.0.1:8700"), (":1", "0.0.0.0:1"), ("[::1]:2", "[::1]:2"), ("host:3", "host:3")])
    func `addresses are read`(text: String, shown: String) throws {
        #expect(try #require(ListenAddress(text)).description == shown)
    }

    @Test(arguments: ["", "x", "1:2:3", "host:99999", "a b:1", "host:-1"])
    func `other texts are no addresses`(text: String) { #expect(ListenAddress(text) == nil) }

    @Test(arguments: [("1024", 1024), ("512MiB", 512 << 20), ("2 GB", 2_000_000_000), ("1k", 1024)])
    func `sizes are read`(text: String, bytes: Int) { #expect(ByteSize(text)?.bytes == bytes) }

    @Test(arguments: ["", "-1", "1.5G", "9999999999999T", "1 parsec"])
    func `other texts are no sizes`(text: String) { #expect(ByteSize(text) == nil) }
}
