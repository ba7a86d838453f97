internal import Glibc
internal import Logging
internal import Sandbox
internal import Wire

extension KubernetesEngine {
    /// Suspends a sandbox that has files, and removes the claim of one that has none. One that another worker has taken over
    /// stays.
    func removeClaimed(
        _ id: SandboxID, _ owner: String, _ api: ClusterAPI, isPatient: Bool
    ) async throws(SandboxError) {
        let name = SandboxNames.name(id)
        if let found = try await api.get(.sandboxClaims, name) {
            guard let claim = ClaimFacts(found), claim.id == id else {
                throw SandboxError(
                    .unavailable, "the claim \(name) is not of this session: use a namespace for them alone")
            }
            guard claim.owner == owner else {
                return logger.info("sandbox left to its new owner", metadata: ["sandbox_id": "\(id)"])
            }
            if claim.isLeaving {
                if isPatient { try await waitUntilGone(.sandboxClaims, name, uid: claim.uid, api) }
            } else if claim.used != nil, let sandbox = try await sandbox(of: claim, api) {
                try await suspend(sandbox, api, isPatient: isPatient)
                try await keep(claim, seen: nil, for: configuration.retention, api)
            } else {
                try await discard(claim, api, isPatient: isPatient)
            }
        }
        // Last: as long as it is there, something may run.
        try await api.delete(.secrets, name, uid: nil)
    }

    /// Ends the Pod of a Sandbox; the volume stays.
    func suspend(_ sandbox: ClaimedSandbox, _ api: ClusterAPI, isPatient: Bool) async throws(SandboxError) {
        let suspended = try await api.change(
            .sandboxes, sandbox.name,
            ["metadata": ["uid": .string(sandbox.uid)], "spec": ["operatingMode": "Suspended"]])
        guard suspended != nil, isPatient else { return }
        guard let pod = try await api.get(.pods, sandbox.pod).flatMap({ ClaimedPod($0) }),
            pod.controller == sandbox.uid
        else { return }
        try await waitUntilGone(.pods, sandbox.pod, uid: pod.uid, api)
    }

    /// Removes a claim and everything that hangs on it.
    func discard(_ claim: ClaimFacts, _ api: ClusterAPI, isPatient: Bool) async throws(SandboxError) {
        let name = SandboxNames.name(claim.id)
        try await api.delete(.sandboxClaims, name, uid: claim.uid, isLast: true)
        if isPatient { try await waitUntilGone(.sandboxClaims, name, uid: claim.uid, api) }
    }

    func waitUntilGone(
        _ kind: ClusterAPI.Kind, _ name: String, uid: String, _ api: ClusterAPI
    ) async throws(SandboxError) {
        let end = ContinuousClock.now + configuration.removalDeadline
        var pause = Self.firstPause
        while try await api.get(kind, name)?["metadata"]?["uid"]?.stringValue == uid {
            guard ContinuousClock.now + pause < end else {
                throw SandboxError(
                    .timedOut,
                    "\(name) of \(kind.rawValue) does not end: are its node and agent-sandbox's controller there?")
            }
            try await sleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Ends this worker's sandboxes that nobody claims, and removes claims whose files nobody has used for long or that never had
    /// any.
    func sweepClaims(
        keeping live: Set<SandboxID>, _ owner: String, _ api: ClusterAPI
    ) async throws(SandboxError) {
        // Of all workers: who takes a sandbox over changes its claim alone, which says whose it is.
        let all = "\(SandboxNames.role)=\(SandboxNames.roleValue)"
        var secrets: [SandboxID: String] = [:]
        for secret in try await api.list(.secrets, selector: all) {
            guard let id = Self.id(secret) else { continue }
            secrets[id] = secret["metadata"]?["labels"]?[SandboxNames.owner]?.stringValue ?? ""
        }
        var claimed: Set<SandboxID> = []
        let oldest = Int(time(nil)) - Int(configuration.retention.components.seconds)
        for claim in try await api.list(.sandboxClaims, selector: all).compactMap({ ClaimFacts($0) }) {
            claimed.insert(claim.id)
            guard claim.owner == owner, !live.contains(claim.id), !claim.isLeaving else { continue }
            if secrets[claim.id] != nil || claim.used == nil {
                await end(claim.id)
            } else if let used = claim.used, used < oldest {
                try await locks.withLock(claim.id) { () async throws(SandboxError) in
                    // Somebody may have come back to it in the meantime.
                    guard try await api.get(.secrets, SandboxNames.name(claim.id)) == nil else { return }
                    try await discard(claim, api, isPatient: false)
                }
            }
        }
        for (id, maker) in secrets where maker == owner && !claimed.contains(id) && !live.contains(id) { await end(id) }
    }

    private func end(_ id: SandboxID) async {
        await locks.withLock(id) {
            logger.info("sandbox of nobody removed", metadata: ["sandbox_id": "\(id)"])
            await remove(id, isPatient: false)
        }
    }
}
