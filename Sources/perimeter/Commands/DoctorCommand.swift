internal import ArgumentParser
internal import AsyncHTTPClient
internal import NIOCore
internal import Wire

/// Probes this host and the configuration.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Probe this host and the settings; name each problem and its remedy.",
        discussion: "Ends with 1 when something that was asked for cannot work.")

    @Flag(name: .long, help: "Print one JSON object per finding.")
    var json = false

    @OptionGroup(title: "Settings") var options: SettingsOptions

    func run() async throws {
        let loaded = try options.load()
        var findings = loaded.warnings.map {
            Finding("settings", .warning, $0, remedy: "remove it or correct its name")
        }
        if findings.isEmpty { findings = [Finding("settings", .ok, "read and understood")] }
        show(findings)
        var http = HTTPClient.Configuration(redirectConfiguration: .disallow)
        http.timeout.connect = .seconds(5)
        http.connectionPool.retryConnectionEstablishment = false
        let hasFatal = try await HTTPClient.with(http) { http in
            var hasFatal = false
            for check in checks(loaded.settings, HTTPProbe(http: http)) {
                let findings = await check.run()
                show(findings)
                hasFatal = hasFatal || findings.contains { $0.state == .fatal }
            }
            return hasFatal
        }
        if hasFatal { throw ExitCode.failure }
    }

    private func checks(_ settings: Settings, _ probe: HTTPProbe) -> [any DoctorCheck] {
        [
            ClockCheck(clock: SystemWallClock()),
            DataDirectoryCheck(path: settings.dataDirectory),
            StoreCheck(dataDirectory: settings.dataDirectory, databaseURL: settings.databaseURL),
            ListenCheck(address: settings.listen, probe: probe),
            ExecdCheck(named: settings.worker.execd),
            EngineCheck(settings: settings),
            ModelCheck(settings: settings, probe: probe),
            ServerCheck(
                address: settings.worker.serverURL ?? settings.listen.loopbackURL(),
                isNeeded: settings.worker.environmentKey != nil, probe: probe),
        ]
    }

    private func show(_ findings: [Finding]) {
        for finding in findings {
            Terminal.write(json ? finding.json.text + "\n" : finding.line(Terminal.style))
        }
    }
}
