internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/sessions/{id}/sandbox`, an extension: what holds a session's tools, and how long its start took.
extension API {
    private static let maximumBoundary = 400
    private static let maximumDenials = 32
    private static let maximumReason = 4096
    /// A day: what takes longer is no start.
    private static let longestStage = 86_400.0

    func addSandboxes(to routes: Routes) {
        routes.get { try await retrieveSandbox($0, $1) }
        routes.post { try await reportSandbox($0, $1) }
        routes.post("pause") { try await steerSandbox($0, $1, "pause") }
        routes.post("resume") { try await steerSandbox($0, $1, "resume") }
    }

    private func retrieveSandbox(_ request: Request, _ context: APIContext) async throws -> Response {
        try QueryReader(request).finish()
        return .json(try await sandboxObject(of: try await readableSession(context).0))
    }

    func sandboxObject(of session: SessionRecord) async throws -> JSON {
        let report = try await store.sandboxReport(of: session.id)
        return [
            "type": "session_sandbox", "session_id": .string(session.id.rawValue),
            "state": .string(try await store.sandboxState(of: session, as: report).rawValue),
            "boundary": report?.body["boundary"] ?? JSON(session.sandbox),
            "stages": report?.body["stages"] ?? [:], "egress_denials": report?.body["egress_denials"] ?? [],
            "reported_at": JSON(report?.reportedAt),
        ]
    }

    /// Only the worker that serves the session may say what holds it.
    private func reportSandbox(_ request: Request, _ context: APIContext) async throws -> Response {
        let (session, access) = try await readableSession(context)
        try access.requireService(of: session)
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        let boundary = try reader.string("boundary", length: 1...Self.maximumBoundary)
        let stages = try reader.required("stages")
        let state = try reader.optionalString("state").orNil
        guard state.map({ SandboxState(rawValue: $0) != nil }) ?? true else {
            throw WireError.invalid("state: must be running, paused or none")
        }
        let denials = try reader.optionalArray("egress_denials", count: 0...Self.maximumDenials).orNil ?? []
        try reader.finish()
        guard let given = stages.objectValue?.members else {
            throw WireError.invalid("stages: expected an object, got \(stages.kindName)")
        }
        for (name, value) in given {
            guard StartStages.names.contains(name) else {
                throw WireError.invalid("stages: there is no stage '\(name.prefix(64))'")
            }
            guard let seconds = value.doubleValue, (0...Self.longestStage).contains(seconds) else {
                throw WireError.invalid("stages.\(name): expected seconds from 0 to \(Int(Self.longestStage))")
            }
        }
        startStages.observe(
            given.compactMap { stage in stage.value.doubleValue.map { (stage.key, $0) } }, of: session.id)
        for (index, denial) in denials.enumerated() {
            var reader = try ObjectReader(denial, path: "egress_denials[\(index)]")
            _ = try reader.string("reason", length: 1...Self.maximumReason)
            _ = try reader.string("last_at", length: 1...40)
            guard try reader.required("count").intValue ?? 0 > 0 else {
                throw WireError.invalid("egress_denials[\(index)].count: expected a whole number above zero")
            }
            try reader.finish()
        }
        try await store(for: access).reportSandbox(
            of: session,
            [
                "boundary": .string(boundary), "stages": stages, "egress_denials": .array(denials),
                "state": JSON(state),
            ])
        return .json([:])
    }
}
