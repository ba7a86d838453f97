import Glibc
import Logging
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// What a living sandbox is given up for, and what not.
@Suite struct CustomAttachTests {
    private func living(_ rig: CustomRig, _ spec: SandboxSpec) async throws {
        let sandbox = try await rig.engine.provision(spec)
        _ = try await sandbox.bash("mark=7; echo kept > file")
        await sandbox.detach()
    }

    private func code(_ engine: CustomEngine, _ spec: SandboxSpec) async -> SandboxError.Code? {
        do throws(SandboxError) {
            await (try await engine.provision(spec)).detach()
            return nil
        } catch {
            return error.code
        }
    }

    /// The example hook behind a few lines of shell.
    private func wrapped(_ rig: CustomRig, _ lines: String) throws -> CustomEngine {
        let path = rig.folder + "/wrapper"
        try ProgramFile.write("#!/bin/sh\n\(lines)\nexec \(CustomRig.script) \"$@\"\n", to: path)
        guard case .command(_, _, let variables) = rig.hook else { throw NamespaceRig.Failure("no command") }
        return CustomRig.engine(.command(path: path, environment: variables), rig.folder + "/state", rig.gate)
    }

    @Test func `a hook that is away for a moment costs nobody a sandbox`() async throws {
        try await CustomRig.with(.command) { rig async throws in
            let spec = try rig.spec("a")
            try await living(rig, spec)
            #expect(await code(try wrapped(rig, "[ $1 != connect ] || exit 13"), spec) == .unavailable)
            let again = try await rig.engine.provision(spec)
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            await again.destroy()
        }
    }

    /// The answer of a service to `connect`; nil for "no such sandbox".
    private func stream(from port: Int) async throws -> SandboxError.Code? {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let service = HookService(
            url: try #require(ServiceURL("http://127.0.0.1:\(port)")), secret: EngineSecret("word"), authority: nil,
            deadline: .seconds(10), archiveDeadline: .seconds(10), archiveLimit: 1, lane: BlockingLane(threadLimit: 1),
            logger: logger)
        let id = try #require(SandboxID("a"))
        do throws(SandboxError) {
            let client = try await service.connect(id, token: ExecdToken(), gate: nil, within: .seconds(5))
            #expect(client == nil)
            return nil
        } catch {
            return error.code
        }
    }

    @Test func `a service that is away or at a loss does not say that a sandbox is gone`() async throws {
        // Nobody listens at a port that was just closed.
        #expect(try await stream(from: try await RawServer.port()) == .unavailable)
        let upgrade = "HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: perimeter-execd\r\n\r\n"
        let answers: [(String, SandboxError.Code?)] = [
            ("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n", .unavailable),
            ("HTTP/1.1 401 Who\r\ncontent-length: 0\r\n\r\n", .unavailable),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", .unavailable),
            ("HTTP/1.1 404 Gone\r\ncontent-length: 0\r\n\r\n", nil), ("no HTTP\r\n\r\n", .unavailable),
            ("", .unavailable),
            (upgrade, .lost),
        ]
        for (answer, expected) in answers {
            try await RawServer.with(answer) { server async throws in
                #expect(try await stream(from: server.port) == expected, "\(answer)")
            }
        }
        try await RawServer.with(upgrade + "no daemon at all, but a long greeting") { server async throws in
            // Its end may overtake its words.
            #expect([.lost, .protocolViolation].contains(try await stream(from: server.port)))
        }
    }

    @Test(arguments: [
        "[ $1 != connect ] || [ -e $0.once ] || { touch $0.once; exit 11; }",
        "[ $1 != connect ] || [ -e $0.once ] || { touch $0.once; echo hello; exit 0; }",
    ])
    func `one whose hook knows it no more, or leads elsewhere, is replaced and keeps its files`(_ lines: String)
        async throws
    {
        try await CustomRig.with(.command) { rig async throws in
            let spec = try rig.spec("a")
            try await living(rig, spec)
            let again = try await wrapped(rig, lines).provision(spec)
            #expect(try await again.bash("echo \"[$mark]\"; cat file").hasPrefix("[]\nkept"))
            await again.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `another size is another sandbox over the same files`() async throws {
        try await CustomRig.with(.command) { rig async throws in
            var spec = try rig.spec("a")
            try await living(rig, spec)
            spec.limits.memoryBytes += 16 << 20
            let again = try await rig.engine.provision(spec)
            #expect(try await again.bash("echo \"[$mark]\"; cat file").hasPrefix("[]\nkept"))
            await again.destroy()
        }
    }

    @Test func `what a cancelled caller asked for is removed`() async throws {
        try await ScriptedHook.with("create) touch \"${0%/*}/begun\"; sleep 1 ;;") { hook async throws in
            let (pid, port) = try CustomRig.serve(hook.folder + "/hook", in: hook.folder, [])
            defer { CustomRig.stop(pid) }
            let engine = CustomRig.engine(
                .service(url: "http://127.0.0.1:\(port)", secret: EngineSecret(CustomRig.secret)),
                hook.folder + "/state", RecordingGate())
            let spec = try hook.spec()
            let task = Task { await code(engine, spec) }
            while HostView.text(hook.folder + "/begun") == nil { await Task.yield() }
            task.cancel()
            #expect(await task.value != nil)
            #expect(hook.requests == ["describe", "destroy", "create", "destroy"])
            #expect(engine.ledger.known == [])
        }
    }

    @Test func `the ledger knows a sandbox before the hook does`() async throws {
        try await ScriptedHook.with("create) ls \"${0%/*}/state/sandboxes\" > \"${0%/*}/known\"; kill -9 $$ ;;") {
            hook async throws in
            #expect(await code(hook.engine(), try hook.spec()) == .unavailable)
            #expect(HostView.text(hook.folder + "/known") == "a\n")
        }
    }
}
