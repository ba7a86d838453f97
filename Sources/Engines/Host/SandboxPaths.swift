internal import Sandbox

/// Where everything of the engine, and of one sandbox, lies.
struct EnginePaths: Sendable {
    let state: String
    let runtime: String

    var template: String { "\(state)/templates" }
    var workspaces: String { "\(state)/workspaces" }
    var sandboxes: String { "\(runtime)/sandboxes" }
    /// The daemon, where every user can read it.
    var execd: String { "\(runtime)/execd" }
    var etc: String { "\(runtime)/etc" }
    /// What changed systems have below them beside the host's own folders.
    var systemBase: String { "\(state)/system" }

    func sandbox(_ id: SandboxID) -> SandboxPaths {
        SandboxPaths(folder: "\(sandboxes)/\(id)", image: "\(workspaces)/\(id).img", plain: "\(workspaces)/\(id)")
    }
}

struct SandboxPaths: Sendable {
    let folder: String
    /// The file that holds the work directory.
    let image: String
    /// The work directory itself where images cannot be mounted.
    let plain: String

    var socket: String { "\(folder)/execd.sock" }
    var ledger: String { "\(folder)/ledger" }
    /// Which graphics processors it holds (``GraphicsPool``).
    var graphics: String { "\(folder)/gpus" }
    /// The mount point of the work directory.
    var work: String { "\(folder)/work" }
    /// What a changed system takes of the same image.
    var system: String { "\(work)/system" }
}
