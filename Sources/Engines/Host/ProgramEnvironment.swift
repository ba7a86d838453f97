/// The variables that programs inside find from the start; a session's own come through execd.
enum ProgramEnvironment {
    static let standard = [
        (name: "PATH", value: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        (name: "HOME", value: "/workspace"), (name: "USER", value: "agent"), (name: "LOGNAME", value: "agent"),
        (name: "LANG", value: "C.UTF-8"), (name: "TMPDIR", value: "/tmp"),
    ]
}
