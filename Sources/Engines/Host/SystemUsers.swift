internal import Sandbox

/// The users on the host that the users of a changeable system are: far from all real ones, the same for the same session.
struct SystemUsers: Equatable, Sendable {
    /// Its root, which programs inside are.
    let root: UInt32
    /// Where its other users begin. Two systems of many may share them: neither sees anything of the other.
    let others: UInt32

    init(of id: SandboxID) {
        root = ConfinedProgram.user(of: id)
        others = 0x4000_0000 + UInt32(truncatingIfNeeded: StableHash.of(id.rawValue) >> 28) & 0x7FFF << 16
    }

    /// By user_namespaces(7), of users and of groups. The same map leads from the owners that are written on the disk to these
    /// users, so a copy of the files serves every session as it is.
    var map: String { "0 \(root) 1\n1 \(others + 1) 65535\n" }
}
