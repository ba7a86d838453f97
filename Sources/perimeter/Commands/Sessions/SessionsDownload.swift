internal import ArgumentParser
internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file out of a session's sandbox.
struct SessionsDownload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download", abstract: "Copy a file, or a folder as a tar archive, out of a session's sandbox.")

    @Argument(help: ArgumentHelp("Session.", valueName: "id"))
    var id: String

    @Argument(help: ArgumentHelp("Path inside; relative ones start in the work directory.", valueName: "source"))
    var source: String

    @Argument(
        help: ArgumentHelp(
            "Path here; - writes to standard output. The same name here by default.", valueName: "target"))
    var target: String?

    @OptionGroup(title: "Connection") var client: ClientOptions

    func run() async throws {
        let name = source.split(separator: "/").last.map(String.init) ?? "workspace"
        let script = """
            p=\(ShellQuote.quote(source)); if [ -d "$p" ]; then printf D; exec tar -C "$p" -cf - . 2>/dev/null; \
            elif [ -f "$p" ] && [ -r "$p" ]; then printf F; exec cat -- "$p"; else printf E; exit 1; fi
            """
        try await client.withClient { client in
            let link = try await SandboxLink(
                client, session: id, [("type", "command"), ("command", script), ("purpose", "download")])
            defer { link.close() }
            var sink: FileSink?
            var total = 0
            let end = try await link.receive { bytes in
                var bytes = bytes[...]
                if sink == nil {
                    switch bytes.popFirst() {
                    case UInt8(ascii: "F"): sink = try FileSink(target ?? name)
                    case UInt8(ascii: "D"): sink = try FileSink(target ?? name + ".tar")
                    default: throw CommandError(.notFound, "there is no readable file \(source) in the sandbox")
                    }
                }
                total += bytes.count
                try sink?.write(bytes)
            }
            guard end == .exited(0), let sink else {
                throw CommandError(.failure, "the file was not read to its end (\(total) bytes came)")
            }
            try sink.finish()
            if let path = sink.path { Terminal.writeError("\(path): \(total) bytes\n") }
        }
    }
}

/// Writes a file that appears when it is complete, or standard output.
final class FileSink {
    /// Nil for standard output.
    let path: String?
    private let draft: String
    private let descriptor: Int32
    private var isFinished = false

    init(_ target: String) throws(CommandError) {
        guard target != "-" else {
            (path, draft, descriptor) = (nil, "", STDOUT_FILENO)
            return
        }
        path = target
        draft = "\(target).\(getpid()).part"
        descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw CommandError(.failure, "cannot write \(target): \(String(cString: strerror(errno)))")
        }
    }

    func write(_ bytes: ArraySlice<UInt8>) throws(CommandError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Self.write(descriptor, $0) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else {
                throw CommandError(.failure, "cannot write: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    func finish() throws(CommandError) {
        guard let path else { return }
        guard close(descriptor) == 0, rename(draft, path) == 0 else {
            throw CommandError(.failure, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        isFinished = true
    }

    deinit {
        guard path != nil, !isFinished else { return }
        close(descriptor)
        unlink(draft)
    }
}
