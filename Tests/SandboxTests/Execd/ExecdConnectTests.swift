import CLinux
import Glibc
import Sandbox
import Testing

@Suite struct ExecdConnectTests {
    @Test func `a path that the kernel cannot take is refused with words`() async {
        let path = "/" + String(repeating: "x", count: 107)
        let error = await #expect(throws: SandboxError.self) {
            try await ExecdClient.connect(socketPath: path, gate: nil, deadline: .seconds(1), logger: DaemonRig.quiet)
        }
        #expect(error?.code == .unavailable && error?.message.contains("107 bytes") == true)
    }

    @Test func `where nobody listens the deadline ends it`() async {
        let error = await #expect(throws: SandboxError.self) {
            try await ExecdClient.connect(
                socketPath: "/tmp/perimeter-nobody", gate: nil, deadline: .milliseconds(60), logger: DaemonRig.quiet)
        }
        #expect(error?.code == .timedOut)
    }

    @Test func `a daemon that listens later is found`() async throws {
        try await DaemonRig.with { rig in
            let late = rig.folder + "/late"
            async let client = ExecdClient.connect(
                socketPath: late, gate: nil, deadline: .seconds(20), logger: DaemonRig.quiet)
            // A few attempts find nothing before the name appears.
            try await Task.sleep(for: .milliseconds(20))
            #expect(rename(rig.socket, late) == 0)
            #expect(try await client.workDirectory == rig.work)
            try await client.detach()
        }
    }

    @Test func `a listener that never greets is given up at the deadline`() async throws {
        let peer = try FakeDaemon(greets: false)
        let error = await #expect(throws: SandboxError.self) { try await peer.connect(deadline: .milliseconds(50)) }
        #expect(error?.code == .timedOut)
    }

    @Test func `connecting can be cancelled`() async throws {
        let peer = try FakeDaemon(greets: false)
        await withTaskGroup(of: SandboxError.Code?.self) { group in
            group.addTask { await DaemonRig.code(of: { try await peer.connect(deadline: .seconds(1000)).closed() }) }
            group.cancelAll()
            #expect(await group.next() == .lost)
        }
    }

    @Test func `a connected descriptor serves as well as a path`() async throws {
        try await DaemonRig.with { rig in
            let descriptor = clinux_connect_unix(rig.socket)
            let client = try await ExecdClient.connect(
                descriptor: descriptor, gate: nil, deadline: .seconds(20), logger: DaemonRig.quiet)
            #expect(try await client.bash("echo hi", id: "a").text.contains("hi"))
            await client.detach()
        }
    }
}
