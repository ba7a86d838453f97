/// Sends model ids that match a pattern to a back end.
public struct ModelRoute: Sendable {
    /// A model id, or the beginning of one followed by `*`.
    public var pattern: String
    public var backend: any ModelBackend

    public init(pattern: String, backend: any ModelBackend) {
        self.pattern = pattern
        self.backend = backend
    }

    /// Whether the pattern names one model only.
    public var isExact: Bool { !pattern.hasSuffix("*") }

    public func matches(_ id: String) -> Bool {
        isExact ? id == pattern : id.hasPrefix(pattern.dropLast())
    }
}
