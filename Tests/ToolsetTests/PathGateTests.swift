import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// With the kernel's own confinement and without it, as on older kernels.
@Suite struct PathGateTests {
    private func gate(_ rig: ToolRig, _ usesOpenat2: Bool) throws -> PathGate {
        try PathGate(
            ToolSettings(workDirectory: rig.work, readOnlyRoots: [rig.folder + "/system"], environment: []),
            usesOpenat2: usesOpenat2)
    }

    @Test(arguments: [true, false]) func `links lead nowhere outside of the roots`(usesOpenat2: Bool) throws {
        let rig = try ToolRig()
        let gate = try gate(rig, usesOpenat2)
        symlink(rig.folder + "/outside", rig.work + "/door")
        symlink("../outside/new", rig.work + "/dangling")
        symlink("/etc/passwd", rig.work + "/passwd")
        symlink("loop", rig.work + "/loop")
        symlink("/proc/self/root", rig.work + "/root")
        for path in [
            "door/f", "dangling", "passwd", "loop", "root/etc/passwd", "../outside/f", "a/../../outside/f", "/",
            "/proc/1",
            "/proc/self/cwd/f", rig.work + "x/f",
        ] {
            #expect(throws: ToolError.self, "\(path)") { try gate.resolve(path, writing: true) }
        }
    }

    @Test(arguments: [true, false]) func `links inside are followed, also from root to root`(usesOpenat2: Bool) throws {
        let rig = try ToolRig()
        let gate = try gate(rig, usesOpenat2)
        mkdir(rig.work + "/real", 0o755)
        symlink("real", rig.work + "/link")
        symlink(rig.folder + "/system", rig.work + "/system")
        #expect(try gate.resolve("link/./f/../g").path == rig.work + "/real/g")
        #expect(try gate.resolve("system/f").path == rig.folder + "/system/f")
        #expect(throws: ToolError.self) { try gate.resolve("system/f", writing: true) }
        #expect(throws: ToolError.self) { try gate.resolve(rig.folder + "/system", writing: true) }
    }

    @Test(arguments: [true, false]) func `a link that appears after the check is not followed`(usesOpenat2: Bool) throws
    {
        let rig = try ToolRig()
        let gate = try gate(rig, usesOpenat2)
        mkdir(rig.work + "/d", 0o755)
        let place = try gate.resolve("d/f", writing: true)
        rmdir(rig.work + "/d")
        symlink(rig.folder + "/outside", rig.work + "/d")
        #expect(throws: ToolError.self) {
            try FileWriter(gate: gate).write(Array("x".utf8), to: place, named: "d/f", unique: "u")
        }
        #expect(throws: SystemFailure.self) { try gate.open(place, flags: O_RDONLY) }
        let last = try gate.resolve("last")
        symlink(rig.folder + "/outside", rig.work + "/last")
        #expect(throws: SystemFailure.self) { try gate.open(last, flags: O_RDONLY) }
        #expect(rig.contents(rig.folder + "/outside/f") == nil)
    }

    @Test(arguments: UInt64(1)...60) func `whatever links there are, what is opened lies inside`(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        let rig = try ToolRig()
        let names = ["a", "b", "c"]
        func path(_ longest: Int) -> String {
            let parts = names + ["..", ".", "work", "outside"]
            return (0..<Int.random(in: 1...longest, using: &random)).map { _ in
                parts[Int.random(in: 0..<parts.count, using: &random)]
            }.joined(separator: "/")
        }
        for _ in 0..<12 {
            let place = "\(rig.folder)/\(Bool.random(using: &random) ? "work" : "outside")/\(path(3))"
            if Bool.random(using: &random) {
                mkdir(place, 0o755)
            } else {
                symlink(Bool.random(using: &random) ? path(4) : rig.folder + "/" + path(4), place)
            }
        }
        for usesOpenat2 in [true, false] {
            let gate = try gate(rig, usesOpenat2)
            for _ in 0..<40 {
                let wanted = path(5)
                guard let place = try? gate.resolve(wanted), let file = try? gate.open(place, flags: O_RDONLY) else {
                    continue
                }
                var target = [CChar](repeating: 0, count: 4096)
                let count = readlink("/proc/self/fd/\(file.raw)", &target, 4095)
                let real = String(decoding: target.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
                #expect(real == rig.work || real.hasPrefix(rig.work + "/"), "seed \(seed): \(wanted)")
            }
        }
    }
}
