internal import NIOHTTP1
internal import Sandbox
internal import Wire

/// The requests to the API server that the engine needs. Answers are bounded and parsed as from a stranger.
struct ClusterAPI: Sendable {
    enum Kind: String, Sendable {
        case pods, secrets
        case claims = "persistentvolumeclaims"
        case policies = "networkpolicies"
        /// Those of kubernetes-sigs/agent-sandbox.
        case sandboxes
        case sandboxClaims = "sandboxclaims"
        case templates = "sandboxtemplates"
        case pools = "sandboxwarmpools"

        var group: String? {
            switch self {
            case .pods, .secrets, .claims: nil
            case .policies: "networking.k8s.io/v1"
            case .sandboxes: "agents.x-k8s.io/v1beta1"
            case .sandboxClaims, .templates, .pools: "extensions.agents.x-k8s.io/v1beta1"
            }
        }

        /// Whether a cluster may lack the kind altogether.
        var isExtension: Bool { group?.contains("agents.x-k8s.io") == true }

        func path(_ namespace: String) -> String {
            "\(group.map { "/apis/\($0)" } ?? "/api/v1")/namespaces/\(namespace)/\(rawValue)"
        }
    }

    struct Answer: Sendable {
        var status: Int
        var body: JSON
    }

    let access: ClusterAccess
    let namespace: String
    let lane: BlockingLane
    let deadline: Duration

    private static let answerLimit = 16 << 20
    private static let depth = 96
    private static let page = 250
    /// Things in one list.
    private static let most = 100_000

    func fields() async throws(SandboxError) -> HTTPHeaders {
        let read = await lane.run { [access] () -> Result<String?, SandboxError> in
            do throws(SandboxError) { return .success(try access.authorization()) } catch { return .failure(error) }
        }
        guard let value = try read.get() else { return [:] }
        return ["authorization": value]
    }

    /// - Returns: nil when there is no such thing.
    func get(_ kind: Kind, _ name: String) async throws(SandboxError) -> JSON? {
        let answer = try await send(.GET, kind, name)
        if answer.status == 404 { return nil }
        return try checked(answer, "read \(kind.rawValue)")
    }

    /// - Returns: nil when there is one of this name already.
    func create(_ kind: Kind, _ body: JSON) async throws(SandboxError) -> JSON? {
        let answer = try await send(.POST, kind, nil, body: body)
        if answer.status == 409 { return nil }
        return try checked(answer, "create \(kind.rawValue)")
    }

    /// Changes the metadata of a thing. - Returns: false when there is none, or it is not the one meant.
    func patch(_ kind: Kind, _ name: String, metadata: JSON) async throws(SandboxError) -> Bool {
        try await change(kind, name, ["metadata": metadata]) != nil
    }

    /// Changes a thing (RFC 7396); a `metadata.uid` in the body is a condition.
    /// - Returns: the thing as it is then; nil when there is none, or it is not the one meant.
    func change(_ kind: Kind, _ name: String, _ body: JSON) async throws(SandboxError) -> JSON? {
        let answer = try await send(.PATCH, kind, name, body: body, type: "application/merge-patch+json")
        if answer.status == 404 || answer.status == 409 { return nil }
        return try checked(answer, "change \(kind.rawValue)")
    }

    /// Asks for the removal of this very thing; another one of the same name stays. Idempotent.
    /// - Parameter isLast: it is there until everything that it owns is gone.
    func delete(_ kind: Kind, _ name: String, uid: String?, isLast: Bool = false) async throws(SandboxError) {
        var options: JSON = [
            "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": JSON(PodManifest.graceSeconds),
            "propagationPolicy": isLast ? "Foreground" : "Background",
        ]
        if let uid { options["preconditions"] = ["uid": JSON(uid)] }
        let answer = try await send(.DELETE, kind, name, body: options)
        // A conflict: the name stands for another one by now.
        guard ![404, 409].contains(answer.status) else { return }
        _ = try checked(answer, "remove \(kind.rawValue)")
    }

    func list(_ kind: Kind, selector: String) async throws(SandboxError) -> [JSON] {
        var items: [JSON] = []
        var next = ""
        repeat {
            var query = "?labelSelector=\(ServiceURL.escaped(selector))&limit=\(Self.page)"
            if !next.isEmpty { query += "&continue=\(ServiceURL.escaped(next))" }
            let body = try checked(try await send(.GET, kind, nil, query: query), "list \(kind.rawValue)")
            guard let page = body["items"]?.arrayValue, items.count + page.count <= Self.most else {
                throw SandboxError(.protocolViolation, "the API server answered with no list of \(kind.rawValue)")
            }
            items += page
            next = body["metadata"]?["continue"]?.stringValue ?? ""
            // A list that goes on without going anywhere.
            guard next.isEmpty || !page.isEmpty else { break }
        } while !next.isEmpty
        return items
    }

    private func send(
        _ method: HTTPMethod, _ kind: Kind, _ name: String?, query: String = "", body: JSON? = nil,
        type: String = "application/json"
    ) async throws(SandboxError) -> Answer {
        var fields = try await fields()
        fields.add(name: "accept", value: "application/json")
        var bytes: [UInt8]?
        if let body {
            var text: [UInt8] = []
            body.write(to: &text)
            bytes = text
            fields.add(name: "content-type", value: type)
        }
        let target = kind.path(namespace) + (name.map { "/\($0)" } ?? "") + query
        let answer: ServiceClient.Answer
        do throws(SandboxError) {
            answer = try await ServiceClient(url: access.url, trust: access.trust).send(
                method, target, fields: fields, body: bytes, limit: Self.answerLimit, deadline: deadline)
        } catch {
            // Nothing is known of the sandbox by this.
            throw SandboxError(.unavailable, "the API server cannot be asked: \(error.message)", cause: error)
        }
        let parsed = (try? JSON(parsing: answer.body, maximumDepth: Self.depth)) ?? .null
        // A thing that is not there is told in an object, a kind that is not there is not.
        if answer.status == 404, kind.isExtension, parsed.objectValue == nil {
            throw SandboxError(
                .unavailable,
                "the cluster does not know \(kind.rawValue) of \(kind.group ?? ""): install agent-sandbox with its "
                    + "extensions, or unset PERIMETER_KUBERNETES_CLAIM_POOL")
        }
        return Answer(status: answer.status, body: parsed)
    }

    private func checked(_ answer: Answer, _ what: String) throws(SandboxError) -> JSON {
        guard (200..<300).contains(answer.status) else { throw Self.failure(answer, what) }
        guard answer.body.objectValue != nil else {
            throw SandboxError(.protocolViolation, "the API server's answer to '\(what)' is no object")
        }
        return answer.body
    }

    /// What a refusal means: `meta/v1` Status objects with `reason` and `message`.
    static func failure(_ answer: Answer, _ what: String) -> SandboxError {
        let words = String(peer: answer.body["message"]?.stringValue ?? "")
        let said = words.isEmpty ? "" : ": \(words)"
        switch answer.status {
        case 401:
            return SandboxError(.unavailable, "the API server does not know this worker's token or certificate\(said)")
        case 403 where words.contains("exceeded quota"):
            return SandboxError(.quotaExceeded, "the namespace's quota is used up\(said)")
        case 403:
            return SandboxError(
                .unavailable, "this worker may not \(what): give its account the role in deploy/kubernetes\(said)")
        case 400, 422: return SandboxError(.unsupported, "the API server refuses to \(what)\(said)")
        default:
            return SandboxError(.unavailable, "the API server did not \(what) (status \(answer.status))\(said)")
        }
    }
}
