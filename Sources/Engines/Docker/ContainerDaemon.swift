internal import NIOHTTP1
internal import Sandbox
internal import Synchronization
internal import Wire

/// The calls of the Docker Engine API that the engine makes, the same for Docker and Podman.
struct ContainerDaemon: Sendable {
    let socketPath: String
    let deadline: Duration
    let pullDeadline: Duration
    private let agreed = AgreedVersion()

    /// The version whose fields the engine uses: Docker 20.10 and every Podman since 3 have it.
    private static let wanted = APIVersion(major: 1, minor: 41)

    init(socketPath: String, deadline: Duration, pullDeadline: Duration) {
        self.socketPath = socketPath
        self.deadline = deadline
        self.pullDeadline = pullDeadline
    }

    // MARK: - Containers

    /// - Returns: the container's identifier.
    func create(_ name: String, _ body: JSON) async throws(DaemonFailure) -> String {
        let answer = try await call(.POST, "/containers/create?name=\(name)", body)
        guard let id = try Self.json(answer)["Id"]?.stringValue, ContainerFacts.isIdentifier(id) else {
            throw .malformed("no identifier for a new container")
        }
        return id
    }

    /// Idempotent: a running container answers 304.
    func start(_ name: String) async throws(DaemonFailure) {
        _ = try await call(.POST, "/containers/\(name)/start")
    }

    /// - Returns: nil when there is no such container.
    func inspect(_ name: String) async throws(DaemonFailure) -> ContainerFacts? {
        do throws(DaemonFailure) {
            let answer = try await call(.GET, "/containers/\(name)/json")
            guard let facts = ContainerFacts(try Self.json(answer)) else { throw .malformed("no facts of a container") }
            return facts
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Kills and removes with all volumes. Idempotent.
    func remove(_ name: String) async throws(DaemonFailure) {
        do throws(DaemonFailure) {
            _ = try await call(.DELETE, "/containers/\(name)?force=true&v=true")
        } catch {
            if error.isMissing { return }
            // "Removal is already in progress" (409), or a container that vanished under Podman (500): the look decides.
            guard case .refused = error, try await inspect(name) == nil else { throw error }
        }
    }

    /// Freezes all processes. Idempotent, like its reverse: where the answer is an error or lost, a look decides.
    func pause(_ name: String) async throws(DaemonFailure) { try await setPaused(true, name) }

    func unpause(_ name: String) async throws(DaemonFailure) { try await setPaused(false, name) }

    private func setPaused(_ isPaused: Bool, _ name: String) async throws(DaemonFailure) {
        do throws(DaemonFailure) {
            _ = try await call(.POST, "/containers/\(name)/\(isPaused ? "pause" : "unpause")")
        } catch {
            guard error.isAmbiguous || error.isConflict, let facts = try await inspect(name), facts.isRunning,
                facts.isPaused == isPaused
            else { throw error }
        }
    }

    /// Changes the bounds of a living container. Podman has no such call before 4.4 and answers 404.
    func update(_ name: String, _ body: JSON) async throws(DaemonFailure) {
        _ = try await call(.POST, "/containers/\(name)/update", body)
    }

    /// Containers, running or not, that carry a label.
    func list(label: String, value: String? = nil) async throws(DaemonFailure) -> [ListedContainer] {
        let filter: JSON = ["label": .array([.string(value.map { "\(label)=\($0)" } ?? label)])]
        let answer = try await call(.GET, "/containers/json?all=true&filters=\(Self.encoded(filter.text))")
        guard let items = try Self.json(answer).arrayValue else { throw .malformed("no list of containers") }
        return items.compactMap { ListedContainer($0) }
    }

    // MARK: - Images and the daemon itself

    /// - Returns: nil when the daemon does not have the image.
    func image(_ reference: ImageReference) async throws(DaemonFailure) -> ImageFacts? {
        do throws(DaemonFailure) {
            let answer = try await call(.GET, "/images/\(reference.text)/json")
            guard let facts = ImageFacts(try Self.json(answer)) else { throw .malformed("no facts of an image") }
            return facts
        } catch {
            guard error.isMissing else { throw error }
            return nil
        }
    }

    /// Fetches an image. A failure comes as a line of the progress report, under a status that says success.
    func pull(_ reference: ImageReference) async throws(DaemonFailure) {
        let answer = try await call(
            .POST, "/images/create?fromImage=\(Self.encoded(reference.fetched))", within: pullDeadline)
        for line in answer.body.split(separator: UInt8(ascii: "\n")) where line.count < 1 << 16 {
            guard let message = (try? JSON(parsing: line, maximumDepth: 8))?["error"]?.stringValue else { continue }
            throw .refused(status: answer.status, message: DaemonFailure.printable(message))
        }
    }

    func info() async throws(DaemonFailure) -> DaemonInformation {
        DaemonInformation(try Self.json(try await call(.GET, "/info")))
    }

    // MARK: - One call

    private func call(
        _ method: HTTPMethod, _ path: String, _ body: JSON? = nil, within limit: Duration? = nil
    ) async throws(DaemonFailure) -> DaemonExchange.Answer {
        let version = try await version()
        let exchange = DaemonExchange(socketPath: socketPath, deadline: limit ?? deadline)
        do throws(DaemonFailure) {
            let answer = try await exchange.run(
                DaemonExchange.Request(method: method, uri: "/v\(version)\(path)", body: body?.bytes ?? []))
            guard (200..<300).contains(answer.status) || answer.status == 304 else { throw DaemonFailure(answer) }
            return answer
        } catch {
            // It may come back as another one: an update of the daemon under a living worker. Asking is not free, for
            // Podman looks up the packages of its parts.
            if error.questionsVersion { agreed.forget() }
            throw error
        }
    }

    /// The version of the API that both sides know, asked for once. Newer daemons refuse older versions.
    func version() async throws(DaemonFailure) -> APIVersion {
        if let version = agreed.value { return version }
        let exchange = DaemonExchange(socketPath: socketPath, deadline: deadline)
        let answer = try await exchange.run(DaemonExchange.Request(method: .GET, uri: "/version"))
        guard answer.status == 200 else { throw DaemonFailure(answer) }
        let json = try Self.json(answer)
        guard let newest = json["ApiVersion"]?.stringValue.flatMap({ APIVersion($0) }) else {
            throw .malformed("no version of its interface")
        }
        guard newest >= Self.wanted else {
            throw .refused(status: 400, message: "its API version \(newest) is too old, \(Self.wanted) is needed")
        }
        let oldest = json["MinAPIVersion"]?.stringValue.flatMap { APIVersion($0) } ?? Self.wanted
        let version = min(max(oldest, Self.wanted), newest)
        agreed.set(version)
        return version
    }

    private static func json(_ answer: DaemonExchange.Answer) throws(DaemonFailure) -> JSON {
        do { return try JSON(parsing: answer.body, maximumDepth: 64) } catch {
            throw .malformed("an answer that is no JSON: \(error)")
        }
    }

    /// Percent-encodes all but the unreserved letters (RFC 3986 §2.3).
    static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { result, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-._~".utf8.contains(byte)
            if isPlain {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
    }
}

/// A version of the daemon's interface, such as 1.41.
struct APIVersion: Comparable, Sendable, CustomStringConvertible {
    var major: Int
    var minor: Int

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= 10, let major = UInt16(parts[0]), let minor = UInt16(parts[1]) else {
            return nil
        }
        self.init(major: Int(major), minor: Int(minor))
    }

    static func < (left: APIVersion, right: APIVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }
    var description: String { "\(major).\(minor)" }
}

private final class AgreedVersion: Sendable {
    private let version = Mutex<APIVersion?>(nil)
    var value: APIVersion? { version.withLock { $0 } }
    func set(_ value: APIVersion) { version.withLock { $0 = value } }
    func forget() { version.withLock { $0 = nil } }
}
