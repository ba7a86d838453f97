internal import Sandbox

/// What a session's programs get beside its files, gathered from where it comes from before the sandbox is asked for.
///
/// The wire names no variables of environments, and a gate that does not look into TLS needs no authority: both are empty then.
struct SessionSettings: Sendable {
    /// Names and what programs see under them: for a secret its placeholder, which the gate swaps outside.
    var variables: [String: String] = [:]
    /// Certificates, as PEM text, under which the gate answers for other hosts.
    var gateAuthorities: [String] = []

    var sandbox: SandboxSettings {
        SandboxSettings(variables: variables, authorities: gateAuthorities.joined(separator: "\n"))
    }
}
