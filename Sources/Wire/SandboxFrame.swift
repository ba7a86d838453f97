/// One piece of a stream between a person and a session's sandbox (`/v1/sessions/{id}/sandbox/streams`, an extension).
///
/// On the wire: kind u8, length u32 big endian, as many bytes. The server passes frames on without looking into them.
public enum SandboxFrame: Equatable, Sendable {
    case data([UInt8])
    /// To the sandbox: the terminal's new size, two u16.
    case resize(columns: UInt16, rows: UInt16)
    /// To the sandbox: no more input comes; output still may.
    case endOfInput
    /// From the sandbox, the last one of a shell: how it ended, i32.
    case exited(Int32)
    /// From the sandbox, the last one of a stream that failed: why, as text.
    case failed(String)

    /// The most bytes in one frame.
    public static let maximumLength = 64 << 10

    private var kind: UInt8 {
        switch self {
        case .data: 0
        case .resize: 1
        case .endOfInput: 2
        case .exited: 3
        case .failed: 4
        }
    }

    private var payload: [UInt8] {
        switch self {
        case .data(let bytes): bytes
        case .resize(let columns, let rows): Self.bigEndian(columns) + Self.bigEndian(rows)
        case .endOfInput: []
        case .exited(let code): Self.bigEndian(code)
        case .failed(let reason): Array(reason.utf8.prefix(4096))
        }
    }

    /// - Precondition: data has at most ``maximumLength`` bytes.
    public var bytes: [UInt8] {
        let payload = payload
        precondition(payload.count <= Self.maximumLength, "a frame has at most \(Self.maximumLength) bytes")
        return [kind] + Self.bigEndian(UInt32(payload.count)) + payload
    }

    fileprivate init?(kind: UInt8, payload: ArraySlice<UInt8>) {
        switch (kind, payload.count) {
        case (0, _): self = .data(Array(payload))
        case (1, 4):
            let number = payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            self = .resize(columns: UInt16(number >> 16), rows: UInt16(truncatingIfNeeded: number))
        case (2, 0): self = .endOfInput
        case (3, 4): self = .exited(Int32(bitPattern: payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }))
        case (4, 0...4096): self = .failed(String(decoding: payload, as: UTF8.self))
        default: return nil
        }
    }

    private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}

/// Takes bytes in any pieces and gives frames. What is no frame ends it.
public struct SandboxFrameDecoder: Sendable {
    public struct Malformed: Error, Sendable {
        public init() {}
    }
    private var buffer: [UInt8] = []
    private var start = 0

    public init() {}

    /// - Throws: ``Malformed`` for an unknown kind or a length out of bounds; nothing can be decoded afterwards.
    public mutating func feed(_ bytes: some Sequence<UInt8>) throws(Malformed) -> [SandboxFrame] {
        buffer.append(contentsOf: bytes)
        var frames: [SandboxFrame] = []
        while buffer.count - start >= 5 {
            let length = buffer[start + 1..<start + 5].reduce(0) { $0 << 8 | Int($1) }
            guard length <= SandboxFrame.maximumLength else { throw Malformed() }
            guard buffer.count - start >= 5 + length else { break }
            let payload = buffer[start + 5..<start + 5 + length]
            guard let frame = SandboxFrame(kind: buffer[start], payload: payload) else { throw Malformed() }
            frames.append(frame)
            start += 5 + length
        }
        buffer.removeFirst(start)
        start = 0
        return frames
    }
}
