/// The command lines of runsc for one container. Pure.
struct RunscCommand: Sendable {
    var platform: RunscPlatform
    /// Of this container's own.
    var state: String
    var name: String

    private var options: [String] {
        [
            "--root", state, "--platform=\(platform.rawValue)", "--network=none", "--ignore-cgroups", "--oci-seccomp",
            // Newer releases would keep a writable layer beside the root file system, which is read-only here.
            "--overlay2=none",
        ]
    }

    /// Returns when the first process runs.
    func run(bundle: String, pidFile: String) -> [String] {
        options + ["run", "--detach", "--bundle", bundle, "--pid-file", pidFile, name]
    }

    /// As ``run(bundle:pidFile:)``, with the programs of a saved container.
    func restore(_ image: String, bundle: String, pidFile: String) -> [String] {
        options
            + ["restore", "--detach", "--image-path", image, "--bundle", bundle, "--pid-file", pidFile, name]
    }

    /// Writes the memory of all programs into a folder and ends them.
    func checkpoint(to image: String) -> [String] { options + ["checkpoint", "--image-path", image, name] }

    func pause() -> [String] { options + ["pause", name] }
    func resume() -> [String] { options + ["resume", name] }

    /// Starts a program inside, as the container's root without capabilities, and returns when it runs: programs of the session
    /// cannot touch it.
    func execute(_ command: [String], pidFile: String) -> [String] {
        options + ["exec", "--detach", "--pid-file", pidFile, "--user", "0:0", name] + command
    }
}
