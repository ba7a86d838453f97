import ExecdProtocol
import Testing

@testable import Toolset

/// Variables that change while the tools' shell lives.
@Suite struct ShellVariablesTests {
    @Test func `a change is told by name, and what the daemon came with comes back`() {
        let environment = ProgramEnvironment(["HOME=/w", "LANG=C"])
        let before = environment.variables
        environment.overlay(["HOME": "/tmp", "TOKEN": "x=y"])
        #expect(environment.variables == ["LANG=C", "HOME=/tmp", "TOKEN=x=y"])
        #expect(EnvironmentChange(from: before, to: environment.variables).entries == ["HOME=/tmp", "TOKEN=x=y"])
        let between = environment.variables
        environment.overlay(["TOKEN": "x=y"])
        #expect(EnvironmentChange(from: between, to: environment.variables).entries == ["HOME=/w"])
        environment.overlay([:])
        #expect(EnvironmentChange(from: between, to: environment.variables).entries == ["TOKEN", "HOME=/w"])
        #expect(EnvironmentChange(from: before, to: environment.variables).isEmpty)
        #expect(environment.original("HOME") == "/w" && environment.original("HOM") == nil)
    }

    @Test func `a running shell takes them before its next command and loses them again`() throws {
        let shell = try ShellRig()
        #expect(try shell.text("own=1; export MINE=2; cd /; echo ${NEW-none}") == "none")
        let value = "a b\n$(id) `id` \\ \"'ü*"
        shell.environment.overlay(["NEW": value, "EMPTY": "", "HOME": "/tmp"])
        #expect(try shell.text("printf %s \"$NEW\"") == value)
        #expect(try shell.text("bash -c 'printf %s \"$NEW\"'") == value, "exported")
        #expect(try shell.text("echo ${EMPTY-none}, $own, $MINE, $PWD, $HOME") == ", 1, 2, /, /tmp")
        shell.environment.overlay(["EMPTY": "x"])
        #expect(try shell.text("echo ${NEW-none}, $EMPTY, $own, $MINE, $HOME") == "none, x, 1, 2, \(shell.tools.work)")
        #expect(try shell.text("echo ${__perimeter_variable-gone}") == "gone")
    }

    @Test func `a value that the session changed itself stays until the value that it was given changes`() throws {
        let shell = try ShellRig()
        shell.environment.overlay(["KEY": "one"])
        #expect(try shell.text("KEY=own; echo $KEY") == "own")
        shell.environment.overlay(["KEY": "one"])
        #expect(try shell.text("echo $KEY") == "own")
        shell.environment.overlay(["KEY": "two"])
        #expect(try shell.text("echo $KEY") == "two")
    }

    @Test(arguments: [
        "set -x", "set -eu", "set -a", "set -f; shopt -s nocasematch extglob", "set -o posix", "set -v",
        "trap 'echo trapped' DEBUG",
        "export() { echo no; }; unset() { echo no; }; read() { echo no; }", "exec 2>&1", "readonly LOCKED=1", "IFS=E",
    ])
    func `no option of the shell shows a value or keeps it away`(option: String) throws {
        let shell = try ShellRig()
        _ = try shell.run(option)
        shell.environment.overlay(["SECRET": "value-to-hide", "LOCKED": "other"])
        let result = try shell.run("builtin [ ${#SECRET} -eq 13 ] && builtin echo long enough")
        #expect(result.text.contains("long enough"), "\(result.text)")
        #expect(!result.text.contains("value-to-hide"), "\(result.text)")
        shell.environment.overlay([:])
        #expect(try shell.text("builtin echo ${SECRET-gone}").contains("gone"))
    }

    @Test func `a fresh shell starts with them`() throws {
        let shell = try ShellRig()
        shell.environment.overlay(["NEW": "1"])
        #expect(try shell.text("echo $NEW; exit 0").hasPrefix("1"))
        shell.environment.overlay(["NEW": "2"])
        #expect(try shell.text("echo $NEW") == "2")
    }

    @Test func `as many and as long as they may be`() throws {
        let shell = try ShellRig()
        _ = try shell.text("true")
        let longest = String(repeating: "ü", count: Configuration.maxValue / 2)
        shell.environment.overlay(["A": longest, "B": longest, "C": longest])
        #expect(try shell.text("echo $((${#A} + ${#B} + ${#C})); bash -c 'echo ${#C}'") == "98304\n32768")
        shell.environment.overlay(Dictionary(uniqueKeysWithValues: (0..<256).map { ("N\($0)", "\($0)") }))
        #expect(try shell.text("env | grep -c '^N[0-9]*='; echo $N255 ${A-gone}") == "256\n255 gone")
    }
}
