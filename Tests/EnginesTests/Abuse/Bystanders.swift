import Glibc
import Sandbox
import TestSupport
import Testing

@testable import Engines

/// What must not notice that a sandbox misbehaves: a file of the host, another sandbox, the kernel's settings and its counters.
struct Bystanders {
    let rig: any EngineRig
    let neighbour: any Sandbox
    /// On the host, where programs like to look; its text is nobody's business.
    let file: String
    let secret: String
    private let settings: [String: String]

    /// Kernel settings that a program with too many rights would reach for.
    static let watched = [
        "kernel/core_pattern", "kernel/sysrq", "kernel/hostname", "kernel/modprobe", "kernel/panic", "kernel/pid_max",
        "kernel/randomize_va_space", "vm/overcommit_memory", "vm/panic_on_oom", "fs/suid_dumpable",
    ]

    static func with(_ rig: any EngineRig, _ body: (Bystanders) async throws -> Void) async throws {
        let spec = try rig.spec("neighbour")
        let file = "/tmp/perimeter-canary-\(spec.id)"
        let secret = "secret-of-\(spec.id)"
        try HostView.write(secret, to: file)
        defer { HostView.remove(file) }
        let neighbour = try await rig.provider.provision(spec)
        do {
            try await body(
                Bystanders(
                    rig: rig, neighbour: neighbour, file: file, secret: secret, settings: Self.kernelSettings()))
        } catch {
            await neighbour.destroy()
            throw error
        }
        await neighbour.destroy()
        #expect(await rig.leftovers() == [])
    }

    private static func kernelSettings() -> [String: String] {
        var settings: [String: String] = [:]
        for name in watched { settings[name] = HostView.text("/proc/sys/\(name)") }
        return settings
    }

    /// The neighbour answers at once and rightly, files and settings are as before, and the host has room for more.
    func areWell(_ attack: String) async throws {
        let begin = ContinuousClock.now
        let number = Int.random(in: 100...999)
        let answer = try await neighbour.bash(
            "echo $((\(number) * 7)); echo \(number) > own; cat own", timeout: 60_000)
        #expect(answer.hasPrefix("\(number * 7)\n\(number)"), "\(attack): \(answer)")
        // Thousands of times what it takes, for machines that are busy with other tests.
        #expect(begin.duration(to: .now) < .seconds(30), "\(attack): the neighbour was slow")
        #expect(HostView.text(file) == secret, "\(attack): a file of the host changed")
        #expect(Self.kernelSettings() == settings, "\(attack): a setting of the kernel changed")
        try HostProgram.run(
            "/bin/bash", ["-c", "(exec true) && head -c 1M /dev/zero > \(file).more && rm \(file).more"])
        let files = (HostView.text("/proc/sys/fs/file-nr") ?? "").split(whereSeparator: \.isWhitespace).compactMap {
            Double($0)
        }
        #expect(files.count == 3 && files[0] < files[2] / 2, "\(attack): the host runs out of open files")
        #expect((HostView.text("/proc/sys/fs/aio-nr").flatMap { Int($0.prefix { $0.isNumber }) } ?? .max) < 60_000)
    }
}
