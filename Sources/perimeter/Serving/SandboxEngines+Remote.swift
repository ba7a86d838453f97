internal import Engines
internal import Sandbox
internal import Wire

/// Engines whose sandboxes are not this host's.
extension SandboxEngines {
    /// A trial beside a worker is another owner: it must not sweep that one's sandboxes.
    private var ownersDirectory: String { runtimeDirectory ?? stateDirectory }

    func kubernetesEngine() throws(CommandError) -> any SandboxProvider {
        let chosen = settings.worker.kubernetes
        guard (chosen.image == nil) != (chosen.claimPool == nil) else {
            throw CommandError(
                .usage, "the kubernetes engine needs an image or a pool, whose template names one, and not both",
                remedy: "set either PERIMETER_KUBERNETES_IMAGE or PERIMETER_KUBERNETES_CLAIM_POOL")
        }
        guard chosen.claimPool == nil || (chosen.execdImage == nil && chosen.storageClass == nil) else {
            throw CommandError(
                .usage, "the template of the pool names the daemon's image and the storage class",
                remedy: "unset PERIMETER_KUBERNETES_EXECD_IMAGE and PERIMETER_KUBERNETES_STORAGE_CLASS")
        }
        var configuration = KubernetesConfiguration(
            access: chosen.config.map { .kubeconfig(path: $0, context: chosen.context) } ?? .serviceAccount(),
            image: chosen.image, stateDirectory: ownersDirectory + "/kubernetes", namespace: chosen.namespace,
            claimPool: chosen.claimPool, execdImage: chosen.execdImage, runtimeClass: chosen.runtimeClass,
            isolation: chosen.isolation.isolation, storageClass: chosen.storageClass,
            usesUserNamespaces: chosen.usesUserNamespaces, allowsWeakerLimits: settings.worker.allowsWeakerLimits)
        // Whether the template keeps to the bounds that sessions will have is what a trial has to show.
        if chosen.claimPool != nil { configuration.probeLimits = settings.worker.limits }
        return KubernetesEngine(configuration: configuration, gate: gate, logger: logger)
    }

    func customEngine() throws(CommandError) -> any SandboxProvider {
        let worker = settings.worker
        let hook: CustomConfiguration.Hook
        switch (worker.customCommand, worker.customURL) {
        case (let path?, nil):
            hook = .command(path: path)
        case (nil, let url?):
            guard let secret = worker.customSecret else {
                throw CommandError(
                    .usage, "the service of the custom engine needs a secret",
                    remedy: "set PERIMETER_CUSTOM_SECRET to the bearer token that it asks for")
            }
            hook = .service(url: url, secret: EngineSecret(secret.reveal()), authority: worker.customAuthority)
        default:
            throw CommandError(
                .usage, "the custom engine needs a program or a service, and one of them only",
                remedy: "name it with PERIMETER_CUSTOM_COMMAND or PERIMETER_CUSTOM_URL")
        }
        var ceiling = CustomConfiguration.unvouched
        ceiling.isolation = worker.customIsolation.isolation
        return CustomEngine(
            configuration: CustomConfiguration(
                hook: hook, stateDirectory: ownersDirectory + "/custom", ceiling: ceiling,
                allowsWeakerLimits: worker.allowsWeakerLimits),
            gate: gate, logger: logger)
    }
}
