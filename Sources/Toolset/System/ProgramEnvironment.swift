internal import Synchronization

/// The variables of programs that start from now on: those that the daemon itself came with, and a session's over them.
package final class ProgramEnvironment: Sendable {
    private let base: [String]
    private let current: Mutex<[String]>

    /// - Parameter base: `NAME=value`, each name once.
    package init(_ base: [String]) {
        self.base = base
        current = Mutex(base)
    }

    /// `NAME=value`, each name once.
    package var variables: [String] { current.withLock { $0 } }

    /// What the daemon came with.
    package func original(_ name: String) -> String? {
        base.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
    }

    /// Puts a session's variables over the original ones, instead of those it had.
    package func overlay(_ variables: [String: String]) {
        let kept = base.filter { variables[String($0.prefix { $0 != "=" })] == nil }
        let added = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        current.withLock { $0 = kept + added }
    }
}
