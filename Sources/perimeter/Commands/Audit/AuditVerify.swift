internal import ArgumentParser
internal import Store

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Whether an export is as it was written.
struct AuditVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check an export without the server; names the first line that is wrong.")

    @Argument(help: ArgumentHelp("File that `export` wrote.", valueName: "file"))
    var file: String

    @Option(
        name: .long,
        help: ArgumentHelp("The hash that an export printed earlier, which must be in the file.", valueName: "hash"))
    var head: String?

    func run() throws {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandError(.failure, "cannot read \(file): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var verifier = AuditVerifier(watchingFor: head)
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        do throws(AuditBreak) {
            while true {
                let count = read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                try verifier.feed(chunk[..<count])
            }
            try verifier.finish()
        } catch {
            throw CommandError(.failure, "\(file) is not as it was written: \(error)")
        }
        guard head == nil || verifier.hasMet else {
            throw CommandError(.failure, "no line of \(file) has the hash \(head?.prefix(64) ?? ""): it was rewritten")
        }
        Terminal.write("\(verifier.head.seq) lines, unbroken; the last one's hash is \(verifier.head.hash)\n")
    }
}
