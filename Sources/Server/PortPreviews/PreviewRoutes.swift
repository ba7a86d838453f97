internal import Hummingbird
internal import Store
internal import Wire

/// `/v1/sessions/{id}/sandbox/previews`, an extension: addresses of ports inside that anybody who knows them may open.
extension API {
    private static let longestLife = 7 * 86_400

    func addPortPreviews(to routes: Routes) {
        routes.post { try await createPortPreview($0, $1) }
        routes.get { request, context -> Response in
            _ = try context.administrator()
            let (session, _) = try await readableSession(context)
            try QueryReader(request).finish()
            return .page(try await store.portPreviews(of: session.id).map(\.json), next: nil)
        }
        routes.delete(":preview") { request, context -> Response in
            let access = try context.administrator()
            let (session, _) = try await readableSession(context)
            try QueryReader(request).finish()
            let id = try context.id("preview", PreviewID.self, "preview")
            try await store(for: access).deletePortPreview(id, of: session.id)
            return .json(["id": .string(id.rawValue), "type": "sandbox_preview_deleted"])
        }
    }

    private func createPortPreview(_ request: Request, _ context: APIContext) async throws -> Response {
        let access = try context.administrator()
        let (session, _) = try await readableSession(context)
        try QueryReader(request).finish()
        var reader = try ObjectReader(try await request.json(limit: bodyLimit))
        guard let port = try reader.optionalInt("port", range: 1...65_535).orNil else {
            throw WireError.invalid("port: required, a number from 1 to 65535")
        }
        let life = try reader.optionalInt("expires_in", range: 1...Self.longestLife).orNil ?? 3600
        try reader.finish()
        let token = PreviewAddress.makeToken()
        let preview = try await store(for: access).createPortPreview(
            of: session.id, workspace: access.workspace, port: port, for: .seconds(life),
            tokenHash: KeySecret(token).hash)
        var json = preview.json
        // Shown once: only its hash is kept.
        json["url"] = .string(previewAddress(request).url(token))
        return .json(json)
    }

    /// The configured address, or one below localhost at the port that was asked.
    func previewAddress(_ request: Request) -> PreviewAddress {
        if let configured = configuration.previewURL.flatMap({ PreviewAddress($0) }) { return configured }
        let port = Int((request.head.authority ?? "").drop { $0 != ":" }.dropFirst()) ?? configuration.port
        return PreviewAddress(localPort: port)
    }
}
