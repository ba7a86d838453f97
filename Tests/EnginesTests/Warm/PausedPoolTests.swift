import Logging
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// What stays of a pool, and of the host's files, when its process ends.
@Suite(.serialized) struct PausedPoolTests {
    @Test func `a paused sandbox outlives the pool that it was ready in`() async throws {
        try await NamespaceRig.with { rig in
            let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            func pool(_ engine: any SandboxProvider) -> WarmPool {
                WarmPool(
                    engine: engine, size: 1,
                    names: WarmFolder(stateDirectory: rig.engine.configuration.stateDirectory), logger: quiet)
            }
            let first = pool(rig.engine)
            _ = try await first.provision(try rig.spec("first")).destroy()
            let deadline = ContinuousClock.now + .seconds(60)
            while first.readyCount == 0 {
                guard ContinuousClock.now < deadline else { throw HostView.Failure("the pool did not fill") }
                try await Task.sleep(for: .milliseconds(5))
            }
            let spec = try rig.spec("second")
            let sandbox = try await first.provision(spec)
            _ = try await sandbox.bash("mark=7")
            try await sandbox.pause()
            await first.shutdown(keeping: [spec.id])
            #expect(first.readyCount == 0)
            #expect(HostView.names(in: rig.engine.paths.sandboxes).count == 1)

            let second = pool(rig.restarted())
            let again = try await second.provision(spec)
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            await again.destroy()
            await second.shutdown(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `the files of a session are found and removed under every name`() async throws {
        let folder = "/tmp/perimeter-files-\(UInt32.random(in: 0...UInt32.max))"
        defer { HostView.removeTree(folder) }
        func id(_ text: String) throws -> SandboxID { try #require(SandboxID(text)) }
        let files = WorkFolders(stateDirectory: folder, engineDirectories: [folder + "/other"])
        #expect(await files.sessions().isEmpty)
        for name in ["workspaces/a.img", "workspaces/plain/file", "workspaces/warm-free.img", "other/workspaces/b.img"]
        {
            let path = "\(folder)/\(name)"
            try HostFiles.makeFolder(String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]), mode: 0o700)
            try HostView.write("x", to: path)
        }
        try HostView.write("x", to: folder + "/other/workspaces/warm-1.img")
        let names = WarmFolder(stateDirectory: folder, engineDirectories: [folder + "/other"])
        #expect(await names.remember(try id("warm-1"), for: try id("taken")))
        #expect(await files.sessions() == [try id("a"), try id("plain"), try id("b"), try id("taken")])
        for name in ["a", "plain", "taken", "none"] { await files.remove(try id(name)) }
        #expect(await files.sessions() == [try id("b")])
        #expect(HostView.names(in: folder + "/other/workspaces") == ["b.img"])
        #expect(HostView.names(in: folder + "/workspaces") == ["warm-free.img"])
    }
}
