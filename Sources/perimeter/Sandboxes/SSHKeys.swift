internal import FoundationEssentials
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Keys for one use of ssh: the person's, and the one by which the sandbox is known. Both lie in a folder that only the person
/// can read.
struct SSHKeys {
    let folder: String
    /// Where the sandbox keeps its part.
    private let inside: String

    /// How long the person's key is let in.
    private static let life = Duration.seconds(3600)

    /// Makes both pairs with ssh-keygen.
    init() async throws(CommandError) {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/perimeter-ssh-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandError(.failure, "no temporary folder: \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        inside = "/tmp/.ssh-\(UInt64.random(in: 0...UInt64.max))"
        for name in ["user", "host"] {
            let status = try await ChildProcess.run(
                "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "perimeter", "-f", "\(folder)/\(name)"])
            guard status == 0 else {
                remove()
                throw CommandError(.failure, "ssh-keygen failed with status \(status)")
            }
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }

    /// The shell commands that put standard input's files in place inside and check that there is an sshd.
    var installation: String {
        """
        set -e; command -v sshd >/dev/null || [ -x /usr/sbin/sshd ] || { echo "there is no sshd inside"; exit 1; }
        umask 077; mkdir \(inside); cd \(inside); tar -xf -
        """
    }

    /// What starts one sshd for one connection on standard input and output (sshd(8), -i).
    private var server: String {
        "exec /usr/sbin/sshd -i -e -f \(inside)/config 2>/dev/null"
    }

    /// The files inside, as a tar archive.
    func bundle() async throws(CommandError) -> [UInt8] {
        // AuthorizedKeys' expiry-time (sshd(8)): YYYYMMDDHHMM in UTC, which are the first digits of an RFC 3339 time.
        let expiry = SystemWallClock().now().advanced(by: Self.life).description
        let stamp = String(expiry.filter(\.isNumber).prefix(12)) + "Z"
        let publicKey = try read("user.pub")
        try write("authorized", #"expiry-time="\#(stamp)" \#(publicKey)"#)
        try write(
            "config",
            """
            HostKey \(inside)/host
            AuthorizedKeysFile \(inside)/authorized
            PasswordAuthentication no
            KbdInteractiveAuthentication no
            UsePAM no
            StrictModes no
            PidFile none
            PrintMotd no
            Subsystem sftp internal-sftp
            """ + "\n")
        let status = try await ChildProcess.run(
            "tar", ["-C", folder, "-cf", "\(folder)/bundle", "host", "authorized", "config"])
        guard status == 0, let bytes = FileManager.default.contents(atPath: "\(folder)/bundle") else {
            throw CommandError(.failure, "tar failed with status \(status)")
        }
        return Array(bytes)
    }

    /// The options of ssh for this sandbox.
    /// - Parameter attach: the words of `perimeter sessions attach`, quoted for a shell.
    func options(for id: String, attach: String) throws(CommandError) -> [(name: String, value: String)] {
        try write("known_hosts", "\(id) \(try read("host.pub"))")
        return [
            ("ProxyCommand", "\(attach) \(ShellQuote.quote(id)) -- \(ShellQuote.quote(server))"),
            ("User", "agent"), ("IdentityFile", "\(folder)/user"), ("IdentitiesOnly", "yes"),
            ("UserKnownHostsFile", "\(folder)/known_hosts"), ("HostKeyAlias", id), ("StrictHostKeyChecking", "yes"),
            ("LogLevel", "ERROR"),
        ]
    }

    private func read(_ name: String) throws(CommandError) -> String {
        guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
            throw CommandError(.failure, "cannot read \(folder)/\(name)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func write(_ name: String, _ text: String) throws(CommandError) {
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        } catch {
            throw CommandError(.failure, "cannot write \(folder)/\(name): \(error)")
        }
    }
}
