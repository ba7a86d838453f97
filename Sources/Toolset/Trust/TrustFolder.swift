internal import CLinux
internal import Glibc

/// The folder in which the daemon keeps files for programs inside, apart from where anybody works.
///
/// Programs may own the places where it can lie. Its name is new and random, and it is written through its own descriptor: what
/// somebody puts in its way is not followed, and what somebody does to its files harms the programs that read them.
package final class TrustFolder {
    private struct Place {
        var path: String
        var directory: Descriptor
        var names: Set<String> = []
    }

    /// Memory first; on a root that is read-only these are what can be written.
    package static let usualParents = ["/run", "/dev/shm", "/var/tmp", "/tmp"]

    private let parents: [String]
    private var place: Place?

    /// - Parameter parents: where it may be made, the best first.
    package init(parents: [String] = usualParents) {
        self.parents = parents
    }

    deinit { remove() }

    /// Puts files in place, each as a whole, where they were before when that place is still there.
    /// - Parameter files: what to put, given the folder's path.
    /// - Returns: the folder's path.
    func put(_ files: (String) -> [(name: String, bytes: [UInt8])]) throws(SystemFailure) -> String {
        if var current = place, Self.isThere(current), (try? Self.write(files(current.path), in: &current)) != nil {
            place = current
            return current.path
        }
        remove()
        var failure = SystemFailure(ENOENT, "make a folder")
        for parent in parents {
            do throws(SystemFailure) {
                var fresh = try Self.make(in: parent)
                do throws(SystemFailure) {
                    try Self.write(files(fresh.path), in: &fresh)
                } catch {
                    Self.remove(fresh)
                    throw error
                }
                place = fresh
                return fresh.path
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// Takes the files away.
    func remove() {
        if let place { Self.remove(place) }
        place = nil
    }

    private static func make(in parent: String) throws(SystemFailure) -> Place {
        let path = "\(parent)/.perimeter-trust-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        guard mkdir(path, 0o755) == 0 else { throw SystemFailure(errno, "make a folder") }
        let directory = try Descriptor(
            opened: clinux_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0), "open")
        return Place(path: path, directory: directory)
    }

    /// Whether the path still leads to the folder that was made.
    private static func isThere(_ place: Place) -> Bool {
        var named = stat()
        guard let own = try? place.directory.status(), lstat(place.path, &named) == 0 else { return false }
        return named.st_dev == own.st_dev && named.st_ino == own.st_ino
    }

    private static func write(_ files: [(name: String, bytes: [UInt8])], in place: inout Place) throws(SystemFailure) {
        for (name, bytes) in files {
            let draft = ".\(name).new"
            place.names.formUnion([name, draft])
            unlinkat(place.directory.raw, draft, 0)
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            let file = try Descriptor(opened: clinux_openat(place.directory.raw, draft, flags, 0o644), "open")
            try file.write(bytes)
            guard renameat(place.directory.raw, draft, place.directory.raw, name) == 0 else {
                throw SystemFailure(errno, "rename")
            }
        }
    }

    private static func remove(_ place: Place) {
        for name in place.names { unlinkat(place.directory.raw, name, 0) }
        if isThere(place) { rmdir(place.path) }
    }
}
