internal import ExecdProtocol

/// What a session brings into a sandbox that may have run before the session was known. Prints none of its values.
public struct SandboxSettings: Sendable, Equatable {
    /// Variables of all programs, at most 256 of them with 64 KiB each and 256 KiB together. They are seen by whatever runs inside.
    public var variables: [String: String]
    /// PEM text of certificates, at most 256 KiB, which programs trust beside the image's own; empty for none.
    public var authorities: String

    public init(variables: [String: String] = [:], authorities: String = "") {
        self.variables = variables
        self.authorities = authorities
    }

    /// Why a session cannot bring a variable of that name, for people; nil when it can.
    public static func refusal(ofVariable name: String) -> String? { VariableName.refusal(of: name) }
}

extension SandboxSettings: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(variables.count) variables, \(authorities.utf8.count) bytes of certificates" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
