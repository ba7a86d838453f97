internal import Glibc
public import Sandbox

/// The work directories of all engines that keep them on this host, below the engines' state.
public struct WorkFolders: SessionFiles {
    private let places: [EnginePaths]
    private let warm: String
    private let lane = BlockingLane(threadLimit: 1)
    private static let suffix = ".img"
    private static let warmPrefix = "warm-"
    private static let day = 86_400

    /// - Parameters:
    ///   - stateDirectory: as ``WarmFolder`` has it.
    ///   - engineDirectories: likewise.
    public init(stateDirectory: String, engineDirectories: [String] = []) {
        places = ([stateDirectory] + engineDirectories).map { EnginePaths(state: $0, runtime: "") }
        warm = "\(stateDirectory)/warm"
    }

    public func sessions() async -> Set<SandboxID> {
        await lane.run { [places, warm] in
            var found = Set(HostFiles.names(in: warm).compactMap { SandboxID($0) })
            for name in places.flatMap({ HostFiles.names(in: $0.workspaces) }) where !name.hasPrefix(Self.warmPrefix) {
                let stem = name.hasSuffix(Self.suffix) ? String(name.dropLast(Self.suffix.count)) : name
                if let id = SandboxID(stem) { found.insert(id) }
            }
            return found
        }
    }

    public func touch(_ session: SandboxID) async {
        await lane.run { [self] in
            for path in paths(of: session) {
                guard let age = HostFiles.facts(path)?.age, age > Self.day else { continue }
                utimensat(AT_FDCWD, path, nil, AT_SYMLINK_NOFOLLOW)
            }
        }
    }

    public func remove(_ session: SandboxID) async {
        await lane.run { [self] in
            for path in paths(of: session) where unlink(path) != 0 && errno == EISDIR { HostFiles.removeTree(path) }
            unlink("\(warm)/\(session)")
        }
    }

    /// Where its files may be: under its own name, and that of the warm sandbox that it took.
    private func paths(of session: SandboxID) -> [String] {
        let note = HostFiles.text("\(warm)/\(session)").flatMap { SandboxID(String($0.prefix { $0 != "\n" })) }
        return places.flatMap { place in
            ([session] + (note.map { [$0] } ?? [])).flatMap { [place.sandbox($0).image, place.sandbox($0).plain] }
        }
    }
}
