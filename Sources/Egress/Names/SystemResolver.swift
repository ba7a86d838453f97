internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Asks the host's resolver, which blocks a thread of a pool while it does. A bounded number of look-ups is under way.
public struct SystemResolver: NameResolver {
    private final class Pending: Sendable {
        private let count = Mutex(0)
        func begin(limit: Int) -> Bool {
            count.withLock { count in
                guard count < limit else { return false }
                count += 1
                return true
            }
        }
        func end() { count.withLock { $0 -= 1 } }
    }
    private static let maximumAnswers = 16

    private let pending = Pending()
    private let limit: Int

    /// - Parameter limit: look-ups under way at once; more are refused.
    public init(limit: Int = 32) {
        self.limit = limit
    }

    /// The look-up goes on in its thread after the time is up, and counts until it ends.
    public func addresses(of name: String, within limit: Duration) async throws(NameError) -> [IPAddress] {
        guard pending.begin(limit: self.limit) else { throw .busy }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let answer = loop.makePromise(of: Result<[IPAddress], NameError>.self)
        let lookup = NIOThreadPool.singleton.runIfActive(eventLoop: loop) { Self.lookUp(name) }
        let timer = loop.scheduleTask(in: TimeAmount(limit)) { answer.succeed(.failure(.timedOut)) }
        lookup.whenComplete { [pending] result in
            pending.end()
            timer.cancel()
            let found = (try? result.get()) ?? []
            answer.succeed(found.isEmpty ? .failure(.unknown) : .success(found))
        }
        guard let result = try? await answer.futureResult.get() else { throw .timedOut }
        return try result.get()
    }

    private static func lookUp(_ name: String) -> [IPAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0, let first = list else { return [] }
        defer { freeaddrinfo(first) }
        var found: [IPAddress] = []
        var next: UnsafeMutablePointer<addrinfo>? = first
        while let entry = next, found.count < maximumAnswers {
            next = entry.pointee.ai_next
            var text = [CChar](repeating: 0, count: 64)
            let status = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            let characters = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            // An address with a zone is of the own link, which nobody may reach.
            guard status == 0, let address = IPAddress(String(decoding: characters, as: UTF8.self)) else { continue }
            if !found.contains(address) { found.append(address) }
        }
        return found
    }
}
