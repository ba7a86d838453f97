package import ExecdProtocol

/// The `write` tool: creates or replaces a file, with its parents.
package struct WriteTool {
    private let gate: PathGate

    package init(gate: PathGate) {
        self.gate = gate
    }

    package func run(callID: String, path: String, content: String) throws(ToolError) -> CallResult {
        let place = try gate.resolve(path, writing: true)
        let bytes = Array(content.utf8)
        guard !path.hasSuffix("/") else { throw ToolError(.invalid, "\(path): is a directory") }
        try FileWriter(gate: gate).write(bytes, to: place, named: path, unique: UniqueName.of(callID))
        return .success("wrote \(bytes.count) bytes to \(path)")
    }
}
