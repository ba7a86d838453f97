internal import AsyncAlgorithms
internal import NIOCore
internal import Wire

/// One request to the server, as a value.
struct APICall: Sendable {
    enum Method: String, Sendable { case get = "GET", post = "POST" }

    var method: Method
    /// Starts with a slash; its segments are already safe.
    var path: String
    var query: [(name: String, value: String)] = []
    var credential: Credential
    /// Nil sends an empty body.
    var body: JSON?
    /// A body that is sent while the answer comes, instead of ``body``.
    var upload: AsyncChannel<ByteBuffer>?
    /// Skills are asked for without the beta header, as the official workers do.
    var isBeta = true
    var accept = "application/json"
    var headers: [(name: String, value: String)] = []

    /// The path with its query.
    var target: String {
        guard !query.isEmpty else { return path }
        let pairs = query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }
        return path + "?" + pairs.joined(separator: "&")
    }
}
