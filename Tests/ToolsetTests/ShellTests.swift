import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

@Suite struct ShellTests {
    @Test func `directory, variables and functions stay from call to call`() throws {
        let shell = try ShellRig()
        #expect(try shell.text("mkdir d; cd d; x=5; f() { echo f$1; }; export y=6") == "(no output)")
        #expect(try shell.text("pwd; echo $x; f 2; bash -c 'echo $y'") == "\(shell.tools.work)/d\n5\nf2\n6")
    }

    @Test(arguments: [("false", 1), ("(exit 7)", 7), ("no-such-program", 127), ("kill -9 $BASHPID &  wait $!", 137)])
    func `an exit code that is not zero is an error and is told`(command: String, code: Int) throws {
        let result = try ShellRig().run(command)
        #expect(result.isError)
        #expect(result.text.hasSuffix("[exit code: \(code)]"), "\(result.text)")
    }

    @Test(arguments: [
        "echo \"unbalanced", "if true; then", "cat <<END\nno end", ")", "echo a\\", "for", "${", "$((", "# only", "!",
    ])
    func `no text breaks the framing`(command: String) throws {
        let shell = try ShellRig()
        _ = try shell.run(command)
        #expect(try shell.text("echo still here") == "still here")
    }

    @Test func `both outputs come together and control characters go`() throws {
        let shell = try ShellRig()
        #expect(
            try shell.text("echo out; echo err >&2; printf '\\033[31mred\\033[0m\\0\\377'") == "out\nerr\nred\u{FFFD}")
    }

    @Test func `there is nothing to read`() throws {
        #expect(try ShellRig().text("cat; read x || echo end") == "end")
    }

    @Test func `functions with the names of builtins change nothing for us`() throws {
        let shell = try ShellRig()
        _ = try shell.run("read() { sleep 1000; }; printf() { sleep 1000; }; eval() { sleep 1000; }")
        #expect(try shell.text("echo fine") == "fine")
    }

    @Test func `exit ends the shell, which is told, and a fresh one comes`() throws {
        let shell = try ShellRig()
        let result = try shell.run("cd /; x=1; echo bye; exit 3")
        #expect(result.isError)
        #expect(result.text.hasPrefix("bye\n[the shell ended with exit code 3"))
        #expect(try shell.text("pwd; echo \"[$x]\"") == "\(shell.tools.work)\n[]")
    }

    @Test func `a shell that died between two calls is replaced`() throws {
        let shell = try ShellRig()
        let pid = try shell.pid(try shell.text("echo $$"))
        kill(pid, SIGKILL)
        while ShellRig.isAlive(pid) { sched_yield() }
        #expect(try shell.text("echo new").hasSuffix("new"))
    }

    @Test func `restart ends everything, and a command that comes along runs in the new shell`() throws {
        let shell = try ShellRig()
        let pid = try shell.pid(try shell.text("x=1; sleep 1000 & echo $!"))
        #expect(ShellRig.isAlive(pid))
        #expect(try shell.run(nil, restart: true).isError == false)
        #expect(!ShellRig.isAlive(pid))
        #expect(try shell.run("x=2", restart: true).isError == false)
        #expect(try shell.text("echo $x") == "2")
    }

    @Test func `a time-out kills the whole tree of the command and spares what ran before`() throws {
        let shell = try ShellRig()
        let before = try shell.pid(try shell.text("sleep 1000 & echo $!"))
        let result = try shell.run(
            "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; bash -c 'sleep 1000 & echo $!; wait'", timeout: 300)
        #expect(result.isError)
        #expect(result.text.contains("timed out after 300 ms"))
        let started = result.text.split(separator: "\n").compactMap { pid_t($0) }
        #expect(started.count == 3)
        for pid in started { #expect(!ShellRig.isAlive(pid)) }
        #expect(ShellRig.isAlive(before))
        kill(before, SIGKILL)
        #expect(try shell.text("echo again") == "again")
    }

    @Test func `a cancelled command ends with its processes`() throws {
        let shell = try ShellRig()
        let result = try shell.run("trap '' TERM INT; sleep 1000 & echo $!; echo ready; wait", cancelAt: "ready")
        #expect(result.isError)
        #expect(result.text.contains("interrupted"))
        let pid = try #require(result.text.split(separator: "\n").first.flatMap { pid_t($0) })
        #expect(!ShellRig.isAlive(pid))
        #expect(try shell.text("echo again") == "again")
    }

    @Test func `a call that was cancelled before it started does nothing`() throws {
        let shell = try ShellRig()
        let pid = try shell.pid(try shell.text("sleep 1000 & echo $!"))
        let cancel = try CancelToken()
        cancel.cancel()
        let result = shell.session.run(
            callID: "c", command: "touch done", restart: true, timeoutMilliseconds: nil, cancel: cancel)
        #expect(result.isError)
        #expect(ShellRig.isAlive(pid))
        #expect(shell.tools.contents(shell.tools.work + "/done") == nil)
    }

    @Test func `background children do not hold the call, and what they print comes with the next one`() throws {
        let shell = try ShellRig()
        #expect(try shell.text("mkfifo gate; { cat gate; touch written; } & echo now") == "now")
        // From outside, so that no call is running when it prints.
        try Descriptor(opened: open(shell.tools.work + "/gate", O_WRONLY), "open").write(Array("late\n".utf8))
        while shell.tools.contents(shell.tools.work + "/written") == nil { sched_yield() }
        shell.session.drain()
        #expect(try shell.text("echo next") == "late\nnext")
    }

    @Test func `a background process that never stops printing does not block the next call`() throws {
        let shell = try ShellRig(outputLimit: 2048)
        _ = try shell.run("yes & echo $! > pid")
        shell.session.drain()
        let text = try shell.text("kill $(cat pid); wait; echo stopped")
        #expect(text.hasSuffix("stopped"))
        #expect(text.utf8.count < 2048 + 300)
    }

    @Test func `long output is cut in the middle and kept whole in a file`() throws {
        let shell = try ShellRig(outputLimit: 2048)
        let text = try shell.text("seq 1 20000")
        #expect(text.utf8.count < 2048 + 300)
        #expect(text.hasPrefix("1\n2\n"))
        #expect(text.hasSuffix("\n19999\n20000"))
        let path = shell.tools.work + "/.perimeter/outputs/shell1.txt"
        #expect(text.contains("is in \(path)"))
        #expect(shell.tools.contents(path) == (1...20000).map { "\($0)\n" }.joined())
        #expect(try shell.tools.text(.grep(pattern: "^19999$", path: nil)) == "no matches")
        #expect(try shell.tools.text(.grep(pattern: "^19999$", path: path)) == "\(path):19999:19999")
        #expect(try shell.tools.text(.glob(pattern: "**", path: ".perimeter")) == path)
    }

    @Test func `a link in place of the kept output leads nowhere`() throws {
        let shell = try ShellRig(outputLimit: 2048)
        _ = try shell.run("mkdir -p .perimeter/outputs; ln -s ../../../outside/x .perimeter/outputs/shell2.txt")
        let text = try shell.text("seq 1 20000")
        #expect(text.utf8.count < 2048 + 300)
        #expect(shell.tools.contents(shell.tools.folder + "/outside/x") == nil)
    }

    @Test func `a call without a command says what is wanted`() throws {
        let shell = try ShellRig()
        for command in [nil, "", "  \n"] as [String?] { #expect(try shell.run(command).isError) }
        #expect(try shell.run("echo a\u{0}b").isError)
        #expect(try shell.text("echo $0") == "bash")
    }

    @Test func `a command of megabytes runs`() throws {
        let shell = try ShellRig()
        #expect(try shell.text("x='\(String(repeating: "y", count: 3 << 20))'; echo ${#x}") == "\(3 << 20)")
    }
}
