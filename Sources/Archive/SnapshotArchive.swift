internal import Wire

/// Snapshots in an archive: for each a manifest, and a pack that the manifest names with its hash. What has no manifest is not there.
public struct SnapshotArchive: Sendable {
    /// A snapshot as its manifest describes it.
    public struct Entry: Sendable, Equatable {
        public var name: String
        public var engine: String
        /// Of the exported file, with its holes.
        public var size: Int
        /// That the archive keeps.
        public var packed: Int
        public var sha256: String
        /// Seconds since 1970: of the snapshot itself.
        public var createdAt: Int
    }

    private let store: any ArchiveStore
    private let drafts: String
    private let lane = FileLane()
    private static let suffix = ".snapshot.json"
    private static let manifestLimit = 1 << 16

    /// - Parameter drafts: a folder with room for the files of a snapshot.
    public init(store: any ArchiveStore, drafts: String) {
        self.store = store
        self.drafts = drafts
    }

    public var label: String { store.label }

    /// Archives an exported file. - Throws: ``ArchiveFailure`` `.exists` when the archive has the name.
    public func push(_ path: String, as name: String, engine: String, createdAt: Int) async throws(ArchiveFailure)
        -> Entry
    {
        guard try await store.read(name + Self.suffix, limit: Self.manifestLimit) == nil else {
            throw ArchiveFailure(.exists, "the archive has a snapshot '\(name)' already")
        }
        return try await withDraft { pack throws(ArchiveFailure) in
            let (size, packed, hash) = try await lane.run { () throws(ArchiveFailure) in
                let target = try PlainFile(pack, .create)
                let size = try SparsePack.pack(try PlainFile(path, .read), into: target)
                return (size, try target.size(), try Digest.of(target))
            }
            let entry = Entry(
                name: name, engine: engine, size: size, packed: packed, sha256: hash, createdAt: createdAt)
            // Named after its bytes: a push that is repeated after a crash writes the same object.
            try await store.upload(pack, as: entry.pack)
            try await store.write(entry.manifest.bytes, as: name + Self.suffix)
            return entry
        }
    }

    /// Brings a snapshot back as a file that its engine imports. Every byte is checked against the manifest's hash.
    /// - Parameter path: must not exist; is complete when the call returns, and absent when it throws.
    public func pull(_ name: String, to path: String) async throws(ArchiveFailure) -> Entry {
        guard let bytes = try await store.read(name + Self.suffix, limit: Self.manifestLimit) else {
            throw ArchiveFailure(.notFound, "the archive has no snapshot '\(name)'")
        }
        guard let entry = Entry(name, manifest: bytes) else {
            throw ArchiveFailure(.corrupt, "the manifest of '\(name)' cannot be read")
        }
        return try await withDraft { pack throws(ArchiveFailure) in
            try await store.download(entry.pack, to: pack, limit: entry.packed)
            try await lane.run { () throws(ArchiveFailure) in
                let source = try PlainFile(pack, .read)
                guard try source.size() == entry.packed, try Digest.of(source) == entry.sha256 else {
                    throw ArchiveFailure(.corrupt, "the snapshot '\(name)' in the archive is not what was put there")
                }
                let target = try PlainFile(path, .create)
                do throws(ArchiveFailure) {
                    try SparsePack.unpack(source, into: target, size: entry.size)
                } catch {
                    PlainFile.remove(path)
                    throw error
                }
            }
            return entry
        }
    }

    /// What the archive has, the newest first. Manifests that cannot be read are left out.
    public func list() async throws(ArchiveFailure) -> [Entry] {
        var entries: [Entry] = []
        for object in try await store.names() where object.hasSuffix(Self.suffix) {
            let name = String(object.dropLast(Self.suffix.count))
            guard let bytes = try await store.read(object, limit: Self.manifestLimit),
                let entry = Entry(name, manifest: bytes)
            else { continue }
            entries.append(entry)
        }
        return entries.sorted { ($0.createdAt, $0.name) > ($1.createdAt, $1.name) }
    }

    /// Idempotent.
    public func remove(_ entry: Entry) async throws(ArchiveFailure) {
        try await store.remove(entry.name + Self.suffix)
        try await store.remove(entry.pack)
    }

    /// Removes the files that killed commands left on their way.
    public func removeLeftovers() async {
        await lane.run { [drafts] in
            for name in (try? PlainFile.names(in: drafts)) ?? [] {
                guard let age = PlainFile.age("\(drafts)/\(name)"), age > Self.oldestDraft else { continue }
                PlainFile.remove("\(drafts)/\(name)")
            }
        }
    }

    /// A day: nothing is on its way for so long.
    private static let oldestDraft = 86_400

    private func withDraft<Value>(
        _ body: (String) async throws(ArchiveFailure) -> Value
    ) async throws(ArchiveFailure) -> Value {
        let path = "\(drafts)/pack-\(UInt64.random(in: 0...UInt64.max))"
        try await lane.run { [drafts] () throws(ArchiveFailure) in try PlainFile.makeFolder(drafts) }
        defer { PlainFile.remove(path) }
        return try await body(path)
    }
}

extension SnapshotArchive.Entry {
    fileprivate var pack: String { "\(name).\(sha256.prefix(16)).pack" }

    fileprivate var manifest: JSON {
        [
            "type": "perimeter_snapshot", "name": .string(name), "engine": .string(engine), "size": JSON(size),
            "packed": JSON(packed), "sha256": .string(sha256), "created_at": JSON(createdAt),
        ]
    }

    /// Nil for what was not written by ``manifest``, or under another name.
    fileprivate init?(_ name: String, manifest: [UInt8]) {
        guard let json = try? JSON(parsing: manifest), json["type"]?.stringValue == "perimeter_snapshot",
            json["name"]?.stringValue == name, Self.isName(name), let engine = json["engine"]?.stringValue,
            let size = json["size"]?.intValue, let packed = json["packed"]?.intValue,
            let hash = json["sha256"]?.stringValue, let created = json["created_at"]?.intValue,
            (0...SparsePack.largest).contains(size), (0...(SparsePack.largest * 2)).contains(packed),
            hash.utf8.count == 64, hash.utf8.allSatisfy({ Self.digits.contains($0) })
        else { return nil }
        self.init(name: name, engine: engine, size: size, packed: packed, sha256: hash, createdAt: created)
    }

    private static let digits = Set("0123456789abcdef".utf8)

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
            }
    }
}
