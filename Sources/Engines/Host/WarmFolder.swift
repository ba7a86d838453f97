internal import Glibc
public import Sandbox

/// Remembers in a folder of the engines' state which session took which warm sandbox: one small file per session.
public struct WarmFolder: WarmNames {
    private let paths: EnginePaths
    private let lane = BlockingLane(threadLimit: 2)
    private var folder: String { "\(paths.state)/warm" }

    /// - Parameter stateDirectory: the one of the engine, which has the work directories.
    public init(stateDirectory: String) { paths = EnginePaths(state: stateDirectory, runtime: "") }

    public func name(of session: SandboxID) async -> SandboxID? {
        await lane.run { [self] in
            let path = "\(folder)/\(session)"
            guard let text = HostFiles.text(path), let name = SandboxID(String(text.prefix { $0 != "\n" })) else {
                return nil
            }
            // The files were removed by retention: the session starts afresh, under its own name.
            guard hasFiles(name) else {
                unlink(path)
                return nil
            }
            return name
        }
    }

    public func remember(_ name: SandboxID, for session: SandboxID) async -> Bool {
        await lane.run { [self] in
            do throws(SystemError) {
                try HostFiles.makeFolder(folder, mode: 0o700)
                try HostFiles.write("\(name)\n", to: "\(folder)/\(session)", mode: 0o600)
                return true
            } catch {
                return false
            }
        }
    }

    public func isNew(_ session: SandboxID) async -> Bool { await lane.run { [self] in !hasFiles(session) } }

    private func hasFiles(_ id: SandboxID) -> Bool {
        let sandbox = paths.sandbox(id)
        return HostFiles.facts(sandbox.image) != nil || HostFiles.facts(sandbox.plain) != nil
    }
}
