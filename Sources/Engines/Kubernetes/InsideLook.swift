internal import Sandbox

/// What a new Pod says of its bounds, before a program of the session runs in it: what the API cannot show.
struct InsideLook: Equatable, Sendable {
    /// The size of the file system below the work directory.
    var workBytes: Int
    /// Whether its users are its own (user_namespaces(7)).
    var hasOwnUsers: Bool
    /// The most processes of its user; nil for no bound.
    var processes: Int?

    /// Whether the API server could be reached, which nothing of the namespace's policy allows.
    var isOpen: Bool

    /// One line each. Every Pod is told the API server's address by its kubelet.
    static let command = """
        stat -f -c '%S %b' \(PodManifest.workDirectory); head -1 /proc/self/uid_map; ulimit -u
        if [ -n "$KUBERNETES_SERVICE_HOST" ] &&
        timeout 2 bash -c 'echo > "/dev/tcp/$KUBERNETES_SERVICE_HOST/$KUBERNETES_SERVICE_PORT"' 2> /dev/null
        then echo open; else echo closed; fi
        """
    /// Bytes that the answer may have.
    static let limit = 4096
    /// Storage comes in whole ones of these at many places.
    private static let storageUnit = 1 << 30

    init?(parsing text: String) {
        let lines = text.split(separator: "\n").map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
        guard lines.count == 4, lines[0].count == 2, let block = Int(lines[0][0]), let count = Int(lines[0][1]),
            block > 0, count > 0, lines[1].count == 3, lines[2].count == 1,
            lines[3] == ["open"] || lines[3] == ["closed"]
        else { return nil }
        let (bytes, isTooLarge) = block.multipliedReportingOverflow(by: count)
        workBytes = isTooLarge ? .max : bytes
        // The whole range, one to one, is the host's own (or that of a virtual machine).
        hasOwnUsers = lines[1] != ["0", "0", "4294967295"]
        processes = Int(lines[2][0])
        isOpen = lines[3] == ["open"]
    }

    /// The bounds that do not hold.
    /// - Parameter isAlone: the Pod has a kernel of its own, so that its users are as well.
    func missing(_ limits: ResourceLimits, isAlone: Bool) -> [String] {
        var missing: [String] = []
        if processes.map({ $0 > limits.processes }) ?? true || !(hasOwnUsers || isAlone) { missing.append("processes") }
        let units = (limits.diskBytes + Self.storageUnit - 1) / Self.storageUnit
        if workBytes > units * Self.storageUnit { missing.append("disk") }
        return missing
    }
}
