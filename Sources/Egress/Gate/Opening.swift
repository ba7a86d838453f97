internal import Sandbox

/// How a connection from inside begins: what it asks for, in which protocol, and what came with it.
struct Opening: Sendable {
    enum Dialect: Sendable {
        case http
        /// Version 5 (RFC 1928).
        case socks

        var tunnelIsOpen: [UInt8] { self == .http ? ProxyReply.tunnelIsOpen : SOCKSRequest.reply(.succeeded) }

        func bytes(of reply: ProxyReply) -> [UInt8] {
            switch self {
            case .http: reply.bytes
            case .socks: SOCKSRequest.reply(SOCKSRequest.Status(reply.status))
            }
        }
    }

    var request: ProxyRequest
    var dialect: Dialect
    /// Bytes after the head.
    var rest: ArraySlice<UInt8>

    /// - Returns: nil when the program closed its side first.
    static func read(
        from connection: any OutboundConnection, within tunnel: ProxyRequest.Tunnel?, watch: ActivityWatch
    ) async throws(ProxyReply.Refusal) -> Opening? {
        var bytes: [UInt8] = []
        do {
            while true {
                let searched = bytes.count
                guard let more = try await connection.read() else { return nil }
                watch.touch()
                bytes += more
                if bytes.first == SOCKSRequest.version, tunnel == nil {
                    return try await readSOCKS(bytes, connection)
                }
                guard let length = try ProxyRequest.headLength(bytes, searched: searched) else { continue }
                let request = try ProxyRequest(parsing: Array(bytes[..<length]), within: tunnel)
                return Opening(request: request, dialect: .http, rest: bytes[length...])
            }
        } catch let error as ProxyRequestError {
            switch error {
            case .malformed(let reason):
                throw .reply(.badRequest, "The sandbox's egress gate cannot carry this request: \(reason).")
            case .tooLong:
                throw .reply(
                    .headTooLarge,
                    "The request's head has more than \(ProxyRequest.maximumHead >> 10) KiB or 256 fields.")
            }
        } catch {
            throw .broken
        }
    }

    private static func readSOCKS(_ first: [UInt8], _ connection: any OutboundConnection) async throws -> Opening? {
        var bytes = first
        func more() async throws -> Bool {
            guard let piece = try await connection.read() else { return false }
            bytes += piece
            return true
        }
        while try SOCKSRequest.greetingLength(bytes) == nil { guard try await more() else { return nil } }
        guard let length = try SOCKSRequest.greetingLength(bytes) else { return nil }
        guard SOCKSRequest.offersNoAuthentication(bytes.prefix(length)) else {
            try await connection.write(SOCKSRequest.noAcceptableMethod)
            return nil
        }
        try await connection.write(SOCKSRequest.noAuthentication)
        bytes.removeFirst(length)
        while true {
            if let (request, length) = try SOCKSRequest.parse(bytes) {
                return Opening(request: request, dialect: .socks, rest: bytes[length...])
            }
            guard try await more() else { return nil }
        }
    }
}
