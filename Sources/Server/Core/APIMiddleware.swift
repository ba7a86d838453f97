internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Store
internal import Wire

/// Around every route: the request's id, who calls, the version and beta headers, and the one mapping of errors.
struct APIMiddleware: RouterMiddleware {
    let authenticator: Authenticator
    let betas: BetaHeaders
    let ids: any IdentifierSource
    let logger: Logger

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let requestID = Wire.RequestID.make(ids)
        var context = context
        var workspace: String?
        var response: Response
        do {
            if !Self.isOpen(request.uri.path) {
                let access = try await authenticator.authenticate(request)
                workspace = access.workspace
                context.access = access
                if let asked = request.headers[.workspaceID], asked != access.workspace {
                    throw WireError.notFound("no workspace with id \(asked.prefix(64)) for this credential")
                }
                try betas.check(request)
            }
            response = try await next(request, context)
        } catch {
            response = .error(wireError(error, request, requestID), requestID: requestID)
        }
        response.headers[.requestID] = requestID.rawValue
        if let workspace { response.headers[.workspaceID] = workspace }
        return response
    }

    private static func isOpen(_ path: String) -> Bool { ["/healthz", "/readyz", "/metrics"].contains(path) }

    /// What a client is told. Anything unexpected is logged and becomes a 500 without detail.
    private func wireError(_ error: any Error, _ request: Request, _ requestID: Wire.RequestID) -> WireError {
        switch error {
        case let error as WireError: return error
        case let error as StoreError where error.code == .overloaded || error.code == .closed:
            return .unavailable("the store has too much to do: try again")
        case let error as HTTPError where error.status == .notFound:
            return .notFound("no such endpoint: \(request.method.rawValue) \(request.uri.path.prefix(256))")
        case is CancellationError: return .unavailable("the server is stopping")
        default:
            logger.error(
                "a request failed",
                metadata: ["request_id": "\(requestID)", "path": "\(request.uri.path)", "error": "\(error)"])
            return WireError(status: 500, type: "api_error", message: "internal error; the log has this request's id")
        }
    }
}
