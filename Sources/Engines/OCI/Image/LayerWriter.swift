internal import Unpacking
internal import Glibc

/// Unpacks one layer, a tar archive that comes in pieces, over those below it: files, folders and links, and the markers that
/// remove what lower layers have. Devices and the like are refused. Calls block.
final class LayerWriter {
    /// What is left of the bounds on a whole image.
    struct Allowance: Equatable, Sendable {
        var bytes = 16 << 30
        var entries = 1 << 20
    }

    private(set) var allowance: Allowance
    private let tree: LayerTree
    /// What this layer has put in place, so that its own markers do not remove it.
    private var own: Set<String> = []
    private var block: [UInt8] = []
    private var state = State.header
    private var longName: String?
    private var longLink: String?

    private enum State {
        case header
        /// Data of a file, or of an entry about the next one; then as many bytes to the next header.
        case data(Target, left: Int, padding: Int)
        case padding(left: Int)
        case ended
    }

    private enum Target {
        case file(Int32, mode: mode_t, modified: Int)
        case text(TarHeader.Kind, [UInt8])
        case nothing
    }

    private static let textLimit = 64 << 10
    private static let depthLimit = 128

    init(into folder: String, _ allowance: Allowance) throws(ArchiveError) {
        tree = try LayerTree(folder)
        self.allowance = allowance
    }

    deinit { if case .data(.file(let file, _, _), _, _) = state { close(file) } }

    /// Takes the next piece of the archive.
    func feed(_ bytes: ArraySlice<UInt8>) throws(ArchiveError) {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .ended: return
            case .padding(let left):
                let count = min(left, rest.count)
                rest = rest.dropFirst(count)
                state = left == count ? .header : .padding(left: left - count)
            case .header:
                let count = min(TarHeader.size - block.count, rest.count)
                block += rest.prefix(count)
                rest = rest.dropFirst(count)
                guard block.count == TarHeader.size else { return }
                let header = try TarHeader(parsing: block)
                block = []
                if let header { try begin(header) } else { state = .ended }
            case .data(let target, let left, let padding):
                let count = min(left, rest.count)
                try take(rest.prefix(count), target, left: left - count, padding)
                rest = rest.dropFirst(count)
            }
        }
    }

    /// - Throws: when the archive stopped in the middle of something.
    func finish() throws(ArchiveError) {
        switch state {
        case .ended: return
        case .header where block.isEmpty: return
        default: throw .malformed("truncated archive")
        }
    }

    private func take(
        _ piece: ArraySlice<UInt8>, _ target: Target, left: Int, _ padding: Int
    ) throws(ArchiveError) {
        var target = target
        switch target {
        case .file(let file, _, _):
            guard HostFiles.writeAll(Array(piece), to: file) else { throw LayerTree.failure("write a file") }
        case .text(let kind, let bytes): target = .text(kind, bytes + piece)
        case .nothing: break
        }
        guard left == 0 else {
            state = .data(target, left: left, padding: padding)
            return
        }
        state = padding == 0 ? .header : .padding(left: padding)
        try end(target)
    }

    // MARK: - Entries

    private func begin(_ header: TarHeader) throws(ArchiveError) {
        guard allowance.entries > 0, header.length <= allowance.bytes else { throw .tooLarge }
        allowance.entries -= 1
        allowance.bytes -= header.length
        let padding = header.paddedLength - header.length
        let target: Target
        switch header.kind {
        case .longName, .longLink, .records:
            guard header.length <= Self.textLimit else { throw .tooLarge }
            target = .text(header.kind, [])
        case .globalRecords:
            target = .nothing
        default:
            target = try entry(header)
            longName = nil
            longLink = nil
        }
        if header.length > 0 {
            state = .data(target, left: header.length, padding: padding)
        } else {
            state = .header
            try end(target)
        }
    }

    private func entry(_ header: TarHeader) throws(ArchiveError) -> Target {
        guard let path = try TarHeader.safePath(longName ?? header.name) else { return .nothing }
        guard path.count <= Self.depthLimit else { throw .unsafePath("more than \(Self.depthLimit) folders deep") }
        if let name = path.last, name.hasPrefix(".wh.") { return try marker(path, name) }
        // No set-user bits: nobody inside may become another user.
        let mode = mode_t(header.mode & 0o1777)
        let link = longLink ?? header.link
        switch header.kind {
        case .file:
            let file = try tree.makeFile(path)
            claim(path)
            return .file(file, mode: mode, modified: header.modified)
        case .folder: try tree.makeFolder(path, mode: mode)
        case .symbolicLink: try tree.makeLink(path, to: link)
        case .hardLink:
            guard let other = try TarHeader.safePath(link) else { throw .unsafePath(link) }
            try tree.makeName(path, for: other)
        default: throw .unsupported("'\(path.joined(separator: "/"))' is a device or of an unknown kind")
        }
        claim(path)
        return .nothing
    }

    private func claim(_ path: [String]) {
        for count in 1...path.count { own.insert(path.prefix(count).joined(separator: "/")) }
    }

    /// An entry that says what of the lower layers is gone.
    private func marker(_ path: [String], _ name: String) throws(ArchiveError) -> Target {
        let parent = Array(path.dropLast())
        if name == ".wh..wh..opq" {
            try tree.empty(parent, sparing: own)
        } else if !name.hasPrefix(".wh..wh.") {
            let gone = String(name.dropFirst(4))
            guard let hidden = try TarHeader.safePath(gone), hidden.count == 1 else { throw .unsafePath(name) }
            let path = parent + hidden
            // Only what lower layers have is meant, whichever comes first.
            if own.contains(path.joined(separator: "/")) {
                try tree.empty(path, sparing: own)
            } else {
                try tree.remove(path)
            }
        }
        return .nothing
    }

    private func end(_ target: Target) throws(ArchiveError) {
        switch target {
        case .nothing: return
        case .file(let file, let mode, let modified):
            defer { close(file) }
            let times = [timespec(tv_sec: modified, tv_nsec: 0), timespec(tv_sec: modified, tv_nsec: 0)]
            guard fchmod(file, mode) == 0, futimens(file, times) == 0 else { throw LayerTree.failure("finish a file") }
        case .text(.longName, let bytes): longName = try TarHeader.text(bytes.prefix { $0 != 0 })
        case .text(.longLink, let bytes): longLink = try TarHeader.text(bytes.prefix { $0 != 0 })
        case .text(_, let bytes):
            let records = try TarHeader.records(bytes[...])
            if let path = records["path"] { longName = path }
            if let link = records["linkpath"] { longLink = link }
            if records["size"] != nil { throw .tooLarge }
        }
    }
}
