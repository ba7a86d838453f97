import Crypto
import Glibc
import TestSupport
import Wire

@testable import Engines

/// Writes image layouts, honest and other ones.
struct LayoutBuilder {
    struct Entry {
        var name: String
        var kind: Character = "0"
        var bytes: [UInt8] = []
        var link = ""
        var mode = 0o644

        static func file(_ name: String, _ text: String, mode: Int = 0o644) -> Entry {
            Entry(name: name, bytes: Array(text.utf8), mode: mode)
        }
        static func folder(_ name: String) -> Entry { Entry(name: name, kind: "5", mode: 0o755) }
        static func link(_ name: String, _ target: String) -> Entry { Entry(name: name, kind: "2", link: target) }
        static func other(_ name: String, _ target: String) -> Entry { Entry(name: name, kind: "1", link: target) }
    }

    let folder: String
    var architecture = ImageLayout.architecture
    /// As the descriptors say, whatever the bytes are.
    var mediaType = "application/vnd.oci.image.layer.v1.tar+gzip"
    /// Changes what is written after the digests were taken.
    var spoils: ([UInt8]) -> [UInt8] = { $0 }
    /// Changes what the configuration says of the contents.
    var hidesContents = false

    static func tar(_ entries: [Entry]) -> [UInt8] {
        entries.flatMap { entry -> [UInt8] in
            let size = (entry.bytes.count + 511) / 512 * 512
            return header(entry) + entry.bytes + [UInt8](repeating: 0, count: size - entry.bytes.count)
        } + [UInt8](repeating: 0, count: 1024)
    }

    private static func header(_ entry: Entry) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ place: Int) {
            for (index, byte) in text.utf8.enumerated() { block[place + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(String(entry.name.prefix(100)), 0)
        put(octal(entry.mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(entry.bytes.count, 11), 124)
        put(octal(1_600_000_000, 11), 136)
        put(String(entry.kind), 156)
        put(entry.link, 157)
        put("ustar\u{0}00", 257)
        put("        ", 148)
        put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ", 148)
        return block
    }

    /// Writes the layout. - Returns: the files of the layers.
    @discardableResult
    func write(_ archives: [[UInt8]]) throws -> [String] {
        for path in [folder, "\(folder)/blobs", "\(folder)/blobs/sha256"] where mkdir(path, 0o755) != 0 {
            guard errno == EEXIST else { throw HostView.Failure("mkdir \(path)") }
        }
        try HostView.write(#"{"imageLayoutVersion":"1.0.0"}"#, to: "\(folder)/oci-layout")
        var layers: [JSON] = []
        var files: [String] = []
        for archive in archives {
            let bytes = mediaType.hasSuffix("gzip") ? try Self.gzip(archive, "\(folder)/piece") : archive
            let descriptor = try blob(bytes, mediaType, spoiled: true)
            layers.append(descriptor)
            files.append("\(folder)/blobs/sha256/" + (descriptor["digest"]?.stringValue ?? "").dropFirst(7))
        }
        let contents = archives.map {
            JSON.string("sha256:" + SHA256.hash(data: hidesContents ? [0] : $0).hexadecimal)
        }
        let configuration: JSON = [
            "os": "linux", "architecture": .string(architecture),
            "rootfs": ["type": "layers", "diff_ids": .array(contents)], "config": ["Env": ["SECRET=image"]],
        ]
        let manifest: JSON = [
            "schemaVersion": 2,
            "config": try blob(Array(configuration.text.utf8), "application/vnd.oci.image.config.v1+json"),
            "layers": .array(layers),
        ]
        let described = try blob(Array(manifest.text.utf8), "application/vnd.oci.image.manifest.v1+json")
        let index: JSON = ["schemaVersion": 2, "manifests": [described]]
        try HostView.write(index.text, to: "\(folder)/index.json")
        return files
    }

    private func blob(_ bytes: [UInt8], _ mediaType: String, spoiled: Bool = false) throws -> JSON {
        let digest = SHA256.hash(data: bytes).hexadecimal
        try Self.write(spoiled ? spoils(bytes) : bytes, to: "\(folder)/blobs/sha256/\(digest)")
        return [
            "mediaType": .string(mediaType), "digest": .string("sha256:\(digest)"), "size": JSON(bytes.count),
        ]
    }

    private static func gzip(_ bytes: [UInt8], _ path: String) throws -> [UInt8] {
        try write(bytes, to: path)
        try HostProgram.run("/bin/bash", ["-c", "exec /bin/gzip -n -9 < \"$0\" > \"$0.gz\"", path])
        return HostFiles.read("\(path).gz", limit: 64 << 20) ?? []
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0, HostFiles.writeAll(bytes, to: file) else { throw HostView.Failure("write \(path)") }
        close(file)
    }
}
