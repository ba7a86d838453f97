import Synchronization

final class TimeBox: Sendable {
    private let microseconds = Mutex(Int64(1_790_000_000_000_000))
    var value: Int64 { microseconds.withLock { $0 } }
    func add(_ amount: Int64) { microseconds.withLock { $0 += amount } }
}
