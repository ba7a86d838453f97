internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Wire

extension Request {
    /// How far a body over the limit is read before the connection is given up: a client that is still sending would miss
    /// the answer otherwise.
    private static let drainFactor = 4

    /// The body as JSON.
    /// - Throws: ``WireError`` 400 for malformed or missing JSON, 413 over `limit` bytes.
    func json(limit: Int) async throws -> JSON {
        let bytes = try await bytes(limit: limit)
        guard !bytes.isEmpty else { throw WireError.invalid("body: expected a JSON object, got nothing") }
        do { return try JSON(parsing: bytes) } catch { throw WireError.invalid("body: malformed JSON: \(error)") }
    }

    /// The body of a call that needs none: absent, or an object; `{}` stands for absent.
    func optionalJSON(limit: Int) async throws -> JSON {
        let bytes = try await bytes(limit: limit)
        guard !bytes.isEmpty else { return [:] }
        do { return try JSON(parsing: bytes) } catch { throw WireError.invalid("body: malformed JSON: \(error)") }
    }

    /// For calls that take no body at all.
    func refuseMembers(limit: Int) async throws {
        try ObjectReader(try await optionalJSON(limit: limit)).finish()
    }

    private func bytes(limit: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        if let length = headers[.contentLength].flatMap({ Int($0) }), length <= limit { bytes.reserveCapacity(length) }
        var total = 0
        for try await buffer in body {
            total += buffer.readableBytes
            if total <= limit {
                bytes.append(contentsOf: buffer.readableBytesView)
            } else if total > limit * Self.drainFactor {
                break
            } else {
                bytes = []
            }
        }
        guard total <= limit else {
            throw WireError.tooLarge("the body has more than \(limit) bytes; send it in smaller parts")
        }
        return bytes
    }
}
