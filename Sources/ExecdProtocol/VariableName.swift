/// Which variables a session may bring.
///
/// Programs inside may set what they like, so a name confines nobody. What is refused would take effect on the shell that runs
/// the tools before any command of the session does (bash(1), ld.so(8)), would make a running shell fail to take it, or
/// belongs to the way out.
package enum VariableName {
    /// Read by the loader, the C library or bash itself at its start, or changed by bash as it runs.
    private static let shell: Set<String> = [
        "PATH", "ENV", "IFS", "SHELLOPTS", "POSIXLY_CORRECT", "PS0", "PS1", "PS2", "PS3", "PS4", "PROMPT_COMMAND",
        "CDPATH",
        "GLOBIGNORE", "EXECIGNORE", "FUNCNEST", "TMOUT", "HISTFILE", "INPUTRC", "TERM", "UID", "EUID", "PPID", "GROUPS",
        "PWD", "OLDPWD", "SHLVL", "RANDOM", "SRANDOM", "SECONDS", "LINENO", "DIRSTACK", "FUNCNAME", "OPTIND",
        "PIPESTATUS",
        "_", "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "NIS_PATH",
        "NLSPATH",
        "RESOLV_HOST_CONF", "RES_OPTIONS", "TZDIR",
    ]
    private static let prefixes = ["LD_", "BASH", "MALLOC_", "PERIMETER_", "__perimeter_"]
    /// Compared without regard to case.
    private static let proxies: Set<String> = ["http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"]

    /// Why a session may not bring the variable, for people; nil when it may.
    package static func refusal(of name: String) -> String? {
        let shown = name.utf8.prefix(64).allSatisfy({ $0 > 0x20 && $0 < 0x7F }) ? "'\(name.prefix(64))'" : "the name"
        guard isIdentifier(name), name.utf8.count <= Configuration.maxName else {
            return "\(shown) cannot be a variable: letters, digits and _ only, no digit first, at most "
                + "\(Configuration.maxName) bytes"
        }
        if proxies.contains(name.lowercased()) { return "\(shown) belongs to the sandbox's way out" }
        guard !shell.contains(name), !prefixes.contains(where: { name.hasPrefix($0) }) else {
            return "\(shown) steers the shell that runs the tools: use another name"
        }
        return nil
    }

    private static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
        }
    }
}
