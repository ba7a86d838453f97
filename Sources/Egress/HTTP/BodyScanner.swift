/// Finds the end of a request's body, so that nothing behind it is sent to the host.
struct BodyScanner: Sendable {
    private enum State: Equatable {
        /// So many bytes of the body, or of a chunk with its line end, are still to come.
        case length(Int)
        case chunk(Int)
        /// In the line with a chunk's size: the size so far, its digits, and whether only an extension follows.
        case size(Int, digits: Int, isExtension: Bool, line: Int)
        /// In a trailer line, with the bytes of all trailers so far.
        case trailer(line: Int, total: Int)
        case finished
    }
    private static let maximumLine = 1024
    private static let maximumTrailer = 8192

    private var state: State
    private var last: UInt8 = 0

    init(_ framing: BodyFraming) {
        switch framing {
        case .none: state = .finished
        case .length(let length): state = length > 0 ? .length(length) : .finished
        case .chunked: state = .size(0, digits: 0, isExtension: false, line: 0)
        }
    }

    var isFinished: Bool { state == .finished }

    /// Looks at the next bytes.
    /// - Parameter content: gets what they hold of the content, without the framing of chunks.
    /// - Returns: how many of them belong to the body.
    mutating func take(
        _ bytes: ArraySlice<UInt8>, content: (ArraySlice<UInt8>) -> Void = { _ in }
    ) throws(ProxyRequestError) -> Int {
        var index = bytes.startIndex
        while index < bytes.endIndex, state != .finished {
            let left = bytes.endIndex - index
            switch state {
            case .length(let count):
                content(bytes[index..<(index + min(left, count))])
                index += min(left, count)
                state = count <= left ? .finished : .length(count - left)
            case .chunk(let count) where count > 2:
                let step = min(left, count - 2)
                content(bytes[index..<(index + step)])
                index += step
                state = .chunk(count - step)
            case .chunk(let count):
                guard bytes[index] == (count == 2 ? 0x0D : 0x0A) else { throw Self.broken }
                index += 1
                state = count == 2 ? .chunk(1) : .size(0, digits: 0, isExtension: false, line: 0)
            case .size, .trailer:
                try step(bytes[index])
                last = bytes[index]
                index += 1
            case .finished: break
            }
        }
        return index - bytes.startIndex
    }

    private mutating func step(_ byte: UInt8) throws(ProxyRequestError) {
        switch state {
        case .size(let size, let digits, let isExtension, let line):
            guard line < Self.maximumLine else { throw Self.broken }
            if last == 0x0D, line > 0 {
                guard byte == 0x0A, digits > 0 else { throw Self.broken }
                state = size == 0 ? .trailer(line: 0, total: 0) : .chunk(size + 2)
            } else if byte == 0x0D || isExtension {
                guard byte != 0x0A else { throw Self.broken }
                state = .size(size, digits: digits, isExtension: isExtension, line: line + 1)
            } else if byte == UInt8(ascii: ";"), digits > 0 {
                state = .size(size, digits: digits, isExtension: true, line: line + 1)
            } else {
                guard digits < 15, let digit = Character(UnicodeScalar(byte)).hexDigitValue else { throw Self.broken }
                state = .size(size << 4 | digit, digits: digits + 1, isExtension: false, line: line + 1)
            }
        case .trailer(let line, let total):
            guard total < Self.maximumTrailer else { throw Self.broken }
            if line > 0, last == 0x0D {
                guard byte == 0x0A else { throw Self.broken }
                state = line == 1 ? .finished : .trailer(line: 0, total: total + 1)
            } else {
                guard byte != 0x0A else { throw Self.broken }
                state = .trailer(line: line + 1, total: total + 1)
            }
        case .length, .chunk, .finished: break
        }
    }

    private static var broken: ProxyRequestError { .malformed("its chunked body is broken") }
}
