import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

extension DockerPodmanTests {
    @Suite(.serialized) struct Snapshots {
        @Test func `a fork has the image of its original, also after its snapshot is gone`() async throws {
            try await DockerRig.with { rig in
                let image = try await rig.committed(["ENV MARK=of-the-image"])
                var spec = try rig.spec()
                spec.source = .image(image)
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let original = try await rig.engine.provision(spec)
                _ = try await original.bash("echo one > file")
                try await original.snapshot(as: name)
                let again = await #expect(throws: SandboxError.self) { try await original.snapshot(as: name) }
                #expect(again?.message.contains("File exists") == true, "a name is taken once")
                #expect(try await original.bash("echo on").hasPrefix("on"))
                await original.destroy()
                spec = try rig.spec("fork")
                spec.source = .snapshot(name)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file; echo $MARK").hasPrefix("one\nof-the-image"))
                    _ = try await sandbox.bash("echo own > file; sync")
                }
                try await rig.engine.removeSnapshot(name)
                try await rig.withSandbox(spec) { sandbox async throws in
                    #expect(try await sandbox.bash("cat file; echo $MARK").hasPrefix("own\nof-the-image"))
                }
                var other = try rig.spec("other")
                other.source = .snapshot(name)
                let error = await #expect(throws: SandboxError.self) { _ = try await rig.engine.provision(other) }
                #expect(error?.code == .unsupported)
            }
        }

        @Test func `a snapshot is taken while programs write, and is whole`() async throws {
            try await DockerRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let original = try await rig.engine.provision(try rig.spec())
                _ = try await original.bash(
                    "(n=0; while :; do n=$((n+1)); echo $n > a.new; mv a.new a; echo $n > b.new; mv b.new b; done) & sleep 0.5"
                )
                try await original.snapshot(as: name)
                var spec = try rig.spec("fork")
                spec.source = .snapshot(name)
                let fork = try await rig.engine.provision(spec)
                let text = try await fork.bash("cat a; cat b")
                let numbers = text.split(whereSeparator: \.isWhitespace).prefix(2).compactMap { Int($0) }
                #expect(numbers.count == 2 && (0...1).contains(numbers[0] - numbers[1]), "\(text)")
                await fork.destroy()
                await original.destroy()
                #expect(await rig.leftovers() == [])
            }
        }

        @Test func `a snapshot that is larger than the bound is refused before anything is made`() async throws {
            try await DockerRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let original = try await rig.engine.provision(try rig.spec())
                try await original.snapshot(as: name)
                await original.destroy()
                var spec = try rig.spec("fork")
                spec.source = .snapshot(name)
                spec.limits.diskBytes = 32 << 20
                let error = await #expect(throws: SandboxError.self) { _ = try await rig.engine.provision(spec) }
                #expect(error?.code == .unsupported)
                #expect(HostView.names(in: rig.folder + "/state/workspaces") == ["\(try rig.id()).img"])
            }
        }

        @Test func `an archive that was changed is refused`() async throws {
            try await DockerRig.with { rig in
                let name = try #require(SnapshotID("\(rig.prefix)-s"))
                let copy = try #require(SnapshotID("\(rig.prefix)-c"))
                let original = try await rig.engine.provision(try rig.spec())
                try await original.snapshot(as: name)
                await original.destroy()
                let path = rig.folder + "/archive"
                func change(_ body: (Int32, off_t) -> Void) async throws {
                    unlink(path)
                    try await rig.engine.exportSnapshot(name, to: path)
                    let file = open(path, O_RDWR)
                    defer { close(file) }
                    body(file, lseek(file, 0, SEEK_END))
                }
                let changes: [(Int32, off_t) -> Void] = [
                    { file, size in ftruncate(file, size - 1) }, { file, size in ftruncate(file, size + 4096) },
                    { file, size in ftruncate(file, 4096) }, { file, size in pwrite(file, "x", 1, size - 4096) },
                    // The superblock of the file system, and the table of its groups behind it.
                    { file, size in pwrite(file, [UInt8](repeating: 0xFF, count: 1024), 1024, 1024) },
                    { file, size in pwrite(file, [UInt8](repeating: 0x5A, count: 65_536), 65_536, 1024) },
                ]
                for (number, body) in changes.enumerated() {
                    try await change(body)
                    let error = await #expect(throws: SandboxError.self, "\(number)") {
                        try await rig.engine.importSnapshot(copy, from: path)
                    }
                    #expect(error?.code == .unsupported, "\(number): \(error?.description ?? "")")
                }
                unlink(path)
                #expect(symlink("/etc/passwd", path) == 0)
                await #expect(throws: SandboxError.self) { try await rig.engine.importSnapshot(copy, from: path) }
                let taken = await #expect(throws: SandboxError.self) {
                    try await rig.engine.exportSnapshot(name, to: path)
                }
                #expect(taken?.message.contains("File exists") == true)
                #expect(await rig.engine.snapshots().map(\.id) == [name])
                #expect(
                    HostView.names(in: rig.folder + "/state/snapshots/docker") == ["\(name).snapshot"],
                    "no draft is left")
            }
        }

        @Test func `drafts that nobody writes are swept, those that somebody writes are not`() async throws {
            try await DockerRig.with { rig in
                let folder = rig.folder + "/state/snapshots/docker"
                try HostFiles.makeFolder(folder, mode: 0o700)
                try HostView.write("left by a crash", to: folder + "/draft-1")
                try HostView.write("ref", to: folder + "/origin-gone.img")
                let living = try SnapshotDraft(in: folder)
                await rig.restarted().sweep(keeping: [])
                #expect(HostView.names(in: folder).map { "\(folder)/\($0)" } == [living.path])
                living.discard()
            }
        }
    }
}
