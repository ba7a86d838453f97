internal import CLinux
internal import Glibc
internal import Toolset

/// The few file operations of a machine's first process.
enum GuestFiles {
    static func makeFolder(_ path: String, _ mode: mode_t) throws(SystemFailure) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw SystemFailure(errno, "mkdir") }
        }
        guard chmod(path, mode) == 0 else { throw SystemFailure(errno, "chmod") }
    }

    static func write(_ text: String, to path: String) throws(SystemFailure) {
        let file = try Descriptor(opened: open(path, O_WRONLY | O_CLOEXEC), "open")
        try file.write(Array(text.utf8))
    }

    static func text(_ path: String) -> String? {
        let raw = open(path, O_RDONLY | O_CLOEXEC)
        guard raw >= 0 else { return nil }
        guard let bytes = try? Descriptor(raw).readAll(limit: 4096) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Sorted.
    static func names(in folder: String) -> [String] {
        guard let handle = opendir(folder) else { return [] }
        defer { closedir(handle) }
        var names: [String] = []
        while let entry = readdir(handle) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The last part of what a symbolic link leads to.
    static func linkedName(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        let text = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.split(separator: "/").last.map(String.init)
    }

    static func mount(
        _ type: String, at target: String, from source: String? = nil, _ flags: UInt64 = 0, _ data: String? = nil
    ) throws(SystemFailure) {
        guard clinux_mount(source ?? type, target, type, flags, data) == 0 else {
            throw SystemFailure(errno, "mount")
        }
    }
}
