internal import AsyncAlgorithms
internal import NIOCore
internal import Store
internal import Wire

extension API {
    /// Carries one connection of the preview proxy to the port inside.
    func servePreview(
        _ target: PreviewSockets.Target, _ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    ) async {
        do {
            guard let session = try await store.session(target.session) else {
                return try await connection.channel.close().get()
            }
            let pipe = try await pipe(
                into: session, ["type": "port", "port": JSON(target.port)], for: AuditActor(.preview))
            defer { pipe.close() }
            try await connection.executeThenClose { inbound, outbound in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        for try await buffer in inbound {
                            for frame in SandboxFrame.data(of: buffer) { await pipe.toSandbox.send(frame) }
                        }
                        await pipe.toSandbox.send(ByteBuffer(bytes: SandboxFrame.endOfInput.bytes))
                        return false
                    }
                    group.addTask {
                        var decoder = SandboxFrameDecoder()
                        for await buffer in pipe.toPerson {
                            for frame in try decoder.feed(buffer.readableBytesView) {
                                guard case .data(let bytes) = frame else { return true }
                                try await outbound.write(ByteBuffer(bytes: bytes))
                            }
                        }
                        return true
                    }
                    defer { group.cancelAll() }
                    while let isOver = try await group.next() { if isOver { return } }
                }
            }
        } catch {
            // Whatever it was, the client of the proxy sees its connection end and says so.
            try? await connection.channel.close().get()
        }
    }
}

extension SandboxFrame {
    fileprivate static func data(of buffer: ByteBuffer) -> [ByteBuffer] {
        let bytes = Array(buffer.readableBytesView)
        return stride(from: 0, to: bytes.count, by: maximumLength).map { start in
            ByteBuffer(bytes: data(Array(bytes[start..<min(bytes.count, start + maximumLength)])).bytes)
        }
    }
}
