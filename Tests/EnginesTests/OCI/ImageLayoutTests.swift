import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// Images on disk: what is unpacked, and what is refused and leaves nothing.
@Suite struct ImageLayoutTests {
    typealias Entry = LayoutBuilder.Entry

    static func inFolder<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        let folder = "/tmp/perimeter-image-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        try #require(mkdir(folder, 0o755) == 0)
        defer { HostView.removeTree(folder) }
        return try await body(folder)
    }

    private static func unpack(_ folder: String) throws -> String {
        let layout = try #require(ImageLayout("\(folder)/layout"))
        return try ImageShelf(state: folder).root(
            of: layout, LayerWriter.Allowance(bytes: 1 << 20, entries: 200))
    }

    @Test func `layers lie over each other, and markers remove what is below`() async throws {
        try await Self.inFolder { folder in
            let files = try LayoutBuilder(folder: "\(folder)/layout").write([
                LayoutBuilder.tar([
                    .folder("usr/"), .folder("usr/lib"), .link("lib", "usr/lib"), .link("sh", "/usr/lib/kept"),
                    .file("usr/lib/kept", "below", mode: 0o6755), .file("usr/lib/gone", "below"),
                    .file("old/a", "a"), .file("old/b/c", "c"), .other("name", "usr/lib/kept"),
                    .file("replaced", "below"),
                ]),
                LayoutBuilder.tar([
                    // Through the link that a lower layer made.
                    .file("lib/new", String(repeating: "new ", count: 5000)), .file("usr/lib/.wh.gone", ""),
                    .file("old/b/own", "own"), .file("old/.wh..wh..opq", ""), .folder("replaced"),
                ]),
            ])
            let root = try Self.unpack(folder)
            #expect(HostView.text("\(root)/usr/lib/kept") == "below" && HostView.text("\(root)/name") == "below")
            #expect(HostView.text("\(root)/usr/lib/new")?.utf8.count == 20_000)
            #expect(HostFiles.link("\(root)/sh") == "/usr/lib/kept" && HostFiles.link("\(root)/lib") == "usr/lib")
            #expect(HostView.names(in: "\(root)/old") == ["b"] && HostView.names(in: "\(root)/old/b") == ["own"])
            #expect(HostView.names(in: "\(root)/usr/lib").sorted() == ["kept", "new"])
            #expect(HostView.names(in: "\(root)/replaced") == [])
            var facts = stat()
            #expect(stat("\(root)/usr/lib/kept", &facts) == 0)
            #expect(facts.st_mode & 0o7777 == 0o755 && facts.st_mtim.tv_sec == 1_600_000_000, "no set-user bits")
            // It is not done twice.
            for file in files { #expect(unlink(file) == 0) }
            #expect(try Self.unpack(folder) == root)
            ImageShelf(state: folder).removeOld(keeping: root)
            #expect(HostView.names(in: "\(folder)/images").count == 1)
            ImageShelf(state: folder).removeOld(keeping: "\(folder)/images/other")
            #expect(HostView.names(in: "\(folder)/images") == [])
        }
    }

    static let hostile: [(String, [Entry])] = [
        ("an absolute name", [.file("/tmp/perimeter-image-canary", "x")]),
        ("a name above the top", [.file("a/../../x", "x")]),
        ("a link above the top", [.folder("a"), .link("a/b", "../../etc")]),
        ("an absolute link above the top", [.link("b", "/../etc")]),
        ("a hard link above the top", [.other("b", "../../etc/passwd")]),
        ("a hard link to nothing", [.other("b", "etc/passwd")]),
        ("a hard link through a link", [.link("l", "/etc"), .other("b", "l/passwd")]),
        ("a link to nothing as a folder", [.link("l", "/nothing"), .file("l/x", "")]),
        ("a character device", [Entry(name: "dev/mem", kind: "3")]),
        ("a block device", [Entry(name: "dev/sda", kind: "4")]),
        ("a pipe", [Entry(name: "pipe", kind: "6")]),
        ("a marker with a path", [.file("a/.wh...", "")]),
        ("a bomb", [Entry(name: "zero", bytes: [UInt8](repeating: 0, count: 2 << 20))]),
        ("too many entries", (0..<300).map { .folder("d\($0)") }),
    ]

    @Test(arguments: hostile)
    func `a hostile layer is refused and leaves nothing`(_ what: String, _ entries: [Entry]) async throws {
        try await Self.inFolder { folder in
            try LayoutBuilder(folder: "\(folder)/layout").write([LayoutBuilder.tar([.file("a", "")] + entries)])
            #expect(throws: ImageError.self, "\(what)") { try Self.unpack(folder) }
            #expect(HostView.names(in: "\(folder)/images") == [], "\(what)")
            #expect(access("/tmp/perimeter-image-canary", F_OK) != 0)
        }
    }

    @Test func `what is written through a link stays inside`() async throws {
        try await Self.inFolder { folder in
            try LayoutBuilder(folder: "\(folder)/layout").write([
                LayoutBuilder.tar([
                    .folder(String(folder.dropFirst())), .link("out", folder), .file("out/x", "inside"),
                ])
            ])
            let root = try Self.unpack(folder)
            #expect(access("\(folder)/x", F_OK) != 0)
            #expect(HostView.text("\(root)\(folder)/x") == "inside")
        }
    }

    @Test(arguments: ["digest", "size", "content", "zstd", "architecture", "truncated", "several"])
    func `an image that is not what it says is refused and leaves nothing`(_ lie: String) async throws {
        try await Self.inFolder { folder in
            var builder = LayoutBuilder(folder: "\(folder)/layout")
            switch lie {
            case "digest": builder.spoils = { $0.dropLast() + [$0[$0.count - 1] ^ 1] }
            case "size": builder.spoils = { $0 + [0] }
            case "content": builder.hidesContents = true
            case "zstd": builder.mediaType = "application/vnd.oci.image.layer.v1.tar+zstd"
            case "architecture": builder.architecture = "s390x"
            case "truncated": builder.spoils = { Array($0.prefix($0.count / 2)) }
            default: break
            }
            try builder.write([LayoutBuilder.tar([.file("a", "text")])])
            if lie == "several" {
                let first = try #require(HostView.text("\(folder)/layout/index.json"))
                try builder.write([LayoutBuilder.tar([.file("b", "text")])])
                let second = try #require(HostView.text("\(folder)/layout/index.json"))
                let entry = first.drop { $0 != "[" }.dropFirst().prefix { $0 != "]" }
                try HostView.write(second.replacing("[", with: "[\(entry),"), to: "\(folder)/layout/index.json")
            }
            let error = #expect(throws: ImageError.self) { try Self.unpack(folder) }
            if lie == "zstd" { #expect(error?.description.contains("pack the image with gzip") == true) }
            #expect(HostView.names(in: "\(folder)/images") == [])
        }
    }

    @Test func `damaged archives give errors or other files, never a crash`() async throws {
        let bytes = LayoutBuilder.tar([
            .folder("usr/"), .link("lib", "usr"), .file("lib/a", "text"), .other("b", "usr/a"), .file(".wh.c", ""),
        ])
        try await Self.inFolder { folder in
            for seed in UInt64(1)...200 {
                var random = SeededBytes(seed)
                var damaged = bytes
                for _ in 0..<(1 + Int(random.next() % 8)) {
                    damaged[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
                }
                let root = "\(folder)/\(seed)"
                try #require(mkdir(root, 0o755) == 0)
                let writer = try LayerWriter(into: root, LayerWriter.Allowance(bytes: 1 << 20, entries: 100))
                var rest = damaged[...]
                while !rest.isEmpty {
                    let count = min(rest.count, 1 + Int(random.next() % 700))
                    guard (try? writer.feed(rest.prefix(count))) != nil else { break }
                    rest = rest.dropFirst(count)
                }
                _ = try? writer.finish()
            }
        }
    }

    private struct SeededBytes {
        private var state: UInt64
        init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }
}

extension OCITests {
    @Suite(.serialized) struct Images {
        @Test func `a sandbox starts from an image layout, without the image's own variables`() async throws {
            try await OCIRig.with(.crun) { rig in
                let archive = "\(rig.folder)/root.tar"
                try HostProgram.run(
                    "/bin/tar", ["--create", "--file", archive, "--directory", OCIRootfs.path, "."])
                var builder = LayoutBuilder(folder: "\(rig.folder)/layout")
                builder.mediaType = "application/vnd.oci.image.layer.v1.tar"
                try builder.write([try #require(HostFiles.read(archive, limit: 64 << 20))])
                let engine = OCIRig.engine(.crun, in: rig.folder, rootfs: builder.folder)
                let sandbox = try await engine.provision(try rig.spec())
                #expect(try await sandbox.bash("echo [$SECRET]; cat /usr/bin/bash | wc -c").hasPrefix("[]\n1"))
                await sandbox.destroy()
                #expect(await rig.leftovers() == [])
                let lacking = OCIRig.engine(.crun, in: rig.folder, rootfs: "\(rig.folder)/layout")
                HostView.removeTree("\(rig.folder)/state/images")
                HostView.removeTree("\(rig.folder)/layout/blobs")
                let report = await lacking.probe()
                #expect(!report.isUsable && report.problems[0].remedy.contains("OCI image layout"), "\(report)")
            }
        }
    }
}
