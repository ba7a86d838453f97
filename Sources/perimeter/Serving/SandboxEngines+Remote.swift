internal import Engines
internal import Sandbox
internal import Wire

/// Engines whose sandboxes are not this host's.
extension SandboxEngines {
    /// A trial beside a worker is another owner: it must not sweep that one's sandboxes.
    private var ownersDirectory: String { runtimeDirectory ?? stateDirectory }

    func kubernetesEngine() throws(CommandError) -> any SandboxProvider {
        let chosen = settings.worker.kubernetes
        guard let image = chosen.image else {
            throw CommandError(
                .usage, "the kubernetes engine needs an image", remedy: "name one with PERIMETER_KUBERNETES_IMAGE")
        }
        return KubernetesEngine(
            configuration: KubernetesConfiguration(
                access: chosen.config.map { .kubeconfig(path: $0, context: chosen.context) } ?? .serviceAccount(),
                image: image, stateDirectory: ownersDirectory + "/kubernetes", namespace: chosen.namespace,
                execdImage: chosen.execdImage, runtimeClass: chosen.runtimeClass, isolation: chosen.isolation.isolation,
                storageClass: chosen.storageClass, usesUserNamespaces: chosen.usesUserNamespaces,
                allowsWeakerLimits: settings.worker.allowsWeakerLimits),
            gate: gate, logger: logger)
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
