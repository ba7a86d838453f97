internal import Sandbox
internal import Synchronization

/// A connection of which something has been read already.
final class PrefixedConnection: OutboundConnection {
    private let first: Mutex<ArraySlice<UInt8>>
    private let inner: any OutboundConnection

    init(_ first: ArraySlice<UInt8>, _ inner: any OutboundConnection) {
        self.first = Mutex(first)
        self.inner = inner
    }

    func read() async throws(SandboxError) -> [UInt8]? {
        let known = first.withLock { first in
            defer { first = [] }
            return Array(first)
        }
        return known.isEmpty ? try await inner.read() : known
    }

    func write(_ bytes: [UInt8]) async throws(SandboxError) { try await inner.write(bytes) }
    func finish() async { await inner.finish() }
    func reset() async { await inner.reset() }
}
