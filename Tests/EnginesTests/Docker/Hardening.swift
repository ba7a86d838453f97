import Wire

/// What a request to create a container must have and must not have. Members that it does not know are complaints too.
enum Hardening {
    private static let required: [String: JSON] = [
        "NetworkMode": "none", "Privileged": false, "CapDrop": ["ALL"], "CapAdd": [], "ReadonlyRootfs": true,
        "SecurityOpt": ["no-new-privileges"], "Init": false, "IpcMode": "private", "CgroupnsMode": "private",
        "OomKillDisable": false, "AutoRemove": false, "RestartPolicy": ["Name": "no"], "LogConfig": ["Type": "none"],
    ]
    private static let positive: Set<String> = ["Memory", "MemorySwap", "NanoCpus", "PidsLimit", "ShmSize"]
    private static let top: [String: JSON] = [
        "User": "1000:1000", "Entrypoint": ["/opt/perimeter/execd"], "Healthcheck": ["Test": ["NONE"]],
        "NetworkDisabled": true, "Tty": false, "OpenStdin": false, "StopSignal": "SIGKILL", "Hostname": "sandbox",
        "WorkingDir": "/workspace",
    ]
    private static let free: Set<String> = ["Image", "Cmd", "Env", "Labels", "HostConfig"]

    static func complaints(_ request: JSON, below folder: String) -> [String] {
        let members = request.objectValue?.members ?? []
        let host = request["HostConfig"]?.objectValue?.members ?? []
        var complaints = members.filter { top[$0.key] == nil && !free.contains($0.key) }.map { "unknown \($0.key)" }
        for (key, value) in top where request[key] != value { complaints.append("\(key) is not \(value.text)") }
        for (key, value) in required where request["HostConfig"]?[key] != value {
            complaints.append("\(key) is not \(value.text)")
        }
        for key in positive where (request["HostConfig"]?[key]?.intValue ?? 0) <= 0 { complaints.append("no \(key)") }
        if request["HostConfig"]?["Memory"] != request["HostConfig"]?["MemorySwap"] { complaints.append("swap") }
        let known = positive.union(required.keys).union(["Ulimits", "Tmpfs", "Mounts", "Runtime"])
        complaints += host.filter { !known.contains($0.key) }.map { "unknown \($0.key)" }
        return complaints + mounts(request["HostConfig"]?["Mounts"], below: folder)
            + tmpfs(request["HostConfig"]?["Tmpfs"])
    }

    private static func mounts(_ json: JSON?, below folder: String) -> [String] {
        let writable = ["/run/perimeter", "/workspace"]
        return (json?.arrayValue ?? []).compactMap { mount in
            let target = mount["Target"]?.stringValue ?? ""
            let isRight =
                mount["Source"]?.stringValue?.hasPrefix(folder + "/") == true && mount["Type"] == "bind"
                && (mount["ReadOnly"] == true ? target == "/opt/perimeter/execd" : writable.contains(target))
                && mount["BindOptions"] == ["Propagation": "rprivate"]
            return isRight ? nil : "a mount at \(target)"
        }
    }

    private static func tmpfs(_ json: JSON?) -> [String] {
        (json?.objectValue?.members ?? []).compactMap { key, value in
            let options = value.stringValue?.split(separator: ",") ?? []
            let isRight =
                options.contains("nosuid") && options.contains("nodev") && options.contains { $0.hasPrefix("size=") }
            return isRight ? nil : "an unbounded folder \(key)"
        }
    }
}
