import Glibc
import Logging
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// Graphics processors of a described host. Their nodes are those of the null device, so that a sandbox may use them.
@Suite(.serialized) struct GraphicsTests {
    /// A tree with two processors, and a driver of which one library is a link, as packages install it.
    static func tree(_ folder: String, processors: Int = 2, control: [String] = ["nvidiactl", "nvidia-uvm"]) throws
        -> String
    {
        let root = folder + "/host"
        for path in ["", "/dev", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/x86_64-linux-gnu"] {
            #expect(mkdir(root + path, 0o755) == 0)
        }
        for name in (0..<processors).map({ "nvidia\($0)" }) + control {
            #expect(mknod("\(root)/dev/\(name)", S_IFCHR | 0o666, 0x103) == 0)
            #expect(chmod("\(root)/dev/\(name)", 0o666) == 0)
        }
        let libraries = root + "/usr/lib/x86_64-linux-gnu"
        for name in ["libcuda.so.550.1", "libnvidia-ml.so.1", "libcudnn-other.so.1", "libnvidia-doc.txt"] {
            try HostView.write(name, to: "\(libraries)/\(name)")
        }
        #expect(symlink("libcuda.so.550.1", "\(libraries)/libcuda.so.1") == 0)
        #expect(symlink("nowhere", "\(libraries)/libnvidia-gone.so.1") == 0)
        try HostView.write("#!/bin/bash\necho two processors\n", to: "\(root)/usr/bin/nvidia-smi")
        #expect(chmod("\(root)/usr/bin/nvidia-smi", 0o755) == 0)
        // Neither is a processor.
        for name in ["nvidia-modeset", "nvidia007"] { try HostView.write("", to: "\(root)/dev/\(name)") }
        try HostView.write("", to: "\(root)/dev/nvidia5")
        return root
    }

    @Test func `what a host has is read from its files`() throws {
        let folder = "/tmp/perimeter-gpus-\(UInt32.random(in: 0...UInt32.max))"
        #expect(mkdir(folder, 0o755) == 0)
        defer { HostView.removeTree(folder) }
        let root = try Self.tree(folder)
        let found = GraphicsInventory(root: root)
        #expect(found.processors.keys.sorted() == [0, 1])
        #expect(
            found.processors[1]
                == .init(name: "nvidia1", path: "\(root)/dev/nvidia1", major: 1, minor: 3))
        #expect(found.control.map(\.name) == ["nvidiactl", "nvidia-uvm"])
        #expect(found.libraries.map(\.name) == ["libcuda.so.1", "libcuda.so.550.1", "libnvidia-ml.so.1"])
        #expect(found.libraries[0].path == "\(root)/usr/lib/x86_64-linux-gnu/libcuda.so.550.1")
        #expect(found.programs.map(\.name) == ["nvidia-smi"])
        #expect(found.defect == nil)
        unlink("\(root)/dev/nvidia-uvm")
        #expect(GraphicsInventory(root: root).defect == "there is no /dev/nvidia-uvm")
        #expect(GraphicsInventory(root: folder).processors.isEmpty && GraphicsInventory(root: folder).defect == nil)
    }

    @Test func `an allowance is a word or a list of numbers`() {
        #expect(GraphicsAllowance("none") == GraphicsAllowance.none && GraphicsAllowance("all") == .all)
        #expect(GraphicsAllowance("0, 3") == .only([0, 3]))
        for text in ["", "0,", "-1", "64", "x", "1.5", "All"] { #expect(GraphicsAllowance(text) == nil) }
    }

    private func engine(_ rig: NamespaceRig, _ allowance: GraphicsAllowance) -> NamespaceEngine {
        var configuration = rig.engine.configuration
        configuration.graphics = allowance
        configuration.graphicsRoot = rig.folder + "/host"
        return NamespaceEngine(configuration: configuration, gate: { _ in nil }, logger: .init(label: "test"))
    }

    private func spec(_ rig: NamespaceRig, _ name: String, _ gpus: Int) throws -> SandboxSpec {
        var spec = try rig.spec(name)
        spec.gpus = gpus
        return spec
    }

    @Test func `a sandbox gets what it asks for, nobody else has it meanwhile, and others see none`() async throws {
        try await NamespaceRig.with { rig in
            _ = try Self.tree(rig.folder)
            let engine = engine(rig, .all)
            #expect(engine.capabilities.gpus == 2)
            let first = try await engine.provision(try spec(rig, "a", 1))
            #expect(first.boundary.contains("with GPU 0,"))
            let list = "cd /dev; ls -d nvidia* 2>/dev/null | LC_ALL=C sort | xargs"
            #expect(try await first.bash(list).hasPrefix("nvidia-uvm nvidia0 nvidiactl"))
            #expect(try await first.bash("echo x > /dev/nvidia0 && cat /dev/nvidiactl && echo used").hasPrefix("used"))
            #expect(try await first.bash("rm /dev/nvidia0 2>&1 || echo kept").contains("kept"))
            let plain = try await engine.provision(try rig.spec("plain"))
            #expect(try await plain.bash(list + "; echo none").hasPrefix("\nnone"))
            #expect(!plain.boundary.contains("GPU"))
            let full = await #expect(throws: SandboxError.self) { try await engine.provision(try spec(rig, "b", 2)) }
            #expect(full?.code == .unavailable && full?.message.contains("1 are free") == true)
            // A later worker knows who holds what.
            await first.detach()
            let later = self.engine(rig, .all)
            let second = try await later.provision(try spec(rig, "b", 1))
            #expect(try await second.bash(list).contains("nvidia1"))
            let again = try await later.provision(try spec(rig, "a", 1))
            #expect(again.boundary.contains("with GPU 0,"))
            await again.destroy()
            let third = try await later.provision(try spec(rig, "c", 1))
            #expect(third.boundary.contains("with GPU 0,"))
            for sandbox in [plain, second, third] { await sandbox.destroy() }
            #expect(await rig.leftovers() == [])
        }
    }

    @Test func `fewer than asked for is a refusal before anything is made`() async throws {
        try await NamespaceRig.with { rig in
            _ = try Self.tree(rig.folder)
            for (allowance, gpus, words) in [
                (GraphicsAllowance.all, 3, "this worker has 2"), (.only([1, 7]), 2, "this worker has 1"),
                (.none, 1, "PERIMETER_GPUS"), (.all, -1, "this worker has 2"),
            ] {
                let error = await #expect(throws: SandboxError.self) {
                    try await engine(rig, allowance).provision(try spec(rig, "a", gpus))
                }
                #expect(
                    error?.code == .unsupported && error?.message.contains(words) == true, "\(error?.message ?? "")")
            }
            #expect(HostView.names(in: rig.folder + "/run/sandboxes") == [])
            let report = await engine(rig, .only([1, 7])).probe()
            #expect(report.isUsable && report.boundary.hasSuffix("; GPUs for sandboxes that ask: 1"), "\(report)")
            #expect(report.problems.contains { $0.summary.contains("there is no GPU 7") && !$0.isFatal })
            unlink("\(rig.folder)/host/dev/nvidiactl")
            #expect(engine(rig, .all).capabilities.gpus == 0)
            #expect(await rig.leftovers() == [])
        }
    }
}

extension OCITests {
    @Suite(.serialized) struct Graphics {
        @Test(arguments: [OCIRuntime.crun, .runc])
        func `a container gets processors and the driver's files`(_ runtime: OCIRuntime) async throws {
            try await OCIRig.with(runtime) { rig in
                var configuration = rig.engine.configuration
                configuration.graphics = .only([1])
                configuration.graphicsRoot = try GraphicsTests.tree(rig.folder)
                let engine = OCIEngine(configuration: configuration, gate: { _ in nil }, logger: .init(label: "test"))
                var spec = try rig.spec("a")
                spec.gpus = 1
                let sandbox = try await engine.provision(spec)
                #expect(sandbox.boundary.contains("with GPU 1,"))
                let text = try await sandbox.bash(
                    """
                    echo /dev/nvidia*; echo x > /dev/nvidia1 && cat /dev/nvidiactl && echo used; nvidia-smi
                    cat $LD_LIBRARY_PATH/libcuda.so.1; (echo x > $LD_LIBRARY_PATH/libcuda.so.1) 2>&1 | grep -o Read-only
                    """)
                for line in [
                    "/dev/nvidia-uvm /dev/nvidia1 /dev/nvidiactl\n", "used\n", "two processors\n", "libcuda.so.550.1",
                ] {
                    #expect(text.contains(line), "\(text)")
                }
                #expect(text.contains("Read-only") || text.contains("denied"), "\(text)")
                await sandbox.destroy()
                spec.gpus = 2
                let error = await #expect(throws: SandboxError.self) { try await engine.provision(spec) }
                #expect(error?.code == .unsupported)
                #expect(await rig.leftovers() == [])
            }
        }
    }
}
