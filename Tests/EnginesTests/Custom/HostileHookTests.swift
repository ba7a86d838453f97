import Glibc
import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

/// What a hook prints, withholds or leaves behind.
@Suite struct HostileHookTests {
    private func failure(_ engine: CustomEngine, _ spec: SandboxSpec) async -> SandboxError? {
        do throws(SandboxError) {
            let sandbox = try await engine.provision(spec)
            await sandbox.destroy()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        "describe) echo 'no json' ;;", "describe) echo '[]' ;;", "describe) echo '{\"version\":2}' ;;",
        "describe) echo '{\"version\":1,\"isolation\":\"steel\"}' ;;",
        "describe) echo '{\"version\":1,\"images\":\"yes\"}' ;;",
        "describe) echo '{\"version\":1,\"gpus\":-1}' ;;", "describe) head -c 2000000 /dev/zero | tr '\\0' ' ' ;;",
        "describe) printf '%0200000d' 0 | tr 0 '[' ;;", "describe) exit 11 ;;",
    ])
    func `a description that the contract does not allow is refused, and nothing is created`(_ cases: String)
        async throws
    {
        try await ScriptedHook.with(cases) { hook async throws in
            let engine = hook.engine()
            #expect(try await failure(engine, hook.spec())?.code == .protocolViolation)
            #expect(hook.requests == ["describe"])
            #expect(engine.capabilities == .none)
        }
    }

    @Test func `what it does not declare is refused before it hears of it`() async throws {
        try await ScriptedHook.with("describe) echo '{\"version\":1,\"bounds\":[\"memory\"]}' ;;") {
            hook async throws in
            let engine = hook.engine()
            var specs = [try hook.spec()]
            #expect(await failure(engine, specs[0])?.message.contains("processes, cpu, disk") == true)
            specs = try ["n", "i", "s", "g"].map { try hook.spec($0) }
            specs[0].network = .allow(hosts: ["example.com"])
            specs[1].source = .image("alpine")
            specs[2].source = .snapshot(try #require(SnapshotID("s")))
            specs[3].gpus = 1
            let weaker = hook.engine { $0.allowsWeakerLimits = true }
            for spec in specs { #expect(await failure(weaker, spec)?.code == .unsupported) }
            #expect(Set(hook.requests) == ["describe"])
        }
    }

    @Test func `it is believed no further than the operator vouches`() async throws {
        try await ScriptedHook.with("") { hook async throws in
            let engine = hook.engine()
            #expect(engine.capabilities == .none, "nothing before it was asked")
            _ = try await engine.refreshedDescription()
            #expect(engine.capabilities.isolation == .unknown)
            #expect(engine.capabilities.gpus == 4)
            let vouched = hook.engine {
                $0.ceiling = EngineCapabilities(isolation: .ownKernel, snapshot: .nothing, bounds: ["memory"])
            }
            _ = try await vouched.refreshedDescription()
            #expect(
                vouched.capabilities
                    == EngineCapabilities(isolation: .ownKernel, snapshot: .nothing, bounds: ["memory"]))
            #expect(try await failure(vouched, hook.spec())?.code == .unsupported)
        }
    }

    @Test func `exit codes have their meaning, and the complaint is one bounded line`() async throws {
        let meanings: [(Int, SandboxError.Code)] = [(10, .unsupported), (12, .quotaExceeded), (13, .unavailable)]
        for (code, expected) in meanings {
            let cases =
                #"create) printf 'one\n\033[31mtwo\0'"'"'x' >&2; head -c 100000 /dev/zero | tr '\0' y >&2; exit \#(code) ;;"#
            try await ScriptedHook.with(cases) { hook async throws in
                let error = await failure(hook.engine(), try hook.spec())
                #expect(error?.code == expected)
                let message = error?.message ?? ""
                #expect(message.contains("one [31mtwo 'xyyy"), "\(message)")
                #expect(message.utf8.count < 600 && message.utf8.allSatisfy { $0 >= 0x20 })
                #expect(hook.requests.suffix(2) == ["create", "destroy"], "what was half made is removed")
                #expect(hook.engine().ledger.known.isEmpty)
            }
        }
    }

    @Test func `one that does not end is ended with its children`() async throws {
        let cases = "create) sleep 4717 & sleep 4717 ;;"
        try await ScriptedHook.with(cases) { hook async throws in
            let error = await failure(hook.engine { $0.deadline = .milliseconds(300) }, try hook.spec())
            #expect(error?.code == .timedOut)
            let left = HostView.names(in: "/proc").filter { Int32($0) != nil }.filter {
                HostView.text("/proc/\($0)/cmdline") == "sleep\0" + "4717\0"
            }
            #expect(left == [])
        }
    }

    @Test func `one that leaves processes behind with its pipes is not waited for`() async throws {
        let cases = "list) sleep 30 & echo $! > \"${0%/*}/pid\"; echo '{\"sandboxes\":[\"a\"]}' ;;"
        try await ScriptedHook.with(cases) { hook async throws in
            let begin = ContinuousClock.now
            await hook.engine().sweep(keeping: [])
            #expect(ContinuousClock.now - begin < .seconds(15))
            #expect(hook.requests == ["list", "destroy"])
            let pid = HostView.text(hook.folder + "/pid").flatMap { Int32($0.dropLast()) }
            kill(try #require(pid), SIGKILL)
        }
    }

    @Test(arguments: ["{}", "{\"sandboxes\":[\"../x\"]}", "{\"sandboxes\":[7]}", "{\"sandboxes\":{}}"])
    func `a list of anything but sandboxes removes nothing`(_ answer: String) async throws {
        try await ScriptedHook.with("list) echo '\(answer)' ;;") { hook async throws in
            await hook.engine().sweep(keeping: [])
            #expect(hook.requests == ["list"])
        }
    }

    @Test(arguments: [
        ("connect) echo 'Welcome to the machine, press any key' ;;", SandboxError.Code.protocolViolation),
        ("connect) echo 'not today' >&2; exit 1 ;;", .lost),
        ("connect) head -c 1000000 /dev/urandom ;;", .protocolViolation),
    ])
    func `a stream that carries no daemon ends the attempt`(_ cases: String, _ code: SandboxError.Code) async throws {
        try await ScriptedHook.with(cases + "\ncreate) ;;") { hook async throws in
            let error = await failure(hook.engine(), try hook.spec())
            #expect(error?.code == code, "\(error?.message ?? "")")
            if cases.contains("not today") { #expect(error?.message.contains("not today") == true) }
            #expect(hook.requests.last == "destroy")
        }
    }

    @Test func `a removal that fails is kept for the next sweep`() async throws {
        let cases = "destroy) [ -e \"${0%/*}/heal\" ] || exit 13 ;;\ncreate) exit 13 ;;"
        try await ScriptedHook.with(cases) { hook async throws in
            #expect(try await failure(hook.engine(), hook.spec()) != nil)
            #expect(hook.engine().ledger.known.map(\.rawValue) == ["a"])
            try HostView.write("", to: hook.folder + "/heal")
            await hook.engine().sweep(keeping: [])
            #expect(hook.engine().ledger.known == [])
        }
    }

    @Test func `the token reaches the hook on its standard input only`() async throws {
        let cases = #"create) cat > "${0%/*}/request"; env > "${0%/*}/environ"; exit 13 ;;"#
        try await ScriptedHook.with(cases) { hook async throws in
            setenv("PERIMETER_CONTRACT_SECRET", "canary", 1)
            _ = await failure(hook.engine(), try hook.spec())
            let request = try JSON(parsing: try #require(HostView.text(hook.folder + "/request")))
            let token = try #require(request["token"]?.stringValue)
            #expect(token.utf8.count == 64)
            #expect(request["id"]?.stringValue == "a")
            let environment = HostView.text(hook.folder + "/environ") ?? ""
            #expect(!environment.contains("canary") && !environment.contains(token) && environment.contains("PATH="))
            #expect(hook.requests.allSatisfy { !$0.contains(token) })
        }
    }
}
