import Glibc
import Sandbox
import TestSupport
import Testing
import Wire

@testable import Engines

/// What a cluster does otherwise, and what is left when a worker is gone.
@Suite(.serialized) struct KubernetesLifeTests {
    private func failure(_ engine: KubernetesEngine, _ spec: SandboxSpec) async -> SandboxError? {
        do throws(SandboxError) {
            let sandbox = try await engine.provision(spec)
            await sandbox.destroy()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("FAKE_PRUNES", "hostUsers", "the user namespace was dropped"), ("FAKE_INJECTS", "1", "containers were added"),
        ("FAKE_OPEN", "1", "enforces no NetworkPolicy"), ("FAKE_SLOPPY_VOLUMES", "1", "no bound on disk"),
        ("FAKE_PROTOCOL", "channel.k8s.io", "speaks none of v5.channel.k8s.io"),
    ])
    func `a cluster that does not keep its word gets no session`(_ name: String, _ value: String, _ words: String)
        async throws
    {
        try await KubernetesRig.with([(name, value)]) { rig async throws in
            let error = await failure(rig.engine, try rig.spec("a"))
            #expect(error?.message.contains(words) == true, "\(error?.message ?? "none")")
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `a weaker bound is taken where that is allowed, and said`() async throws {
        try await KubernetesRig.with([("FAKE_SLOPPY_VOLUMES", "1"), ("FAKE_PROTOCOL", "v4.channel.k8s.io")]) {
            rig async throws in
            let sandbox = try await rig.another { $0.allowsWeakerLimits = true }.provision(try rig.spec("a"))
            #expect(sandbox.boundary.hasSuffix("NOT bounded: disk"))
            #expect(try await sandbox.bash("echo by version 4").hasPrefix("by version 4"))
            await sandbox.destroy()
        }
    }

    @Test func `an image that cannot be had is named, and a wrong token is`() async throws {
        try await KubernetesRig.with { rig async throws in
            var spec = try rig.spec("a")
            spec.source = .image("registry.example.com/none:1")
            let error = await failure(rig.engine, spec)
            #expect(
                error?.message.contains("ImagePullBackOff: Back-off pulling image \"registry.example.com/none:1\"")
                    == true)
            #expect(await rig.leftovers() == [])
            try HostView.write("another", to: rig.folder + "/other")
            try HostView.write(
                rig.cluster.kubeconfig.replacing("tokenFile: token", with: "tokenFile: ../other"),
                to: rig.cluster.folder + "/other")
            let other = rig.another { $0.access = .kubeconfig(path: rig.cluster.folder + "/other") }
            let report = await other.probe()
            #expect(
                !report.isUsable && report.problems.first?.summary.contains("does not know this worker's token") == true
            )
        }
    }

    @Test func `a session goes on with another worker, and the first one leaves it alone`() async throws {
        try await KubernetesRig.with { rig async throws in
            let spec = try rig.spec("a")
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("mark=7")
            let other = rig.another { $0.stateDirectory = rig.folder + "/other" }
            let second = try await other.provision(spec)
            #expect(try await second.bash("echo $mark").hasPrefix("7"))
            await rig.engine.sweep(keeping: [])
            await first.destroy()
            #expect(try await second.bash("echo $mark").hasPrefix("7"))
            await second.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `an API server that is away costs nobody a sandbox`() async throws {
        try await KubernetesRig.with { rig async throws in
            let spec = try rig.spec("a")
            let first = try await rig.engine.provision(spec)
            _ = try await first.bash("mark=7")
            await first.detach()
            try await RawServer.with("HTTP/1.1 503 Later\r\ncontent-length: 0\r\n\r\n") { server async throws in
                let config = rig.cluster.kubeconfig.replacing(":\(rig.cluster.port)", with: ":\(server.port)")
                try HostView.write(config, to: rig.cluster.folder + "/away")
                let away = rig.another { $0.access = .kubeconfig(path: rig.cluster.folder + "/away") }
                #expect(await failure(away, spec)?.code == .unavailable)
            }
            let again = try await rig.restarted().provision(spec)
            #expect(try await again.bash("echo $mark").hasPrefix("7"))
            await again.destroy()
        }
    }

    @Test func `what a killed worker had begun is swept, or made whole`() async throws {
        try await KubernetesRig.with { rig async throws in
            let (api, owner) = try await rig.engine.cluster()
            for name in ["left", "taken"] {
                // Killed after the Secret: the Pod was never asked for.
                let manifest = PodManifest(
                    spec: try rig.spec(name), owner: owner, image: "sandbox:1", usesUserNamespaces: true,
                    countsProcesses: true, lifetimeSeconds: 60)
                _ = try await api.create(.secrets, manifest.secret(ExecdToken()))
            }
            // Killed after the Pod: nobody waits for it.
            let manifest = PodManifest(
                spec: try rig.spec("waiting"), owner: owner, image: "no-such:1", usesUserNamespaces: true,
                countsProcesses: true, lifetimeSeconds: 60)
            _ = try await api.create(.pods, manifest.pod)
            let taken = try rig.spec("taken")
            let sandbox = try await rig.engine.provision(taken)
            #expect(try await sandbox.bash("echo whole").hasPrefix("whole"))
            await rig.restarted().sweep(keeping: [taken.id])
            #expect(try await rig.names(.pods) == [SandboxNames.name(taken.id)])
            #expect(try await rig.names(.secrets) == [SandboxNames.name(taken.id)])
            await sandbox.destroy()
            #expect(await rig.leftovers() == [])
        }
    }

    /// A worker that cannot remove what it has begun leaves what a killed one would.
    @Test func `whichever request is the last one, the next worker finds everything`() async throws {
        try await KubernetesRig.with { rig async throws in
            let spec = try rig.spec("a")
            // Before the cluster is away for good a sandbox is there: then the last request was one too many.
            for count in 0... {
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
                // In turns: the next worker has the session, or nobody.
                if count % 2 == 0 {
                    let again = try await rig.restarted().provision(spec)
                    #expect(try await again.bash("echo whole").hasPrefix("whole"), "\(count)")
                    await again.destroy()
                } else {
                    await rig.restarted().sweep(keeping: [])
                }
                #expect(await rig.leftovers() == [], "\(count)")
            }
            await rig.engine.sweep(keeping: [])
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `volumes are kept for their time`() async throws {
        try await KubernetesRig.with { rig async throws in
            let spec = try rig.spec("a")
            await (try await rig.engine.provision(spec)).destroy()
            await rig.engine.sweep(keeping: [])
            #expect(try await rig.names(.claims).count == 1)
            _ = try await rig.engine.cluster().api.patch(
                .claims, SandboxNames.name(spec.id),
                metadata: ["annotations": .object([SandboxNames.used: "1000"])])
            await rig.engine.sweep(keeping: [spec.id])
            #expect(try await rig.names(.claims).count == 1)
            await rig.engine.sweep(keeping: [])
            #expect(try await rig.names(.claims) == [])
        }
    }

    @Test func `a policy that was opened is not used`() async throws {
        try await KubernetesRig.with { rig async throws in
            var policy = PodManifest.policy
            var spec = try #require(policy["spec"])
            spec["egress"] = [[:]]
            policy["spec"] = spec
            _ = try await rig.engine.cluster().api.create(.policies, policy)
            #expect(
                await failure(rig.engine, try rig.spec("a"))?.message.contains("does not close all sandboxes") == true)
        }
    }
}
