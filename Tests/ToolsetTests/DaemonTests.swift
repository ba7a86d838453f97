import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// The tools through the real daemon, which also reaches the processes that left their parents.
@Suite(.serialized) struct DaemonTests {
    /// Starts processes that ignore signals, have sessions of their own, and whose parents are gone; ends with `then`.
    private static func escape(then last: String) -> String {
        """
        for i in 1 2 3; do (setsid bash -c 'trap "" TERM HUP INT; (sleep 1000 & echo $! >> pids); echo $$ >> pids; \
        echo up; sleep 1000' & ); done
        setsid nohup sleep 1000 >/dev/null 2>&1 & echo $! >> pids
        \(last)
        """
    }

    private func pids(_ daemon: DaemonRig) -> [pid_t] {
        let text = daemon.tools.contents(daemon.tools.work + "/pids") ?? ""
        return text.split(separator: "\n").compactMap { pid_t($0) }
    }

    @Test func `a cancelled call leaves no process, wherever it went`() throws {
        let daemon = try DaemonRig()
        let command = Self.escape(then: "sleep 1000")
        let stream = try daemon.start("c", .bash(command: command, restart: false, timeoutMilliseconds: nil))
        while daemon.output.split(separator: "\n").count < 3 { _ = try daemon.receive() }
        try daemon.send(.cancel(id: "c"))
        #expect(try daemon.result(on: stream).text.contains("interrupted"))
        #expect(pids(daemon).count >= 6)
        for pid in pids(daemon) { #expect(!ShellRig.isAlive(pid)) }
    }

    @Test func `a time-out leaves none either, but spares what ran before; restart ends that too`() throws {
        let daemon = try DaemonRig()
        let before = try daemon.bash("(setsid sleep 1000 >/dev/null & echo $!)")
        let spared = try #require(pid_t(before.text))
        #expect(
            try daemon.bash(Self.escape(then: "sleep 1000"), timeout: 1500).text.contains("timed out after 1500 ms"))
        for pid in pids(daemon) { #expect(!ShellRig.isAlive(pid)) }
        #expect(ShellRig.isAlive(spared))
        #expect(try daemon.bash(nil, restart: true).isError == false)
        #expect(!ShellRig.isAlive(spared))
    }

    @Test func `shutdown ends everything`() throws {
        let daemon = try DaemonRig()
        let started = try daemon.bash("setsid sleep 1000 & echo $!")
        let pid = try #require(pid_t(started.text))
        try daemon.send(.shutdown)
        #expect(daemon.waitForEnd() == .exited(0))
        #expect(!ShellRig.isAlive(pid))
    }

    @Test func `a call is run once, and its result is there after a new connection`() throws {
        let daemon = try DaemonRig()
        let input = CallInput.bash(command: "echo run >> log; echo done", restart: false, timeoutMilliseconds: nil)
        #expect(try daemon.result(on: try daemon.start("once", input)) == .success("done"))
        try daemon.reconnect()
        #expect(try daemon.result(on: try daemon.start("once", input)) == .success("done"))
        #expect(daemon.tools.contents(daemon.tools.work + "/log") == "run\n")
        let stream = daemon.takeStream()
        try daemon.send(.journalRequest, on: stream)
        #expect(try daemon.receive().message == .journalEntry(id: "once", result: .success("done")))
        #expect(try daemon.receive().message == .journalEnd)
    }

    @Test func `a running call goes on while nobody is connected`() throws {
        let daemon = try DaemonRig()
        mkfifo(daemon.tools.work + "/gate", 0o644)
        let input = CallInput.bash(command: "cat gate", restart: false, timeoutMilliseconds: nil)
        _ = try daemon.start("long", input)
        try daemon.reconnect()
        let stream = try daemon.start("long", input)
        #expect(try daemon.receive().message == .callAccepted(.alreadyRunning))
        try Descriptor(opened: open(daemon.tools.work + "/gate", O_WRONLY), "open").write(Array("through".utf8))
        #expect(try daemon.result(on: stream) == .success("through"))
    }

    @Test func `files are put in place as a whole, and only where they may be`() throws {
        let daemon = try DaemonRig()
        var stream = daemon.takeStream()
        try daemon.send(.putBegin(path: daemon.tools.work + "/d/f", mode: 0o750), on: stream)
        try daemon.send(.putData(Array("con".utf8)), on: stream)
        try daemon.send(.putData(Array("tent".utf8)), on: stream)
        #expect(daemon.tools.contents(daemon.tools.work + "/d/f") == nil)
        try daemon.send(.putEnd, on: stream)
        #expect(try daemon.receive().message == .putDone)
        #expect(daemon.tools.contents(daemon.tools.work + "/d/f") == "content")
        stream = daemon.takeStream()
        try daemon.send(.putBegin(path: daemon.tools.folder + "/outside/f", mode: 0o644), on: stream)
        guard case .fault(let fault) = try daemon.receive().message else {
            Issue.record("no fault")
            return
        }
        #expect(fault.code == .denied)
    }

    @Test(arguments: UInt64(1)...20) func `bytes that are no protocol end the connection, not the daemon`(seed: UInt64)
        throws
    {
        var random = Seeded(seed: seed)
        let daemon = try DaemonRig()
        let other = try DaemonRig.connect(daemon)
        try other.write(
            (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) } + [0xFF]
                + [UInt8](repeating: 0xFF, count: 9))
        while !(try other.read(upTo: 4096)).isEmpty {}
        #expect(try daemon.bash("echo alive") == .success("alive"))
    }
}
