import CLinux
import Glibc
import Logging
import Sandbox

@testable import Engines

/// An engine with folders of its own, and what tests ask the host about it.
struct NamespaceRig: Sendable {
    let folder: String
    let engine: NamespaceEngine
    let prefix: String

    private static let execd: String = {
        if let chosen = getenv("PERIMETER_EXECD") { return String(cString: chosen) }
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        #if arch(arm64)
            let triple = "aarch64-unknown-linux-gnu"
        #else
            let triple = "x86_64-unknown-linux-gnu"
        #endif
        return "/\(root)/.build/execd/\(triple)/release/perimeter-execd"
    }()

    init(folder: String, prefix: String) {
        self.folder = folder
        self.prefix = prefix
        engine = Self.engine(in: folder)
    }

    /// Another engine over the same folders: what a restarted worker has.
    static func engine(
        in folder: String, bubblewrap: String = "/usr/bin/bwrap", execd: String = execd,
        cgroupRoot: String = "/sys/fs/cgroup", allowsWeakerLimits: Bool = false
    ) -> NamespaceEngine {
        NamespaceEngine(
            configuration: NamespaceConfiguration(
                execdPath: execd, stateDirectory: folder + "/state", runtimeDirectory: folder + "/run",
                bubblewrapPath: bubblewrap, cgroupRoot: cgroupRoot, allowsWeakerLimits: allowsWeakerLimits),
            gate: { _ in nil }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs `body` with a fresh engine and removes everything afterwards.
    static func with(_ body: (NamespaceRig) async throws -> Void) async throws {
        let number = UInt32.random(in: 0...UInt32.max)
        let prefix = "t\(String(number, radix: 36))"
        let rig = NamespaceRig(folder: "/tmp/perimeter-\(prefix)", prefix: prefix)
        guard mkdir(rig.folder, 0o755) == 0 else { throw Failure("no folder: \(String(cString: strerror(errno)))") }
        do {
            try await body(rig)
        } catch {
            await rig.clean()
            throw error
        }
        await rig.clean()
    }

    private func clean() async {
        await engine.sweep(keeping: [])
        Self.removeTree(folder)
        engine.groups.removeParents()
    }

    func id(_ name: String = "a") throws -> SandboxID {
        guard let id = SandboxID("\(prefix)-\(name)") else { throw Failure("no id") }
        return id
    }

    /// Small bounds, so that reaching them is quick.
    func spec(_ name: String = "a", limits: ResourceLimits = Self.limits) throws -> SandboxSpec {
        SandboxSpec(id: try id(name), limits: limits)
    }

    static let limits = ResourceLimits(memoryBytes: 128 << 20, processes: 64, cpuPercent: 200, diskBytes: 64 << 20)

    /// Provisions, runs `body` and destroys.
    func withSandbox(
        limits: ResourceLimits = Self.limits, _ body: (any Sandbox) async throws -> Void
    ) async throws {
        let sandbox = try await engine.provision(try spec(limits: limits))
        do {
            try await body(sandbox)
        } catch {
            await sandbox.destroy()
            throw error
        }
        await sandbox.destroy()
    }

    // MARK: - What the host has

    /// Command lines of living processes that name this rig's folder or have a file of it mounted or open.
    func processes() -> [String] {
        Self.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            guard let groups = Self.text("/proc/\(pid)/cgroup"), groups.contains(prefix) else { return nil }
            return "\(pid) \(Self.text("/proc/\(pid)/cmdline") ?? "")"
        }
    }

    /// Folders of control groups with this rig's name.
    func groups() -> [String] {
        ["memory", "pids", "cpu", "unified"].flatMap { controller in
            let top = "/sys/fs/cgroup/\(controller)"
            return Self.names(in: top).filter { $0.hasPrefix("perimeter-") }.flatMap { parent in
                Self.names(in: "\(top)/\(parent)").filter { $0.contains(prefix) }.map { "\(top)/\(parent)/\($0)" }
            }
        }
    }

    func mounts() -> [String] {
        (Self.text("/proc/self/mountinfo") ?? "").split(separator: "\n").filter { $0.contains(folder) }.map(String.init)
    }

    /// Loop devices over files of this rig.
    func loops() -> [String] {
        Self.names(in: "/sys/block").filter { $0.hasPrefix("loop") }.filter {
            (Self.text("/sys/block/\($0)/loop/backing_file") ?? "").contains(folder)
        }
    }

    /// What is left on the host, after at most thirty seconds in which the kernel may finish tearing down.
    func leftovers() async -> [String] {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let found = processes() + groups() + mounts() + loops()
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure("open \(path)") }
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw Failure("write \(path)") }
    }

    static func removeTree(_ path: String) {
        for name in names(in: path) where unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
        rmdir(path)
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

extension Sandbox {
    /// The text that a command prints; an error result is text too.
    func bash(_ command: String, timeout: Int = 20_000) async throws -> String {
        let number = UInt64.random(in: 0...UInt64.max)
        let call = ToolCall(
            id: "call-\(number)", input: .bash(command: command, restart: false, timeoutMilliseconds: timeout))
        let result = try await run(call)
        return result.content.map { block in
            if case .text(let text) = block { text } else { "" }
        }.joined()
    }
}

extension NamespaceRig {
    /// Where a symbolic link leads, as it is written.
    static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
