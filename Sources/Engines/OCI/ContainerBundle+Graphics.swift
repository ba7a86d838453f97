internal import Wire

/// Graphics processors: nodes of the host in the container's `/dev`, and the driver's libraries in a folder in memory, since the root
/// file system knows nothing of the driver that the host happens to have.
extension ContainerBundle {
    static let driverFolder = "/run/nvidia"

    /// A file is mounted over an empty one that the runtime makes for it, as the container's root.
    var graphicsMounts: [JSON] {
        guard let graphics else { return [] }
        func bind(_ source: String, _ target: String, _ options: [String]) -> JSON {
            Self.mount("bind", source, at: target, ["bind"] + options)
        }
        return graphics.devices.map { bind($0.path, "/dev/\($0.name)", ["rw", "nosuid", "noexec"]) }
            + graphics.libraries.map {
                bind($0.path, "\(Self.driverFolder)/lib/\($0.name)", ["ro", "nosuid", "nodev"])
            }
            + graphics.programs.map { bind($0.path, "\(Self.driverFolder)/bin/\($0.name)", ["ro", "nosuid", "nodev"]) }
    }

    /// For runtimes that keep a list of devices.
    var graphicsRules: [JSON] {
        (graphics?.devices ?? []).map { node in
            [
                "allow": true, "type": "c", "major": JSON(Int(node.major)), "minor": JSON(Int(node.minor)),
                "access": "rw",
            ]
        }
    }

    var environment: [(name: String, value: String)] {
        guard graphics != nil else { return ProgramEnvironment.standard }
        return ProgramEnvironment.standard.map { variable in
            variable.name == "PATH" ? (variable.name, "\(variable.value):\(Self.driverFolder)/bin") : variable
        } + [("LD_LIBRARY_PATH", "\(Self.driverFolder)/lib")]
    }
}
