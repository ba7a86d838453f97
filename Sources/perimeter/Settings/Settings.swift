internal import Configuration
internal import Engines
internal import Server
internal import Wire
internal import Worker

/// The settings in force, typed. Keys, types and defaults: ``SettingCatalogue``.
struct Settings: Sendable {
    var listen: ListenAddress
    var dataDirectory: String
    var adminKey: Secret?
    var databaseURL: String?
    var masterKey: Secret?
    var allowsPrivateMCP: Bool
    var requiresBetaHeaders: Bool
    var bodyLimit: Int
    /// Checked: has one star where the secret goes.
    var previewURL: String?
    var modelProvider: String
    var modelBaseURL: String?
    var modelAPIKey: Secret?
    var modelRoutes: [ModelRouteSettings]
    var worker: WorkerSettings
    var keeping: KeepingSettings
    var logLevel: String
    var logFormat: String

    /// Reads every key of the catalogue.
    /// - Parameter defaultDataDirectory: used when no source names one.
    /// - Throws: ``CommandError`` `.usage` naming the key whose value cannot be used.
    init(reader: ConfigReader, defaultDataDirectory: String) throws(CommandError) {
        func text(_ key: SettingKey) -> String? { reader.string(forKey: ConfigKey(key.name), isSecret: key.isSecret) }
        func number(_ key: SettingKey) -> Int { reader.int(forKey: ConfigKey(key.name), default: 0) }
        func flag(_ key: SettingKey) -> Bool { reader.bool(forKey: ConfigKey(key.name), default: false) }

        let address = text(SettingCatalogue.listen) ?? ""
        guard let listen = ListenAddress(address) else {
            throw CommandError(
                .usage, "listen: '\(address.prefix(80))' is not an address and a port",
                remedy: "write it as 127.0.0.1:8700 or [::1]:8700")
        }
        self.listen = listen
        dataDirectory = text(SettingCatalogue.dataDirectory) ?? defaultDataDirectory
        adminKey = text(SettingCatalogue.adminKey).map(Secret.init)
        databaseURL = text(SettingCatalogue.databaseURL)
        masterKey = text(SettingCatalogue.masterKey).map(Secret.init)
        allowsPrivateMCP = flag(SettingCatalogue.allowPrivateMCP)
        requiresBetaHeaders = flag(SettingCatalogue.strictBetaHeaders)
        bodyLimit = number(SettingCatalogue.bodyLimit)
        previewURL = text(SettingCatalogue.previewURL)
        if let previewURL, !ServerConfiguration.isPreviewURL(previewURL) {
            throw CommandError(
                .usage, "preview_url: '\(previewURL.prefix(80))' has no star for the secret",
                remedy: "write it as https://*.preview.example.com, with no path")
        }
        modelProvider = text(SettingCatalogue.modelProvider) ?? "rehearsal"
        modelBaseURL = text(SettingCatalogue.modelBaseURL)
        modelAPIKey = text(SettingCatalogue.modelAPIKey).map(Secret.init)
        modelRoutes = try text(SettingCatalogue.modelMap).map(ModelRouteSettings.read) ?? []
        var mirrors: [PackageManager: String] = [:]
        for (manager, key) in zip(PackageManager.allCases, SettingCatalogue.packageMirrors) {
            mirrors[manager] = text(key)
        }
        let packageMirrors: PackageMirrors
        do throws(WorkerError) { packageMirrors = try PackageMirrors(mirrors) } catch {
            throw CommandError(.usage, error.message)
        }
        worker = WorkerSettings(
            serverURL: text(SettingCatalogue.serverURL), environmentID: text(SettingCatalogue.environmentID),
            environmentKey: text(SettingCatalogue.environmentKey).map(Secret.init),
            sandboxEngine: text(SettingCatalogue.sandboxEngine) ?? "auto",
            concurrentSessions: number(SettingCatalogue.concurrentSessions),
            allowedHosts: reader.stringArray(forKey: ConfigKey(SettingCatalogue.allowedHosts.name)),
            egressAuthority: text(SettingCatalogue.egressAuthority), packageMirrors: packageMirrors,
            egressLeakRules: text(SettingCatalogue.egressLeakRules),
            memoryLimit: number(SettingCatalogue.memoryLimit), processLimit: number(SettingCatalogue.processLimit),
            cpuLimit: number(SettingCatalogue.cpuLimit), diskLimit: number(SettingCatalogue.diskLimit),
            gpus: try Self.gpus(text(SettingCatalogue.gpus) ?? "none"),
            leaseSeconds: number(SettingCatalogue.leaseSeconds),
            maxIdleSeconds: number(SettingCatalogue.maxIdleSeconds),
            warmSandboxes: number(SettingCatalogue.warmSandboxes), execd: text(SettingCatalogue.execd),
            dockerImage: text(SettingCatalogue.dockerImage),
            dockerSocket: text(SettingCatalogue.dockerSocket) ?? "/var/run/docker.sock",
            dockerPulls: flag(SettingCatalogue.dockerPulls),
            customCommand: text(SettingCatalogue.customCommand), customURL: text(SettingCatalogue.customURL),
            customSecret: text(SettingCatalogue.customSecret).map(Secret.init),
            customAuthority: text(SettingCatalogue.customAuthority),
            customIsolation: text(SettingCatalogue.customIsolation).flatMap { .init(rawValue: $0) } ?? .unknown,
            microvmGuest: text(SettingCatalogue.microvmGuest),
            microvmQEMU: text(SettingCatalogue.microvmQEMU) ?? "/usr/bin/qemu-system-x86_64",
            microvmEmulation: flag(SettingCatalogue.microvmEmulation),
            kubernetes: KubernetesSettings(
                image: text(SettingCatalogue.kubernetesImage),
                execdImage: text(SettingCatalogue.kubernetesExecdImage),
                claimPool: text(SettingCatalogue.kubernetesClaimPool),
                namespace: text(SettingCatalogue.kubernetesNamespace), config: text(SettingCatalogue.kubernetesConfig),
                context: text(SettingCatalogue.kubernetesContext),
                runtimeClass: text(SettingCatalogue.kubernetesRuntimeClass),
                isolation: text(SettingCatalogue.kubernetesIsolation).flatMap { .init(rawValue: $0) } ?? .unknown,
                storageClass: text(SettingCatalogue.kubernetesStorageClass),
                usesUserNamespaces: flag(SettingCatalogue.kubernetesUserNamespaces)),
            ociRootfs: text(SettingCatalogue.ociRootfs),
            ociRuntime: text(SettingCatalogue.ociRuntime) ?? "auto",
            ociPlatform: text(SettingCatalogue.ociPlatform) ?? "ptrace",
            allowsWeakerLimits: flag(SettingCatalogue.allowWeakerLimits))
        keeping = try KeepingSettings(reader: reader)
        logLevel = text(SettingCatalogue.logLevel) ?? "info"
        logFormat = text(SettingCatalogue.logFormat) ?? "text"
    }

    private static func gpus(_ text: String) throws(CommandError) -> GraphicsAllowance {
        guard let allowance = GraphicsAllowance(text) else {
            throw CommandError(
                .usage, "worker.gpus: '\(text.prefix(80))' names no GPUs",
                remedy: "write none, all, or numbers such as 0,1")
        }
        return allowance
    }
}
