internal import Sandbox
internal import Wire

/// What the daemon says about one container, as far as the engine relies on it.
struct ContainerFacts: Sendable, Equatable {
    var id: String
    var labels: [String: String]
    var isRunning: Bool
    var isPaused: Bool
    /// The first process, in the numbers of the daemon's host; zero when none runs.
    var pid: Int32
    var exitCode: Int
    /// Why it did not start, in the daemon's words.
    var failure: String
    /// The runtime of the request, as the daemon took it.
    var runtime: String

    init?(_ json: JSON) {
        guard let id = json["Id"]?.stringValue, Self.isIdentifier(id), let state = json["State"],
            let isRunning = state["Running"]?.boolValue, let pid = Int32(exactly: state["Pid"]?.intValue ?? 0), pid >= 0
        else { return nil }
        self.id = id
        self.pid = pid
        self.isRunning = isRunning
        isPaused = state["Paused"]?.boolValue ?? false
        exitCode = state["ExitCode"]?.intValue ?? 0
        failure = DaemonFailure.printable(state["Error"]?.stringValue ?? "")
        runtime = json["HostConfig"]?["Runtime"]?.stringValue ?? ""
        labels = ContainerLabels.parse(json["Config"]?["Labels"])
    }

    static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// One line of the daemon's list of containers.
struct ListedContainer: Sendable, Equatable {
    var id: String
    var labels: [String: String]
    var isIdle: Bool

    init?(_ json: JSON) {
        guard let id = json["Id"]?.stringValue, ContainerFacts.isIdentifier(id) else { return nil }
        self.id = id
        labels = ContainerLabels.parse(json["Labels"])
        isIdle = ["created", "exited", "dead", "configured", "initialized", "stopped"].contains(
            json["State"]?.stringValue ?? "")
    }
}

/// What the daemon says about an image: written by whoever made the image.
struct ImageFacts: Sendable, Equatable {
    /// Names its contents: what a sandbox is made from, whatever the reference names a moment later.
    var id: String
    /// Folders for which the daemon would make volumes on its own disk, unbounded, if nothing else lay there.
    var volumes: [String]
    var operatingSystem: String

    init?(_ json: JSON) {
        guard let id = json["Id"]?.stringValue,
            ContainerFacts.isIdentifier(id.hasPrefix("sha256:") ? String(id.dropFirst(7)) : id)
        else { return nil }
        self.id = id
        operatingSystem = json["Os"]?.stringValue ?? "linux"
        volumes = json["Config"]?["Volumes"]?.objectValue?.members.map(\.key) ?? []
    }
}

/// What the daemon says about itself.
struct DaemonInformation: Sendable, Equatable {
    var runtimes: Set<String>
    var defaultRuntime: String
    /// Such as `name=seccomp,profile=default`, `name=rootless`, `name=userns`.
    var securityOptions: [String]
    var name: String

    init(_ json: JSON) {
        runtimes = Set(json["Runtimes"]?.objectValue?.members.map(\.key) ?? [])
        defaultRuntime = DaemonFailure.printable(json["DefaultRuntime"]?.stringValue ?? "")
        securityOptions = (json["SecurityOptions"]?.arrayValue ?? []).compactMap(\.stringValue)
        let version = DaemonFailure.printable(json["ServerVersion"]?.stringValue ?? "")
        name = (json["BuildahVersion"] == nil ? "Docker " : "Podman ") + version
    }

    /// Whether the daemon maps users, so that a user inside is another one outside.
    var mapsUsers: Bool { securityOptions.contains { $0.hasPrefix("name=rootless") || $0.hasPrefix("name=userns") } }
}

/// The marks on the engine's containers.
enum ContainerLabels {
    static let owner = "perimeter.owner"
    static let sandbox = "perimeter.sandbox"
    /// Seconds since 1970 after which nobody comes back for what is left of it.
    static let expires = "perimeter.expires"
    /// Names one attempt to create: tells one's own container from another of the same name.
    static let attempt = "perimeter.attempt"

    static func parse(_ json: JSON?) -> [String: String] {
        var labels: [String: String] = [:]
        for (key, value) in json?.objectValue?.members ?? [] { labels[key] = value.stringValue }
        return labels
    }
}
