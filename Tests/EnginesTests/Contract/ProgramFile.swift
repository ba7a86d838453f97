import TestSupport

@testable import Engines

/// Scripts that tests start right after they wrote them.
enum ProgramFile {
    /// The file is made by a process of its own: what another test starts in the same moment inherits this process's descriptors
    /// until it has become its program, and the kernel starts no file that somebody may still write (ETXTBSY, execve(2)).
    static func write(_ text: String, to path: String) throws {
        try HostView.write(text, to: path + ".text")
        defer { HostView.remove(path + ".text") }
        try HostProgram.run("/usr/bin/install", ["-m", "755", "-T", path + ".text", path])
    }
}
