internal import Unpacking
internal import Logging
internal import Sandbox
internal import Wire

/// Puts the skills of a session's agent into its sandbox (self-hosted-sandboxes §7). One that fails is logged and skipped.
struct SkillInstaller: Sendable {
    let api: APIClient
    let token: Credential
    let key: Credential
    let holder: SandboxHolder
    let logger: Logger

    static let folder = "/workspace/skills"
    static let maximumSkills = 64
    static let archiveLimit = 64 << 20

    func install(_ skills: [JSON]) async {
        for skill in skills.prefix(Self.maximumSkills) {
            guard let id = RemoteID(skill["skill_id"]?.stringValue),
                let version = RemoteID(skill["version"]?.stringValue ?? "latest")
            else { continue }
            do { try await install(id, version) } catch {
                guard !Task.isCancelled else { return }
                logger.warning("skill not installed", metadata: ["skill_id": "\(id)", "reason": "\(error)"])
            }
        }
    }

    private func install(_ id: RemoteID, _ version: RemoteID) async throws {
        let path = "/v1/skills/\(id)/versions/"
        let described = try JSON(
            parsing: try await get(path + version.rawValue, accept: "application/json", limit: 1 << 20))
        guard let concrete = RemoteID(described["id"]?.stringValue) else {
            throw WorkerError(.malformed, "the skill's version has no id")
        }
        let archive = try await get(
            path + "\(concrete)/content", accept: "application/binary", limit: Self.archiveLimit)
        let files = try await Self.unpack(archive)
        let sandbox = try await holder.lease().sandbox
        let folder = Self.folderName(described["name"]?.stringValue, fallback: id)
        for file in files {
            let target = "\(Self.folder)/\(folder)/\(file.path.joined(separator: "/"))"
            try await sandbox.put(file.bytes, at: target, mode: file.isExecutable ? 0o755 : 0o644)
        }
    }

    /// Unpacking is long CPU work, so it leaves the caller's executor.
    @concurrent private static func unpack(_ archive: [UInt8]) async throws(ArchiveError) -> [ArchiveFile] {
        try SkillArchive.files(in: archive)
    }

    /// The last part of the version's name, when it is fit for a folder.
    static func folderName(_ name: String?, fallback: RemoteID) -> String {
        guard let last = name?.split(separator: "/").last, last.utf8.count <= 255,
            let safe = try? ArchiveFile.safePath(String(last)), safe.count == 1
        else { return fallback.rawValue }
        return safe[0]
    }

    /// Asks with the session's token, and with the environment key where that is refused.
    private func get(_ path: String, accept: String, limit: Int) async throws(WorkerError) -> [UInt8] {
        var call = APICall(method: .get, path: path, credential: token, isBeta: false, accept: accept)
        do throws(WorkerError) {
            return try await api.bytes(call, timeout: .seconds(60), limit: limit)
        } catch  where error.code == .unauthorized && token != key {
            call.credential = key
        } catch  where error.isRetryable {
            try? await Task.sleep(for: .seconds(1))
        }
        return try await api.bytes(call, timeout: .seconds(60), limit: limit)
    }
}
