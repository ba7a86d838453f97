/// The environment of every tool: what the daemon got, and what makes programs behave without a terminal.
enum ToolEnvironment {
    /// - Parameters:
    ///   - inherited: `NAME=value` as the daemon got it; the provider keeps it clean.
    ///   - proxyPort: zero when there is no way out.
    static func make(inherited: [String], workDirectory: String, proxyPort: UInt16) -> [String] {
        var variables: [(name: String, value: String)] = []
        func set(_ name: String, _ value: String, replacing: Bool = true) {
            if let index = variables.firstIndex(where: { $0.name == name }) {
                if replacing { variables[index].value = value }
            } else {
                variables.append((name, value))
            }
        }
        for entry in inherited {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { continue }
            set(String(parts[0]), String(parts[1]))
        }
        set("TERM", "dumb")
        set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", replacing: false)
        set("HOME", workDirectory, replacing: false)
        set("LANG", "C.UTF-8", replacing: false)
        if proxyPort != 0 {
            let proxy = "http://127.0.0.1:\(proxyPort)"
            for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"] {
                set(name, proxy)
            }
            // A server that a tool starts inside is reached directly.
            for name in ["NO_PROXY", "no_proxy"] { set(name, "localhost,127.0.0.1,::1") }
        }
        return variables.map { "\($0.name)=\($0.value)" }
    }
}
