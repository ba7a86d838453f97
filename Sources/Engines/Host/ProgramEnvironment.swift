/// The variables that programs inside find. Pure.
enum ProgramEnvironment {
    /// The standard ones and the given ones, which win.
    static func complete(_ given: [(name: String, value: String)]) -> [(name: String, value: String)] {
        let standard = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/workspace"),
            ("USER", "agent"), ("LOGNAME", "agent"), ("LANG", "C.UTF-8"), ("TMPDIR", "/tmp"),
        ]
        let names = Set(given.map(\.name))
        return standard.filter { !names.contains($0.0) } + given
    }
}
