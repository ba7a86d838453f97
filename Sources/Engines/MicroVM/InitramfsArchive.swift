/// The first file system of a guest, as the kernel unpacks it: a cpio archive in the "newc" form
/// (Documentation/driver-api/early-userspace/buffer-format.rst). Pure.
struct InitramfsArchive {
    private(set) var bytes: [UInt8] = []
    private var entries: UInt32 = 0

    private static let folder: UInt32 = 0o040000
    private static let file: UInt32 = 0o100000

    mutating func add(folder name: String, mode: UInt32 = 0o755) { add(name, Self.folder | mode, []) }

    mutating func add(file name: String, mode: UInt32, _ content: [UInt8]) { add(name, Self.file | mode, content) }

    /// The whole archive. Nothing can be added to it later.
    consuming func finished() -> [UInt8] {
        add("TRAILER!!!", 0, [])
        return bytes
    }

    private mutating func add(_ name: String, _ mode: UInt32, _ content: [UInt8]) {
        entries += 1
        let header: [UInt32] = [
            entries, mode, 0, 0, 1, 0, UInt32(content.count), 0, 0, 0, 0, UInt32(name.utf8.count + 1), 0,
        ]
        bytes += Array("070701".utf8)
        for field in header {
            let digits = String(field, radix: 16)
            bytes += Array((String(repeating: "0", count: 8 - digits.count) + digits).utf8)
        }
        bytes += Array(name.utf8) + [0]
        pad()
        bytes += content
        pad()
    }

    private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }
}
