internal import Glibc

/// The name under which the things of one worker are kept apart at a place that several use.
enum OwnerName {
    /// Random, and the same for the folder's life. Blocks.
    static func kept(in folder: String) throws(SystemError) -> String {
        let path = "\(folder)/owner"
        if let name = read(path) { return name }
        try HostFiles.makeFolder(folder, mode: 0o700)
        let name = "w-" + String(UInt64.random(in: 0...UInt64.max), radix: 36)
        let draft = "\(path).\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        defer { unlink(draft) }
        try HostFiles.write(name + "\n", to: draft, mode: 0o600)
        // The first of several writers is the one that counts.
        if link(draft, path) == 0 { return name }
        guard errno == EEXIST, let kept = read(path) else { throw SystemError("write \(path)") }
        return kept
    }

    private static func read(_ path: String) -> String? {
        guard let text = HostFiles.text(path), text.utf8.count <= 64 else { return nil }
        let name = text.filter { !$0.isWhitespace }
        let isSafe = name.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "-")
        }
        return !name.isEmpty && isSafe ? name : nil
    }
}
