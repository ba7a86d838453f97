package import NIOCore

/// The worker's end of a channel that carries the daemon's bytes, before the greeting.
package struct ExecdEnd: Sendable {
    let channel: any Channel
    let requests: RequestTable
    let relays: RelayTable
    let outlet: FrameOutlet

    /// Puts the daemon's protocol at the end of the pipeline. What stands before it turns `ByteBuffer`s into what the wire
    /// carries, and may end the connection with a ``SandboxError`` as its reason.
    ///
    /// To be called on the channel's event loop, before any byte of the daemon arrives.
    /// - Parameter hasGate: whether connections from inside will be served.
    package init(addedTo channel: any Channel, hasGate: Bool) throws {
        self.channel = channel
        requests = RequestTable()
        relays = RelayTable(isOpen: hasGate)
        outlet = FrameOutlet(channel: channel, requests: requests)
        try channel.pipeline.syncOperations.addHandler(
            ExecdChannelHandler(requests: requests, relays: relays, outlet: outlet))
        // A connection that ended while its pipeline was made tells no handler.
        channel.closeFuture.whenComplete { [requests, relays] _ in
            requests.close(with: SandboxError(.lost, "the sandbox ended"))
            relays.close()
        }
    }
}
