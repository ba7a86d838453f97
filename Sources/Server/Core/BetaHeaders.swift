internal import HTTPTypes
internal import Hummingbird
internal import Wire

/// The version and beta headers of requests (reference api-core §0.2, §0.3).
struct BetaHeaders {
    let isStrict: Bool

    private static let versions: Set<String> = ["2023-06-01", "2026-10-21"]
    private static let managedAgents = "managed-agents-2026-04-01"
    private static let known: Set<String> = [
        managedAgents, "agent-memory-2026-07-22", "dreaming-2026-04-21", "user-profiles-2026-08-18",
        "webhooks-2026-10-07", "mcp-tunnels-2026-06-22", "files-api-2025-04-14", "skills-2025-10-02",
        "token-counting-2024-11-01", "mcp-client-2025-11-20",
    ]

    /// - Throws: ``WireError`` 400 for a missing or unknown value; 404 for a missing beta, as if the path did not exist.
    func check(_ request: Request) throws(WireError) {
        let path = request.uri.path.split(separator: "/")
        guard path.first == "v1", path.dropFirst().first != "organizations" else { return }
        // Ours, beside the public API.
        if path.count >= 4, path[1] == "environments", path[3] == "keys" { return }
        guard let version = request.headers[.version] else {
            throw .invalid("anthropic-version: header required; send 2023-06-01 or 2026-10-21")
        }
        guard Self.versions.contains(version) else {
            throw .invalid("anthropic-version: '\(version.prefix(32))' is unknown; send 2023-06-01 or 2026-10-21")
        }
        let betas = Set(
            request.headers[values: .beta].flatMap { $0.split(separator: ",") }
                .map { $0.trimmingPrefix { $0 == " " } }.map { String($0.prefix { $0 != " " }) }
                .filter { !$0.isEmpty })
        if let unknown = betas.first(where: { !Self.known.contains($0) }) {
            throw .invalid("anthropic-beta: '\(unknown.prefix(64))' is not a known beta")
        }
        let needed: Set<Substring> = ["agents", "environments", "sessions", "vaults"]
        if isStrict, path.count > 1, needed.contains(path[1]), !betas.contains(Self.managedAgents) {
            throw .notFound("not found: this endpoint needs the header anthropic-beta: \(Self.managedAgents)")
        }
    }
}
