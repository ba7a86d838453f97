internal import UnixSignals

/// Runs work that a person may end with Ctrl-C.
enum Interruption {
    /// - Returns: what `body` returned; nil when Ctrl-C came first, in which case `body` was cancelled.
    static func catching<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value? {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { break }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
