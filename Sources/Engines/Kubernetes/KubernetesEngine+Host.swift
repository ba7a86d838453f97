internal import Glibc
public import Sandbox
internal import Synchronization

extension KubernetesEngine {
    /// One line for people.
    var boundary: String {
        let runtime = configuration.runtimeClass.map { "runtime class '\($0)'" } ?? "the cluster's runtime"
        let isolation =
            switch configuration.isolation {
            case .unknown: "a boundary that nobody vouches for"
            case .sharedKernel: "a shared kernel"
            case .userSpaceKernel: "a kernel in user space, as the operator vouches"
            case .ownKernel: "a kernel of its own, as the operator vouches"
            }
        let bounds = capabilities.bounds
        let loose = SpecChecks.bounds.filter { !bounds.contains($0) }
        let origin = configuration.claimPool.map { "claim of the pool '\($0)', " } ?? ""
        return "kubernetes: \(origin)\(runtime), \(isolation), no capabilities, seccomp RuntimeDefault, "
            + (configuration.usesUserNamespaces ? "user namespace, " : "")
            + "read-only root, NetworkPolicy deny-all"
            + (loose.isEmpty ? "" : "; NOT bounded: \(loose.joined(separator: ", "))")
    }

    /// Makes a sandbox, runs a command in it and removes it.
    public func probe() async -> EngineReport {
        do throws(SandboxError) {
            try await trial()
            return EngineReport(engine: name, boundary: boundary, isUsable: true, problems: [])
        } catch {
            let problem = EngineReport.Problem(
                summary: "a trial sandbox did not work: \(error.message)",
                remedy:
                    "docs/sandboxes.md lists what the kubernetes engine needs; deploy/kubernetes has the role, and a pool",
                isFatal: true)
            return EngineReport(engine: name, boundary: boundary, isUsable: false, problems: [problem])
        }
    }

    private func trial() async throws(SandboxError) {
        guard let id = SandboxID("probe-\(getpid())-\(UInt32.random(in: 0...UInt32.max))") else { return }
        let sandbox = try await provision(SandboxSpec(id: id, limits: configuration.probeLimits))
        let call = ToolCall(
            id: "probe", input: .bash(command: "echo ready; id -u", restart: false, timeoutMilliseconds: 10_000))
        let answer: Result<ToolResult, SandboxError>
        do throws(SandboxError) { answer = .success(try await sandbox.run(call)) } catch { answer = .failure(error) }
        await sandbox.destroy()
        try await removeClaim(of: id)
        guard case .text(let text)? = try answer.get().content.first, text.hasPrefix("ready") else {
            throw SandboxError(.unavailable, "the command in it failed: is there a bash?")
        }
        guard !text.hasPrefix("ready\n0") else { throw SandboxError(.unsupported, "programs inside are root") }
    }

    private func removeClaim(of id: SandboxID) async throws(SandboxError) {
        let kind: ClusterAPI.Kind = configuration.claimPool == nil ? .claims : .sandboxClaims
        try await cluster().api.delete(kind, SandboxNames.name(id), uid: nil)
    }
}
