import NIOCore
import Sandbox
import TestSupport
import Testing

/// Streams that the worker opens: ports inside, and shells for people.
@Suite(.serialized) struct OpenedStreamTests {
    /// Everything until the end, as text.
    private func rest(_ stream: any SandboxStream) async throws -> String {
        var bytes: [UInt8] = []
        while let more = try await stream.read() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func text(_ stream: any SandboxStream, until mark: String) async throws -> String {
        var text = ""
        while !text.contains(mark), let more = try await stream.read() { text += String(decoding: more, as: UTF8.self) }
        return text
    }

    // Until the terminal's own echo is off, it repeats what is typed: a mark is typed otherwise than it is printed.
    @Test func `a terminal has its size, hears of a new one, and tells how its shell ended`() async throws {
        try await DaemonRig.connected { _, client in
            let stream = try await client.open(.terminal(columns: 101, rows: 37, command: ""))
            try await stream.write(Array("PS1=; stty -echo; echo rea''dy\n".utf8))
            _ = try await text(stream, until: "ready\r\n")
            try await stream.write(Array("stty size; tty; echo $TERM; test -t 0 && echo do''ne\n".utf8))
            let first = try await text(stream, until: "done\r\n")
            #expect(first.contains("37 101") && first.contains("/dev/pts/") && first.contains("xterm-256color"))
            await stream.resize(columns: 80, rows: 24)
            try await stream.write(Array("stty size; echo do''ne; exit 7\n".utf8))
            #expect(try await text(stream, until: "done").contains("24 80"))
            _ = try await rest(stream)
            #expect(stream.exitCode == 7)
            await stream.reset()
        }
    }

    @Test func `control characters reach what runs in the foreground`() async throws {
        try await DaemonRig.connected { _, client in
            let stream = try await client.open(.terminal(columns: 80, rows: 24, command: ""))
            try await stream.write(Array("sleep 4712; echo status $?\n".utf8))
            _ = try await text(stream, until: "sleep 4712")
            try await Task.sleep(for: .milliseconds(300))
            try await stream.write([3])
            _ = try await text(stream, until: "^C")
            try await stream.write(Array("exit 5\n".utf8))
            _ = try await rest(stream)
            #expect(stream.exitCode == 5)
        }
    }

    @Test func `a command carries any bytes both ways, more than every buffer`() async throws {
        try await DaemonRig.connected { _, client in
            let stream = try await client.open(.command("cat; echo to-error >&2; exit 3"))
            let bytes = (0..<(3 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
            async let sent: Void = {
                try await stream.write(bytes)
                await stream.finish()
            }()
            var got: [UInt8] = []
            while let more = try await stream.read() { got += more }
            try await sent
            #expect(got.prefix(bytes.count).elementsEqual(bytes))
            #expect(String(decoding: got.dropFirst(bytes.count), as: UTF8.self) == "to-error\n")
            #expect(stream.exitCode == 3)
        }
    }

    @Test func `a port inside is reached, and a closed one is refused`() async throws {
        try await EchoServer.with { server in
            try await DaemonRig.connected { _, client in
                let stream = try await client.open(.port(UInt16(server.port)))
                try await stream.write(Array("GET /seen HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
                #expect(try await rest(stream).contains("GET /seen host=x"))
                await stream.reset()
                let error = await #expect(throws: SandboxError.self) { _ = try await client.open(.port(1)) }
                #expect(error?.code == .unavailable)
            }
        }
    }

    @Test func `an interrupted call leaves a person's shell alone, a lost connection does not`() async throws {
        try await DaemonRig.connected { rig, client in
            let stream = try await client.open(.terminal(columns: 80, rows: 24, command: ""))
            try await stream.write(Array("PS1=; stty -echo; echo rea''dy\n".utf8))
            _ = try await text(stream, until: "ready\r\n")
            let task = Task { try await client.bash("sleep 4713", id: "long") }
            while try await client.journal()["long"] == nil { await Task.yield() }
            task.cancel()
            _ = try await task.value
            try await stream.write(Array("echo $((40 + 2))\n".utf8))
            #expect(try await text(stream, until: "42").contains("42"))
            try await stream.write(Array("sleep 4714\n".utf8))
            try await Task.sleep(for: .milliseconds(200))
            await client.detach()
            let again = try await rig.connect()
            let deadline = ContinuousClock.now + .seconds(30)
            func lives() -> Bool {
                HostView.names(in: "/proc").contains { HostView.text("/proc/\($0)/cmdline") == "sleep\u{0}4714\u{0}" }
            }
            while lives(), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(10)) }
            #expect(!lives())
            await again.detach()
        }
    }

    @Test func `only so many streams are open`() async throws {
        try await DaemonRig.connected { _, client in
            var streams: [any SandboxStream] = []
            var refusal: SandboxError.Code?
            while refusal == nil, streams.count < 300 {
                do throws(SandboxError) { streams.append(try await client.open(.command("cat"))) } catch {
                    refusal = error.code
                }
            }
            #expect(refusal == .quotaExceeded && streams.count <= 256)
            for stream in streams { await stream.reset() }
            #expect(try await client.bash("echo alive", id: "after").text.hasPrefix("alive"))
            let again = try await client.open(.command("echo again"))
            #expect(try await rest(again) == "again\n")
        }
    }
}
