internal import AsyncHTTPClient
internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import Sandbox
internal import Wire

/// A hook that is a service: `POST url/VERB` with the request's object, `GET url/connect?id=…` for the byte stream.
struct HookService: HookTransport {
    let url: ServiceURL
    let secret: EngineSecret
    /// A file of certificates; nil takes the host's.
    let authority: String?
    let deadline: Duration
    let archiveDeadline: Duration
    let archiveLimit: Int
    let lane: BlockingLane
    let logger: Logger

    /// The name of the byte stream in the `Upgrade` field.
    static let streamName = "perimeter-execd"

    func call(_ verb: HookVerb, _ request: JSON, archive: Int32?) async throws(SandboxError) -> JSON? {
        var body: [UInt8] = []
        request.write(to: &body)
        let client = ServiceClient(url: url, trust: try trust())
        let answer: ServiceClient.Answer
        switch (verb, archive) {
        case (.exportSnapshot, let file?): answer = try await download(client, body, to: file)
        case (.importSnapshot, let file?): answer = try await upload(client, request, from: file)
        default:
            answer = try await client.send(
                .POST, "/\(verb.rawValue)", fields: try fields("application/json"), body: body,
                limit: HookLimits.answer, deadline: deadline)
        }
        switch HookOutcome(status: answer.status) {
        case .absent: return nil
        case .failed(let code): throw failure(verb, code, answer.status, answer.body)
        case .done: return try HookCommand.answer(answer.body, verb)
        }
    }

    /// The answer is the archive itself.
    private func download(
        _ client: ServiceClient, _ body: [UInt8], to file: Int32
    ) async throws(SandboxError) -> ServiceClient.Answer {
        let (lane, limit) = (lane, archiveLimit)
        return try await client.stream(
            .POST, "/\(HookVerb.exportSnapshot.rawValue)", fields: try fields("application/json"), body: .bytes(body),
            deadline: archiveDeadline
        ) { response in
            let status = Int(response.status.code)
            guard HookOutcome(status: status) == .done else {
                let words = try await response.body.collect(upTo: HookLimits.answer)
                return ServiceClient.Answer(
                    status: status, fields: response.headers, body: Array(words.readableBytesView))
            }
            var count = 0
            for try await piece in response.body {
                count += piece.readableBytes
                guard count <= limit else {
                    throw SandboxError(.quotaExceeded, "the archive has more than \(limit) bytes")
                }
                let bytes = Array(piece.readableBytesView)
                guard await lane.run({ HostFiles.writeAll(bytes, to: file) }) else {
                    throw SandboxError(.quotaExceeded, "the archive cannot be written: is the disk full?")
                }
            }
            return ServiceClient.Answer(status: status, fields: response.headers, body: [])
        }
    }

    /// The body is the archive itself; what else there is to say stands in the query.
    private func upload(
        _ client: ServiceClient, _ request: JSON, from file: Int32
    ) async throws(SandboxError) -> ServiceClient.Answer {
        let size = await lane.run { () -> Int64? in
            var facts = stat()
            return fstat(file, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG ? Int64(facts.st_size) : nil
        }
        guard let size else { throw SandboxError(.unavailable, "the archive is no plain file") }
        let query = ["owner", "snapshot"].map { "\($0)=\(ServiceURL.escaped(request[$0]?.stringValue ?? ""))" }
        return try await client.stream(
            .POST, "/\(HookVerb.importSnapshot.rawValue)?\(query.joined(separator: "&"))",
            fields: try fields("application/octet-stream"),
            body: .stream(ArchivePieces(file: file, lane: lane), length: .known(size)), deadline: archiveDeadline
        ) { response in
            let words = try await response.body.collect(upTo: HookLimits.answer)
            return ServiceClient.Answer(
                status: Int(response.status.code), fields: response.headers, body: Array(words.readableBytesView))
        }
    }

    func connect(
        _ id: SandboxID, token: ExecdToken, gate: (any OutboundGate)?, within deadline: Duration
    ) async throws(SandboxError) -> ExecdClient? {
        let answer: UpgradeDialer.Answer<ExecdEnd>
        do throws(SandboxError) {
            answer = try await UpgradeDialer.open(
                url, target: "/connect?id=\(id)", fields: try fields(nil),
                trust: try trust() ?? .makeClientConfiguration(), upgrader: StreamUpgrader(hasGate: gate != nil),
                deadline: deadline)
        } catch {
            throw SandboxError(.unavailable, "the hook cannot be asked: \(error.message)", cause: error)
        }
        switch answer {
        case .upgraded(let end):
            return try await ExecdClient.connect(end, token: token, gate: gate, deadline: deadline, logger: logger)
        case .refused(let status, _, let body):
            guard HookOutcome(status: status) != .absent else { return nil }
            throw failure(.connect, .unavailable, status, body)
        }
    }

    /// The connection is all there is on this side.
    func disconnected(_ id: SandboxID) async {}

    func problem() async -> EngineReport.Problem? {
        guard !url.isSecure, !url.isLoopback else { return nil }
        return EngineReport.Problem(
            summary: "the hook at \(url) would get its secret in the clear", remedy: "use https", isFatal: true)
    }

    private func fields(_ type: String?) throws(SandboxError) -> HTTPHeaders {
        guard url.isSecure || url.isLoopback else {
            throw SandboxError(.unavailable, "the hook at \(url) would get its secret in the clear: use https")
        }
        guard let secret = secret.headerValue else {
            throw SandboxError(.unavailable, "the hook's secret must be visible ASCII characters without spaces")
        }
        var fields: HTTPHeaders = ["authorization": "Bearer \(secret)"]
        if let type { fields.add(name: "content-type", value: type) }
        return fields
    }

    private func trust() throws(SandboxError) -> TLSConfiguration? {
        guard url.isSecure, let authority else { return nil }
        var trust = TLSConfiguration.makeClientConfiguration()
        trust.trustRoots = .file(authority)
        return trust
    }

    private func failure(_ verb: HookVerb, _ code: SandboxError.Code, _ status: Int, _ body: [UInt8]) -> SandboxError {
        let message = (try? JSON(parsing: body, maximumDepth: HookLimits.depth))?["error"]?.stringValue
        let words = message.map { String(peer: $0) } ?? String(peer: body)
        let remedy = status == 401 || status == 403 ? " (check the hook's secret)" : ""
        return SandboxError(
            code, "the hook answered '\(verb.rawValue)' with \(status)\(remedy)" + (words.isEmpty ? "" : ": \(words)"))
    }
}

/// The byte stream to the daemon, as it is, after the answer 101.
private struct StreamUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    let hasGate: Bool
    var supportedProtocol: String { HookService.streamName }
    var requiredUpgradeHeaders: [String] { [] }

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {}
    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool { true }
    func upgrade(channel: any Channel, upgradeResponse: HTTPResponseHead) -> EventLoopFuture<ExecdEnd> {
        channel.eventLoop.makeCompletedFuture { try ExecdEnd(addedTo: channel, hasGate: hasGate) }
    }
}

/// A file as a body, read off the pool.
private struct ArchivePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: Int32
    let lane: BlockingLane
    private static let size = 256 << 10

    struct AsyncIterator: AsyncIteratorProtocol {
        let file: Int32
        let lane: BlockingLane

        mutating func next() async throws -> ByteBuffer? {
            let file = file
            let bytes = await lane.run { () -> [UInt8]? in
                var buffer = [UInt8](repeating: 0, count: ArchivePieces.size)
                let count = Glibc.read(file, &buffer, buffer.count)
                return count < 0 ? nil : Array(buffer[..<count])
            }
            guard let bytes else { throw SandboxError(.unavailable, "the archive cannot be read") }
            return bytes.isEmpty ? nil : ByteBuffer(bytes: bytes)
        }
    }
    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(file: file, lane: lane) }
}
