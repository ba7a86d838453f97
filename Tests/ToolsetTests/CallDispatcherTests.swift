import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct CallDispatcherTests {
    private final class Rig {
        let tools: ToolRig
        let dispatcher: CallDispatcher
        let wake: WakeEvent
        private(set) var results: [String: CallResult] = [:]
        private(set) var progress = ""

        init() throws {
            signal(SIGPIPE, SIG_IGN)
            tools = try ToolRig()
            wake = try WakeEvent()
            let settings = ToolSettings(workDirectory: tools.work, environment: ["PATH=/usr/bin:/bin"])
            dispatcher = try CallDispatcher(
                settings: settings, gate: tools.gate, children: ChildTable(), tree: nil, wake: wake)
        }

        deinit { dispatcher.stop() }

        func bash(_ id: String, _ command: String) {
            dispatcher.submit(id: id, input: .bash(command: command, restart: false, timeoutMilliseconds: nil))
        }

        func take() {
            var watched = pollfd(fd: wake.descriptor.raw, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, -1)
            for event in dispatcher.takeEvents() {
                switch event {
                case .progress(_, let bytes): progress += String(decoding: bytes, as: UTF8.self)
                case .settled(let id, let result):
                    #expect(results[id] == nil, "a call settles once")
                    results[id] = result
                }
            }
        }

        func wait(for ids: String...) {
            while !ids.allSatisfy({ results[$0] != nil }) { take() }
        }
    }

    @Test func `shell calls run in their order, others do not wait for them`() throws {
        let rig = try Rig()
        mkfifo(rig.tools.work + "/gate", 0o644)
        rig.bash("first", "cat gate")
        rig.bash("second", "echo after")
        rig.dispatcher.submit(id: "other", input: .write(path: "f", content: "x"))
        rig.wait(for: "other")
        #expect(rig.results["first"] == nil && rig.results["second"] == nil)
        try Descriptor(opened: open(rig.tools.work + "/gate", O_WRONLY), "open").write(Array("go".utf8))
        rig.wait(for: "first", "second")
        #expect(rig.results["first"] == .success("go"))
        #expect(rig.results["second"] == .success("after"))
    }

    @Test func `a running call and one that waits are cancelled, each by itself`() throws {
        let rig = try Rig()
        rig.bash("running", "echo ready; sleep 1000")
        rig.bash("waiting", "touch never")
        rig.bash("last", "echo last")
        while !rig.progress.contains("ready") { rig.take() }
        rig.dispatcher.cancel("waiting")
        rig.dispatcher.cancel("running")
        rig.dispatcher.cancel("unknown")
        rig.wait(for: "running", "waiting", "last")
        #expect(rig.results["running"]?.text.contains("interrupted") == true)
        #expect(rig.results["waiting"]?.isError == true)
        #expect(rig.results["last"] == .success("last"))
        #expect(rig.tools.contents(rig.tools.work + "/never") == nil)
    }

    @Test func `more calls than wait are refused, and every one settles`() throws {
        let rig = try Rig()
        rig.bash("blocker", "echo ready; sleep 1000")
        while !rig.progress.contains("ready") { rig.take() }
        for number in 0..<70 { rig.bash("n\(number)", "true") }
        rig.dispatcher.cancel("blocker")
        while rig.results.count < 71 { rig.take() }
        #expect(rig.results.values.filter { $0.text.contains("too many calls wait") }.count == 6)
    }

    @Test func `many calls at once all settle`() throws {
        let rig = try Rig()
        for number in 0..<60 {
            rig.dispatcher.submit(id: "w\(number)", input: .write(path: "d/\(number)", content: "\(number)"))
        }
        while rig.results.count < 60 { rig.take() }
        #expect(rig.results.values.allSatisfy { !$0.isError })
    }
}
