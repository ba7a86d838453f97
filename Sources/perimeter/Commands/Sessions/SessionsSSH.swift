internal import ArgumentParser
internal import FoundationEssentials
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The person's own `ssh`, into a session's sandbox.
struct SessionsSSH: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh", abstract: "Run ssh into a session's sandbox, with keys that live for an hour.",
        discussion: """
            Needs ssh and ssh-keygen here and sshd inside. What follows -- goes to ssh: options, then a command. The connection \
            passes the server and the worker like `attach`; no port is opened anywhere. --print shows a block for ~/.ssh/config \
            instead, for editors and rsync; it works until the keys expire.
            """)

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(parsing: .postTerminator, help: "Arguments of ssh.")
    var arguments: [String] = []

    @Flag(name: .long, help: "Print a block for ~/.ssh/config and leave the keys in place.")
    var print = false

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        _ = try PathSegment.id(id)
        let keys = try await SSHKeys()
        defer { if !print { keys.remove() } }
        try await install(keys)
        var attach = [ExecutablePath.own, "sessions", "attach"]
        if let server = client.server { attach += ["--server", server] }
        let options = try keys.options(for: id, attach: attach.map { ShellQuote.quote($0) }.joined(separator: " "))
        if print {
            Swift.print("Host \(id)")
            for option in options { Swift.print("    \(option.name) \(option.value)") }
            return
        }
        // A key is no argument of a process that others can list.
        let status = try await ChildProcess.run(
            "ssh", options.flatMap { ["-o", "\($0.name)=\($0.value)"] } + leading + [id] + trailing,
            variables: client.key.map { ["ANTHROPIC_API_KEY": $0] } ?? [:])
        if status != 0 {
            keys.remove()
            ProcessExit.exit(status)
        }
    }

    private func install(_ keys: SSHKeys) async throws {
        let bundle = try await keys.bundle()
        try await client.withClient { client in
            let link = try await SandboxLink(
                client, session: id, [("type", "command"), ("command", keys.installation), ("purpose", "ssh")])
            defer { link.close() }
            await link.send(bundle)
            await link.send(.endOfInput)
            var message: [UInt8] = []
            let end = try await link.receive { if message.count < 4096 { message += $0 } }
            guard end == .exited(0) else {
                throw CommandError(
                    .failure,
                    "ssh cannot be prepared: "
                        + PlainText.oneLine(String(decoding: message, as: UTF8.self), width: 300),
                    remedy:
                        "the sandbox's system needs sshd: install openssh-server on the worker's host or in the image")
            }
        }
    }

    /// ssh wants its options before the host and the command after it.
    private var leading: [String] { Array(arguments.prefix { $0.hasPrefix("-") }) }
    private var trailing: [String] { Array(arguments.drop { $0.hasPrefix("-") }) }
}
