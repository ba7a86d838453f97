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

    /// What is closed in a kernel in user space, which is no part of the host's: users of one's own, in whose name the bound on
    /// processes would not count. Releases of 2022 know no clone3, and cannot refuse it with the number that makes programs fall
    /// back; in later ones it is a way around, up to the bound of the control groups.
    static var guest: JSON {
        let ownUser: Int64 = 0x1000_0000
        // Device nodes lead to nothing of the host, but releases of 2022 let anybody make them.
        let (kind, devices): (Int64, [Int64]) = (0xF000, [0x2000, 0x6000])
        return [
            "defaultAction": "SCMP_ACT_ALLOW", "architectures": [architecture],
            "syscalls": .array(
                [
                    ["names": ["unshare", "setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1],
                    refusal("clone", 0, mask: ownUser, ownUser),
                ] + devices.flatMap { [refusal("mknod", 1, mask: kind, $0), refusal("mknodat", 2, mask: kind, $0)] }),
        ]
    }

    /// Refuses a call when the bits of an argument are these.
    private static func refusal(_ name: String, _ argument: Int, mask: Int64, _ bits: Int64) -> JSON {
        [
            "names": [.string(name)], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
            "args": [
                [
                    "index": JSON(argument), "value": .integer(mask), "valueTwo": .integer(bits),
                    "op": "SCMP_CMP_MASKED_EQ",
                ]
            ],
        ]
    }

    private static var architecture: JSON {
        #if arch(arm64)
            "SCMP_ARCH_AARCH64"
        #else
            "SCMP_ARCH_X86_64"
        #endif
    }

    /// Allows a call when its first argument compares like this.
    private static func rule(_ name: String, _ values: [(String, Int64)], _ comparison: String) -> JSON {
        let members: [(key: String, value: JSON)] = values.map { (key: $0.0, value: .integer($0.1)) }
        let argument = JSON.object(
            JSON.Object([(key: "index", value: 0), (key: "op", value: .string(comparison))] + members))
        return ["names": [.string(name)], "action": "SCMP_ACT_ALLOW", "args": [argument]]
    }
}
