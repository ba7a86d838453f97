import Engines
import Sandbox
import Testing

/// A program swaps folders and links under the file tools while they work.
struct Races {
    let rig: NamespaceRig

    /// Exchanges a folder with a link that leads outside the permitted folders, as fast as it goes.
    private static let swapper = """
        import ctypes, os
        libc = ctypes.CDLL(None)
        os.makedirs("d", exist_ok=True); open("d/f", "w").write("inside")
        os.makedirs("/var/tmp/out", exist_ok=True); open("/var/tmp/out/f", "w").write("LEAK")
        os.symlink("/var/tmp/out", "l"); os.symlink("/var/tmp/out/f", "g"); open("h", "w").write("inside")
        print("swapping", flush=True)
        while True:
            libc.renameat2(-100, b"d", -100, b"l", 2)
            libc.renameat2(-100, b"g", -100, b"h", 2)
        """

    func check() async throws {
        try await Bystanders.with(rig) { bystanders in
            let sandbox = try await rig.engine.provision(try rig.spec("racer"))
            try await sandbox.put(Array(Self.swapper.utf8), at: "/workspace/swap.py", mode: 0o644)
            _ = try await sandbox.bash(
                "(python3 swap.py > swapping &) ; until grep -q swapping swapping; do sleep 0.01; done")
            var touched = 0
            for round in 0..<40 {
                for path in ["d/f", "h", "l/f", "g"] {
                    let inputs: [ToolCall.Input] = [
                        .read(path: path, range: nil),
                        .edit(path: path, old: "inside", new: "inside", replaceAll: false),
                        .write(path: path, content: "inside"), .write(path: "d/new\(round)", content: "inside"),
                        .grep(pattern: "[a-zA-Z]", path: "d"), .glob(pattern: "**", path: "l"),
                    ]
                    for (number, input) in inputs.enumerated() {
                        let result = try await sandbox.run(ToolCall(id: "\(round) \(path) \(number)", input: input))
                        #expect(!"\(result)".contains("LEAK"), "\(input): \(result)")
                        if !result.isError { touched += 1 }
                    }
                    try? await sandbox.put(Array("inside".utf8), at: "/workspace/\(path)", mode: 0o644)
                }
            }
            #expect(touched > 0, "some calls find the folder in its place")
            let outside = try await sandbox.bash("cat /var/tmp/out/f; ls -A /var/tmp/out | wc -l")
            #expect(outside.hasPrefix("LEAK1"), "\(outside)")
            try await bystanders.areWell("races")
            await sandbox.destroy()
        }
    }
}
