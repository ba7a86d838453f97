internal import ArgumentParser
internal import Wire

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file into a session's sandbox.
struct SessionsUpload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upload", abstract: "Copy a file into a session's sandbox; folders on the way are made.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("File here; - reads standard input.", valueName: "source"))
    var source: String

    @Argument(help: ArgumentHelp("Path inside; relative ones start in the work directory.", valueName: "target"))
    var target: String

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let descriptor = source == "-" ? STDIN_FILENO : open(source, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandError(.usage, "cannot read \(source): \(String(cString: strerror(errno)))")
        }
        defer { if descriptor != STDIN_FILENO { close(descriptor) } }
        // The file appears when all of it is there.
        let script = """
            set -e; p=\(ShellQuote.quote(target)); case "$p" in */*) mkdir -p -- "${p%/*}/";; esac; \
            cat > "$p.part"; mv -- "$p.part" "$p"
            """
        try await client.withClient { client in
            let link = try await SandboxLink(
                client, session: id, [("type", "command"), ("command", script), ("purpose", "upload")])
            defer { link.close() }
            var message: [UInt8] = []
            var total = 0
            async let sent: Int = {
                var total = 0
                let input = InputBytes(descriptor: descriptor)
                while let bytes = await input.next() {
                    total += bytes.count
                    await link.send(bytes)
                }
                await link.send(.endOfInput)
                return total
            }()
            let end = try await link.receive { bytes in if message.count < 4096 { message += bytes } }
            guard end == .exited(0) else {
                throw CommandError(
                    .failure,
                    "the file was not written: "
                        + PlainText.oneLine(String(decoding: message, as: UTF8.self), width: 300))
            }
            total = await sent
            Terminal.writeError("\(target): \(total) bytes\n")
        }
    }
}

/// Words for a shell (POSIX, section 2.2.2).
enum ShellQuote {
    static func quote(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
    }
}
