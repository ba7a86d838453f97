import CLinux
import Glibc
import NIOCore
import NIOHTTP1
import NIOPosix
import Sandbox
import Synchronization
import Testing
import Wire

@testable import Engines

/// A container daemon with the manners of Docker or Podman, and with the faults that a test asks for. Its containers are the
/// bare daemon of sandboxes, started with what the request mounts and sets.
final class FakeDocker: Sendable {
    enum Manner { case docker, podman }

    /// What happens to a request instead of an answer. The first number of times that one applies.
    struct Fault: Sendable {
        enum Kind: Sendable {
            case answer(Int, String)
            /// The work is done, the connection breaks.
            case breakAfter
            /// The connection breaks, nothing is done.
            case breakBefore
            case silence
            case drip
            case flood
            case raw(String)
            /// The container is gone before the request.
            case vanish
        }
        var method: HTTPMethod
        /// The path without its version and query ends so.
        var suffix: String
        var kind: Kind
        var times = 1
    }

    struct Box: Sendable {
        var id: String
        var name: String
        var request: JSON
        var state = "created"
        var pid: Int32 = 0
    }

    struct State: Sendable {
        var boxes: [Box] = []
        var faults: [Fault] = []
        var requests: [String] = []
        var hardening: [String] = []
        var images: [String: JSON] = [:]
        var updates: [JSON] = []
        var version = ("1.43", "1.24")
        var securityOptions: [String] = ["name=seccomp,profile=default"]
        var takesRuntime = true
        var next = 1
    }

    let socketPath: String
    let manner: Manner
    let state: Mutex<State>
    private let folder: String

    init(folder: String, manner: Manner) {
        self.folder = folder
        self.manner = manner
        socketPath = folder + "/docker.sock"
        state = Mutex(State())
        state.withLock { $0.images["box:1"] = Self.image() }
    }

    static func image(volumes: [String] = [], system: String = "linux") -> JSON {
        [
            "Id": .string("sha256:" + String(repeating: "a", count: 64)), "Os": .string(system),
            "Config": ["Volumes": JSON(volumes.map { (key: $0, value: "{}") })],
        ]
    }

    func fail(_ method: HTTPMethod, _ suffix: String, _ kind: Fault.Kind, times: Int = 1) {
        state.withLock { $0.faults.append(Fault(method: method, suffix: suffix, kind: kind, times: times)) }
    }

    var requests: [String] { state.withLock { $0.requests } }
    var boxes: [Box] { state.withLock { $0.boxes } }

    /// A container that somebody else has made.
    func plant(_ name: String, labels: [(key: String, value: String)], state planted: String) {
        state.withLock {
            let id = Self.identifier(&$0)
            $0.boxes.append(Box(id: id, name: name, request: ["Labels": JSON(labels)], state: planted))
        }
    }

    func serve(_ body: () async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(FakeDockerHandler(self))
                }
            }
            .bind(unixDomainSocketPath: socketPath).get()
        do { try await body() } catch {
            await end(server)
            throw error
        }
        await end(server)
        #expect(state.withLock { $0.hardening } == [], "every request was hardened")
    }

    private func end(_ server: any Channel) async {
        try? await server.close()
        for box in boxes { Self.kill(box.pid) }
    }

    // MARK: - Answers

    enum Reply: Sendable {
        case answer(Int, [UInt8])
        case silence
        case drip
        case flood
        case end
        case raw(String)
    }

    func reply(_ method: HTTPMethod, _ uri: String, _ body: [UInt8]) -> Reply {
        let parts = uri.split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.count > 1 ? parts[1] : ""
        var path = parts[0]
        return state.withLock { state in
            state.requests.append("\(method) \(uri)")
            if path.hasPrefix("/v1.") { path = "/" + path.split(separator: "/").dropFirst().joined(separator: "/") }
            let fault = Self.takeFault(&state, method, path)
            switch fault {
            case .answer(let status, let text): return self.error(status, text)
            case .breakBefore: return .end
            case .silence: return .silence
            case .drip: return .drip
            case .flood: return .flood
            case .raw(let text): return .raw(text)
            case .vanish:
                for box in state.boxes { Self.kill(box.pid) }
                state.boxes = []
            case .breakAfter, nil: break
            }
            let reply = answer(&state, method, path, query, body)
            if case .breakAfter = fault { return .end }
            return reply
        }
    }

    private static func takeFault(_ state: inout State, _ method: HTTPMethod, _ path: String) -> Fault.Kind? {
        guard let place = state.faults.firstIndex(where: { $0.method == method && path.hasSuffix($0.suffix) }) else {
            return nil
        }
        state.faults[place].times -= 1
        let kind = state.faults[place].kind
        if state.faults[place].times == 0 { state.faults.remove(at: place) }
        return kind
    }

    private func error(_ status: Int, _ message: String) -> Reply {
        let body: JSON =
            manner == .docker
            ? ["message": .string(message)]
            : ["cause": "a cause", "message": .string(message), "response": JSON(status)]
        return .answer(status, body.bytes)
    }

    private func answer(
        _ state: inout State, _ method: HTTPMethod, _ path: String, _ query: String, _ body: [UInt8]
    ) -> Reply {
        let words = path.split(separator: "/").map(String.init)
        switch (method, words.first, words.count) {
        case (.GET, "version", 1):
            return .json(["ApiVersion": .string(state.version.0), "MinAPIVersion": .string(state.version.1)])
        case (.GET, "info", 1):
            return .json([
                "ServerVersion": "0", "DefaultRuntime": "runc", "Runtimes": ["runc": [:], "other": [:]],
                "SecurityOptions": .array(state.securityOptions.map { .string($0) }),
            ])
        case (.GET, "images", _):
            let name = words.dropFirst().dropLast().joined(separator: "/")
            return state.images[name].map { .json($0) } ?? error(404, "No such image: \(name)")
        case (.POST, "images", _):
            state.images["fetched:1"] = Self.image()
            return .answer(200, Array("{\"status\":\"Pulling\"}\n{\"status\":\"done\"}\n".utf8))
        case (.GET, "containers", 2):
            return .json(
                .array(
                    state.boxes.map { box in
                        ["Id": .string(box.id), "State": .string(box.state), "Labels": box.request["Labels"] ?? [:]]
                    }))
        case (.POST, "containers", 2): return create(&state, query, body)
        case (_, "containers", _):
            guard words.count > 1,
                let place = state.boxes.firstIndex(where: { $0.id == words[1] || $0.name == words[1] })
            else { return error(404, "No such container: \(words.dropFirst().first ?? "")") }
            return change(&state, place, method, words.count > 2 ? words[2] : "", body)
        default: return error(404, "page not found")
        }
    }

    private func create(_ state: inout State, _ query: String, _ body: [UInt8]) -> Reply {
        guard let request = try? JSON(parsing: body) else { return error(400, "no JSON") }
        let complaints = Hardening.complaints(request, below: folder)
        state.hardening += complaints
        guard complaints.isEmpty else { return error(400, complaints.joined(separator: ", ")) }
        let name = query.replacing("name=", with: "")
        guard !state.boxes.contains(where: { $0.name == name }) else {
            return manner == .docker
                ? error(409, "Conflict. The container name is already in use")
                : error(500, "creating container storage: the container name is already in use")
        }
        let id = Self.identifier(&state)
        state.boxes.append(Box(id: id, name: name, request: request))
        return .answer(201, (["Id": .string(id), "Warnings": []] as JSON).bytes)
    }

    private func change(
        _ state: inout State, _ place: Int, _ method: HTTPMethod, _ verb: String, _ body: [UInt8]
    ) -> Reply {
        let box = state.boxes[place]
        switch (method, verb) {
        case (.GET, "json"):
            return .json([
                "Id": .string(box.id),
                "State": [
                    "Status": .string(box.state), "Running": .bool(box.state == "running" || box.state == "paused"),
                    "Paused": .bool(box.state == "paused"), "Pid": JSON(Int(box.pid)), "ExitCode": 0, "Error": "",
                ],
                "HostConfig": [
                    "Runtime": state.takesRuntime ? box.request["HostConfig"]?["Runtime"] ?? "runc" : "oci"
                ],
                "Config": ["Labels": box.request["Labels"] ?? [:]],
            ])
        case (.POST, "start"):
            guard box.state != "running" else { return .answer(304, []) }
            state.boxes[place].pid = Self.start(box.request)
            state.boxes[place].state = "running"
            return .answer(204, [])
        case (.POST, "pause"):
            guard box.state == "running" else { return error(manner == .docker ? 409 : 500, "already paused") }
            state.boxes[place].state = "paused"
            return .answer(204, [])
        case (.POST, "unpause"):
            state.boxes[place].state = "running"
            return .answer(204, [])
        case (.POST, "update"):
            guard manner == .docker else { return .answer(404, Array("Not Found".utf8)) }
            if let update = try? JSON(parsing: body) { state.updates.append(update) }
            return .json(["Warnings": []])
        case (.DELETE, ""):
            Self.kill(box.pid)
            state.boxes.remove(at: place)
            return .answer(204, [])
        default: return error(404, "page not found")
        }
    }

    private static func identifier(_ state: inout State) -> String {
        defer { state.next += 1 }
        let number = String(state.next, radix: 16)
        return String(repeating: "0", count: 64 - number.count) + number
    }

    /// Starts the executable of the request where its mounts lie on this host.
    private static func start(_ request: JSON) -> Int32 {
        let mounts = request["HostConfig"]?["Mounts"]?.arrayValue ?? []
        func source(_ target: String) -> String {
            mounts.first { $0["Target"]?.stringValue == target }?["Source"]?.stringValue ?? ""
        }
        let command = (request["Cmd"]?.arrayValue ?? []).compactMap(\.stringValue).map { word in
            word.replacing("/run/perimeter", with: source("/run/perimeter"))
                .replacing("/workspace", with: source("/workspace"))
        }
        let variables = (request["Env"]?.arrayValue ?? []).compactMap(\.stringValue)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let pid = try? HostProgram.spawn(
            "/usr/bin/env", variables + [source("/opt/perimeter/execd")] + command, [(null, 0), (null, 1), (null, 2)])
        return pid ?? 0
    }

    private static func kill(_ pid: Int32) {
        guard pid > 1 else { return }
        Glibc.kill(pid, SIGKILL)
        _ = clinux_reap(pid, 1)
    }
}

extension FakeDocker.Reply {
    static func json(_ json: JSON) -> Self { .answer(200, json.bytes) }
}
