internal import Worker

/// Every setting there is; `docs/operations.md` lists the ones that matter most.
enum SettingCatalogue {
    static let listen = SettingKey(
        "listen", .text, default: "127.0.0.1:8700", variables: ["PERIMETER_LISTEN"],
        "address and port of the HTTP API; port 0 takes a free one")
    static let dataDirectory = SettingKey(
        "data_dir", .text, variables: ["PERIMETER_DATA_DIR"],
        "directory of the store, the generated keys and the sandboxes; by default /var/lib/perimeter as root, "
            + "else $XDG_STATE_HOME/perimeter or ~/.local/state/perimeter")
    static let adminKey = SettingKey(
        "admin_key", .text, variables: ["PERIMETER_ADMIN_KEY"], isSecret: true,
        "bootstrap organisation key; generated into DATA_DIR/admin-key when unset")
    static let databaseURL = SettingKey(
        "database_url", .text, variables: ["PERIMETER_DATABASE_URL"], isSecret: true,
        "SQLite file; by default DATA_DIR/perimeter.db")
    static let masterKey = SettingKey(
        "master_key", .text, variables: ["PERIMETER_MASTER_KEY"], isSecret: true,
        "seals secrets at rest; several are separated by commas, the current one first. Generated into DATA_DIR/master-key "
            + "when unset")
    static let allowPrivateMCP = SettingKey(
        "allow_private_mcp", .flag, default: "false", variables: ["PERIMETER_ALLOW_PRIVATE_MCP"],
        "permits http and private-address MCP URLs (relaxes security)")
    static let strictBetaHeaders = SettingKey(
        "strict_beta_headers", .flag, default: "true", variables: ["PERIMETER_STRICT_BETA_HEADERS"],
        "answers 404 when a request lacks the beta header of its endpoint, as the reference does")
    static let bodyLimit = SettingKey(
        "body_limit", .size(1024...(1 << 30)), default: "32MiB", variables: ["PERIMETER_BODY_LIMIT"],
        "largest request body of JSON endpoints")
    static let previewURL = SettingKey(
        "preview_url", .text, variables: ["PERIMETER_PREVIEW_URL"],
        "where ports of sandboxes are shown, such as https://*.preview.example.com; below localhost by default")

    static let modelProvider = SettingKey(
        "model.provider", .choice(["rehearsal", "anthropic"]), default: "rehearsal",
        variables: ["PERIMETER_MODEL_PROVIDER"],
        "default model back end; rehearsal is an offline stand-in, not a language model")
    static let modelBaseURL = SettingKey(
        "model.base_url", .text, variables: ["PERIMETER_MODEL_BASE_URL"],
        "endpoint of the provider, without /v1; by default https://api.anthropic.com")
    static let modelAPIKey = SettingKey(
        "model.api_key", .text, variables: ["PERIMETER_MODEL_API_KEY"], isSecret: true, "key for the provider")
    static let modelMap = SettingKey(
        "model.map", .tables(members: ["id", "provider", "base_url", "api_key"]), variables: ["PERIMETER_MODEL_MAP"],
        isSecret: true, "sends single model ids, or a beginning followed by *, to other back ends")

    static let serverURL = SettingKey(
        "worker.server_url", .text, variables: ["PERIMETER_SERVER_URL", "ANTHROPIC_BASE_URL"],
        "server that the worker and the administration commands talk to")
    static let environmentID = SettingKey(
        "worker.environment_id", .text, variables: ["ANTHROPIC_ENVIRONMENT_ID"], "environment whose queue is served")
    static let environmentKey = SettingKey(
        "worker.environment_key", .text, variables: ["ANTHROPIC_ENVIRONMENT_KEY"], isSecret: true,
        "key of that environment")
    static let sandboxEngine = SettingKey(
        "worker.sandbox_engine", .choice(["auto"] + SandboxEngines.names), default: "auto",
        variables: ["PERIMETER_SANDBOX_ENGINE"], "isolation of the sandboxes; auto takes the strongest one that works")
    static let concurrentSessions = SettingKey(
        "worker.concurrent_sessions", .count(1...1024), default: "8", variables: ["PERIMETER_CONCURRENT_SESSIONS"],
        "sessions that one worker serves at once")
    static let allowedHosts = SettingKey(
        "worker.allowed_hosts", .list, variables: ["PERIMETER_ALLOWED_HOSTS"],
        "hosts that sandboxes may reach; * permits what an environment calls unrestricted. None by default")
    /// By the names of the managers.
    static let packageMirrors = PackageManager.allCases.map { manager in
        SettingKey(
            "worker.package_mirror_\(manager.rawValue)", .text,
            variables: ["PERIMETER_PACKAGE_MIRROR_\(manager.rawValue.uppercased())"],
            "address from which \(manager.rawValue) installs packages of environments instead of the public registry"
                + (manager == .apt ? "; or lines of a sources.list, separated by ;" : ""))
    }
    static let egressAuthority = SettingKey(
        "worker.egress_authority", .text, variables: ["PERIMETER_EGRESS_AUTHORITY"],
        "PEM file with certificates that hosts are checked against beside the system's, where the egress gate speaks TLS"
    )
    static let egressLeakRules = SettingKey(
        "worker.egress_leak_rules", .text, variables: ["PERIMETER_EGRESS_LEAK_RULES"],
        "file with what requests of sandboxes must not hold: lines such as 'block aws_key' and 'redact project Bluebird'"
    )
    static let memoryLimit = SettingKey(
        "worker.memory_limit", .size((16 << 20)...(1 << 44)), default: "1GiB", variables: ["PERIMETER_MEMORY_LIMIT"],
        "memory of one sandbox")
    static let processLimit = SettingKey(
        "worker.process_limit", .count(8...65_536), default: "256", variables: ["PERIMETER_PROCESS_LIMIT"],
        "processes and threads of one sandbox")
    static let cpuLimit = SettingKey(
        "worker.cpu_limit", .count(5...102_400), default: "200", variables: ["PERIMETER_CPU_LIMIT"],
        "hundredths of one core for one sandbox")
    static let diskLimit = SettingKey(
        "worker.disk_limit", .size((1 << 20)...(1 << 46)), default: "2GiB", variables: ["PERIMETER_DISK_LIMIT"],
        "work directory of one sandbox")
    static let gpus = SettingKey(
        "worker.gpus", .text, default: "none", variables: ["PERIMETER_GPUS"],
        "NVIDIA GPUs that sandboxes may get when their environment asks: none, all, or numbers such as 0,1")
    static let leaseSeconds = SettingKey(
        "worker.lease_seconds", .count(1...3600), default: "10", variables: ["PERIMETER_LEASE_SECONDS"],
        "a crashed worker's sessions move on after this time")
    static let maxIdleSeconds = SettingKey(
        "worker.max_idle_seconds", .count(0...86_400), default: "60", variables: ["PERIMETER_MAX_IDLE_SECONDS"],
        "an idle session's work item is given back after this time; 0 keeps it")
    static let warmSandboxes = SettingKey(
        "worker.warm_sandboxes", .count(0...256), default: "0", variables: ["PERIMETER_WARM_SANDBOXES"],
        "sandboxes kept ready for new sessions, for all environments together")
    static let execd = SettingKey(
        "worker.execd", .text, variables: ["PERIMETER_EXECD"],
        "the perimeter-execd executable; found beside perimeter by default")

    static let dockerImage = SettingKey(
        "worker.docker_image", .text, variables: ["PERIMETER_DOCKER_IMAGE"],
        "image for the docker engine, with bash and the usual commands; auto tries the engine only when it is set")
    static let dockerSocket = SettingKey(
        "worker.docker_socket", .text, default: "/var/run/docker.sock", variables: ["PERIMETER_DOCKER_SOCKET"],
        "unix socket of Docker, or of Podman's service")
    static let dockerPulls = SettingKey(
        "worker.docker_pulls", .flag, default: "false", variables: ["PERIMETER_DOCKER_PULLS"],
        "lets the docker engine fetch an image that the daemon lacks")
    static let ociRootfs = SettingKey(
        "worker.oci_rootfs", .text, variables: ["PERIMETER_OCI_ROOTFS"],
        "folder with the Linux system of the oci engine's sandboxes, or an OCI image layout; auto tries the engine only "
            + "when it is set")
    static let ociRuntime = SettingKey(
        "worker.oci_runtime", .choice(["auto", "crun", "runc", "runsc"]), default: "auto",
        variables: ["PERIMETER_OCI_RUNTIME"],
        "the program that runs the oci engine's containers; auto takes the first that is installed, and the auto engine "
            + "runsc before all others where it works")
    static let ociPlatform = SettingKey(
        "worker.oci_platform", .choice(["ptrace", "systrap", "kvm"]), default: "ptrace",
        variables: ["PERIMETER_OCI_PLATFORM"], "how runsc gets hold of system calls; systrap is in releases since 2023")

    static let customCommand = SettingKey(
        "worker.custom_command", .text, variables: ["PERIMETER_CUSTOM_COMMAND"],
        "absolute path of the program that makes the sandboxes of the custom engine")
    static let customURL = SettingKey(
        "worker.custom_url", .text, variables: ["PERIMETER_CUSTOM_URL"],
        "address of the service that makes them instead; https, or http on this machine")
    static let customSecret = SettingKey(
        "worker.custom_secret", .text, variables: ["PERIMETER_CUSTOM_SECRET"], isSecret: true,
        "bearer token for that service")
    static let customAuthority = SettingKey(
        "worker.custom_authority", .text, variables: ["PERIMETER_CUSTOM_AUTHORITY"],
        "PEM file with the certificates that the service is checked against; the host's by default")
    static let customIsolation = SettingKey(
        "worker.custom_isolation", .choice(VouchedIsolation.allCases.map(\.rawValue)), default: "unknown",
        variables: ["PERIMETER_CUSTOM_ISOLATION"],
        "what you vouch for at most: nobody here can check what the custom engine's sandboxes are made of")
    static let microvmGuest = SettingKey(
        "worker.microvm_guest", .text, variables: ["PERIMETER_MICROVM_GUEST"],
        "folder that scripts/microvm-guest.sh prepared for the microvm engine; auto tries the engine only when it is set"
    )
    static let microvmQEMU = SettingKey(
        "worker.microvm_qemu", .text, default: "/usr/bin/qemu-system-x86_64", variables: ["PERIMETER_MICROVM_QEMU"],
        "the monitor of the microvm engine")
    static let microvmEmulation = SettingKey(
        "worker.microvm_emulation", .flag, default: "false", variables: ["PERIMETER_MICROVM_EMULATION"],
        "emulates the processor of virtual machines where KVM does not work: slow, no hardware boundary (relaxes security)"
    )

    static let kubernetesImage = SettingKey(
        "worker.kubernetes_image", .text, variables: ["PERIMETER_KUBERNETES_IMAGE"],
        "image for the kubernetes engine, with bash and the usual commands")
    static let kubernetesExecdImage = SettingKey(
        "worker.kubernetes_execd_image", .text, variables: ["PERIMETER_KUBERNETES_EXECD_IMAGE"],
        "image with /perimeter-execd; without it the other image has the daemon as /opt/perimeter/execd")
    static let kubernetesClaimPool = SettingKey(
        "worker.kubernetes_claim_pool", .text, variables: ["PERIMETER_KUBERNETES_CLAIM_POOL"],
        "SandboxWarmPool of agent-sandbox to claim sandboxes from; its template names images and volumes")
    static let kubernetesNamespace = SettingKey(
        "worker.kubernetes_namespace", .text, variables: ["PERIMETER_KUBERNETES_NAMESPACE"],
        "namespace for sandboxes and nothing else; the worker's own, or the context's, by default")
    static let kubernetesConfig = SettingKey(
        "worker.kubernetes_config", .text, variables: ["PERIMETER_KUBERNETES_CONFIG"],
        "kubeconfig file; the service account of the worker's Pod by default")
    static let kubernetesContext = SettingKey(
        "worker.kubernetes_context", .text, variables: ["PERIMETER_KUBERNETES_CONTEXT"],
        "context in that file; its current one by default")
    static let kubernetesRuntimeClass = SettingKey(
        "worker.kubernetes_runtime_class", .text, variables: ["PERIMETER_KUBERNETES_RUNTIME_CLASS"],
        "such as gvisor or kata; the cluster's default by default")
    static let kubernetesIsolation = SettingKey(
        "worker.kubernetes_isolation", .choice(VouchedIsolation.allCases.map(\.rawValue)), default: "shared_kernel",
        variables: ["PERIMETER_KUBERNETES_ISOLATION"], "what you vouch for: the cluster decides what a runtime class is"
    )
    static let kubernetesStorageClass = SettingKey(
        "worker.kubernetes_storage_class", .text, variables: ["PERIMETER_KUBERNETES_STORAGE_CLASS"],
        "of the work directories; its volumes must have the size that they are asked for")
    static let kubernetesUserNamespaces = SettingKey(
        "worker.kubernetes_user_namespaces", .flag, default: "true",
        variables: ["PERIMETER_KUBERNETES_USER_NAMESPACES"],
        "users of a Pod are its own, so that its processes can be counted")

    static let allowWeakerLimits = SettingKey(
        "worker.allow_weaker_limits", .flag, default: "false", variables: ["PERIMETER_ALLOW_WEAKER_LIMITS"],
        "creates sandboxes also where a bound cannot be enforced, and says so on the session (relaxes security)")

    static let logLevel = SettingKey(
        "log.level", .choice(["trace", "debug", "info", "notice", "warning", "error", "critical"]), default: "info",
        variables: ["PERIMETER_LOG_LEVEL"], "least severe lines that are written to standard error")
    static let logFormat = SettingKey(
        "log.format", .choice(["text", "json"]), default: "text", variables: ["PERIMETER_LOG_FORMAT"],
        "how those lines look")

    static let all: [SettingKey] =
        [
            listen, dataDirectory, adminKey, databaseURL, masterKey, allowPrivateMCP, strictBetaHeaders, bodyLimit,
            previewURL, modelProvider, modelBaseURL, modelAPIKey, modelMap, serverURL, environmentID, environmentKey,
            sandboxEngine, concurrentSessions, allowedHosts, egressAuthority, egressLeakRules, memoryLimit,
            processLimit,
            cpuLimit, diskLimit, gpus, leaseSeconds, maxIdleSeconds, warmSandboxes, dockerImage, dockerSocket,
            dockerPulls,
            customCommand, customURL, customSecret, customAuthority, customIsolation, microvmGuest, microvmQEMU,
            microvmEmulation, kubernetesImage, kubernetesExecdImage, kubernetesClaimPool, kubernetesNamespace,
            kubernetesConfig, kubernetesContext, kubernetesRuntimeClass, kubernetesIsolation, kubernetesStorageClass,
            kubernetesUserNamespaces, ociRootfs, ociRuntime, ociPlatform, execd, allowWeakerLimits, logLevel, logFormat,
        ] + packageMirrors + keeping

    static func key(named name: String) -> SettingKey? { all.first { $0.name == name } }

    /// Variables that are ours but no setting: the file's path.
    static let otherVariables: Set<String> = ["PERIMETER_CONFIG"]

    /// The known name nearest to a mistyped one, for messages; nil when nothing is near.
    static func suggestion(for name: String) -> String? {
        let candidates = all.map { (name: $0.name, distance: EditDistance.between($0.name, name)) }
        guard let best = candidates.min(by: { $0.distance < $1.distance }), best.distance <= 3 else { return nil }
        return best.name
    }
}
