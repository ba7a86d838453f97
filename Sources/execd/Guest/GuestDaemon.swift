internal import CLinux
internal import ExecdProtocol
internal import Glibc
internal import Toolset

/// The daemon of a machine's session: this program again, as the programs' user and with nothing but its listening socket.
struct GuestDaemon {
    let settings: GuestSettings
    private static let openFiles: UInt64 = 65_536

    private var arguments: [String] {
        [
            GuestSystem.daemon, "--listen-fd", "3", "--workdir", "/workspace", "--root", "/tmp", "--read-only-root",
            "/usr", "--proxy-port", "\(settings.proxyPort)", "--output-limit", "\(settings.outputLimit)",
            "--confine",
        ]
    }

    func spawn(listener: Descriptor, null: Descriptor) throws(SystemFailure) -> Int32 {
        let maps = [(null, 0), (null, 1), (null, 2), (listener, 3)].map {
            clinux_descriptor_map(source: $0.0.raw, target: $0.1)
        }
        let words = arguments.map { strdup($0) } + [nil]
        let variables = settings.environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var pid: Int32 = 0
        var stage: Int32 = 0
        // SAFETY: the call returns only once the child has no more use for these pointers.
        let failure = maps.withUnsafeBufferPointer { maps in
            words.withUnsafeBufferPointer { words in
                variables.withUnsafeBufferPointer { variables in
                    GuestSystem.daemon.withCString { path in
                        var launch = clinux_sandbox_launch()
                        launch.path = path
                        launch.arguments = words.baseAddress
                        launch.environment = variables.baseAddress
                        launch.maps = maps.baseAddress
                        launch.map_count = maps.count
                        launch.changes_user = 1
                        launch.user = GuestSystem.user
                        launch.group = GuestSystem.user
                        launch.open_files = Self.openFiles
                        launch.processes = UInt64(settings.processes)
                        return clinux_sandbox_spawn(&pid, &launch, &stage)
                    }
                }
            }
        }
        guard failure == 0 else { throw SystemFailure(failure, "start the daemon") }
        return pid
    }
}
