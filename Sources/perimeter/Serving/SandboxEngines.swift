internal import Engines
internal import Logging
internal import Sandbox
internal import Wire

/// Makes the engines that the settings ask for. One line per engine in `all`.
struct SandboxEngines {
    let settings: Settings
    /// Nil takes the one that belongs to the data directory.
    var runtimeDirectory: String?
    let logger: Logger

    /// What `worker.sandbox_engine` may name beside `auto`.
    static let names = ["namespace", "oci", "docker", "microvm", "kubernetes", "custom"]

    /// The engine that is asked for, with a warm pool in front when that is asked for.
    /// - Throws: ``CommandError`` when something that the engine needs cannot be found.
    func chosen() throws(CommandError) -> any SandboxProvider {
        let engine: any SandboxProvider =
            settings.worker.sandboxEngine == "auto"
            ? AutoEngine(candidates: try candidates(), logger: logger) : try engine(settings.worker.sandboxEngine)
        guard settings.worker.warmSandboxes > 0 else { return engine }
        guard !["kubernetes", "custom"].contains(settings.worker.sandboxEngine) else {
            throw CommandError(
                .usage, "the \(settings.worker.sandboxEngine) engine keeps no sandboxes ready",
                remedy: "set PERIMETER_WARM_SANDBOXES to 0")
        }
        return WarmPool(
            engine: engine, size: settings.worker.warmSandboxes,
            names: WarmFolder(stateDirectory: stateDirectory, engineDirectories: engineDirectories), logger: logger)
    }

    /// The work directories of sessions, whichever engine made them.
    var files: any SessionFiles {
        WorkFolders(stateDirectory: stateDirectory, engineDirectories: engineDirectories)
    }

    private var engineDirectories: [String] {
        (Self.names + [OCIRuntime.runsc.rawValue]).map { "\(stateDirectory)/\($0)" }
    }

    /// What `auto` chooses from; of equal boundaries the earlier one is taken.
    func candidates() throws(CommandError) -> [any SandboxProvider] {
        if settings.worker.allowsWeakerLimits {
            logger.warning("weaker limits are allowed: some bounds of sandboxes may not be enforced")
        }
        var engines: [any SandboxProvider] = []
        for name in Self.names where isConfigured(name) { engines.append(try engine(name)) }
        // A stronger boundary than the engine's other runtimes, so it stands for itself; a probe has to run something in it.
        if isConfigured("oci"), settings.worker.ociRuntime == "auto", OCIRuntime.runsc.isInstalled,
            OCIRuntime.installed != .runsc
        {
            engines.append(try ociEngine(try ExecutablePath.execd(named: settings.worker.execd), .runsc))
        }
        return engines
    }

    /// Engines that need to be told something are tried by `auto` only when they were.
    private func isConfigured(_ name: String) -> Bool {
        switch name {
        case "docker": settings.worker.dockerImage != nil
        // An emulated processor is no hardware boundary: who wants it names the engine.
        case "microvm": settings.worker.microvmGuest != nil && !settings.worker.microvmEmulation
        // Elsewhere, in hands that nobody here can look at: they are used where they are named.
        case "kubernetes", "custom": false
        case "oci": settings.worker.ociRootfs != nil
        default: true
        }
    }

    private func engine(_ name: String) throws(CommandError) -> any SandboxProvider {
        switch name {
        case "kubernetes": return try kubernetesEngine()
        case "custom": return try customEngine()
        default: break
        }
        let execd = try ExecutablePath.execd(named: settings.worker.execd)
        switch name {
        case "namespace":
            return NamespaceEngine(
                configuration: NamespaceConfiguration(
                    execdPath: execd, stateDirectory: stateDirectory, runtimeDirectory: runtimeDirectory,
                    allowsWeakerLimits: settings.worker.allowsWeakerLimits, graphics: settings.worker.gpus),
                gate: gate, logger: logger)
        case "docker":
            guard let image = settings.worker.dockerImage else {
                throw CommandError(
                    .usage, "the docker engine needs an image", remedy: "name one with PERIMETER_DOCKER_IMAGE")
            }
            return DockerEngine(
                configuration: DockerConfiguration(
                    execdPath: execd, stateDirectory: stateDirectory + "/docker", image: image,
                    runtimeDirectory: runtimeDirectory,
                    socketPath: settings.worker.dockerSocket, pulls: settings.worker.dockerPulls),
                gate: gate, logger: logger)
        case "microvm":
            guard let guest = settings.worker.microvmGuest else {
                throw CommandError(
                    .usage, "the microvm engine needs a guest system",
                    remedy: "run scripts/microvm-guest.sh FOLDER and name it with PERIMETER_MICROVM_GUEST")
            }
            if settings.worker.microvmEmulation {
                logger.warning("virtual machines are emulated in software: slow, and without a hardware boundary")
            }
            return MicroVMEngine(
                configuration: MicroVMConfiguration(
                    execdPath: execd, guestDirectory: guest, stateDirectory: stateDirectory + "/microvm",
                    runtimeDirectory: runtimeDirectory, qemuPath: settings.worker.microvmQEMU,
                    emulation: settings.worker.microvmEmulation,
                    allowsWeakerLimits: settings.worker.allowsWeakerLimits),
                gate: gate, logger: logger)
        case "oci": return try ociEngine(execd, OCIRuntime(rawValue: settings.worker.ociRuntime) ?? .installed)
        default:
            throw CommandError(.usage, "worker.sandbox_engine: there is no engine '\(name)'")
        }
    }

    private func ociEngine(_ execd: String, _ runtime: OCIRuntime) throws(CommandError) -> OCIEngine {
        guard let rootfs = settings.worker.ociRootfs else {
            throw CommandError(
                .usage, "the oci engine needs a root file system",
                remedy: "name a folder with a Linux system in it with PERIMETER_OCI_ROOTFS")
        }
        // Not those of another engine: each sweeps everything in its own.
        let folder = runtime == .runsc ? runtime.rawValue : "oci"
        return OCIEngine(
            configuration: OCIConfiguration(
                execdPath: execd, stateDirectory: "\(stateDirectory)/\(folder)", rootfs: rootfs, runtime: runtime,
                runtimeDirectory: runtimeDirectory.map { "\($0)-\(folder)" },
                platform: RunscPlatform(rawValue: settings.worker.ociPlatform) ?? .ptrace,
                graphics: settings.worker.gpus),
            gate: gate, logger: logger)
    }

    /// Where engines keep the files of sessions. One whose files belong to other users has a folder of its own in it.
    var stateDirectory: String { settings.dataDirectory + "/sandboxes" }

    var gate: @Sendable (SandboxSpec) -> (any OutboundGate)? {
        { $0.network == .none ? nil : $0.gate }
    }
}
