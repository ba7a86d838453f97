import Glibc
import TestSupport

/// What the host has of the sandboxes of one rig: everything that carries its prefix or lies in its folder.
struct HostTraces {
    let folder: String
    let prefix: String

    /// Living processes in a control group of the rig's sandboxes, or with its prefix among their arguments.
    func processes() -> [String] {
        HostView.names(in: "/proc").compactMap { Int32($0) }.filter { $0 != getpid() }.compactMap { pid in
            guard let groups = HostView.text("/proc/\(pid)/cgroup"), let line = HostView.text("/proc/\(pid)/cmdline"),
                groups.contains(prefix) || line.contains("\(prefix)-")
            else { return nil }
            return "\(pid) \(line)"
        }
    }

    func groups() -> [String] {
        ["/memory", "/pids", "/cpu", "/unified", ""].map { "/sys/fs/cgroup" + $0 }.flatMap { top in
            HostView.names(in: top).filter { $0.hasPrefix("perimeter-") }.flatMap { parent in
                HostView.names(in: "\(top)/\(parent)").filter { $0.contains(prefix) }.map { "\(top)/\(parent)/\($0)" }
            }
        }
    }

    /// Removes the group above those of the example hook, unless another test has one in it.
    static func removeHookGroup() {
        for top in ["/memory", "/pids", "/cpu", ""] { rmdir("/sys/fs/cgroup\(top)/perimeter-hook") }
    }

    func mounts() -> [String] {
        (HostView.text("/proc/self/mountinfo") ?? "").split(separator: "\n").filter { $0.contains(folder) }.map(
            String.init)
    }

    func loops() -> [String] {
        HostView.names(in: "/sys/block").filter { $0.hasPrefix("loop") }.filter {
            (HostView.text("/sys/block/\($0)/loop/backing_file") ?? "").contains(folder)
        }
    }

    /// What is left, after at most thirty seconds in which the kernel may finish tearing down.
    func leftovers(besides more: () async -> [String] = { [] }) async -> [String] {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            let found = processes() + groups() + mounts() + loops() + (await more())
            if found.isEmpty || ContinuousClock.now > deadline { return found }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}

/// Where files of the repository are, and the daemon that was built for tests.
enum Checkout {
    static let root = "/" + #filePath.split(separator: "/").dropLast(4).joined(separator: "/")

    static let execd: String = {
        if let chosen = getenv("PERIMETER_EXECD") { return String(cString: chosen) }
        #if arch(arm64)
            let triple = "aarch64-unknown-linux-gnu"
        #else
            let triple = "x86_64-unknown-linux-gnu"
        #endif
        return "\(root)/.build/execd/\(triple)/release/perimeter-execd"
    }()
}
