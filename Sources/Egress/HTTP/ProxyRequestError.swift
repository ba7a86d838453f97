/// Why a request to the gate cannot be carried.
enum ProxyRequestError: Error, Equatable, Sendable {
    /// The rest of a sentence that starts with "The request cannot be carried:".
    case malformed(String)
    /// More than the gate reads of a head.
    case tooLong
}
