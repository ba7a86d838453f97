internal import Glibc
internal import Toolset

/// Gives up, before anything of a session runs, what no program of it may do (`--confine`).
enum Confinement {
    /// Does nothing where the kernel has no Landlock; the engine knows, and says so.
    static func enforce(_ options: Options) throws(SystemFailure) {
        guard options.isConfined, let version = WriteConfinement.version else { return }
        let own = [options.workDirectory] + options.roots + [options.trustRoot].compactMap(\.self)
        try WriteConfinement(
            version: version, folders: own + options.writable + WriteConfinement.usualFolders, devices: devices()
        ).enforce()
    }

    private static func devices() -> [String] {
        guard let folder = opendir("/dev") else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafeBytes(of: &entry.pointee.d_name) { raw in
                    String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
                })
        }
        return names
    }
}
