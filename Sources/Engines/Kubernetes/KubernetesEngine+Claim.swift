internal import Glibc
internal import Logging
internal import Sandbox
internal import Wire

/// Sandboxes that are claimed from a pool of agent-sandbox.
///
/// A claim's Sandbox has its volume from the template, so that a warm Pod brings one along and a suspended Sandbox keeps it: the
/// claim is what the files of a session hang on. The daemon in a warm Pod knows no token yet and takes that of the first
/// connection: a token in the claim would be shown to its readers and would need a new Pod. The Secret says that a sandbox
/// may be running; it is made before the Pod is anybody's and removed after the Pod is told to end.
extension KubernetesEngine {
    func provision(_ spec: SandboxSpec, from pool: String) async throws(SandboxError) -> any Sandbox {
        let (api, owner) = try await cluster()
        let manifest = ClaimManifest(spec: spec, owner: owner, pool: pool, countsProcesses: countsProcesses)
        guard let claim = try await standing(spec.id, api) else { return try await claim(manifest, api) }
        guard claim.used != nil else {
            // Somebody began and was cut off: there is nothing to keep.
            try await discard(claim, api, isPatient: true)
            return try await self.claim(manifest, api)
        }
        if claim.owner != owner { try await take(claim, as: owner, api) }
        if let living = try await attach(manifest, claim, api) { return living }
        return try await resume(manifest, claim, api)
    }

    /// The claim of a sandbox, once one that is on its way out is gone.
    private func standing(_ id: SandboxID, _ api: ClusterAPI) async throws(SandboxError) -> ClaimFacts? {
        let name = SandboxNames.name(id)
        guard let found = try await api.get(.sandboxClaims, name) else { return nil }
        guard let claim = ClaimFacts(found), claim.id == id else {
            throw SandboxError(.unavailable, "the claim \(name) is not of this session: use a namespace for them alone")
        }
        guard claim.isLeaving else { return claim }
        try await waitUntilGone(.sandboxClaims, name, uid: claim.uid, api)
        return nil
    }

    private func take(_ claim: ClaimFacts, as owner: String, _ api: ClusterAPI) async throws(SandboxError) {
        let name = SandboxNames.name(claim.id)
        logger.info(
            "sandbox taken over", metadata: ["claim": "\(name)", "owner": "\(String(peer: claim.owner, limit: 64))"])
        let entry = JSON.object(JSON.Object([(SandboxNames.owner, .string(owner))]))
        let taken = try await api.change(
            .sandboxClaims, name,
            [
                "metadata": ["uid": .string(claim.uid), "labels": entry],
                "spec": ["additionalPodMetadata": ["annotations": entry]],
            ])
        guard taken != nil else {
            throw SandboxError(.unavailable, "the claim \(name) was removed at the same time")
        }
    }

    // MARK: - Attaching

    /// Comes back to a Pod that lives and was looked at; nil when there is none that can be used.
    private func attach(
        _ manifest: ClaimManifest, _ claim: ClaimFacts, _ api: ClusterAPI
    ) async throws(SandboxError) -> (any Sandbox)? {
        let spec = manifest.spec
        guard claim.shape == SandboxNames.shape(spec), let sandbox = try await sandbox(of: claim, api),
            let pod = try await api.get(.pods, sandbox.pod).flatMap({ ClaimedPod($0) }), pod.uid == claim.seen,
            pod.controller == sandbox.uid, !pod.isLeaving, pod.state == .running,
            confinement(spec).violations(ofPod: pod.whole, sandbox: sandbox.name, blueprint: sandbox.blueprint).isEmpty,
            let token = try await api.get(.secrets, manifest.name).flatMap({ Self.token(in: $0) })
        else { return nil }
        do throws(SandboxError) {
            let door = DaemonDoor(pod: sandbox.pod, token: token, orders: manifest.orders)
            guard let client = try await connect(spec, door, within: Self.attachDeadline) else { return nil }
            return ExecdSandbox(id: spec.id, boundary: boundary, client: client, keeper: self)
        } catch {
            // What runs inside is not given up because the caller left or the API server is away for a moment.
            guard !Task.isCancelled, error.code != .unavailable else { throw error }
            logger.warning(
                "a living sandbox cannot be used and is replaced",
                metadata: ["sandbox_id": "\(spec.id)", "code": "\(error.code)", "reason": "\(error.message)"])
            return nil
        }
    }

    /// The Sandbox that a claim was given, as long as it is the claim's.
    func sandbox(of claim: ClaimFacts, _ api: ClusterAPI) async throws(SandboxError) -> ClaimedSandbox? {
        if let name = claim.sandbox, let found = try await api.get(.sandboxes, name).flatMap({ ClaimedSandbox($0) }),
            found.controller == claim.uid
        {
            return found
        }
        // Without one a claim is removed: where there may be files, its status alone is not believed.
        guard claim.used != nil else { return nil }
        return try await api.list(.sandboxes, selector: "\(ClaimedSandbox.claimUID)=\(claim.uid)")
            .compactMap { ClaimedSandbox($0) }.first { $0.controller == claim.uid }
    }

    func confinement(_ spec: SandboxSpec) -> ClaimConfinement {
        ClaimConfinement(
            limits: spec.limits, usesUserNamespaces: configuration.usesUserNamespaces,
            runtimeClass: configuration.runtimeClass)
    }

    // MARK: - Starting

    /// Claims a sandbox that has no files yet; the claim is removed again when a step fails.
    private func claim(_ manifest: ClaimManifest, _ api: ClusterAPI) async throws(SandboxError) -> any Sandbox {
        try await checkTemplate(manifest, api)
        return try await start(manifest, api) { token throws(SandboxError) in
            try await api.delete(.secrets, manifest.name, uid: nil)
            guard try await api.create(.secrets, manifest.secret(token)) != nil,
                try await api.create(
                    .sandboxClaims, manifest.claim(end: now().advanced(by: configuration.lifetime))) != nil
            else { throw SandboxError(.unavailable, "another worker makes this sandbox at the same time") }
        }
    }

    /// Starts a Pod over the files of an earlier one; it is suspended again when a step fails.
    private func resume(
        _ manifest: ClaimManifest, _ claim: ClaimFacts, _ api: ClusterAPI
    ) async throws(SandboxError) -> any Sandbox {
        guard let sandbox = try await sandbox(of: claim, api) else {
            logger.warning(
                "the Sandbox of a claim is gone, and its files with it", metadata: ["sandbox_id": "\(claim.id)"])
            try await discard(claim, api, isPatient: true)
            return try await self.claim(manifest, api)
        }
        let violations = confinement(manifest.spec).violations(ofBlueprint: sandbox.blueprint)
        guard violations.isEmpty else { throw Self.unfit("this session's Sandbox", violations) }
        try await suspend(sandbox, api, isPatient: true)
        return try await start(manifest, api) { token throws(SandboxError) in
            try await api.delete(.secrets, manifest.name, uid: nil)
            let shape = JSON.object(JSON.Object([(SandboxNames.shape, .string(SandboxNames.shape(manifest.spec)))]))
            guard try await api.create(.secrets, manifest.secret(token)) != nil,
                try await api.change(
                    .sandboxClaims, manifest.name,
                    [
                        "metadata": ["uid": .string(claim.uid), "annotations": shape],
                        "spec": ["additionalPodMetadata": ["annotations": shape]],
                    ]) != nil,
                try await limit(sandbox, ["operatingMode": "Running"], api) != nil
            else { throw SandboxError(.unavailable, "another worker changes this sandbox at the same time") }
        }
    }

    /// - Parameter begin: makes the Secret, and has the cluster make the rest.
    private func start(
        _ manifest: ClaimManifest, _ api: ClusterAPI,
        _ begin: (ExecdToken) async throws(SandboxError) -> Void
    ) async throws(SandboxError) -> any Sandbox {
        let clock = ContinuousClock()
        let (first, end) = (clock.now, clock.now + configuration.readyDeadline)
        let spec = manifest.spec
        do throws(SandboxError) {
            try await holdPolicy(api)
            let token = ExecdToken()
            try await begin(token)
            let (claim, sandbox, pod) = try await waitUntilReady(manifest, api, until: end)
            try await check(pod, of: sandbox, spec, api)
            let created = clock.now
            let door = DaemonDoor(pod: sandbox.pod, token: token, orders: manifest.orders)
            let client = try await firstConnection(spec, door, until: end)
            do throws(SandboxError) {
                try await look(inside: client, spec)
                try await keep(claim, seen: pod.uid, for: configuration.lifetime + configuration.retention, api)
            } catch {
                await client.detach()
                throw error
            }
            return ExecdSandbox(
                id: spec.id, boundary: boundary, client: client, keeper: self,
                stages: [.create: created - first, .execdReady: clock.now - created])
        } catch {
            // Waited for here: a request of a cancelled task would not be sent.
            await Task { await remove(spec.id) }.value
            throw error
        }
    }

    /// From here on there are files, which the claim keeps for their time.
    /// - Parameter seen: nil when its Pod ends.
    func keep(
        _ claim: ClaimFacts, seen pod: String?, for time: Duration, _ api: ClusterAPI
    ) async throws(SandboxError) {
        let annotations = JSON.Object([
            (SandboxNames.used, .string("\(Glibc.time(nil))")), (SandboxNames.seen, pod.map { .string($0) } ?? .null),
        ])
        let kept = try await api.change(
            .sandboxClaims, SandboxNames.name(claim.id),
            [
                "metadata": ["uid": .string(claim.uid), "annotations": .object(annotations)],
                "spec": ["lifecycle": ClaimManifest.lifecycle(end: now().advanced(by: time))],
            ])
        guard kept != nil else { throw SandboxError(.lost, "the claim was removed while its sandbox started") }
    }

    /// Gives a Sandbox an end that its files outlive.
    /// - Returns: nil when there is none, or it is not the one meant.
    private func limit(
        _ sandbox: ClaimedSandbox, _ more: JSON.Object, _ api: ClusterAPI
    ) async throws(SandboxError) -> ClaimedSandbox? {
        var members = more
        members["shutdownTime"] = .string(now().advanced(by: configuration.lifetime).description)
        members["shutdownPolicy"] = "Retain"
        let limited = try await api.change(
            .sandboxes, sandbox.name, ["metadata": ["uid": .string(sandbox.uid)], "spec": .object(members)])
        guard let limited else { return nil }
        guard let result = ClaimedSandbox(limited), result.hasEnd else {
            throw SandboxError(.unsupported, "the cluster did not confine the sandbox: its life has no end")
        }
        return result
    }

    private func waitUntilReady(
        _ manifest: ClaimManifest, _ api: ClusterAPI, until end: ContinuousClock.Instant
    ) async throws(SandboxError) -> (ClaimFacts, ClaimedSandbox, ClaimedPod) {
        var pause = Self.firstPause
        while true {
            guard let claim = try await api.get(.sandboxClaims, manifest.name).flatMap({ ClaimFacts($0) }),
                claim.id == manifest.spec.id, claim.owner == manifest.owner, !claim.isLeaving
            else { throw SandboxError(.lost, "the claim was removed while its sandbox started") }
            guard !claim.isHopeless else {
                throw SandboxError(.unavailable, "the cluster does not serve the claim: \(claim.reason)")
            }
            var waiting = claim.reason
            if var sandbox = try await sandbox(of: claim, api) {
                if !sandbox.hasEnd, let limited = try await limit(sandbox, [:], api) { sandbox = limited }
                if let pod = try await api.get(.pods, sandbox.pod).flatMap({ ClaimedPod($0) }),
                    pod.controller == sandbox.uid, !pod.isLeaving
                {
                    switch pod.state {
                    case .running where claim.isReady && sandbox.hasEnd: return (claim, sandbox, pod)
                    case .running: break
                    case .failed(let reason): throw SandboxError(.unavailable, "the Pod does not start: \(reason)")
                    case .waiting(let reason): waiting = reason
                    }
                }
            }
            guard ContinuousClock.now + pause < end else {
                throw SandboxError(.timedOut, "the claimed sandbox was not ready in time; it waits for \(waiting)")
            }
            try await sleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    // MARK: - Checks

    /// Before anything is made: whether the pool's template fits.
    private func checkTemplate(_ manifest: ClaimManifest, _ api: ClusterAPI) async throws(SandboxError) {
        guard let pool = try await api.get(.pools, manifest.pool) else {
            throw SandboxError(
                .unavailable,
                "there is no SandboxWarmPool '\(manifest.pool)' in the namespace \(api.namespace): "
                    + "deploy/kubernetes/claim-pool.yaml is one")
        }
        let name = pool["spec"]?["sandboxTemplateRef"]?["name"]?.stringValue ?? ""
        guard !name.isEmpty, name.utf8.allSatisfy({ $0 != UInt8(ascii: "/") }),
            let template = try await api.get(.templates, name)?["spec"]
        else {
            throw SandboxError(
                .unavailable, "the SandboxWarmPool '\(manifest.pool)' names no SandboxTemplate that is there")
        }
        let violations =
            confinement(manifest.spec).violations(ofBlueprint: template)
            + ClaimConfinement.openings(ofTemplate: template)
        guard violations.isEmpty else { throw Self.unfit("the SandboxTemplate '\(String(peer: name))'", violations) }
    }

    private func check(
        _ pod: ClaimedPod, of sandbox: ClaimedSandbox, _ spec: SandboxSpec, _ api: ClusterAPI
    ) async throws(SandboxError) {
        let policies = try await api.list(.policies, selector: "")
        let violations =
            confinement(spec).violations(ofPod: pod.whole, sandbox: sandbox.name, blueprint: sandbox.blueprint)
            + ClaimConfinement.openings(by: policies, for: pod.whole["metadata"]?["labels"])
        guard violations.isEmpty else { throw Self.unfit("the cluster's Pod", violations) }
    }

    private static func unfit(_ what: String, _ violations: [String]) -> SandboxError {
        SandboxError(.unsupported, "\(what) does not confine the sandbox: \(violations.joined(separator: ", "))")
    }

    private func now() -> Timestamp { Timestamp(microseconds: Int64(time(nil)) * 1_000_000) }
}
