import ExecdProtocol
import FoundationEssentials
import Glibc
import Testing

@testable import Toolset

/// The file tools over a work directory of their own.
final class ToolRig {
    let folder: String
    let gate: PathGate
    let runner: ToolRunner
    private var number = 0

    var work: String { folder + "/work" }

    init(proxyPort: UInt16 = 0) throws {
        var template = Array("/tmp/perimeter-tools-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemFailure(errno, "mkdtemp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        for name in ["work", "outside", "system"] { mkdir(folder + "/" + name, 0o755) }
        let settings = ToolSettings(
            workDirectory: folder + "/work", readOnlyRoots: [folder + "/system"], environment: [], proxyPort: proxyPort)
        gate = try PathGate(settings)
        runner = ToolRunner(settings: settings, gate: gate, children: ChildTable())
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func run(_ input: CallInput) throws -> CallResult {
        number += 1
        return runner.run(callID: "call\(number)", input: input, cancel: try CancelToken())
    }

    /// The text of a call's result.
    func text(_ input: CallInput) throws -> String {
        guard case .text(let text)? = try run(input).content.first else { return "" }
        return text
    }

    func put(_ text: String, at path: String) throws {
        #expect(try run(.write(path: path, content: text)).isError == false)
    }

    func contents(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }
}
