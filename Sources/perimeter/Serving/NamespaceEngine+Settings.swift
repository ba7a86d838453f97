internal import Egress
internal import Engines
internal import Logging
internal import Sandbox

extension NamespaceEngine {
    /// The engine as the settings ask for.
    /// - Parameter runtimeDirectory: nil takes the one that belongs to the data directory.
    /// - Throws: ``CommandError`` when the daemon executable cannot be found.
    convenience init(
        settings: Settings, runtimeDirectory: String? = nil, logger: Logger
    ) throws(CommandError) {
        let configuration = NamespaceConfiguration(
            execdPath: try ExecutablePath.execd(named: settings.worker.execd),
            stateDirectory: settings.dataDirectory + "/sandboxes", runtimeDirectory: runtimeDirectory,
            allowsWeakerLimits: settings.worker.allowsWeakerLimits)
        if configuration.allowsWeakerLimits {
            logger.warning("weaker limits are allowed: some bounds of sandboxes may not be enforced")
        }
        let trusted = settings.worker.allowedHosts ?? []
        let tls = UpstreamTLS()
        self.init(
            configuration: configuration,
            gate: { spec in
                spec.network == .none
                    ? nil : EgressGate(policy: spec.network, trusted: trusted, tls: tls, logger: logger)
            },
            logger: logger)
    }
}
