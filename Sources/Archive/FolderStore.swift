/// An archive in a folder, such as one that a file server provides.
public struct FolderStore: ArchiveStore {
    private let folder: String
    private let lane = FileLane()
    private static let draft = ".draft-"

    /// - Parameter folder: an absolute path; made when it is not there.
    public init(folder: String) { self.folder = folder }

    public var label: String { folder }

    public func names() async throws(ArchiveFailure) -> [String] {
        try await lane.run { [folder] () throws(ArchiveFailure) in
            try PlainFile.names(in: folder).filter { !$0.hasPrefix(Self.draft) }
        }
    }

    public func read(_ name: String, limit: Int) async throws(ArchiveFailure) -> [UInt8]? {
        try await lane.run { [path = path(name)] () throws(ArchiveFailure) in
            guard PlainFile.exists(path) else { return nil }
            let bytes = try PlainFile(path, .read).read(limit + 1, at: 0)
            guard bytes.count <= limit else { throw ArchiveFailure(.corrupt, "\(path) is over \(limit) bytes") }
            return bytes
        }
    }

    public func write(_ bytes: [UInt8], as name: String) async throws(ArchiveFailure) {
        try await place(name) { file throws(ArchiveFailure) in try file.write(bytes, at: 0) }
    }

    public func upload(_ path: String, as name: String) async throws(ArchiveFailure) {
        try await place(name) { target throws(ArchiveFailure) in
            try Self.copy(try PlainFile(path, .read), to: target, limit: .max)
        }
    }

    public func download(_ name: String, to path: String, limit: Int) async throws(ArchiveFailure) {
        try await lane.run { [source = self.path(name)] () throws(ArchiveFailure) in
            try Self.copy(try PlainFile(source, .read), to: try PlainFile(path, .create), limit: limit)
        }
    }

    public func remove(_ name: String) async throws(ArchiveFailure) {
        try await lane.run { [path = path(name)] () throws(ArchiveFailure) in
            PlainFile.remove(path)
            guard !PlainFile.exists(path) else { throw ArchiveFailure(.files, "cannot remove \(path)") }
        }
    }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }

    private func place(
        _ name: String, _ fill: @escaping @Sendable (PlainFile) throws(ArchiveFailure) -> Void
    ) async throws(ArchiveFailure) {
        let target = path(name)
        try await lane.run { [folder] () throws(ArchiveFailure) in
            try PlainFile.makeFolder(folder)
            let draft = "\(folder)/\(Self.draft)\(UInt64.random(in: 0...UInt64.max))"
            let file = try PlainFile(draft, .create)
            defer { PlainFile.remove(draft) }
            try fill(file)
            try file.sync()
            try PlainFile.publish(draft, as: target, replacing: true)
        }
    }

    private static func copy(_ source: PlainFile, to target: PlainFile, limit: Int) throws(ArchiveFailure) {
        guard try source.size() <= limit else {
            throw ArchiveFailure(.corrupt, "\(source.path) is over \(limit) bytes")
        }
        var offset = 0
        while true {
            let bytes = try source.read(PlainFile.chunk, at: offset)
            if bytes.isEmpty { return }
            offset += bytes.count
            guard offset <= limit else { throw ArchiveFailure(.corrupt, "\(source.path) is over \(limit) bytes") }
            try target.write(bytes, at: offset - bytes.count)
        }
    }
}
