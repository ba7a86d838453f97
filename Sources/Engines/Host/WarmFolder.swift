internal import Glibc
public import Sandbox

/// Remembers in a folder of the engines' state which session took which warm sandbox: one small file per session.
public struct WarmFolder: WarmNames {
    private let paths: EnginePaths
    /// Where work directories may be.
    private let places: [EnginePaths]
    private let lane = BlockingLane(threadLimit: 2)
    private var folder: String { "\(paths.state)/warm" }

    /// - Parameters:
    ///   - stateDirectory: keeps the notes, and the work directories of some engines.
    ///   - engineDirectories: those of engines that keep work directories apart.
    public init(stateDirectory: String, engineDirectories: [String] = []) {
        paths = EnginePaths(state: stateDirectory, runtime: "")
        places = [paths] + engineDirectories.map { EnginePaths(state: $0, runtime: "") }
    }

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
        places.map { $0.sandbox(id) }.contains {
            HostFiles.facts($0.image) != nil || HostFiles.facts($0.plain) != nil
        }
    }
}
