import CLinux
import ExecdProtocol
import Glibc
import Testing

@testable import Toolset

/// What programs may write, by Landlock: as rules, and through the real daemon on the host's own root.
@Suite(.serialized) struct WriteConfinementTests {
    @Test func `each version of the interface gets the rights that it knows`() {
        let write: UInt64 = 1 << 1
        let truncate: UInt64 = 1 << 14
        let control: UInt64 = 1 << 15
        for (version, rights, scopes) in [
            (2, 0x3FF2, 0), (3, 0x7FF2, 0), (4, 0x7FF2, 0), (5, 0xFFF2, 0), (6, 0xFFF2, 3), (9, 0xFFF2, 3),
        ] as [(Int, UInt64, UInt64)] {
            let confinement = WriteConfinement(
                version: version, folders: ["/workspace"], devices: ["sda", "nvidia0", "null", "nvidiactl"])
            #expect(confinement.rights == rights && confinement.scopes == scopes)
            #expect(confinement.rules.first == .init(path: "/workspace", rights: rights))
            for rule in confinement.rules.dropFirst() {
                #expect(rule.rights == rights & (write | truncate | control), "\(rule.path)")
            }
            let devices = confinement.rules.map(\.path).filter { $0.hasPrefix("/dev/") }
            #expect(
                devices.suffix(3) == ["/dev/nvidia0", "/dev/nvidiactl", "/dev/pts"] && !devices.contains("/dev/sda"))
        }
    }

    @Test(.enabled(if: WriteConfinement.version != nil, "the kernel has no Landlock"))
    func `programs write where they may, and nowhere else`() throws {
        let outside = "/perimeter-outside-\(UInt32.random(in: 0...UInt32.max))"
        #expect(mkdir(outside, 0o777) == 0 && chmod(outside, 0o777) == 0)
        defer { rmdir(outside) }
        try Descriptor(opened: open(outside + "/f", O_WRONLY | O_CREAT, 0o666), "open").write(Array("kept".utf8))
        defer { unlink(outside + "/f") }
        let daemon = try DaemonRig(options: ["--confine", "--root", "/tmp"])
        let text = try daemon.bash(
            """
            cd \(outside); cat f; : 2>/dev/null
            for try in "echo x > f" "echo x > new" "rm f" "mkdir d" "mv f g" "ln f g" "ln -s f g" "mkfifo p" "truncate -s 0 f" \
                "mknod n c 1 3" "mv f \(daemon.tools.work)/f" "ln f \(daemon.tools.work)/hard" "mv \(daemon.tools.work)/own own"; do
              echo own > \(daemon.tools.work)/own; bash -c "$try" 2>/dev/null && echo "DONE: $try"
            done
            cd \(daemon.tools.work); mkdir a b; echo 1 > a/f; mv a/f b/; ln b/f a/g; rm b/f; cat a/g; echo x > /dev/null
            echo 300 > /proc/self/oom_score_adj && t=$(mktemp) && echo x > $t && rm $t && echo wrote
            (exec 3<> /dev/ptmx) && echo terminal; cat <(echo substituted)
            """
        ).text
        #expect(!text.contains("DONE"), "\(text)")
        for word in ["kept", "1\n", "wrote", "terminal", "substituted"] { #expect(text.contains(word), "\(text)") }
        #expect(daemon.tools.contents(outside + "/f") == "kept")
        // The tools are confined as their programs are, whatever their own roots would permit.
        #expect(try daemon.bash("grep NoNewPrivs /proc/self/status").text.hasSuffix("1"))
    }

    @Test(.enabled(if: WriteConfinement.version ?? 0 >= 6, "Landlock of this kernel has no scopes"))
    func `signals and abstract sockets reach what was started inside`() throws {
        let children = ChildTable()
        let null = try Descriptor(opened: open("/dev/null", O_RDWR | O_CLOEXEC), "open")
        let other = try children.spawn(
            ChildTable.Program(
                path: "/bin/sleep", arguments: ["sleep", "600"], environment: [], directory: "/",
                descriptors: [(null.raw, 0), (null.raw, 1), (null.raw, 2)]))
        defer {
            kill(other, SIGKILL)
            while children.takeStatus(of: other) == nil { usleep(1000) }
        }
        let daemon = try DaemonRig(options: ["--confine"])
        let text = try daemon.bash("kill -TERM \(other) 2>&1; sleep 60 & kill $! && wait $!; echo $?").text
        #expect(text.contains("not permitted") && text.hasSuffix("143"), "\(text)")
        #expect(kill(other, 0) == 0 && children.takeStatus(of: other) == nil)
        let name = "perimeter-\(other)"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: [0] + Array(name.utf8)) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + 1 + name.utf8.count)
        let isBound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) == 0 }
        }
        #expect(isBound && listen(listener, 4) == 0)
        let reach = "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0\(name)'); print('REACHED')"
        let answer = try daemon.bash("python3 -c \"\(reach)\" 2>&1 | tail -1").text
        #expect(answer.contains("PermissionError"), "\(answer)")
    }
}
