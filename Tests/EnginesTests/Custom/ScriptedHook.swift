import Glibc
import Logging
import Sandbox
import TestSupport

@testable import Engines

/// A hook in a few lines of shell, for what no honest hook does. Every request leaves a line in `log`.
struct ScriptedHook {
    let folder: String

    static let honest = """
        {"version":1,"boundary":"a test","isolation":"ownKernel","pause":"memory","snapshot":"memory","images":true,
        "network":true,"gpus":4,"bounds":["memory","processes","cpu","disk"]}
        """

    /// - Parameter cases: branches of a `case "$1" in`.
    static func with(_ cases: String, _ body: (ScriptedHook) async throws -> Void) async throws {
        let folder = "/tmp/perimeter-hook-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        guard mkdir(folder, 0o700) == 0 else { throw NamespaceRig.Failure("no folder") }
        defer { HostView.removeTree(folder) }
        let script = """
            #!/bin/bash
            echo "$*" >> \(folder)/log
            case "$1" in
            \(cases)
            describe) echo '\(honest.replacing("\n", with: ""))' ;;
            list) echo '{"sandboxes":[]}' ;;
            destroy) ;;
            *) exit 10 ;;
            esac
            """
        try ProgramFile.write(script, to: folder + "/hook")
        try await body(ScriptedHook(folder: folder))
    }

    func engine(_ change: (inout CustomConfiguration) -> Void = { _ in }) -> CustomEngine {
        CustomRig.engine(.command(path: folder + "/hook"), folder + "/state", RecordingGate(), change)
    }

    var requests: [String] { (HostView.text(folder + "/log") ?? "").split(separator: "\n").map(String.init) }

    func spec(_ name: String = "a") throws -> SandboxSpec {
        guard let id = SandboxID(name) else { throw NamespaceRig.Failure("no id") }
        return SandboxSpec(id: id)
    }
}
