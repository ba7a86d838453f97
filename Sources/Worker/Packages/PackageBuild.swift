internal import Logging
internal import Sandbox

/// Installs one list of packages: in a sandbox of the same engine whose system may change and whose way out leads to registries only.
struct PackageBuild: Sendable {
    let provider: any SandboxProvider
    let configuration: WorkerConfiguration
    /// Nil has no way out, so packages have to come from nowhere.
    let egress: WorkerEgress?
    /// Keeps the sandbox from being swept.
    let sweeper: SandboxSweeper
    let folder: SessionFolder
    let logger: Logger

    /// For one manager; the longest that a call may take.
    private static let deadline = Duration.seconds(600)

    /// Makes the snapshot.
    /// - Throws: `.notInstalled` with the end of what a manager said, or what the engine throws.
    /// - Cancellation: ends the sandbox and throws.
    func run(_ request: PackageLayers.Request, as name: SnapshotID) async throws(SandboxError) {
        let number = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        guard let mark = RemoteID("\(SnapshotID.layerPrefix)\(number)"), let id = SandboxID(mark.rawValue) else {
            throw SandboxError(.unavailable, "no name for a sandbox")
        }
        var result: Result<Void, SandboxError>?
        await sweeper.keeping(mark) {
            // Other workers of this host sweep too.
            try? await folder.mark(mark)
            do throws(SandboxError) {
                try await install(request, in: id, as: name)
                result = .success(())
            } catch {
                result = .failure(error)
            }
            await provider.forget(id)
            await folder.unmark(mark)
        }
        guard let result else { throw SandboxError(.unavailable, "the session is over") }
        try result.get()
    }

    private func install(
        _ request: PackageLayers.Request, in id: SandboxID, as name: SnapshotID
    ) async throws(SandboxError) {
        let network = self.network(request.list)
        let denials = DenialTally()
        let way = await egress?.open(
            network, for: request.session, in: request.environment, secrets: nil, denials: denials)
        let sandbox = try await provider.provision(
            SandboxSpec(id: id, limits: request.limits, network: network, gate: way?.gate, system: .writable))
        do throws(SandboxError) {
            try await sandbox.configure(SandboxSettings(authorities: way?.certificate ?? ""))
            try await install(request.list, in: sandbox, denials)
            do throws(SandboxError) { try await sandbox.snapshot(as: name) } catch {
                // Another worker of this host may have been faster.
                guard await provider.snapshots().contains(where: { $0.id == name }) else { throw error }
            }
        } catch {
            await sandbox.destroy()
            throw error
        }
        await sandbox.destroy()
    }

    private func install(
        _ list: PackageList, in sandbox: any Sandbox, _ denials: DenialTally
    ) async throws(SandboxError) {
        let script = PackageScript(mirrors: configuration.packageMirrors)
        try await step("prepare", PackageScript.beginning, in: sandbox) { "the sandbox could not be prepared" }
        for part in list.parts {
            do throws(SandboxError) {
                try await step(part.manager.rawValue, script.install(part), in: sandbox) {
                    "\(part.manager.rawValue) did not install \(part.summary)"
                }
            } catch {
                // Some managers keep what a proxy says to themselves.
                let refused = denials.sentences.prefix(3).map { "\n\($0.prefix(300))" }.joined()
                throw SandboxError(error.code, error.message + refused, cause: error)
            }
        }
        try await step("finish", PackageScript.end, in: sandbox) { "the sandbox could not be cleaned" }
    }

    private func step(
        _ name: String, _ command: String, in sandbox: any Sandbox, failure: () -> String
    ) async throws(SandboxError) {
        let milliseconds = Int(Self.deadline / .milliseconds(1))
        let result = try await sandbox.run(
            ToolCall(
                id: "packages-\(name)",
                input: .bash(command: command, restart: false, timeoutMilliseconds: milliseconds)))
        guard !Task.isCancelled else { throw SandboxError(.unavailable, "the session is over") }
        guard result.isError else { return }
        let text = result.content.map { if case .text(let text) = $0 { text } else { "" } }.joined()
        throw SandboxError(.notInstalled, "\(failure()):\n\(PackageScript.excerpt(text))")
    }

    /// The operator's rules, and the registries: mirrors where there are some for every manager that is needed.
    private func network(_ list: PackageList) -> NetworkPolicy {
        let mirrors = configuration.packageMirrors
        var hosts = configuration.allowedHosts.filter { $0 != "*" && !$0.isEmpty }
        hosts += list.parts.flatMap { mirrors.rules(for: $0.manager) }
        if list.parts.contains(where: { mirrors[$0.manager] == nil }) { hosts += NetworkPolicy.registries }
        return .allow(hosts: hosts)
    }
}

extension PackageList.Part {
    /// For messages: a few names.
    var summary: String {
        names.prefix(5).map { String($0.prefix(64)) }.joined(separator: ", ")
            + (names.count > 5 ? " and \(names.count - 5) more" : "")
    }
}
