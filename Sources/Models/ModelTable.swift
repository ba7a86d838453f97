/// Which back end serves which model id. Answers from settings and built-in lists alone, never from the network.
public struct ModelTable: Sendable {
    private let routes: [ModelRoute]
    private let fallback: any ModelBackend

    /// - Parameters:
    ///   - routes: an exact route wins over a pattern; among patterns the first match wins.
    ///   - fallback: asked for ids that no route matches.
    public init(routes: [ModelRoute] = [], default fallback: any ModelBackend) {
        self.routes = routes
        self.fallback = fallback
    }

    /// The back end and description of a model; nil when nothing here serves it.
    public func resolve(_ id: String) -> (backend: any ModelBackend, info: ModelInfo)? {
        guard Self.isPlausible(id) else { return nil }
        if let route = routes.first(where: { $0.isExact && $0.matches(id) }) ?? routes.first(where: { $0.matches(id) })
        {
            // The operator named this id, so the back end's own list does not limit it.
            return (route.backend, route.backend.info(for: id) ?? ModelInfo(id: id))
        }
        return fallback.info(for: id).map { (fallback, $0) }
    }

    /// All models for listings, newest first, ids in order within a date.
    public var models: [ModelInfo] {
        var ids: [String] = []
        for route in routes {
            if route.isExact {
                ids.append(route.pattern)
            } else {
                ids += route.backend.models.map(\.id).filter(route.matches)
            }
        }
        ids += fallback.models.map(\.id)
        var seen = Set<String>()
        // Each id is resolved again, since a route may take an id away from the back end that lists it.
        let infos = ids.filter { seen.insert($0).inserted }.compactMap { resolve($0)?.info }
        return infos.sorted { ($1.createdAt, $0.id) < ($0.createdAt, $1.id) }
    }

    /// Ids travel into URLs, logs and metric labels, so only their usual characters pass.
    private static func isPlausible(_ id: String) -> Bool {
        !id.isEmpty && id.utf8.count <= 256
            && id.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_.:/@[]".utf8.contains(byte)
            }
    }
}
