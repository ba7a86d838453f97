internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import Wire

/// Signed requests to one bucket, each tried again while the store has too much to do.
struct S3Client: Sendable {
    struct Call: Sendable {
        var method: HTTPMethod
        /// Nil for the bucket itself.
        var key: String?
        var query: [(name: String, value: String)] = []
        var body = Body.none
    }
    enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A part of a file, sent piece by piece.
        case file(PlainFile, Range<Int>)
    }

    let settings: S3Settings
    let http: HTTPClient
    let clock: any WallClock
    private let lane = FileLane()
    private static let attempts = 5
    private static let answerLimit = 8 << 20
    /// How long one request may take; a connection on which nothing comes ends before.
    private static let patience = TimeAmount.hours(6)

    init(settings: S3Settings, http: HTTPClient, clock: any WallClock) {
        self.settings = settings
        self.http = http
        self.clock = clock
    }

    /// - Returns: the answer to a request that the store took; nil for a 404 where that is an answer.
    func send(_ call: Call, isMissingFine: Bool = false) async throws(ArchiveFailure) -> HTTPClientResponse? {
        let payload = try await payload(of: call.body)
        var pause = Duration.milliseconds(200)
        for attempt in 1... {
            do throws(ArchiveFailure) {
                return try await once(call, payload, isMissingFine: isMissingFine)
            } catch {
                guard error.code == .unreachable, attempt < Self.attempts, !Task.isCancelled else { throw error }
            }
            try? await Task.sleep(for: pause + .milliseconds(Int.random(in: 0...200)))
            pause *= 2
        }
        throw ArchiveFailure(.unreachable, "the store does not answer")
    }

    /// As ``send(_:isMissingFine:)``, with the whole of a small answer.
    func text(_ call: Call) async throws(ArchiveFailure) -> String {
        guard let response = try await send(call) else { return "" }
        do {
            return String(buffer: try await response.body.collect(upTo: Self.answerLimit))
        } catch {
            throw ArchiveFailure(.unreachable, "the answer of \(settings.endpoint) broke off: \(error)")
        }
    }

    private func payload(of body: Body) async throws(ArchiveFailure) -> String {
        switch body {
        case .none: return Digest.of([])
        case .bytes(let bytes): return Digest.of(bytes)
        case .file(let file, let range):
            return try await lane.run { () throws(ArchiveFailure) in try Digest.of(file, range) }
        }
    }

    private func once(
        _ call: Call, _ payload: String, isMissingFine: Bool
    ) async throws(ArchiveFailure) -> HTTPClientResponse? {
        let path =
            "/\(settings.bucket)" + (call.key.map { "/" + S3Signature.encode($0, keepingSlashes: true) } ?? "")
        let query = call.query.map { (S3Signature.encode($0.name), S3Signature.encode($0.value)) }
            .sorted { $0.0 < $1.0 }.map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        var request = HTTPClientRequest(url: settings.endpoint + path + (query.isEmpty ? "" : "?" + query))
        request.method = call.method
        let signature = S3Signature(
            region: settings.region, accessKey: settings.accessKey, secretKey: settings.secretKey)
        for header in signature.headers(
            method: call.method.rawValue, host: settings.host, path: path, query: query, payload: payload,
            at: clock.now())
        {
            request.headers.add(name: header.name, value: header.value)
        }
        switch call.body {
        case .none: break
        case .bytes(let bytes): request.body = .bytes(ByteBuffer(bytes: bytes))
        case .file(let file, let range):
            request.body = .stream(FilePieces(file: file, range: range, lane: lane), length: .known(Int64(range.count)))
        }
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, deadline: .now() + Self.patience)
        } catch {
            throw ArchiveFailure(.unreachable, "\(settings.endpoint) cannot be reached: \(error)")
        }
        let status = Int(response.status.code)
        if (200..<300).contains(status) { return response }
        if status == 404, isMissingFine { return nil }
        let body = (try? await response.body.collect(upTo: 1 << 16)).map { String(buffer: $0) } ?? ""
        let reason = S3Text.element("Code", in: body) ?? "no reason"
        throw ArchiveFailure(
            status >= 500 || status == 429 || status == 408 ? .unreachable : status == 404 ? .notFound : .refused,
            "\(settings.endpoint) answered \(status) (\(reason.prefix(80))) for bucket \(settings.bucket)")
    }
}

/// The bytes of a part of a file, read while they are sent.
private struct FilePieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let file: PlainFile
    let range: Range<Int>
    let lane: FileLane

    struct AsyncIterator: AsyncIteratorProtocol {
        let pieces: FilePieces
        var position: Int

        mutating func next() async throws -> ByteBuffer? {
            let count = Swift.min(PlainFile.chunk, pieces.range.upperBound - position)
            guard count > 0 else { return nil }
            let bytes = try await pieces.lane.run { [pieces, position] () throws(ArchiveFailure) in
                try pieces.file.read(count, at: position)
            }
            guard bytes.count == count else { throw ArchiveFailure(.files, "\(pieces.file.path) became shorter") }
            position += count
            return ByteBuffer(bytes: bytes)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pieces: self, position: range.lowerBound) }
}
