internal import CLinux
internal import Glibc
internal import Sandbox

/// A program of the host that what runs inside may have taken over: it starts in the sandbox's control groups, as a user of
/// its own, with no descriptors but the given ones, an empty environment and no way to gain privileges.
struct ConfinedProgram {
    var path: String
    var arguments: [String]
    /// By their numbers in the program, from 0 on.
    var descriptors: [Int32]
    /// Nil keeps the user of this process.
    var user: UInt32?
    /// Nil takes the number of `user`.
    var group: UInt32?
    /// Starts it in this user namespace, where `user` and `group` are numbers then and nobody makes further ones.
    var userNamespace: Int32?
    /// The most files that it may have open.
    var openFiles: UInt64 = 65_536

    /// The user on the host that a sandbox runs as: far from all real ones, the same for the same session.
    static func user(of id: SandboxID) -> UInt32 {
        0x1000_0000 + UInt32(truncatingIfNeeded: StableHash.of(id.rawValue)) & 0x0FFF_FFFF
    }

    /// - Returns: its process. Calls block for as long as the program takes to load.
    func start(in groups: ControlGroups, of id: SandboxID) throws(SystemError) -> Int32 {
        let joins = try groups.openJoins(id)
        defer { for join in joins { close(join) } }
        let maps = descriptors.enumerated().map {
            clinux_descriptor_map(source: $0.element, target: Int32($0.offset))
        }
        let file = strdup(path)
        let words = [file] + arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        let variables: [UnsafeMutablePointer<CChar>?] = [nil]
        var pid: Int32 = 0
        var stage: Int32 = 0
        // SAFETY: the call copies nothing but returns only once the child has no more use for these pointers.
        let error = joins.withUnsafeBufferPointer { joins in
            maps.withUnsafeBufferPointer { maps in
                words.withUnsafeBufferPointer { words in
                    variables.withUnsafeBufferPointer { variables in
                        var launch = clinux_sandbox_launch()
                        launch.path = UnsafePointer(file)
                        launch.arguments = words.baseAddress
                        launch.environment = variables.baseAddress
                        launch.joins = joins.baseAddress
                        launch.join_count = joins.count
                        launch.maps = maps.baseAddress
                        launch.map_count = maps.count
                        launch.changes_user = user == nil ? 0 : 1
                        launch.user = user ?? 0
                        launch.group = group ?? user ?? 0
                        launch.enters_namespace = userNamespace == nil ? 0 : 1
                        launch.user_namespace = userNamespace ?? -1
                        launch.open_files = openFiles
                        return clinux_sandbox_spawn(&pid, &launch, &stage)
                    }
                }
            }
        }
        guard error == 0 else { throw SystemError("start \(path) (step \(stage))", code: error) }
        return pid
    }
}
