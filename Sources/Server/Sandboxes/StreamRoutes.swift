internal import AsyncAlgorithms
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Store
internal import Wire

/// `/v1/sessions/{id}/sandbox/streams`, an extension: a shell, a command or a port of a session's sandbox for a person. Both
/// sides send one request whose body and answer are open at the same time, and carry ``SandboxFrame``s.
extension API {
    /// How long a person waits for a worker, which may have to make the sandbox first.
    private static let workerPatience = Duration.seconds(60)
    private static let reminder = Duration.seconds(1)
    /// What a person says that a stream is for; the audit chain has it.
    private static let purposes = ["attach", "forward", "ssh", "upload", "download"]
    /// How long one direction may go on when the other has ended.
    private static let farewell = Duration.seconds(10)

    func addStreams(to routes: Routes) {
        routes.post { try await openStream($0, $1) }
        routes.get("next") { try await nextStream($0, $1) }
        routes.post(":stream") { try await joinStream($0, $1) }
    }

    private func openStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let (session, _) = try await readableSession(context)
        let target = try Self.target(request)
        let pipe = try await pipe(into: session, target, for: access.actor)
        return Self.splice(request, from: pipe.toPerson, to: pipe.toSandbox, pipe)
    }

    /// Offers a stream to the session's worker and waits until it has come, and until the audit chain says so.
    /// - Throws: ``WireError`` 429, 503, and those of a session that takes no work.
    func pipe(into session: SessionRecord, _ target: JSON, for actor: AuditActor) async throws -> StreamPipe {
        let offer = StreamHub.Offer(id: StreamID.make(ids).rawValue, target: target)
        // A session without a worker gets one; it leaves again when nothing is to be done.
        try await store.requestWorker(for: session.id, workspace: session.workspaceID)
        guard streams.offer(offer, of: session.id) else {
            throw WireError(
                status: 429, type: "rate_limit_error",
                message: "session \(session.id) has too many streams that wait for its worker")
        }
        defer { streams.withdraw(offer.id, of: session.id) }
        let hasWorker = await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask { await offer.pipe.waitForWorker(Self.workerPatience) }
                group.addTask { [store, streams] in
                    // The worker that holds the session may just be leaving: then there is to be another.
                    while (try? await Task.sleep(for: Self.reminder)) != nil {
                        try? await store.requestWorker(for: session.id, workspace: session.workspaceID)
                        streams.remind(offer.id, of: session.id)
                    }
                    return false
                }
                defer { group.cancelAll() }
                return await group.next() ?? false
            }
        }
        guard hasWorker else {
            throw WireError.unavailable(
                "no worker took the stream: check that a worker serves environment \(session.environmentID)")
        }
        do {
            let (action, details) = Self.audited(target, stream: offer.id)
            try await store.acting(as: actor).audit(
                action, session.id.rawValue, workspace: session.workspaceID, details)
        } catch {
            offer.pipe.close()
            throw error
        }
        logger.notice(
            "stream opened",
            metadata: [
                "session_id": "\(session.id)", "stream_id": "\(offer.id)",
                "target": "\(target["type"]?.stringValue ?? "")",
            ])
        return offer.pipe
    }

    /// What the audit chain says of a stream. Commands may hold secrets, so they are not in it.
    private static func audited(_ target: JSON, stream: String) -> (AuditAction, JSON) {
        switch target["type"]?.stringValue {
        case "pause": (.pauseRequested, [:])
        case "resume": (.resumeRequested, [:])
        case "snapshot": (.snapshotRequested, ["name": target["name"] ?? .null])
        default:
            (
                .streamOpened,
                [
                    "stream_id": .string(stream), "type": target["type"] ?? .null, "port": target["port"] ?? .null,
                    "purpose": target["purpose"] ?? .null,
                ]
            )
        }
    }

    private func nextStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, access) = try await readableSession(context)
        try access.requireService(of: session)
        var query = try QueryReader(request)
        let wait = try query.int("wait_ms", 0...60_000) ?? 0
        try query.finish()
        guard let offer = await streams.next(of: session.id, within: .milliseconds(wait)) else { return .json(.null) }
        return .json(["type": "sandbox_stream", "id": .string(offer.id), "target": offer.target])
    }

    private func joinStream(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, access) = try await readableSession(context)
        try access.requireService(of: session)
        let id = context.text("stream")
        guard let pipe = streams.join(id, of: session.id) else {
            throw WireError.notFound("no stream with id \(id.prefix(64)) waits in session \(session.id)")
        }
        return Self.splice(request, from: pipe.toSandbox, to: pipe.toPerson, pipe)
    }

    /// What the query asks for, checked.
    private static func target(_ request: Request) throws(WireError) -> JSON {
        var query = try QueryReader(request)
        let kind = try query.text("type")
        let command = try query.text("command") ?? ""
        guard command.utf8.count <= 32 << 10, !command.utf8.contains(0) else {
            throw .invalid("command: at most 32 KiB without NUL")
        }
        let purpose = try query.text("purpose")
        guard purpose.map({ purposes.contains($0) }) ?? true else {
            throw .invalid("purpose: must be one of \(purposes.joined(separator: ", "))")
        }
        var target: JSON
        switch kind {
        case "terminal":
            let columns = try query.int("columns", 1...1000) ?? 80
            let rows = try query.int("rows", 1...1000) ?? 24
            target = ["type": "terminal", "columns": JSON(columns), "rows": JSON(rows), "command": .string(command)]
        case "command":
            guard !command.isEmpty else { throw .invalid("command: required for type 'command'") }
            target = ["type": "command", "command": .string(command)]
        case "port":
            guard let port = try query.int("port", 1...65_535) else { throw .invalid("port: required for type 'port'") }
            target = ["type": "port", "port": JSON(port)]
        case "snapshot":
            guard let name = try query.text("name").flatMap({ SnapshotName($0) }) else {
                throw .invalid("name: required for type 'snapshot', \(SnapshotName.rule)")
            }
            target = ["type": "snapshot", "name": .string(name.rawValue)]
        default: throw .invalid("type: must be terminal, command, port or snapshot")
        }
        try query.finish()
        target["purpose"] = purpose.map { .string($0) }
        return target
    }

    /// Answers with one direction while the request's body is the other. The end of either ends both.
    private static func splice(
        _ request: Request, from source: AsyncChannel<ByteBuffer>, to target: AsyncChannel<ByteBuffer>,
        _ pipe: StreamPipe
    ) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/octet-stream", .cacheControl: "no-store", .connection: "close"],
            body: ResponseBody { writer in
                let sink = StreamSink(writer)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        // A body that breaks off ends the stream just as one that ends.
                        do { for try await buffer in request.body { await target.send(buffer) } } catch {}
                        pipe.close()
                    }
                    group.addTask {
                        do {
                            // The head goes out before the first byte of the other side.
                            try await sink.write([])
                            for await buffer in source { try await sink.write(Array(buffer.readableBytesView)) }
                            try await sink.finish()
                        } catch {}
                        pipe.close()
                    }
                    // The other direction ends by itself; to cancel it would close the connection over unsent bytes.
                    await withGracefulShutdownHandler {
                        await group.next()
                    } onGracefulShutdown: {
                        pipe.close()
                    }
                    group.addTask { try? await Task.sleep(for: farewell) }
                    await group.next()
                    group.cancelAll()
                }
            })
    }
}
