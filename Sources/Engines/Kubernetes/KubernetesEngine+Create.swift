internal import Glibc
internal import Logging
internal import Sandbox
internal import Synchronization
internal import Wire

extension KubernetesEngine {
    static let firstPause = Duration.milliseconds(25)
    static let longestPause = Duration.seconds(1)
    private static let lookDeadline = Duration.seconds(20)

    /// Before anything is created.
    func refuseUnsupported(_ spec: SandboxSpec) throws(SandboxError) {
        func refuse(_ reason: String) -> SandboxError { SandboxError(.unsupported, reason) }
        guard spec.gpus == 0 else { throw refuse("the kubernetes engine passes no GPUs through") }
        switch spec.source {
        case .engineDefault: break
        case .image(let name):
            guard configuration.claimPool == nil else { throw refuse("the image of a claim is that of its pool") }
            guard ImageReference(name) != nil else { throw refuse("the image has no usable name") }
        case .snapshot: throw refuse("the kubernetes engine keeps no snapshots")
        }
        try SpecChecks.refuseWritableSystem(spec, "kubernetes")
        try SpecChecks.check(spec)
        let missing = SpecChecks.bounds.filter { !capabilities.bounds.contains($0) }
        guard missing.isEmpty || configuration.allowsWeakerLimits else {
            throw refuse("sandboxes of this cluster have no bound on \(missing.joined(separator: ", "))")
        }
    }

    private func manifest(_ spec: SandboxSpec, _ owner: String) throws(SandboxError) -> PodManifest {
        var image = configuration.image
        if case .image(let name) = spec.source { image = name }
        guard let image else { throw SandboxError(.unsupported, "the kubernetes engine has no image") }
        return PodManifest(
            spec: spec, owner: owner, image: image, execdImage: configuration.execdImage,
            runtimeClass: configuration.runtimeClass, usesUserNamespaces: configuration.usesUserNamespaces,
            countsProcesses: countsProcesses, lifetimeSeconds: max(60, Int(configuration.lifetime.components.seconds)))
    }

    /// Makes a Pod with what it needs; all but the volume is removed again when a step fails.
    func create(_ spec: SandboxSpec) async throws(SandboxError) -> any Sandbox {
        let clock = ContinuousClock()
        let begin = clock.now
        let (api, owner) = try await cluster()
        let manifest = try manifest(spec, owner)
        try await clear(spec.id, api)
        do throws(SandboxError) {
            try await holdPolicy(api)
            try await holdClaim(manifest, api)
            let token = ExecdToken()
            let pod = manifest.pod
            guard try await api.create(.secrets, manifest.secret(token)) != nil,
                try await api.create(.pods, pod) != nil
            else { throw SandboxError(.unavailable, "another worker makes this sandbox at the same time") }
            let end = begin + configuration.readyDeadline
            let running = try await waitUntilRunning(manifest.name, api, until: end)
            let violations = PodConfinement.violations(running, asked: pod)
            guard violations.isEmpty else {
                throw SandboxError(
                    .unsupported, "the cluster did not confine the sandbox: \(violations.joined(separator: ", "))")
            }
            let created = clock.now
            let client = try await firstConnection(
                spec, DaemonDoor(pod: manifest.name, token: token), until: end)
            do throws(SandboxError) { try await look(inside: client, spec) } catch {
                await client.detach()
                throw error
            }
            return ExecdSandbox(
                id: spec.id, boundary: boundary, client: client, keeper: self,
                stages: [.create: created - begin, .execdReady: clock.now - created])
        } catch {
            // Waited for here: a request of a cancelled task would not be sent.
            await Task { await remove(spec.id) }.value
            throw error
        }
    }

    /// The namespace's policy for sandboxes: found as it must be, or made.
    func holdPolicy(_ api: ClusterAPI) async throws(SandboxError) {
        let wanted = PodManifest.policy
        var found = try await api.get(.policies, SandboxNames.policy)
        if found == nil { found = try await api.create(.policies, wanted) }
        if found == nil { found = try await api.get(.policies, SandboxNames.policy) }
        let spec = found?["spec"]
        let rules = ["ingress", "egress"].flatMap { spec?[$0]?.arrayValue ?? [] }
        let types = Set((spec?["policyTypes"]?.arrayValue ?? []).compactMap(\.stringValue))
        guard spec?["podSelector"] == wanted["spec"]?["podSelector"], types == ["Ingress", "Egress"], rules.isEmpty
        else {
            throw SandboxError(
                .unsupported,
                "the NetworkPolicy '\(SandboxNames.policy)' does not close all sandboxes: remove it, and it is made anew"
            )
        }
    }

    /// The volume of the work directory, with the files of earlier lives.
    private func holdClaim(_ manifest: PodManifest, _ api: ClusterAPI) async throws(SandboxError) {
        let now = Int(time(nil))
        let wanted = manifest.claim(storageClass: configuration.storageClass, now: now)
        guard let claim = try await api.get(.claims, manifest.name) else {
            _ = try await api.create(.claims, wanted)
            return
        }
        guard claim["metadata"]?["annotations"]?[SandboxNames.id]?.stringValue == manifest.spec.id.rawValue else {
            throw SandboxError(.unavailable, "the volume \(manifest.name) is not of this session")
        }
        let size = claim["spec"]?["resources"]?["requests"]?["storage"]?.stringValue.flatMap { Quantity($0) }
        guard let size, size.whole <= manifest.spec.limits.diskBytes else {
            throw SandboxError(.unsupported, "the volume of this session is larger than the limit")
        }
        _ = try await api.patch(
            .claims, manifest.name,
            metadata: [
                "labels": .object(JSON.Object([(SandboxNames.owner, .string(manifest.owner))])),
                "annotations": .object(JSON.Object([(SandboxNames.used, .string("\(now)"))])),
            ])
    }

    private func waitUntilRunning(
        _ name: String, _ api: ClusterAPI, until end: ContinuousClock.Instant
    ) async throws(SandboxError) -> JSON {
        var pause = Self.firstPause
        while true {
            guard let pod = try await api.get(.pods, name), let facts = PodFacts(pod), !facts.isLeaving else {
                throw SandboxError(.lost, "the Pod was removed while it started")
            }
            switch facts.state {
            case .running: return pod
            case .failed(let reason): throw SandboxError(.unavailable, "the Pod does not start: \(reason)")
            case .waiting(let reason):
                guard ContinuousClock.now + pause < end else {
                    throw SandboxError(.timedOut, "the Pod did not start in time; it waits for \(reason)")
                }
            }
            try await sleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// A container that runs may not take commands for a moment yet.
    func firstConnection(
        _ spec: SandboxSpec, _ door: DaemonDoor, until end: ContinuousClock.Instant
    ) async throws(SandboxError) -> ExecdClient {
        var pause = Self.firstPause
        while true {
            let failure: SandboxError
            do throws(SandboxError) {
                let rest = max(.seconds(1), end - ContinuousClock.now)
                if let client = try await connect(spec, door, within: rest) { return client }
                failure = SandboxError(.lost, "the Pod was removed while it started")
            } catch {
                guard error.code == .unavailable || error.code == .lost, !Task.isCancelled else { throw error }
                failure = error
            }
            guard ContinuousClock.now + pause < end, pause < Self.longestPause else { throw failure }
            try await sleep(pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    func sleep(_ pause: Duration) async throws(SandboxError) {
        do { try await ContinuousClock().sleep(for: pause) } catch {
            throw SandboxError(.lost, "making the sandbox was cancelled", cause: error)
        }
    }

    // MARK: - The look

    /// Throws when a bound does not hold inside, or the outside can be reached.
    func look(inside client: ExecdClient, _ spec: SandboxSpec) async throws(SandboxError) {
        guard let found = InsideLook(parsing: try await words(of: client)) else {
            throw SandboxError(.unsupported, "the image lacks stat, head, timeout or bash")
        }
        guard !found.isOpen else {
            throw SandboxError(
                .unsupported,
                "a sandbox reached the API server: this cluster's network plugin enforces no NetworkPolicy")
        }
        let lacking = found.missing(spec.limits, isAlone: configuration.isolation == .ownKernel)
        missing.withLock { $0.formUnion(lacking) }
        guard lacking.isEmpty || configuration.allowsWeakerLimits else {
            throw SandboxError(
                .unsupported,
                "the sandbox has no bound on \(lacking.joined(separator: ", ")): processes need user namespaces for Pods "
                    + "(Kubernetes 1.33), disks a storage class whose volumes have the size that they are asked for")
        }
    }

    private func words(of client: ExecdClient) async throws(SandboxError) -> String {
        let stream = try await client.open(.command(InsideLook.command))
        let words = await withTaskGroup(of: Void.self) { group -> Result<String, SandboxError> in
            group.addTask {
                guard (try? await Task.sleep(for: Self.lookDeadline)) != nil else { return }
                await stream.reset()
            }
            var bytes: [UInt8] = []
            do throws(SandboxError) {
                while bytes.count <= InsideLook.limit, let more = try await stream.read() { bytes += more }
            } catch {
                group.cancelAll()
                return .failure(error)
            }
            group.cancelAll()
            return .success(String(decoding: bytes, as: UTF8.self))
        }
        await stream.reset()
        return try words.get()
    }
}
