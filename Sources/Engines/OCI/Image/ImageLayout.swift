internal import Unpacking
internal import Crypto
internal import Glibc
internal import Wire

/// An image on disk by the OCI image layout specification: a folder with `oci-layout`, `index.json` and blobs. Everything in it
/// is somebody else's: sizes and digests are checked before anything is believed. Calls block.
struct ImageLayout: Sendable {
    /// A blob as another one names it.
    struct Descriptor: Equatable, Sendable {
        var mediaType: String
        /// Of SHA-256, in lower-case hexadecimal digits.
        var digest: String
        var size: Int
    }

    /// What an image is made of, lowest layer first.
    struct Manifest: Equatable, Sendable {
        var digest: String
        var layers: [Descriptor]
        /// Of the layers when they are unpacked.
        var contents: [String]
    }

    let folder: String

    private static let documentLimit = 4 << 20
    private static let layerLimit = 128
    private static let depthLimit = 3

    #if arch(arm64)
        static let architecture = "arm64"
    #else
        static let architecture = "amd64"
    #endif

    /// Nil for a folder that is no layout.
    init?(_ folder: String) {
        guard HostFiles.facts("\(folder)/oci-layout") != nil else { return nil }
        self.folder = folder
    }

    func blob(_ descriptor: Descriptor) -> String { "\(folder)/blobs/sha256/\(descriptor.digest)" }

    /// The one image for this machine.
    func manifest() throws(ImageError) -> Manifest {
        let layout = try document("\(folder)/oci-layout", nil)
        guard layout["imageLayoutVersion"] == "1.0.0" else { throw ImageError("its layout is of another version") }
        let found = try candidates(in: try document("\(folder)/index.json", nil), depth: 0)
        guard let descriptor = found.first else {
            throw ImageError("it has no image for linux/\(Self.architecture)")
        }
        guard found.allSatisfy({ $0.digest == descriptor.digest }) else {
            throw ImageError("it has several images for linux/\(Self.architecture): make a layout with one")
        }
        return try manifest(descriptor)
    }

    private func manifest(_ descriptor: Descriptor) throws(ImageError) -> Manifest {
        let json = try document(blob(descriptor), descriptor)
        let layers = try (json["layers"]?.arrayValue ?? []).map { json throws(ImageError) in try Self.descriptor(json) }
        guard !layers.isEmpty, layers.count <= Self.layerLimit, let config = json["config"] else {
            throw ImageError("its manifest has no layers, or too many")
        }
        let configuration = try Self.descriptor(config)
        // Its variables, user, folder and entry point are not used: all of these are the session's.
        let described = try document(blob(configuration), configuration)
        guard described["os"] == "linux", described["architecture"] == .string(Self.architecture) else {
            throw ImageError("it is not for linux/\(Self.architecture)")
        }
        let contents = (described["rootfs"]?["diff_ids"]?.arrayValue ?? []).compactMap {
            $0.stringValue.flatMap { Self.digest($0) }
        }
        guard contents.count == layers.count else { throw ImageError("its layers are not those of its configuration") }
        return Manifest(digest: descriptor.digest, layers: layers, contents: contents)
    }

    /// The manifests of an index that can be for this machine, those of the indexes in it too.
    private func candidates(in index: JSON, depth: Int) throws(ImageError) -> [Descriptor] {
        guard depth < Self.depthLimit else { throw ImageError("its indexes are nested too deeply") }
        guard let entries = index["manifests"]?.arrayValue, entries.count <= 1024 else {
            throw ImageError("its index has no manifests, or too many")
        }
        var found: [Descriptor] = []
        for entry in entries {
            if let platform = entry["platform"] {
                guard platform["os"] == "linux", platform["architecture"] == .string(Self.architecture) else {
                    continue
                }
            }
            let descriptor = try Self.descriptor(entry)
            switch descriptor.mediaType {
            case "application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json":
                found.append(descriptor)
            case "application/vnd.oci.image.index.v1+json",
                "application/vnd.docker.distribution.manifest.list.v2+json":
                found += try candidates(in: try document(blob(descriptor), descriptor), depth: depth + 1)
            default: continue
            }
        }
        return found
    }

    private static func descriptor(_ json: JSON) throws(ImageError) -> Descriptor {
        guard let digest = json["digest"]?.stringValue.flatMap({ digest($0) }), let size = json["size"]?.intValue,
            size >= 0, let mediaType = json["mediaType"]?.stringValue
        else { throw ImageError("a descriptor in it has no type, size or SHA-256 digest") }
        return Descriptor(mediaType: mediaType, digest: digest, size: size)
    }

    private static func digest(_ text: String) -> String? {
        guard text.hasPrefix("sha256:") else { return nil }
        let digits = text.dropFirst(7)
        guard digits.utf8.count == 64,
            digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        return String(digits)
    }

    /// Reads a small blob whole.
    /// - Parameter descriptor: what it must be; nil for the two files that nothing names.
    private func document(_ path: String, _ descriptor: Descriptor?) throws(ImageError) -> JSON {
        guard let bytes = HostFiles.read(path, limit: Self.documentLimit) else {
            throw ImageError("\(path) cannot be read, or is too large")
        }
        if let descriptor {
            guard bytes.count == descriptor.size, SHA256.hash(data: bytes).hexadecimal == descriptor.digest else {
                throw ImageError("\(path) is not what its digest and size say")
            }
        }
        do { return try JSON(parsing: bytes) } catch { throw ImageError("\(path) is not JSON") }
    }
}

/// Why an image is not used: the text follows "the image …:".
struct ImageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

extension SHA256.Digest {
    var hexadecimal: String {
        String(decoding: flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
    }
    private static var digits: [UInt8] { Array("0123456789abcdef".utf8) }
}
