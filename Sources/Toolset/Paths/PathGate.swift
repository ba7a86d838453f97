internal import CLinux
package import Glibc

/// Confines the file tools to the permitted roots.
///
/// A path is first resolved here (links may lead from one root into another), which is only a suggestion; then the kernel
/// opens it beneath the root's own descriptor, where no link and no `..` can lead out, whatever changed in between.
package final class PathGate: Sendable {
    struct Root: Sendable {
        /// Canonical, without a slash at the end; empty for `/`.
        var path: String
        var directory: Descriptor
        var isReadOnly: Bool
    }

    /// A place beneath a root. Its components contain no links, unless someone just put one there.
    package struct Place: Sendable {
        let root: Root
        /// Below the root; empty for the root itself.
        let components: [String]

        /// Absolute and canonical.
        package var path: String {
            let joined = components.joined(separator: "/")
            return joined.isEmpty ? (root.path.isEmpty ? "/" : root.path) : root.path + "/" + joined
        }
    }

    package let workDirectory: String
    private let roots: [Root]
    private let usesOpenat2: Bool

    /// Opens the roots. They must exist.
    /// - Parameter usesOpenat2: false leaves the kernel's own confinement away, as on kernels without the call.
    package init(_ settings: ToolSettings, usesOpenat2: Bool = true) throws(ToolError) {
        workDirectory = settings.workDirectory
        self.usesOpenat2 = usesOpenat2
        var roots: [Root] = []
        for (path, isReadOnly) in [(settings.workDirectory, false)] + settings.roots.map({ ($0, false) })
            + settings.readOnlyRoots.map({ ($0, true) })
        {
            let raw = Glibc.open(path, clinux_o_path | O_DIRECTORY | O_CLOEXEC)
            guard raw >= 0 else { throw ToolError(SystemFailure(errno, "open"), path: path) }
            guard let canonical = realpath(path, nil) else { throw ToolError(SystemFailure(errno, "open"), path: path) }
            defer { free(canonical) }
            let text = String(cString: canonical)
            roots.append(Root(path: text == "/" ? "" : text, directory: Descriptor(raw), isReadOnly: isReadOnly))
        }
        self.roots = roots
    }

    /// Finds the place a tool's path means; the last parts may not exist yet.
    /// - Throws: `.denied` when it lies outside the roots, or below a read-only one and `writing` is set.
    package func resolve(_ path: String, writing: Bool = false) throws(ToolError) -> Place {
        guard !path.isEmpty else { throw ToolError(.invalid, "the path is empty") }
        guard !path.utf8.contains(0) else { throw ToolError(.invalid, "the path contains a NUL byte") }
        guard path.utf8.count < 4096 else { throw ToolError(.invalid, "the path is too long") }
        let absolute = path.hasPrefix("/") ? path : workDirectory + "/" + path
        let canonical = try followLinks(Self.collapse(absolute), named: path)
        let inside = roots.filter { Self.components(canonical, below: $0.path) != nil }
        guard let root = inside.max(by: { $0.path.utf8.count < $1.path.utf8.count }),
            let components = Self.components(canonical, below: root.path)
        else { throw ToolError(.denied, "\(path): outside the permitted directories") }
        if writing, inside.contains(where: \.isReadOnly) {
            throw ToolError(.denied, "\(path): this directory is read-only")
        }
        return Place(root: root, components: components)
    }

    /// Opens the place; never follows a link at its end and never creates directories.
    package func open(_ place: Place, flags: Int32, mode: mode_t = 0) throws(SystemFailure) -> Descriptor {
        // openat2 takes no other flags beside O_PATH.
        let flags = flags | O_CLOEXEC | O_NOFOLLOW | (flags & clinux_o_path != 0 ? 0 : O_NOCTTY)
        let relative = place.components.isEmpty ? "." : place.components.joined(separator: "/")
        if usesOpenat2 {
            let resolve = UInt64(CLINUX_RESOLVE_BENEATH | CLINUX_RESOLVE_NO_MAGICLINKS)
            // EAGAIN: a rename raced with the look-up; the kernel asks to try again.
            for _ in 0..<100 {
                let raw = clinux_openat2(
                    place.root.directory.raw, relative, UInt64(flags), flags & O_CREAT != 0 ? UInt64(mode) : 0, resolve)
                if raw >= 0 { return Descriptor(raw) }
                guard errno == EAGAIN else { break }
            }
            guard errno == ENOSYS else { throw SystemFailure(errno, "open") }
        }
        return try openStepwise(place, flags: flags, mode: mode)
    }

    /// Opens the directory that holds the place; with `creating`, makes what is missing on the way.
    package func openParent(_ place: Place, creating: Bool) throws(SystemFailure) -> Descriptor {
        let parents = place.components.dropLast()
        guard creating else {
            return try open(Place(root: place.root, components: Array(parents)), flags: clinux_o_path)
        }
        var directory = place.root.directory
        for name in parents {
            if mkdirat(directory.raw, name, 0o777) < 0, errno != EEXIST { throw SystemFailure(errno, "mkdir") }
            directory = try Self.step(directory, name)
        }
        return directory
    }

    private func openStepwise(_ place: Place, flags: Int32, mode: mode_t) throws(SystemFailure) -> Descriptor {
        var directory = place.root.directory
        for name in place.components.dropLast() { directory = try Self.step(directory, name) }
        return try Descriptor(
            opened: clinux_openat(directory.raw, place.components.last ?? ".", flags, mode), "open")
    }

    private static func step(_ directory: Descriptor, _ name: String) throws(SystemFailure) -> Descriptor {
        try Descriptor(
            opened: clinux_openat(directory.raw, name, clinux_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), "open")
    }
}
