package import Glibc

/// An open file descriptor that is closed when the last reference goes.
///
/// The close in `deinit` is the point of the type: a descriptor lives exactly as long as what uses it.
package final class Descriptor: Sendable {
    package let raw: Int32

    package init(_ raw: Int32) {
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    /// Takes the result of a call that returns a descriptor or -1.
    package convenience init(opened raw: Int32, _ operation: StaticString) throws(SystemFailure) {
        guard raw >= 0 else { throw SystemFailure(errno, operation) }
        self.init(raw)
    }

    /// Reads up to `limit` bytes; empty means the end.
    package func read(upTo limit: Int) throws(SystemFailure) -> [UInt8] {
        var failure: SystemFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while true {
                let got = Glibc.read(raw, buffer.baseAddress, limit)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failure = SystemFailure(errno, "read") }
                count = max(got, 0)
                return
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads to the end, at most `limit` bytes and one more: a longer result shows that there was more.
    package func readAll(limit: Int) throws(SystemFailure) -> [UInt8] {
        var all: [UInt8] = []
        while all.count <= limit {
            let piece = try read(upTo: min(1 << 16, limit + 1 - all.count))
            if piece.isEmpty { break }
            all.append(contentsOf: piece)
        }
        return all
    }

    /// Writes all bytes; the descriptor must be a blocking one.
    package func write(_ bytes: some RandomAccessCollection<UInt8>) throws(SystemFailure) {
        var failure: SystemFailure?
        let wrote: Void? = bytes.withContiguousStorageIfAvailable { buffer in
            failure = writeAll(UnsafeRawBufferPointer(buffer))
        }
        if wrote == nil { failure = Array(bytes).withUnsafeBytes { writeAll($0) } }
        if let failure { throw failure }
    }

    private func writeAll(_ buffer: UnsafeRawBufferPointer) -> SystemFailure? {
        var rest = buffer[...]
        while !rest.isEmpty {
            let count = Glibc.write(raw, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                return SystemFailure(errno, "write")
            }
            rest = rest.dropFirst(count)
        }
        return nil
    }

    package func status() throws(SystemFailure) -> stat {
        var status = stat()
        guard fstat(raw, &status) == 0 else { throw SystemFailure(errno, "stat") }
        return status
    }
}
