internal import Glibc

/// Threads without the concurrency runtime, whose first use costs a static executable several milliseconds.
package enum PosixThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread; it ends when `body` returns. The caller keeps the means to make it return.
    package static func start(_ body: @escaping @Sendable () -> Void) throws(SystemFailure) {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Body(body))
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                // SAFETY: the pointer is the retained box below, taken exactly once.
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemFailure(code, "pthread_create")
        }
        pthread_detach(thread)
    }
}
