internal import ArgumentParser
internal import UnixSignals
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A shell inside a session's sandbox, beside its tools.
struct SessionsAttach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Open a shell, or run a command, in a session's sandbox.",
        discussion: """
            On a terminal the shell has one too; Ctrl-] leaves it. Otherwise standard input and output are carried as they \
            are. The exit status is the command's own. A session without a sandbox gets one.
            """)

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(parsing: .postTerminator, help: "After --, a command for sh -c instead of a shell.")
    var command: [String] = []

    @OptionGroup(title: "Connection") var client: ClientOptions

    /// Ctrl-], as in telnet.
    private static let escape: UInt8 = 0x1D

    func run() async throws {
        let isTerminal = Terminal.isInteractive
        let command = command.joined(separator: " ")
        let end = try await client.withClient { client in
            let size = RawTerminal.size
            let link = try await SandboxLink(
                client, session: id,
                isTerminal
                    ? [
                        ("type", "terminal"), ("columns", "\(size.columns)"), ("rows", "\(size.rows)"),
                        ("command", command), ("purpose", "attach"),
                    ]
                    : [
                        ("type", "command"), ("command", command.isEmpty ? "exec sh" : command), ("purpose", "attach"),
                    ])
            if isTerminal { Terminal.writeError("attached to \(id); Ctrl-] leaves\r\n") }
            return try await Self.carry(link, isTerminal: isTerminal)
        }
        switch end {
        case .exited(let code): if code != 0 { ProcessExit.exit(code) }
        case .closed:
            guard isTerminal else {
                throw CommandError(.failure, "the connection ended before the command did")
            }
            Terminal.writeError("\r\ndetached\n")
        }
    }

    private static func carry(_ link: SandboxLink, isTerminal: Bool) async throws -> SandboxLink.End {
        let raw = isTerminal ? RawTerminal() : nil
        defer { withExtendedLifetime(raw) {} }
        let signals = await UnixSignalsSequence(trapping: .sigwinch)
        return try await withThrowingTaskGroup(of: SandboxLink.End?.self) { group in
            group.addTask {
                try await link.receive { bytes in Self.print(bytes) }
            }
            group.addTask {
                let input = InputBytes(descriptor: STDIN_FILENO)
                while let bytes = await input.next() {
                    if isTerminal, bytes.contains(escape) {
                        link.close()
                        return .closed
                    }
                    await link.send(bytes)
                }
                await link.send(.endOfInput)
                return nil
            }
            if isTerminal {
                group.addTask {
                    for await _ in signals {
                        let size = RawTerminal.size
                        await link.send(.resize(columns: size.columns, rows: size.rows))
                    }
                    return nil
                }
            }
            defer {
                group.cancelAll()
                link.close()
            }
            while let end = try await group.next() { if let end { return end } }
            return .closed
        }
    }

    private static func print(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
