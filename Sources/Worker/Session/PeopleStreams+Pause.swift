internal import Sandbox

extension PeopleStreams {
    /// How long a session that was just claimed may take until it is known what goes on in it.
    private static let knowledge = Duration.seconds(60)
    private static let glance = Duration.milliseconds(20)

    /// Pauses the sandbox when nothing is in use, and tells the server before it returns.
    func pause() async throws(SandboxError) {
        if !holder.isPaused { _ = try await holder.lease() }
        let deadline = ContinuousClock.now + Self.knowledge
        while true {
            switch board.ask({ $0.beginPause() }) {
            case .begun:
                defer { board.tell { $0.endPause() } }
                try await holder.pause()
                return await start.flush()
            case .refused(let reason): throw SandboxError(.unavailable, reason)
            case .unknown:
                guard ContinuousClock.now < deadline, !Task.isCancelled else {
                    throw SandboxError(.timedOut, "the session is still being prepared: try again")
                }
                try? await Task.sleep(for: Self.glance)
            }
        }
    }
}
