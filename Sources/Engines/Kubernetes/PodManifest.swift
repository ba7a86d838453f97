internal import Sandbox
internal import Wire

/// The objects that a sandbox is asked for with. Pure.
struct PodManifest: Sendable {
    /// What programs inside run as.
    static let user = 1000
    /// The port inside at which the daemon takes connections to the outside.
    static let proxyPort = 3128
    static let folder = "/opt/perimeter"
    static let execd = "\(folder)/execd"
    static let socket = "/run/perimeter/execd.sock"
    static let workDirectory = "/workspace"
    /// Zero would take a Pod out of the list before its node has ended it.
    static let graceSeconds = 1

    var spec: SandboxSpec
    var owner: String
    var image: String
    var execdImage: String?
    var runtimeClass: String?
    var usesUserNamespaces: Bool
    /// Whether processes can be counted per sandbox by their user.
    var countsProcesses: Bool
    var lifetimeSeconds: Int

    var name: String { SandboxNames.name(spec.id) }

    // MARK: - The Pod

    var pod: JSON {
        [
            "apiVersion": "v1", "kind": "Pod",
            "metadata": metadata([(SandboxNames.shape, SandboxNames.shape(spec))]),
            "spec": .object(JSON.Object(podMembers)),
        ]
    }

    private var podMembers: [(key: String, value: JSON)] {
        var members: [(key: String, value: JSON)] = [
            ("restartPolicy", "Never"), ("activeDeadlineSeconds", JSON(lifetimeSeconds)),
            ("terminationGracePeriodSeconds", JSON(Self.graceSeconds)), ("automountServiceAccountToken", false),
            ("enableServiceLinks", false), ("hostNetwork", false), ("hostPID", false), ("hostIPC", false),
            ("shareProcessNamespace", false), ("hostname", "sandbox"),
            // Names are the gate's to resolve.
            ("dnsPolicy", "None"), ("dnsConfig", ["nameservers": ["127.0.0.1"]]),
            (
                "securityContext",
                [
                    "runAsNonRoot": true, "runAsUser": JSON(Self.user), "runAsGroup": JSON(Self.user),
                    "fsGroup": JSON(Self.user), "fsGroupChangePolicy": "OnRootMismatch",
                    "seccompProfile": ["type": "RuntimeDefault"],
                ]
            ),
            ("containers", [container]), ("volumes", .array(volumes)),
        ]
        if usesUserNamespaces { members.append(("hostUsers", false)) }
        if let runtimeClass { members.append(("runtimeClassName", .string(runtimeClass))) }
        if let execdImage { members.append(("initContainers", [installer(execdImage)])) }
        return members
    }

    private var container: JSON {
        let limits: JSON = [
            "cpu": .string("\(spec.limits.cpuPercent * 10)m"), "memory": .string("\(spec.limits.memoryBytes)"),
            // What the programs print goes to the worker; this is for the runtime's own log.
            "ephemeral-storage": "64Mi",
        ]
        return [
            "name": .string(SandboxNames.container), "image": .string(image), "imagePullPolicy": "IfNotPresent",
            "command": .array(command.map { .string($0) }), "workingDir": .string(Self.workDirectory),
            "env": .array(variables), "securityContext": Self.confinement,
            "resources": ["limits": limits, "requests": limits],
            "volumeMounts": .array(mounts),
        ]
    }

    private var mounts: [JSON] {
        let common: [JSON] = [
            ["name": "work", "mountPath": .string(Self.workDirectory)], ["name": "tmp", "mountPath": "/tmp"],
            ["name": "run", "mountPath": "/run/perimeter"],
        ]
        guard execdImage != nil else { return common }
        return common + [["name": "execd", "mountPath": .string(Self.folder), "readOnly": true]]
    }

    private func installer(_ image: String) -> JSON {
        let limits: JSON = ["cpu": "200m", "memory": "64Mi", "ephemeral-storage": "16Mi"]
        return [
            "name": "execd", "image": .string(image), "imagePullPolicy": "IfNotPresent",
            "command": ["/perimeter-execd", "--install", .string(Self.execd)], "securityContext": Self.confinement,
            "resources": ["limits": limits, "requests": limits],
            "volumeMounts": [["name": "execd", "mountPath": .string(Self.folder)]],
        ]
    }

    static let confinement: JSON = [
        "allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
        "runAsNonRoot": true, "runAsUser": JSON(user), "runAsGroup": JSON(user), "capabilities": ["drop": ["ALL"]],
        "seccompProfile": ["type": "RuntimeDefault"],
    ]

    private var command: [String] {
        [
            Self.execd, "--listen", Self.socket, "--workdir", Self.workDirectory, "--root", "/tmp",
            "--read-only-root", "/usr", "--proxy-port", spec.network == .none ? "0" : "\(Self.proxyPort)",
            "--output-limit", "\(spec.limits.outputBytes)", "--process-limit",
            countsProcesses ? "\(spec.limits.processes)" : "0", "--confine",
        ]
    }

    /// Memory file systems count against the memory bound; their sizes stay well below it together.
    private var volumes: [JSON] {
        let unit = max(1 << 16, spec.limits.memoryBytes / 32)
        func memory(_ name: String, _ size: Int) -> JSON {
            ["name": .string(name), "emptyDir": ["medium": "Memory", "sizeLimit": .string("\(size)")]]
        }
        let common: [JSON] = [
            ["name": "work", "persistentVolumeClaim": ["claimName": .string(name)]], memory("tmp", 12 * unit),
            memory("run", unit),
        ]
        return execdImage == nil ? common : common + [["name": "execd", "emptyDir": ["sizeLimit": "64Mi"]]]
    }

    // MARK: - Variables

    /// Whoever may read Pods sees their specification, and fewer may read Secrets: values stand in one of these.
    private var values: [(name: String, value: String)] {
        ProgramEnvironment.standard.filter { $0.name != "PATH" }
    }

    private var variables: [JSON] {
        let named = values.enumerated().map { (name: $1.name, key: "v\($0)") }
        return (named + [(name: ExecdToken.variable, key: Self.tokenKey)]).map { entry in
            [
                "name": .string(entry.name),
                "valueFrom": ["secretKeyRef": ["name": .string(name), "key": .string(entry.key)]],
            ]
        }
    }

    static let tokenKey = "token"

    func secret(_ token: ExecdToken) -> JSON {
        var members = values.enumerated().map { (key: "v\($0)", value: $1.value) }
        members.append((key: Self.tokenKey, value: token.exposed))
        return [
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true, "metadata": metadata([]),
            "stringData": JSON(members),
        ]
    }

    // MARK: - Files

    func claim(storageClass: String?, now: Int) -> JSON {
        var members: [(key: String, value: JSON)] = [
            ("accessModes", ["ReadWriteOnce"]),
            ("resources", ["requests": ["storage": .string("\(spec.limits.diskBytes)")]]),
        ]
        if let storageClass { members.append(("storageClassName", .string(storageClass))) }
        return [
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata([(SandboxNames.used, "\(now)")]),
            "spec": .object(JSON.Object(members)),
        ]
    }

    private func metadata(_ more: [(key: String, value: String)]) -> JSON {
        SandboxNames.metadata(spec.id, owner: owner, more)
    }

    /// Nothing in, nothing out, for every sandbox of the namespace.
    static let policy: JSON = [
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": ["name": .string(SandboxNames.policy)],
        "spec": [
            "podSelector": ["matchLabels": .object([SandboxNames.role: .string(SandboxNames.roleValue)])],
            "policyTypes": ["Ingress", "Egress"],
        ],
    ]
}
