internal import HTTPTypes
internal import Hummingbird
internal import Store
internal import Synchronization
internal import Wire

/// Finds out who calls. Keys are remembered for at most two seconds, so a revocation in another process acts soon; one made
/// in this process acts at once.
final class Authenticator: Sendable {
    private struct Entry {
        var record: KeyRecord
        var until: Timestamp
    }

    private static let lifetime = Duration.seconds(2)
    private static let limit = 10_000

    private let store: Store
    private let clock: any WallClock
    private let cache = Mutex<[String: Entry]>([:])

    init(store: Store, clock: any WallClock) {
        self.store = store
        self.clock = clock
    }

    /// - Throws: ``WireError`` 401, without saying which part was wrong.
    func authenticate(_ request: Request) async throws -> Access {
        guard let text = Self.token(request.headers) else {
            throw WireError.unauthenticated("no credential: send an Authorization: Bearer or x-api-key header")
        }
        let secret = KeySecret(text)
        if text.hasPrefix(WorkToken.prefix) {
            guard let item = try await store.work(tokenHash: secret.hash) else { throw Self.unknown }
            return Access(credential: .work(item), workspace: item.workspaceID)
        }
        let record = try await key(secret.hash)
        guard record.isValid(at: clock.now()) else { throw Self.unknown }
        switch (record.kind, record.environmentID) {
        case (.organization, _):
            return Access(credential: .organization, workspace: record.workspaceID, keyID: record.id)
        case (.api, _): return Access(credential: .workspace, workspace: record.workspaceID, keyID: record.id)
        case (.cloudWorker, _): return Access(credential: .cloudWorker, workspace: record.workspaceID, keyID: record.id)
        case (.environment, let id?):
            return Access(credential: .environment(id), workspace: record.workspaceID, keyID: record.id)
        case (.environment, nil): throw Self.unknown
        }
    }

    /// Forgets all keys: call it after one was revoked.
    func forget() { cache.withLock { $0.removeAll() } }

    private func key(_ hash: String) async throws -> KeyRecord {
        let now = clock.now()
        if let entry = cache.withLock({ $0[hash] }), entry.until > now { return entry.record }
        guard let record = try await store.key(hash: hash) else { throw Self.unknown }
        cache.withLock { cache in
            if cache.count >= Self.limit { cache.removeAll() }
            cache[hash] = Entry(record: record, until: now.advanced(by: Self.lifetime))
        }
        return record
    }

    private static func token(_ headers: HTTPFields) -> String? {
        if let bearer = headers[.authorization] {
            let parts = bearer.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return headers[.apiKey]
    }

    private static var unknown: WireError { .unauthenticated("the credential is unknown, expired or revoked") }
}
