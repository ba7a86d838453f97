import Sandbox

/// Tells when it begins to serve, reads nothing, and waits until it is cancelled.
struct WaitingGate: OutboundGate {
    let begun: AsyncStream<Void>
    private let feed: AsyncStream<Void>.Continuation

    init() { (begun, feed) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1024)) }

    func serve(_ connection: any OutboundConnection) async {
        feed.yield()
        try? await Task.sleep(for: .seconds(1000))
    }
}
