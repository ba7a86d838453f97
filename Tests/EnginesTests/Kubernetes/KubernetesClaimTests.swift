import ExecdProtocol
import Glibc
import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

/// Claims of agent-sandbox: what a pool brings, and what is left when a worker is gone.
@Suite(.serialized) struct KubernetesClaimTests {
    private func failure(_ engine: KubernetesEngine, _ spec: SandboxSpec) async -> SandboxError? {
        do throws(SandboxError) {
            let sandbox = try await engine.provision(spec)
            await sandbox.destroy()
            return nil
        } catch {
            return error
        }
    }

    /// The Sandboxes of the pool that nobody has claimed and that are ready, once there are as many as that.
    private func warm(_ rig: KubernetesRig, _ count: Int) async throws -> [JSON] {
        let api = try await rig.engine.cluster().api
        let end = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < end {
            let found = try await api.list(.sandboxes, selector: "").filter {
                $0["metadata"]?["labels"]?["agents.x-k8s.io/warm-pool-sandbox"] != nil
                    && $0["status"]?["podIPs"]?.arrayValue?.isEmpty == false
            }
            if found.count == count { return found }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NamespaceRig.Failure("the pool does not fill")
    }

    private func claim(_ rig: KubernetesRig, _ spec: SandboxSpec) async throws -> JSON? {
        try await rig.engine.cluster().api.get(.sandboxClaims, SandboxNames.name(spec.id))
    }

    /// Waits until the cluster has nothing of a kind but what the pool keeps.
    private func isGone(_ rig: KubernetesRig, _ kind: ClusterAPI.Kind, _ name: String) async throws -> Bool {
        let api = try await rig.engine.cluster().api
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if try await api.get(kind, name) == nil { return true }
            try await Task.sleep(for: .milliseconds(20))
        }
        return false
    }

    @Test func `a session takes a warm Pod, and its volume with it`() async throws {
        try await KubernetesRig.withClaims(replicas: 1) { rig async throws in
            let ready = try #require(try await warm(rig, 1).first?["metadata"]?["name"]?.stringValue)
            let api = try await rig.engine.cluster().api
            let pod = try await api.get(.pods, ready)?["metadata"]?["uid"]
            let spec = try rig.spec("a")
            let sandbox = try await rig.engine.provision(spec)
            #expect(sandbox.boundary.hasPrefix("kubernetes: claim of the pool 'perimeter', "))
            #expect(try await claim(rig, spec)?["status"]?["sandbox"]?["name"]?.stringValue == ready)
            let taken = try await api.get(.pods, ready)
            #expect(taken?["metadata"]?["uid"] == pod)
            #expect(taken?["metadata"]?["annotations"]?[SandboxNames.id]?.stringValue == spec.id.rawValue)
            _ = try await sandbox.bash("echo kept > file; sync")
            await sandbox.destroy()
            #expect(try await isGone(rig, .pods, ready))
            #expect(try await api.get(.secrets, SandboxNames.name(spec.id)) == nil)
            let again = try await rig.restarted().provision(spec)
            #expect(try await again.bash("cat file").hasPrefix("kept"))
            await again.destroy()
            let next = try await warm(rig, 1).first?["metadata"]?["name"]?.stringValue
            #expect(next != nil && next != ready, "the pool has another one by now")
        }
    }

    @Test func `a daemon that somebody else spoke to first is not used`() async throws {
        try await KubernetesRig.withClaims(replicas: 1) { rig async throws in
            let ready = try #require(try await warm(rig, 1).first?["metadata"]?["name"]?.stringValue)
            let spec = try rig.spec("a")
            let orders = ExecdOrders(proxyPort: 0, outputLimit: 100_000, processLimit: 64)
            let door = DaemonDoor(pod: ready, token: ExecdToken(), orders: orders)
            let stranger = try #require(try await rig.engine.connect(spec, door, within: .seconds(60)))
            #expect(await failure(rig.engine, spec) != nil)
            #expect(try await isGone(rig, .sandboxes, ready))
            #expect(try await rig.names(.sandboxClaims) == [])
            await stranger.detach()
        }
    }

    @Test func `a cluster without agent-sandbox, or without the pool, says what helps`() async throws {
        try await KubernetesRig.with([], { $0.claimPool = "perimeter" }) { rig async throws in
            let error = await failure(rig.engine, try rig.spec("a"))
            #expect(error?.message.contains("install agent-sandbox with its extensions") == true, "\(error as Any)")
            let report = await rig.engine.probe()
            #expect(report.problems.first?.summary.contains("install agent-sandbox") == true)
        }
        try await KubernetesRig.withClaims { rig async throws in
            let error = await failure(rig.another { $0.claimPool = "other" }, try rig.spec("a"))
            #expect(error?.message.contains("there is no SandboxWarmPool 'other'") == true)
            #expect(await rig.engine.probe().isUsable == false, "its bounds are below the example's")
            #expect(await rig.another { $0.probeLimits = NamespaceRig.limits }.probe().isUsable)
            #expect(try await rig.names(.sandboxClaims) == [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test(arguments: [
        ("FAKE_PRUNES", "hostUsers", "no user namespace"), ("FAKE_INJECTS", "1", "other containers"),
        ("FAKE_OPEN", "1", "enforces no NetworkPolicy"), ("FAKE_SLOPPY_VOLUMES", "1", "no bound on disk"),
    ])
    func `a cluster that does not keep its word gets no session`(_ name: String, _ value: String, _ words: String)
        async throws
    {
        try await KubernetesRig.withClaims([(name, value)]) { rig async throws in
            let error = await failure(rig.engine, try rig.spec("a"))
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "none")")
            #expect(try await rig.names(.sandboxClaims) == [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a template that confines less is refused before anything is claimed`() async throws {
        try await KubernetesRig.withClaims(pool: {
            $0.spec["networkPolicyManagement"] = "Managed"
            $0.pod["hostNetwork"] = true
        }) { rig async throws in
            let error = await failure(rig.engine, try rig.spec("a"))
            #expect(error?.code == .unsupported)
            for words in ["hostNetwork is on", "set networkPolicyManagement to Unmanaged"] {
                #expect(error?.message.contains(words) == true, "\(error?.message ?? "none")")
            }
            #expect(try await rig.engine.cluster().api.list(.sandboxes, selector: "") == [])
        }
    }

    @Test func `a policy that opens the Pods is found out`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            var policy = PodManifest.policy
            policy["metadata"] = ["name": "somebody-elses"]
            policy["spec"] = ["podSelector": [:], "policyTypes": ["Egress"], "egress": [[:]]]
            _ = try await rig.engine.cluster().api.create(.policies, policy)
            let error = await failure(rig.engine, try rig.spec("a"))
            #expect(error?.message.contains("'somebody-elses' opens it") == true, "\(error?.message ?? "none")")
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a session goes on with another worker, and the first one leaves it alone`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let spec = try rig.spec("a")
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("mark=7")
            let other = rig.another { $0.stateDirectory = rig.folder + "/other" }
            let second = try await other.provision(spec)
            #expect(try await second.bash("echo $mark").hasPrefix("7"))
            await rig.engine.sweep(keeping: [])
            await first.destroy()
            #expect(try await second.bash("echo $mark").hasPrefix("7"))
            // Other bounds are another life of the same files.
            var smaller = spec
            smaller.limits.processes = 40
            let third = try await other.provision(smaller)
            #expect(try await third.bash("echo ${mark-gone}; ulimit -u").hasPrefix("gone\n40"))
            await third.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a Pod ends at its deadline, and its files do not`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let spec = try rig.spec("a")
            let name = SandboxNames.name(spec.id)
            let sandbox = try await rig.engine.provision(spec)
            _ = try await sandbox.bash("echo kept > file; sync")
            await sandbox.detach()
            let api = try await rig.engine.cluster().api
            let life = try await api.get(.sandboxes, name)?["spec"]
            let end = try #require(life?["shutdownTime"]?.stringValue.flatMap { Timestamp($0) })
            #expect(abs(end.microseconds / 1_000_000 - Int64(time(nil)) - 86_400) < 600)
            _ = try await api.change(.sandboxes, name, ["spec": ["shutdownTime": "2026-01-01T00:00:00Z"]])
            #expect(try await isGone(rig, .pods, name))
            let again = try await rig.engine.provision(spec)
            #expect(try await again.bash("cat file").hasPrefix("kept"))
            await again.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `claims are kept for their time, by the sweep and by the cluster`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let (api, spec) = (try await rig.engine.cluster().api, try rig.spec("a"))
            let name = SandboxNames.name(spec.id)
            await (try await rig.engine.provision(spec)).destroy()
            await rig.engine.sweep(keeping: [])
            let life = try #require(try await claim(rig, spec)?["spec"]?["lifecycle"])
            let end = try #require(life["shutdownTime"]?.stringValue.flatMap { Timestamp($0) })
            #expect(abs(end.microseconds / 1_000_000 - Int64(time(nil)) - 30 * 86_400) < 600)
            #expect(life["shutdownPolicy"] == "Delete")
            _ = try await api.patch(
                .sandboxClaims, name, metadata: ["annotations": .object([SandboxNames.used: "1000"])])
            await rig.engine.sweep(keeping: [spec.id])
            #expect(try await claim(rig, spec) != nil)
            await rig.engine.sweep(keeping: [])
            #expect(try await isGone(rig, .sandboxClaims, name))
            #expect(try await isGone(rig, .claims, "work-\(name)"), "the volume goes with it")
        }
    }

    @Test func `files are found where the claim's status does not name them`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let spec = try rig.spec("a")
            let sandbox = try await rig.engine.provision(spec)
            _ = try await sandbox.bash("echo kept > file; sync")
            await sandbox.destroy()
            let found = try #require(try await claim(rig, spec).flatMap { ClaimFacts($0) })
            let api = try await rig.engine.cluster().api
            for name in [nil, "gone", "perimeter-other"] {
                var facts = found
                facts.sandbox = name
                #expect(try await rig.engine.sandbox(of: facts, api)?.name == found.sandbox)
                facts.used = nil
                #expect(try await rig.engine.sandbox(of: facts, api) == nil)
            }
            var stranger = found
            stranger.uid = "another"
            #expect(try await rig.engine.sandbox(of: stranger, api) == nil)
        }
    }

    @Test func `whichever request of an end is the last one, the sweep ends it and the files stay`() async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let spec = try rig.spec("a")
            let api = try await rig.engine.cluster().api
            var (count, isWhole) = (0, false)
            while !isWhole {
                let sandbox = try await rig.restarted().provision(spec)
                #expect(
                    try await sandbox.bash("[ \(count) = 0 ] || cat file; echo kept > file; sync").contains("kept")
                        == (count > 0))
                try HostView.write("\(count)", to: rig.cluster.folder + "/fault")
                await sandbox.destroy()
                HostView.remove(rig.cluster.folder + "/fault")
                isWhole = try await api.get(.secrets, SandboxNames.name(spec.id)) == nil
                await rig.restarted().sweep(keeping: [])
                #expect(await rig.leftovers() == [], "\(count)")
                #expect(try await rig.names(.sandboxClaims).count == 1)
                count += 1
            }
            #expect(count > 5, "there are more steps than that")
        }
    }

    /// A worker that cannot remove what it has begun leaves what a killed one would.
    @Test(arguments: [false, true])
    func `whichever request is the last one, the next worker finds everything`(hasFiles: Bool) async throws {
        try await KubernetesRig.withClaims { rig async throws in
            let spec = try rig.spec("a")
            if hasFiles {
                let sandbox = try await rig.engine.provision(spec)
                _ = try await sandbox.bash("echo kept > file; sync")
                await sandbox.destroy()
            }
            var count = 0
            while true {
                try HostView.write("\(count)", to: rig.cluster.folder + "/fault")
                let sandbox: (any Sandbox)?
                do throws(SandboxError) { sandbox = try await rig.restarted().provision(spec) } catch {
                    #expect(error.code == .unavailable, "\(count): \(error)")
                    sandbox = nil
                }
                await sandbox?.detach()
                HostView.remove(rig.cluster.folder + "/fault")
                if sandbox != nil {
                    #expect(count >= 8, "there are more steps than that")
                    break
                }
                // In turns: the next worker has the session, or mostly, since that costs less, nobody.
                if count % 4 == 0 {
                    let again = try await rig.restarted().provision(spec)
                    let text = try await again.bash("cat file; echo whole")
                    #expect(text.contains("kept") == hasFiles && text.contains("whole"), "\(count): \(text)")
                    await again.destroy()
                } else {
                    await rig.restarted().sweep(keeping: [])
                }
                #expect(await rig.leftovers() == [], "\(count)")
                // Without files nothing is kept from one turn to the next.
                if !hasFiles, let left = try await claim(rig, spec).flatMap({ ClaimFacts($0) }) {
                    try await rig.engine.discard(left, try await rig.engine.cluster().api, isPatient: true)
                }
                count += 1
            }
            await rig.engine.sweep(keeping: [])
            #expect(await rig.leftovers() == [])
            #expect(try await rig.names(.sandboxClaims).count == 1)
        }
    }
}
