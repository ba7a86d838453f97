package import ExecdProtocol

/// Runs every tool but the shell; calls of different threads do not disturb each other.
package struct ToolRunner: Sendable {
    private let settings: ToolSettings
    private let gate: PathGate
    private let children: ChildTable

    package init(settings: ToolSettings, gate: PathGate, children: ChildTable) {
        self.settings = settings
        self.gate = gate
        self.children = children
    }

    /// Runs one call; every failure becomes a result.
    package func run(callID: String, input: CallInput, cancel: CancelToken) -> CallResult {
        do throws(ToolError) {
            return try perform(callID, input, cancel)
        } catch {
            return .failure(error.message)
        }
    }

    private func perform(_ callID: String, _ input: CallInput, _ cancel: CancelToken) throws(ToolError) -> CallResult {
        switch input {
        case .bash: throw ToolError(.invalid, "the shell runs elsewhere")
        case .read(let path, let range): try ReadTool(gate: gate).run(path: path, range: range, cancel: cancel)
        case .write(let path, let content):
            try WriteTool(gate: gate).run(callID: callID, path: path, content: content)
        case .edit(let path, let old, let new, let replaceAll):
            try EditTool(gate: gate).run(callID: callID, path: path, old: old, new: new, replaceAll: replaceAll)
        case .glob(let pattern, let path): try GlobTool(gate: gate).run(pattern: pattern, path: path, cancel: cancel)
        case .grep(let pattern, let path): try GrepTool(gate: gate).run(pattern: pattern, path: path, cancel: cancel)
        case .webFetch(let url):
            try WebFetchTool(settings: settings, gate: gate).run(callID: callID, url: url, cancel: cancel)
        }
    }
}
