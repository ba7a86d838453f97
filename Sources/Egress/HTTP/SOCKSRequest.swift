/// The messages of SOCKS version 5 that the gate understands (RFC 1928): CONNECT without authentication.
enum SOCKSRequest {
    enum Status: UInt8 {
        case succeeded = 0
        case failure = 1
        case notAllowed = 2
        case unreachable = 4

        init(_ status: ProxyReply.Status) {
            self =
                switch status {
                case .forbidden: .notAllowed
                case .badGateway, .timedOut: .unreachable
                case .badRequest, .headTooLarge, .unavailable: .failure
                }
        }
    }

    static let version: UInt8 = 5
    static let noAuthentication: [UInt8] = [5, 0]
    static let noAcceptableMethod: [UInt8] = [5, 0xFF]

    /// The answer to a request; the address in it is unused (RFC 1928 §6).
    static func reply(_ status: Status) -> [UInt8] { [5, status.rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }

    /// - Returns: nil while the greeting is incomplete.
    static func greetingLength(_ bytes: [UInt8]) throws(ProxyRequestError) -> Int? {
        guard bytes.count >= 2 else { return nil }
        guard bytes[0] == version, bytes[1] > 0 else { throw .malformed("its SOCKS greeting is broken") }
        let length = 2 + Int(bytes[1])
        return bytes.count >= length ? length : nil
    }

    static func offersNoAuthentication(_ greeting: ArraySlice<UInt8>) -> Bool { greeting.dropFirst(2).contains(0) }

    /// - Returns: nil while the request is incomplete; else what it asks for, and its length.
    static func parse(_ bytes: [UInt8]) throws(ProxyRequestError) -> (ProxyRequest, Int)? {
        guard bytes.count >= 5 else { return nil }
        guard bytes[0] == version, bytes[2] == 0 else { throw .malformed("its SOCKS request is broken") }
        guard bytes[1] == 1 else { throw .malformed("of SOCKS only CONNECT is carried") }
        let (begin, count): (Int, Int)
        switch bytes[3] {
        case 1: (begin, count) = (4, 4)
        case 3: (begin, count) = (5, Int(bytes[4]))
        case 4: (begin, count) = (4, 16)
        default: throw .malformed("its SOCKS address is of no known kind")
        }
        let end = begin + count
        guard bytes.count >= end + 2 else { return nil }
        let address = bytes[begin..<end]
        let host: HostName?
        switch bytes[3] {
        case 1: host = .address(.v4(address.reduce(0) { $0 << 8 | UInt32($1) }))
        case 4:
            let bits = address.reduce(0) { $0 << 8 | UInt128($1) }
            host = .address(bits >> 32 == 0xFFFF ? .v4(UInt32(truncatingIfNeeded: bits)) : .v6(bits))
        default: host = String(validating: address, as: UTF8.self).flatMap { HostName($0) }
        }
        let port = Int(bytes[end]) << 8 | Int(bytes[end + 1])
        guard let host, port > 0 else { throw .malformed("its host is not a name or an address") }
        return (ProxyRequest(tunnelTo: host, port: port), end + 2)
    }
}
