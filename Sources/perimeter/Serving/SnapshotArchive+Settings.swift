internal import Archive
internal import AsyncHTTPClient
internal import NIOCore

extension SnapshotArchive {
    /// Runs `body` with the archive that the settings name; nil when they name none.
    static func with<Value: Sendable>(
        _ settings: Settings, _ body: (SnapshotArchive?) async throws -> Value
    ) async throws -> Value {
        let drafts = drafts(settings)
        switch settings.keeping.place {
        case nil: return try await body(nil)
        case .folder(let path): return try await body(SnapshotArchive(store: FolderStore(folder: path), drafts: drafts))
        case .bucket(let bucket):
            // A redirect would carry a signature to another host.
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.timeout.connect = .seconds(10)
            // Parts of a large upload are put together before the answer comes.
            configuration.timeout.read = .minutes(10)
            return try await HTTPClient.with(configuration) { http in
                try await body(SnapshotArchive(store: S3Store(settings: bucket, http: http), drafts: drafts))
            }
        }
    }

    /// Where snapshots lie on their way.
    static func drafts(_ settings: Settings) -> String { settings.dataDirectory + "/worker-archive" }
}
