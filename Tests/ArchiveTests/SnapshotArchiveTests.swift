import Testing
import Wire

@testable import Archive

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder for one test.
struct Scratch: ~Copyable {
    let path: String

    init() throws {
        var template = Array("/tmp/perimeter-archive-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ArchiveFailure(.files, "no temporary folder") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in (try? PlainFile.names(in: path)) ?? [] where unlink("\(path)/\(name)") != 0 {
            remove("\(path)/\(name)")
        }
        rmdir(path)
    }

    /// A sparse file: data at some places, nothing between.
    func sparse(_ name: String, size: Int, data: [Int: [UInt8]]) throws -> String {
        let file = try PlainFile("\(path)/\(name)", .create)
        try file.resize(to: size)
        for (offset, bytes) in data { try file.write(bytes, at: offset) }
        return file.path
    }

    func archive() -> SnapshotArchive {
        SnapshotArchive(store: FolderStore(folder: path + "/archive"), drafts: path + "/drafts")
    }
}

private func blocks(_ path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? Int(facts.st_blocks) * 512 : -1
}

@Suite struct SnapshotArchiveTests {
    private let data: [Int: [UInt8]] = [
        0: Array("the beginning".utf8), 5 << 20: [UInt8](repeating: 7, count: 3 << 20), (64 << 20) - 3: [1, 2, 3],
    ]

    @Test func `what comes back is what went in, with its holes`() async throws {
        let scratch = try Scratch()
        let file = try scratch.sparse("file", size: 64 << 20, data: data)
        let archive = scratch.archive()
        let pushed = try await archive.push(file, as: "env_1-base", engine: "namespace", createdAt: 1000)
        #expect(pushed.size == 64 << 20 && pushed.packed < 5 << 20)
        #expect(try await archive.list() == [pushed])
        #expect(try await archive.pull("env_1-base", to: scratch.path + "/back") == pushed)
        #expect(try Digest.of(try PlainFile(scratch.path + "/back", .read)) == Digest.of(try PlainFile(file, .read)))
        #expect(blocks(scratch.path + "/back") < 8 << 20)
        #expect(try PlainFile.names(in: scratch.path + "/drafts").isEmpty)
        await #expect(throws: ArchiveFailure.self) {
            _ = try await archive.push(file, as: "env_1-base", engine: "namespace", createdAt: 1000)
        }
        try await archive.remove(pushed)
        #expect(try await archive.list().isEmpty)
        #expect(try PlainFile.names(in: scratch.path + "/archive").isEmpty)
        do throws(ArchiveFailure) {
            _ = try await archive.pull("env_1-base", to: scratch.path + "/none")
            Issue.record("a removed snapshot came back")
        } catch { #expect(error.code == .notFound) }
    }

    @Test func `a byte that changed in the archive is found and nothing is left of the pull`() async throws {
        let scratch = try Scratch()
        let file = try scratch.sparse("file", size: 1 << 20, data: [4096: Array("content".utf8)])
        let archive = scratch.archive()
        _ = try await archive.push(file, as: "env_1-a", engine: "namespace", createdAt: 1)
        let folder = scratch.path + "/archive"
        let pack = try #require(try PlainFile.names(in: folder).first { $0.hasSuffix(".pack") })
        let whole = try PlainFile("\(folder)/\(pack)", .read).read(1 << 20, at: 0)
        for change in 0..<3 {
            var bytes = whole
            switch change {
            case 0: bytes[bytes.count / 2] ^= 1
            case 1: bytes.removeLast()
            default: bytes.append(0)
            }
            PlainFile.remove("\(folder)/\(pack)")
            try PlainFile("\(folder)/\(pack)", .create).write(bytes, at: 0)
            do throws(ArchiveFailure) {
                _ = try await archive.pull("env_1-a", to: scratch.path + "/back")
                Issue.record("change \(change) was not found")
            } catch { #expect(error.code == .corrupt) }
            #expect(!PlainFile.exists(scratch.path + "/back"))
            #expect(try PlainFile.names(in: scratch.path + "/drafts").isEmpty)
        }
    }

    @Test func `what a killed command left goes after a day, and not before`() async throws {
        let scratch = try Scratch()
        let archive = scratch.archive()
        await archive.removeLeftovers()
        try PlainFile.makeFolder(scratch.path + "/drafts")
        for name in ["old", "young"] { _ = try PlainFile("\(scratch.path)/drafts/\(name)", .create) }
        var times = [timespec(tv_sec: 1_700_000_000, tv_nsec: 0), timespec(tv_sec: 1_700_000_000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, scratch.path + "/drafts/old", &times, 0) == 0)
        await archive.removeLeftovers()
        #expect(try PlainFile.names(in: scratch.path + "/drafts") == ["young"])
    }

    @Test func `manifests of others are left out, and none leads elsewhere`() async throws {
        let scratch = try Scratch()
        let store = FolderStore(folder: scratch.path + "/archive")
        let hash = String(repeating: "a", count: 64)
        func manifest(_ name: JSON, _ sha: JSON, size: JSON = 1) -> [UInt8] {
            JSON.object([
                "type": "perimeter_snapshot", "name": name, "engine": "e", "size": size, "packed": 1, "sha256": sha,
                "created_at": 1,
            ]).bytes
        }
        for (name, bytes) in [
            ("a", manifest("b", .string(hash))), ("c", manifest("c", "../../etc/passwd")),
            ("d", manifest("d", .string(hash), size: -1)), ("e", Array("{".utf8)),
            ("f", manifest("f", .string(hash), size: .integer(.max))),
        ] { try await store.write(bytes, as: "\(name).snapshot.json") }
        try await store.write(manifest("good", .string(hash)), as: "good.snapshot.json")
        #expect(try await scratch.archive().list().map(\.name) == ["good"])
    }

    @Test func `bytes that are no pack give an error and never a crash`() throws {
        let scratch = try Scratch()
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        let source = try scratch.sparse("file", size: 1 << 16, data: [100: [1, 2, 3], 30_000: [4]])
        let pack = try PlainFile(scratch.path + "/pack", .create)
        _ = try SparsePack.pack(try PlainFile(source, .read), into: pack)
        let whole = try pack.read(1 << 20, at: 0)
        for round in 0..<500 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            var bytes = whole
            bytes[Int(state >> 33) % bytes.count] ^= UInt8(truncatingIfNeeded: state >> 20) | 1
            if state & 2 == 0 { bytes.removeLast(Int(state >> 40) % bytes.count) }
            let (input, output) = ("\(scratch.path)/in-\(round)", "\(scratch.path)/out-\(round)")
            try PlainFile(input, .create).write(bytes, at: 0)
            do throws(ArchiveFailure) {
                try SparsePack.unpack(try PlainFile(input, .read), into: try PlainFile(output, .create), size: 1 << 16)
            } catch {
                #expect(error.code == .corrupt, "seed \(seed)")
            }
            var facts = stat()
            #expect(stat(output, &facts) == 0 && facts.st_size <= 1 << 16, "seed \(seed)")
            PlainFile.remove(input)
            PlainFile.remove(output)
        }
    }
}
