internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Wire

/// What is known of one request beside the request itself.
struct APIContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Who calls; set before any route runs, except on the health paths.
    var access: Access?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }

    /// The caller of a route behind ``APIMiddleware``.
    /// - Throws: ``WireError`` 401 when a route was put outside of it by mistake.
    func caller() throws(WireError) -> Access {
        guard let access else { throw .unauthenticated("no credential") }
        return access
    }

    /// The caller, when it may administer its workspace. - Throws: ``WireError`` 403.
    func administrator() throws(WireError) -> Access {
        let access = try caller()
        try access.requireAdministration()
        return access
    }

    /// A path parameter, percent-decoded once; what is no identifier of this kind names nothing.
    func id<Kind>(_ name: String, _ kind: ID<Kind>.Type, _ noun: String) throws(WireError) -> ID<Kind> {
        let text = text(name)
        guard let id = ID<Kind>(text) else { throw .notFound("no \(noun) with id \(text.prefix(128))") }
        return id
    }

    func text(_ name: String) -> String {
        PercentEncoding.decode(parameters.get(name) ?? "", plusIsSpace: false) ?? ""
    }
}
