import Logging
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// A pool over the real namespace engine.
@Suite(.serialized) struct WarmPoolTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func pool(_ rig: NamespaceRig, size: Int = 1, engine: (any SandboxProvider)? = nil) -> WarmPool {
        WarmPool(
            engine: engine ?? rig.engine, size: size,
            names: WarmFolder(stateDirectory: rig.engine.configuration.stateDirectory), logger: quiet)
    }

    private func filled(_ pool: WarmPool, _ count: Int = 1) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while pool.readyCount < count {
            guard ContinuousClock.now < deadline else { throw HostView.Failure("the pool did not fill") }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func warmGroups(_ rig: NamespaceRig) -> Int {
        HostView.names(in: rig.engine.paths.sandboxes).count { $0.hasPrefix("warm-") }
    }

    @Test func `work directories that an engine keeps apart are found`() async throws {
        let folder = "/tmp/perimeter-warm-\(UInt32.random(in: 0...UInt32.max))"
        defer { HostView.removeTree(folder) }
        let (session, warm) = (try #require(SandboxID("s")), try #require(SandboxID("warm-1")))
        let names = WarmFolder(stateDirectory: folder, engineDirectories: [folder + "/other"])
        let image = EnginePaths(state: folder + "/other", runtime: "").sandbox(warm).image
        try HostFiles.makeFolder(folder + "/other/workspaces", mode: 0o700)
        try HostView.write("", to: image)
        #expect(await names.remember(warm, for: session))
        #expect(await names.name(of: session) == warm)
        #expect(await names.isNew(warm) == false)
        HostView.remove(image)
        #expect(await names.name(of: session) == nil)
    }

    @Test func `a new session takes a ready sandbox and keeps its files under that name`() async throws {
        try await NamespaceRig.with { rig in
            let pool = pool(rig)
            let first = try await pool.provision(try rig.spec("first"))
            try await filled(pool)
            let spec = try rig.spec("second")
            let second = try await pool.provision(spec)
            #expect(second.id == spec.id)
            #expect(
                HostView.names(in: rig.engine.paths.sandboxes).contains("\(spec.id)") == false,
                "nothing was made for it")
            _ = try await second.bash("echo kept > file; mark=7")
            await second.detach()
            let again = try await pool.provision(spec)
            #expect(try await again.bash("echo $mark; cat file").hasPrefix("7\nkept"))
            await again.destroy()
            await first.destroy()
            await pool.shutdown()

            // Another process, with other sandboxes ready, finds the files.
            let restarted = self.pool(rig, engine: rig.restarted())
            _ = try await restarted.provision(try rig.spec("third")).destroy()
            try await filled(restarted)
            let later = try await restarted.provision(spec)
            #expect(try await later.bash("cat file").hasPrefix("kept"))
            await later.destroy()
            await restarted.shutdown()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a ready sandbox gets what the session brings when the session takes it`() async throws {
        try await NamespaceRig.with { rig in
            let pool = pool(rig)
            _ = try await pool.provision(try rig.spec("first")).destroy()
            try await filled(pool)
            let spec = try rig.spec("second")
            let sandbox = try await pool.provision(spec)
            #expect(!HostView.names(in: rig.engine.paths.sandboxes).contains("\(spec.id)"), "nothing was made for it")
            let authority = try TestAuthority()
            try await sandbox.configure(SandboxSettings(variables: ["KEY": "one"], authorities: authority.certificate))
            #expect(try await sandbox.bash("echo $KEY; tail -40 $SSL_CERT_FILE").hasPrefix("one\n"))
            #expect(try await sandbox.bash("tail -40 $SSL_CERT_FILE").contains(authority.lines))
            await sandbox.destroy()
            await pool.shutdown()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `nothing is kept ready like a sandbox in which packages are installed`() async throws {
        try await NamespaceRig.with { rig in
            let pool = pool(rig)
            var spec = try rig.spec()
            spec.id = try #require(SandboxID("\(SnapshotID.layerPrefix)\(rig.prefix)"))
            let sandbox = try await pool.provision(spec)
            await sandbox.destroy()
            await pool.forget(spec.id)
            #expect(await pool.keepsFiles(of: spec.id) == false)
            // Had the pool taken it for a session's, this one would find a ready sandbox on its way.
            #expect(pool.readyCount == 0 && warmGroups(rig) == 0)
            await pool.shutdown()
        }
    }

    @Test func `a session with files of its own gets its own sandbox`() async throws {
        try await NamespaceRig.with { rig in
            let spec = try rig.spec("old")
            let cold = try await rig.engine.provision(spec)
            _ = try await cold.bash("echo old > file")
            await cold.destroy()
            let pool = pool(rig)
            _ = try await pool.provision(try rig.spec("other")).destroy()
            try await filled(pool)
            let sandbox = try await pool.provision(spec)
            #expect(try await sandbox.bash("cat file").hasPrefix("old"))
            #expect(pool.readyCount == 1)
            await sandbox.destroy()
            await pool.shutdown()
        }
    }

    @Test func `a ready sandbox of another shape or a dead one is not taken`() async throws {
        try await NamespaceRig.with { rig in
            let pool = pool(rig)
            _ = try await pool.provision(try rig.spec("first")).destroy()
            try await filled(pool)
            var other = try rig.spec("other")
            other.limits.memoryBytes += 1 << 20
            let sandbox = try await pool.provision(other)
            #expect(HostView.names(in: rig.engine.paths.sandboxes).contains("\(other.id)"))
            await sandbox.destroy()
            try await filled(pool)
            for name in HostView.names(in: rig.engine.paths.sandboxes) where name.hasPrefix("warm-") {
                await rig.engine.remove(try #require(SandboxID(name)))
            }
            other.id = try rig.id("next")
            let next = try await pool.provision(other)
            #expect(try await next.bash("echo alive").hasPrefix("alive"))
            await next.destroy()
            await pool.shutdown()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a sweep keeps what is ready and what live sessions took`() async throws {
        try await NamespaceRig.with { rig in
            let pool = pool(rig, size: 2)
            _ = try await pool.provision(try rig.spec("first")).destroy()
            try await filled(pool, 2)
            let spec = try rig.spec("second")
            let taken = try await pool.provision(spec)
            try await filled(pool, 2)
            await pool.sweep(keeping: [spec.id])
            #expect(try await taken.bash("echo alive").hasPrefix("alive"))
            #expect(warmGroups(rig) == 3)
            await taken.detach()
            await pool.sweep(keeping: [])
            #expect(warmGroups(rig) == 2)
            await pool.shutdown()
            #expect(await rig.leftovers() == [])
        }
    }
}
