internal import Glibc
internal import Logging
public import Sandbox
internal import Wire

extension KubernetesEngine {
    /// Idempotent, also for a caller that was cancelled. A Pod that another worker has taken over stays.
    public func remove(_ id: SandboxID) async {
        // Waited for here: a request of a cancelled task would not be sent.
        await Task { await remove(id, isPatient: true) }.value
    }

    /// - Parameter isPatient: returns when the Pod is gone, not when it was told to go.
    func remove(_ id: SandboxID, isPatient: Bool) async {
        do throws(SandboxError) {
            let (api, owner) = try await cluster()
            let name = SandboxNames.name(id)
            if configuration.claimPool != nil {
                return try await removeClaimed(id, owner, api, isPatient: isPatient)
            }
            let (pod, secret) = (try await api.get(.pods, name), try await api.get(.secrets, name))
            let owners = [pod, secret].compactMap { $0?["metadata"]?["labels"]?[SandboxNames.owner]?.stringValue }
            guard owners.allSatisfy({ $0 == owner }) else {
                return logger.info("sandbox left to its new owner", metadata: ["sandbox_id": "\(id)"])
            }
            try await clear(id, api, isPatient: isPatient)
        } catch {
            logger.error(
                "sandbox stays behind until the next sweep",
                metadata: ["sandbox_id": "\(id)", "code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    /// Ends the Pod and removes its Secret. The volume stays.
    func clear(_ id: SandboxID, _ api: ClusterAPI, isPatient: Bool = true) async throws(SandboxError) {
        let name = SandboxNames.name(id)
        let end = ContinuousClock.now + configuration.removalDeadline
        var pause = Self.firstPause
        var ended: String?
        while let pod = try await api.get(.pods, name) {
            guard let facts = PodFacts(pod), facts.id == id else {
                throw SandboxError(.unavailable, "the Pod \(name) is not a sandbox: use a namespace for them alone")
            }
            if ended != facts.uid {
                try await api.delete(.pods, name, uid: facts.uid)
                ended = facts.uid
                guard isPatient else { break }
                continue
            }
            guard ContinuousClock.now + pause < end else {
                throw SandboxError(.timedOut, "the Pod \(name) does not end: is its node there?")
            }
            do { try await ContinuousClock().sleep(for: pause) } catch {
                throw SandboxError(.lost, "removing a Pod was cancelled", cause: error)
            }
            pause = min(pause * 2, Self.longestPause)
        }
        try await api.delete(.secrets, name, uid: nil)
    }

    /// Removes this worker's sandboxes that nobody claims, and volumes that nobody has used for long. Does not wait for Pods to
    /// end: a node that is gone would hold up all sessions.
    public func sweep(keeping live: Set<SandboxID>) async {
        do throws(SandboxError) {
            let (api, owner) = try await cluster()
            if configuration.claimPool != nil { return try await sweepClaims(keeping: live, owner, api) }
            let selector = SandboxNames.selector(owner: owner)
            var found: Set<SandboxID> = []
            for kind in [ClusterAPI.Kind.pods, .secrets] {
                found.formUnion(try await api.list(kind, selector: selector).compactMap(Self.id))
            }
            for id in found where !live.contains(id) {
                await locks.withLock(id) {
                    logger.info("sandbox of nobody removed", metadata: ["sandbox_id": "\(id)"])
                    await remove(id, isPatient: false)
                }
            }
            let oldest = Int(time(nil)) - Int(configuration.retention.components.seconds)
            for claim in try await api.list(.claims, selector: selector) {
                guard let id = Self.id(claim), !live.contains(id), let uid = claim["metadata"]?["uid"]?.stringValue,
                    let used = claim["metadata"]?["annotations"]?[SandboxNames.used]?.stringValue.flatMap({ Int($0) }),
                    used < oldest
                else { continue }
                try await api.delete(.claims, SandboxNames.name(id), uid: uid)
            }
        } catch {
            logger.warning(
                "sandboxes of nobody cannot be looked for",
                metadata: ["code": "\(error.code)", "reason": "\(error.message)"])
        }
    }

    static func id(_ thing: JSON) -> SandboxID? {
        thing["metadata"]?["annotations"]?[SandboxNames.id]?.stringValue.flatMap { SandboxID($0) }
    }

    public func shutdown() async { await sweep(keeping: []) }
}
