internal import Wire

/// The judgement behind the `auto` policy: fixed rules over tool and input, the same for every session.
///
/// Reading and editing files is allowed: file tools cannot leave the sandbox. Commands are allowed unless they carry a mark
/// of high risk, which asks a person; rules cannot see through a determined author, so this guards against mistakes, and the
/// sandbox remains the boundary.
enum AutoPermission {
    enum Verdict: Equatable {
        case allow
        case ask(reason: String)

        var permission: String { self == .allow ? "allow" : "ask" }
        var json: JSON {
            switch self {
            case .allow: ["type": "allow"]
            case .ask(let reason): ["type": "ask", "reason_code": .string(reason)]
            }
        }
    }

    static func judge(_ tool: BuiltinTool, input: JSON) -> Verdict {
        switch tool {
        case .read, .write, .edit, .glob, .grep: return .allow
        case .webFetch, .webSearch: return .ask(reason: "indeterminate")
        case .bash:
            guard let command = input["command"]?.stringValue else { return .allow }
            guard command.utf8.count <= 16_384 else { return .ask(reason: "indeterminate") }
            return isRisky(command) ? .ask(reason: "high_risk") : .allow
        }
    }

    private static func isRisky(_ command: String) -> Bool {
        let words = command.lowercased().split { " \t\n;|&()`\"'".contains($0) }.map(String.init)
        if words.contains(where: risky.contains) { return true }
        guard let remove = words.firstIndex(of: "rm") else { return false }
        let rest = words[(remove + 1)...]
        return rest.contains { $0.hasPrefix("-") && $0.contains("r") }
            && rest.contains { $0 == "/" || $0 == "~" || $0.hasPrefix("/") || $0.hasPrefix("..") || $0 == "*" }
    }

    /// Commands that change systems other than the files of the task, or hand data out.
    private static let risky: Set<String> = [
        "sudo", "su", "dd", "mkfs", "shutdown", "reboot", "ssh", "scp", "rsync", "nc", "ncat", "socat", "telnet",
        "kubectl",
        "terraform", "aws", "gcloud", "az", "docker", "podman", "helm", "git-push", "twine", "crontab",
    ]
}
