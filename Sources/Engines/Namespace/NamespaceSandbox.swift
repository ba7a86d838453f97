internal import Sandbox

/// A living sandbox of the `namespace` engine, spoken to over its daemon's socket.
struct NamespaceSandbox: Sandbox {
    let id: SandboxID
    let boundary: String
    let client: ExecdClient
    let engine: NamespaceEngine

    func run(_ call: ToolCall) async throws(SandboxError) -> ToolResult { try await client.run(call) }

    func journal() async throws(SandboxError) -> [String: JournalEntry] { try await client.journal() }

    func put(_ bytes: [UInt8], at path: String, mode: UInt16) async throws(SandboxError) {
        try await client.put(bytes, at: path, mode: mode)
    }

    func detach() async { await client.detach() }

    func destroy() async {
        await client.detach()
        await engine.remove(id)
    }
}
