/// What the host asks of the first process of a virtual machine, at the head of each connection to it.
package enum GuestRequest: Equatable, Sendable {
    /// Whether the machine has booted.
    case ping
    /// Makes a booted machine one session's sandbox, then goes on as `attach`. Once in a machine's life.
    case start(GuestSettings, GuestMoment)
    /// The stream belongs to the daemon from here on.
    /// - Parameter token: takes the place of the one known so far, in a copy of the machine.
    case attach(GuestMoment, token: [UInt8]?)
    /// Writes the files back. The stream stays the host's.
    case sync
    /// Ends all programs, writes the files back and turns the machine off.
    case end

    /// Stands for the token while the machine has none.
    package static let firstMarker = Array("perimeter-guest-waits-for-its-first-message-and-has-no-token-yet".utf8)
    package static let tokenLength = 64

    private enum Kind: UInt8 { case ping = 1, start, attach, sync, end }

    package func payload(nonce: [UInt8]) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(nonce)
        switch self {
        case .ping: writer.put(Kind.ping.rawValue)
        case .sync: writer.put(Kind.sync.rawValue)
        case .start(let settings, let moment):
            writer.put(Kind.start.rawValue)
            settings.append(to: &writer)
            moment.append(to: &writer)
        case .attach(let moment, let token):
            writer.put(Kind.attach.rawValue)
            moment.append(to: &writer)
            writer.put(token ?? [])
        case .end: writer.put(Kind.end.rawValue)
        }
        return writer.bytes
    }

    package static func parse(_ payload: [UInt8]) throws(ProtocolError) -> (request: GuestRequest, nonce: [UInt8]) {
        var reader = FieldReader(payload)
        let nonce = try reader.field()
        guard nonce.count == GuestReply.nonceLength else { throw .invalidField("nonce") }
        guard let kind = Kind(rawValue: try reader.byte()) else { throw .invalidField("kind") }
        let request: GuestRequest
        switch kind {
        case .ping: request = .ping
        case .sync: request = .sync
        case .start: request = .start(try GuestSettings(from: &reader), try GuestMoment(from: &reader))
        case .attach:
            let moment = try GuestMoment(from: &reader)
            let token = try reader.field()
            guard token.isEmpty || token.count == tokenLength else { throw .invalidField("token") }
            request = .attach(moment, token: token.isEmpty ? nil : token)
        case .end: request = .end
        }
        try reader.finish()
        return (request, nonce)
    }
}

/// The answer, which begins with the number that the request carried.
package struct GuestReply: Equatable, Sendable {
    package static let nonceLength = 32
    /// Why the request was not done; nil when it was.
    package var failure: String?

    package init(failure: String?) { self.failure = failure }

    package init(parsing payload: [UInt8]) throws(ProtocolError) {
        var reader = FieldReader(payload)
        failure = try reader.optionalText("failure")
        try reader.finish()
    }

    package var payload: [UInt8] {
        var writer = FieldWriter()
        writer.put(optional: failure)
        return writer.bytes
    }
}

/// What a machine cannot know of the moment in which it goes on.
package struct GuestMoment: Equatable, Sendable {
    /// Nanoseconds since 1970.
    package var clock: Int64
    /// Secret random bytes, so that copies of one machine have nothing random in common from here on.
    package var seed: [UInt8]

    package static let seedLength = 64

    package init(clock: Int64, seed: [UInt8]) {
        self.clock = clock
        self.seed = seed
    }

    init(from reader: inout FieldReader) throws(ProtocolError) {
        clock = try reader.int64()
        seed = try reader.field()
        guard clock >= 0, seed.count == Self.seedLength else { throw .invalidField("moment") }
    }

    func append(to writer: inout FieldWriter) {
        writer.put(clock)
        writer.put(seed)
    }
}
