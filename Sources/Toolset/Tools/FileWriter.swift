package import Glibc

/// Puts a file's new content in place as a whole: a full disk or a crash leaves the old content.
package struct FileWriter {
    private let gate: PathGate

    package init(gate: PathGate) {
        self.gate = gate
    }

    /// A file that has no name yet, or another one, until it is committed.
    package final class Pending {
        package let file: Descriptor
        private let parent: Descriptor
        private let temporary: String?
        private let name: String

        init(file: Descriptor, parent: Descriptor, temporary: String?, name: String) {
            self.file = file
            self.parent = parent
            self.temporary = temporary
            self.name = name
        }

        /// Gives the file its name.
        package func commit() throws(SystemFailure) {
            guard let temporary else { return }
            guard renameat(parent.raw, temporary, parent.raw, name) == 0 else {
                let failure = SystemFailure(errno, "rename")
                discard()
                throw failure
            }
        }

        /// Removes what was written so far.
        package func discard() {
            if let temporary { unlinkat(parent.raw, temporary, 0) }
        }
    }

    /// Starts writing; missing parents are created.
    /// - Parameters:
    ///   - mode: for a file that is new; nil means the usual one, and an existing file keeps its own.
    ///   - unique: distinguishes writers of the same file.
    package func begin(
        _ place: PathGate.Place, named path: String, mode: mode_t? = nil, unique: String
    ) throws(ToolError) -> Pending {
        guard let name = place.components.last else { throw ToolError(.invalid, "\(path): is a directory") }
        do {
            let parent = try gate.openParent(place, creating: true)
            var existing = stat()
            let exists = fstatat(parent.raw, name, &existing, AT_SYMLINK_NOFOLLOW) == 0
            if exists, existing.st_mode & S_IFMT != S_IFREG {
                let isDirectory = existing.st_mode & S_IFMT == S_IFDIR
                throw ToolError(.invalid, "\(path): \(isDirectory ? "is a directory" : "not a regular file")")
            }
            let temporary = ".\(name.utf8.count < 200 ? name : "file").\(unique).tmp"
            let place = PathGate.Place(root: place.root, components: place.components.dropLast() + [temporary])
            unlinkat(parent.raw, temporary, 0)
            let file = try gate.open(place, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode ?? 0o666)
            if exists || mode != nil {
                let bits = mode ?? (existing.st_mode & 0o7777)
                if fchmod(file.raw, bits) != 0 { throw SystemFailure(errno, "chmod") }
            }
            return Pending(file: file, parent: parent, temporary: temporary, name: name)
        } catch let error as ToolError {
            throw error
        } catch let error as SystemFailure {
            throw ToolError(error, path: path)
        } catch {
            throw ToolError(.failed, "\(path): \(error)")
        }
    }

    /// Writes a whole file.
    package func write(_ bytes: [UInt8], to place: PathGate.Place, named path: String, unique: String) throws(ToolError)
    {
        let pending = try begin(place, named: path, unique: unique)
        do {
            try pending.file.write(bytes)
            try pending.commit()
        } catch {
            pending.discard()
            throw ToolError(error, path: path)
        }
    }
}
