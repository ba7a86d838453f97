public import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
public import Wire

/// An archive in a bucket of an S3-compatible store, below `perimeter/`.
public struct S3Store: ArchiveStore {
    private let client: S3Client
    private let lane = FileLane()
    private static let prefix = "perimeter/"
    private static let mostPages = 1000
    /// Parts that one object may have; S3 takes 10 000.
    private static let mostParts = 9000

    /// - Parameter http: must not follow redirects, which would carry a signature elsewhere.
    public init(settings: S3Settings, http: HTTPClient, clock: any WallClock = SystemWallClock()) {
        client = S3Client(settings: settings, http: http, clock: clock)
    }

    public var label: String { "\(client.settings.bucket) at \(client.settings.endpoint)" }

    public func names() async throws(ArchiveFailure) -> [String] {
        var names: [String] = []
        var token: String?
        for _ in 0..<Self.mostPages {
            var query = [(name: "list-type", value: "2"), (name: "prefix", value: Self.prefix)]
            if let token { query.append((name: "continuation-token", value: token)) }
            let page = try await client.text(S3Client.Call(method: .GET, query: query))
            guard page.contains("<ListBucketResult") else {
                throw ArchiveFailure(.corrupt, "the bucket lists nothing readable")
            }
            names += S3Text.elements("Key", in: page).compactMap { key in
                key.hasPrefix(Self.prefix) ? String(key.dropFirst(Self.prefix.count)) : nil
            }
            let next = S3Text.element("NextContinuationToken", in: page)
            guard S3Text.element("IsTruncated", in: page) == "true", let next, next != token else { return names }
            token = next
        }
        throw ArchiveFailure(.corrupt, "the bucket has too many objects below \(Self.prefix)")
    }

    public func read(_ name: String, limit: Int) async throws(ArchiveFailure) -> [UInt8]? {
        let call = S3Client.Call(method: .GET, key: Self.prefix + name)
        guard let response = try await client.send(call, isMissingFine: true) else { return nil }
        do {
            return Array((try await response.body.collect(upTo: limit)).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw ArchiveFailure(.corrupt, "\(name) is over \(limit) bytes")
        } catch {
            throw ArchiveFailure(.unreachable, "\(name) broke off: \(error)")
        }
    }

    public func write(_ bytes: [UInt8], as name: String) async throws(ArchiveFailure) {
        _ = try await client.send(S3Client.Call(method: .PUT, key: Self.prefix + name, body: .bytes(bytes)))
    }

    public func upload(_ path: String, as name: String) async throws(ArchiveFailure) {
        let (file, size) = try await lane.run { () throws(ArchiveFailure) in
            let file = try PlainFile(path, .read)
            return (file, try file.size())
        }
        let key = Self.prefix + name
        guard size > client.settings.partSize else {
            _ = try await client.send(S3Client.Call(method: .PUT, key: key, body: .file(file, 0..<size)))
            return
        }
        let started = try await client.text(
            S3Client.Call(method: .POST, key: key, query: [(name: "uploads", value: "")]))
        guard let id = S3Text.element("UploadId", in: started) else {
            throw ArchiveFailure(.corrupt, "the store began no upload")
        }
        do throws(ArchiveFailure) {
            try await complete(key, id, try await parts(of: file, size, key, id))
        } catch {
            // Parts of an upload that nobody completes cost money.
            _ = try? await client.send(
                S3Client.Call(method: .DELETE, key: key, query: [(name: "uploadId", value: id)]), isMissingFine: true)
            throw error
        }
    }

    /// - Returns: what the store calls each part.
    private func parts(of file: PlainFile, _ size: Int, _ key: String, _ id: String) async throws(ArchiveFailure)
        -> [String]
    {
        let length = max(client.settings.partSize, size / Self.mostParts + 1)
        var tags: [String] = []
        for start in stride(from: 0, to: size, by: length) {
            let response = try await client.send(
                S3Client.Call(
                    method: .PUT, key: key,
                    query: [(name: "partNumber", value: "\(tags.count + 1)"), (name: "uploadId", value: id)],
                    body: .file(file, start..<min(size, start + length))))
            guard let tag = response?.headers.first(name: "etag"),
                tag.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x3C && $0 != 0x26 })
            else { throw ArchiveFailure(.corrupt, "the store took a part without a name for it") }
            tags.append(tag)
        }
        return tags
    }

    private func complete(_ key: String, _ id: String, _ tags: [String]) async throws(ArchiveFailure) {
        let parts = tags.enumerated().map { "<Part><PartNumber>\($0 + 1)</PartNumber><ETag>\($1)</ETag></Part>" }
        let body = "<CompleteMultipartUpload>\(parts.joined())</CompleteMultipartUpload>"
        let answer = try await client.text(
            S3Client.Call(
                method: .POST, key: key, query: [(name: "uploadId", value: id)], body: .bytes(Array(body.utf8))))
        // A failure may come with status 200, since the answer begins before the work is done.
        guard answer.contains("<CompleteMultipartUploadResult") else {
            throw ArchiveFailure(
                .refused,
                "the store did not put the parts together: \(S3Text.element("Code", in: answer) ?? "no reason")")
        }
    }

    public func download(_ name: String, to path: String, limit: Int) async throws(ArchiveFailure) {
        let call = S3Client.Call(method: .GET, key: Self.prefix + name)
        guard let response = try await client.send(call) else { return }
        let file = try await lane.run { () throws(ArchiveFailure) in try PlainFile(path, .create) }
        var offset = 0
        do {
            for try await buffer in response.body {
                let start = offset
                offset += buffer.readableBytes
                guard offset <= limit else { throw ArchiveFailure(.corrupt, "\(name) is over \(limit) bytes") }
                try await lane.run { () throws(ArchiveFailure) in try file.write(buffer.readableBytesView, at: start) }
            }
        } catch let error as ArchiveFailure {
            throw error
        } catch {
            throw ArchiveFailure(.unreachable, "\(name) broke off after \(offset) bytes: \(error)")
        }
    }

    public func remove(_ name: String) async throws(ArchiveFailure) {
        _ = try await client.send(S3Client.Call(method: .DELETE, key: Self.prefix + name), isMissingFine: true)
    }
}
