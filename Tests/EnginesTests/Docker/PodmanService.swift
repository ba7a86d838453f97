import CLinux
import Glibc
import NIOHTTP1
import TestSupport
import Testing

@testable import Engines

/// A container daemon of the tests' own: everything of it lies in one folder and goes with it.
struct PodmanService: Sendable {
    let folder: String
    let pid: Int32
    let socketPath: String
    let daemon: ContainerDaemon

    @TaskLocal static var current: PodmanService?

    static let image = "localhost/perimeter-test:latest"

    /// A variable of the service's environment that must not reach a sandbox.
    static let canary = "http://user:podman-canary@proxy.invalid:1"

    private static let lane = BlockingLane(threadLimit: 4)

    /// Starts the daemon, runs `body`, and takes everything down.
    static func with(_ body: (PodmanService) async throws -> Void) async throws {
        let folder = "/tmp/perimeter-podman-\(String(UInt32.random(in: 0...UInt32.max), radix: 36))"
        guard mkdir(folder, 0o700) == 0 else { throw Failure("no folder: \(String(cString: strerror(errno)))") }
        let started = await lane.run { Result { try start(in: folder) } }
        let service: PodmanService
        do { service = try started.get() } catch {
            await lane.run { HostView.removeTree(folder) }
            throw error
        }
        do {
            try await service.load()
            try await body(service)
        } catch {
            await lane.run { service.stop() }
            throw error
        }
        await lane.run { service.stop() }
        let left = service.mounts + service.processes
        #expect(left == [], "the daemon leaves nothing")
        #expect(HostView.names(in: folder) == [])
    }

    private static func start(in folder: String) throws -> PodmanService {
        try HostView.write(
            """
            [containers]
            netns = "none"
            [engine]
            cgroup_manager = "cgroupfs"
            events_logger = "file"
            lock_type = "file"
            runtime = "runc"

            """, to: "\(folder)/containers.conf")
        try HostProgram.run("/bin/bash", ["-c", rootfs, "rootfs", folder])
        return try run(in: folder, socket: "podman.sock")
    }

    private static func run(in folder: String, socket: String, runtime: String = "runc") throws -> PodmanService {
        let log = open("\(folder)/service.log", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard log >= 0, null >= 0 else { throw Failure("no log") }
        defer { for file in [log, null] { close(file) } }
        let socketPath = "\(folder)/\(socket)"
        let pid = try HostProgram.spawn(
            "/usr/bin/env",
            [
                // The monitors of containers leave notes in their working directory.
                "--chdir=\(folder)", "CONTAINERS_CONF=\(folder)/containers.conf",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=\(folder)", "http_proxy=\(canary)", "podman", "--root",
                "\(folder)/root", "--runroot", "\(folder)/runroot", "--tmpdir", "\(folder)/tmp", "--storage-driver",
                "overlay", "--runtime", runtime, "system", "service", "--time", "0", "unix://\(socketPath)",
            ], [(null, 0), (log, 1), (log, 2)])
        let daemon = ContainerDaemon(socketPath: socketPath, deadline: .seconds(60), pullDeadline: .seconds(60))
        return PodmanService(folder: folder, pid: pid, socketPath: socketPath, daemon: daemon)
    }

    /// A second daemon over the same containers.
    func another(runtime: String = "runc") async throws -> PodmanService {
        let other = try await Self.lane.run { [folder] in
            Result { try Self.run(in: folder, socket: "another.sock", runtime: runtime) }
        }
        .get()
        try await other.ready()
        return other
    }

    func end() async { await Self.lane.run { [pid] in Self.end(pid) } }

    private static func end(_ pid: Int32) {
        kill(pid, SIGTERM)
        for waited in 0..<1000 {
            if clinux_reap(pid, 0) != 0 { return }
            if waited == 500 { kill(pid, SIGKILL) }
            usleep(10_000)
        }
    }

    /// A root file system out of the host's own programs.
    private static let rootfs = """
        set -e
        export PATH=/usr/sbin:/usr/bin:/sbin:/bin
        root=$1/rootfs
        mkdir -p $root/usr/bin $root/usr/lib $root/usr/lib64 $root/{tmp,etc,proc,dev,sys,run,var,opt,workspace,root,mnt}
        mkdir -p $root/var/tmp && chmod 1777 $root/tmp $root/var/tmp
        for name in bin lib lib64; do ln -s usr/$name $root/$name; done
        for name in bash sh cat ls echo env id sleep seq head tail wc stat od mkdir ln readlink date cp cmp grep mknod \
            mount rm tr timeout kill sync touch chmod cut sort uname find setsid test true mv; do
          file=$(readlink -f "$(type -P $name)")
          cp "$file" $root/usr/bin/$name
          for library in $(ldd "$file" 2>/dev/null | grep -o '/[^ ]*' || true); do
            mkdir -p $root$(dirname $library)
            [ -e $root$library ] || cp -L $library $root$library
          done
        done
        tar -C $root -cf $1/rootfs.tar .
        rm -rf $root
        """

    private func ready() async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                _ = try await daemon.version()
                break
            } catch {
                guard ContinuousClock.now < deadline else {
                    throw Failure("podman does not answer: \(HostView.text("\(folder)/service.log") ?? "")")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func load() async throws {
        try await ready()
        let path = "\(folder)/rootfs.tar"
        let archive = await Self.lane.run { HostFiles.read(path, limit: 64 << 20) }
        let answer = try await DaemonExchange(socketPath: socketPath, deadline: .seconds(60)).run(
            DaemonExchange.Request(
                method: .POST, uri: "/v1.41/images/create?fromSrc=-&repo=localhost/perimeter-test", body: archive ?? [],
                contentType: "application/x-tar"))
        guard answer.status == 200 else { throw Failure(String(decoding: answer.body, as: UTF8.self)) }
    }

    private func stop() {
        Self.end(pid)
        for line in processes {
            if let pid = line.split(separator: " ").first.flatMap({ Int32($0) }) { kill(pid, SIGKILL) }
        }
        for _ in 0..<200 where !processes.isEmpty { usleep(10_000) }
        for mount in mounts.reversed() { clinux_unmount(mount) }
        HostView.removeTree(folder)
        // The parent of the containers' groups, where no other Podman of this host has any.
        for controller in HostView.names(in: "/sys/fs/cgroup") {
            for group in ["libpod_parent/conmon", "libpod_parent"] { rmdir("/sys/fs/cgroup/\(controller)/\(group)") }
        }
    }

    /// Living processes that name the folder.
    var processes: [String] {
        HostView.names(in: "/proc").compactMap { Int32($0) }.compactMap { pid in
            guard pid != getpid(), let line = HostView.text("/proc/\(pid)/cmdline"), line.contains(folder + "/") else {
                return nil
            }
            return "\(pid) \(line.split(separator: "\0").joined(separator: " "))"
        }
    }

    var mounts: [String] {
        (HostView.text("/proc/self/mountinfo") ?? "").split(separator: "\n").compactMap {
            let fields = $0.split(separator: " ")
            return fields.count > 4 && fields[4].hasPrefix(folder + "/") ? String(fields[4]) : nil
        }
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}

/// Starts one daemon for all tests of a suite.
struct PodmanTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await PodmanService.with { service in
            try await PodmanService.$current.withValue(service) { try await function() }
        }
    }
}

extension Trait where Self == PodmanTrait {
    static var podman: PodmanTrait { PodmanTrait() }
}
