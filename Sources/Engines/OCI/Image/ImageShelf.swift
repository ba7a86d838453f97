internal import Unpacking
internal import CLinux
internal import Crypto
internal import Glibc

/// Root file systems that were unpacked from image layouts, each under the digest of its manifest. Calls block.
struct ImageShelf: Sendable {
    let folder: String
    private static let prefix = "draft-"

    /// - Parameter state: where the engine keeps what outlives the host's restarts.
    init(state: String) { folder = "\(state)/images" }

    /// The root file system of the image of a layout; unpacks it unless that has been done.
    /// - Parameter allowance: the bounds on what it may unpack to.
    func root(of layout: ImageLayout, _ allowance: LayerWriter.Allowance = .init()) throws(ImageError) -> String {
        let manifest = try layout.manifest()
        let target = "\(folder)/\(manifest.digest)"
        if HostFiles.facts(target) != nil { return target }
        let draft = draft()
        do throws(SystemError) {
            try HostFiles.makeFolder(folder, mode: 0o700)
            try HostFiles.makeFolder(draft, mode: 0o755)
        } catch {
            throw ImageError(error.description)
        }
        defer { HostFiles.removeTree(draft) }
        var allowance = allowance
        for (number, (layer, content)) in zip(manifest.layers, manifest.contents).enumerated() {
            do throws(ArchiveError) {
                allowance = try Self.unpack(layout.blob(layer), layer, content, into: draft, allowance)
            } catch {
                throw ImageError("layer \(number + 1) of \(manifest.layers.count): \(error.text)")
            }
        }
        let file = open(draft, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if file >= 0 { close(file) } }
        guard file >= 0, clinux_sync_filesystem(file) == 0,
            rename(draft, target) == 0 || errno == EEXIST || errno == ENOTEMPTY
        else {
            throw ImageError(SystemError("keep \(target)").description)
        }
        return target
    }

    /// The name of something that is nothing yet, or no more, in this process's hands.
    private func draft() -> String { "\(folder)/\(Self.prefix)\(getpid())-\(UInt32.random(in: 0...UInt32.max))" }

    // MARK: - Layers

    private static let pieceSize = 1 << 18

    /// - Returns: what is left of the bounds.
    private static func unpack(
        _ path: String, _ layer: ImageLayout.Descriptor, _ content: String, into folder: String,
        _ allowance: LayerWriter.Allowance
    ) throws(ArchiveError) -> LayerWriter.Allowance {
        let isCompressed: Bool
        switch layer.mediaType {
        case "application/vnd.oci.image.layer.v1.tar": isCompressed = false
        case "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.docker.image.rootfs.diff.tar.gzip":
            isCompressed = true
        case "application/vnd.oci.image.layer.v1.tar+zstd":
            throw .unsupported(
                "zstd is not read: pack the image with gzip, as `skopeo copy --dest-compress-format gzip` does")
        default: throw .unsupported("'\(layer.mediaType.prefix(100))' is no layer that is read")
        }
        let blob = try Blob(path, layer)
        let writer = try LayerWriter(into: folder, allowance)
        var hash = SHA256()
        var left = allowance.bytes + allowance.entries * TarHeader.size
        let sink: Inflate.Sink = { (piece: ArraySlice<UInt8>) throws(ArchiveError) in
            guard piece.count <= left else { throw .tooLarge }
            left -= piece.count
            hash.update(data: piece)
            try writer.feed(piece)
        }
        if isCompressed {
            var inflate = Inflate(
                limit: left, from: { () throws(ArchiveError) in try blob.next(pieceSize) }, to: sink)
            try inflate.members()
        } else {
            while let piece = try blob.next(pieceSize) { try sink(piece) }
        }
        try writer.finish()
        try blob.verify()
        guard hash.finalize().hexadecimal == content else {
            throw .malformed("its content is not what the image's configuration says")
        }
        return writer.allowance
    }

    /// Reads a blob from its beginning to its end and looks whether it is the one that was named.
    private final class Blob {
        private let file: Int32
        private let named: ImageLayout.Descriptor
        private var hash = SHA256()
        private var count = 0

        init(_ path: String, _ named: ImageLayout.Descriptor) throws(ArchiveError) {
            self.named = named
            file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            guard file >= 0 else { throw LayerTree.failure("open \(path)") }
        }

        deinit { close(file) }

        func next(_ size: Int) throws(ArchiveError) -> ArraySlice<UInt8>? {
            var buffer = [UInt8](repeating: 0, count: size)
            let read = Glibc.read(file, &buffer, size)
            guard read >= 0 else { throw LayerTree.failure("read a layer") }
            count += read
            guard count <= named.size else { throw .malformed("it is larger than its descriptor says") }
            hash.update(data: buffer[..<read])
            return read > 0 ? buffer[..<read] : nil
        }

        func verify() throws(ArchiveError) {
            while try next(ImageShelf.pieceSize) != nil {}
            guard count == named.size, hash.finalize().hexadecimal == named.digest else {
                throw .malformed("it is not what its digest and size say")
            }
        }
    }

    // MARK: - Leftovers

    /// Removes drafts of processes that are gone, and root file systems that nothing has mounted.
    /// - Parameter current: the one that new sandboxes get.
    func removeOld(keeping current: String) {
        let mounts = HostFiles.read("/proc/self/mountinfo", limit: 16 << 20).map { String(decoding: $0, as: UTF8.self) }
        guard let mounts else { return }
        for name in HostFiles.names(in: folder) {
            let path = "\(folder)/\(name)"
            if name.hasPrefix(Self.prefix) {
                let pid = name.dropFirst(Self.prefix.count).split(separator: "-").first.flatMap { Int32($0) }
                if let pid, kill(pid, 0) != 0, errno == ESRCH { HostFiles.removeTree(path) }
            } else if path != current, !mounts.contains(path) {
                // Whoever wants it meanwhile finds the whole of it, or nothing.
                let draft = draft()
                if rename(path, draft) == 0 { HostFiles.removeTree(draft) }
            }
        }
    }
}

extension ArchiveError {
    /// For people.
    fileprivate var text: String {
        switch self {
        case .unsupported(let what), .malformed(let what): what
        case .unsafePath(let path): "a name or link leads out of the image: \(path)"
        case .tooLarge: "it unpacks to more than an image may have"
        }
    }
}
