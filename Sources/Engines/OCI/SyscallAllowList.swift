internal import Wire

/// The system calls that programs in an OCI container may make, as the `linux.seccomp` member of `config.json`. Pure.
///
/// Everything that is not named answers ENOSYS, so that programs fall back as on an older kernel.
enum SyscallAllowList {
    /// What is allowed whatever its arguments are. Those of the last two are not looked at: the format knows no ranges, and no
    /// answers of their own for them.
    static let plain = AllowedCalls.plain + ["ioctl", "prctl"]

    private static let noSuchCall: Int64 = 38

    static var json: JSON {
        #if arch(arm64)
            let architecture: JSON = "SCMP_ARCH_AARCH64"
        #else
            let architecture: JSON = "SCMP_ARCH_X86_64"
        #endif
        var rules: [JSON] = [
            ["names": .array(plain.map { .string($0) }), "action": "SCMP_ACT_ALLOW"],
            rule("clone", [("valueTwo", 0), ("value", Int64(AllowedCalls.namespaceFlags))], "SCMP_CMP_MASKED_EQ"),
        ]
        func allow(_ name: String, _ values: [UInt32]) {
            rules += values.map { rule(name, [("value", Int64($0))], "SCMP_CMP_EQ") }
        }
        allow("socket", [AllowedCalls.unixFamily] + AllowedCalls.internetFamilies)
        allow("socketpair", [AllowedCalls.unixFamily])
        allow("personality", AllowedCalls.personalities)
        return [
            "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": .integer(noSuchCall),
            "architectures": [architecture], "syscalls": .array(rules),
        ]
    }

    /// Allows a call when its first argument compares like this.
    private static func rule(_ name: String, _ values: [(String, Int64)], _ comparison: String) -> JSON {
        let members: [(key: String, value: JSON)] = values.map { (key: $0.0, value: .integer($0.1)) }
        let argument = JSON.object(
            JSON.Object([(key: "index", value: 0), (key: "op", value: .string(comparison))] + members))
        return ["names": [.string(name)], "action": "SCMP_ACT_ALLOW", "args": [argument]]
    }
}
