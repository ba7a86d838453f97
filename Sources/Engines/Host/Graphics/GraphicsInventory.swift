internal import Glibc

/// The NVIDIA processors of a host and what programs need of its driver, as a tree of files shows them.
struct GraphicsInventory: Equatable, Sendable {
    /// A device node.
    struct Node: Equatable, Sendable {
        /// In `/dev`.
        var name: String
        /// On the host.
        var path: String
        var major: UInt32
        var minor: UInt32
    }

    /// By the driver's own number.
    private(set) var processors: [Int: Node] = [:]
    /// What every user of any processor opens as well.
    private(set) var control: [Node] = []
    /// The driver's part that runs in programs: names as the dynamic linker looks for them, and the files.
    private(set) var libraries: [(name: String, path: String)] = []
    private(set) var programs: [(name: String, path: String)] = []

    /// Without these no processor can be used. They are made by the driver's set-user-id helper, which does not work in a sandbox.
    private static let required = ["nvidiactl", "nvidia-uvm"]
    private static let further = ["nvidia-uvm-tools"]
    private static let libraryFolders = [
        "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
    ]
    private static let libraryPrefixes = ["libcuda.so.", "libcudadebugger.so.", "libnvidia-", "libnvcuvid.so."]
    private static let programNames = ["nvidia-smi"]

    /// Looks at the tree below `root`; an empty text is the host itself.
    /// - Parameter withDriver: false leaves out libraries and programs, which lie among thousands of others.
    init(root: String = "", withDriver: Bool = true) {
        for name in HostFiles.names(in: "\(root)/dev") where name.hasPrefix("nvidia") {
            guard let number = Int(name.dropFirst("nvidia".count)), String(number) == name.dropFirst("nvidia".count)
            else { continue }
            processors[number] = Self.node(name, root)
        }
        control = (Self.required + Self.further).compactMap { Self.node($0, root) }
        guard withDriver else { return }
        var names: Set<String> = []
        for folder in Self.libraryFolders {
            for name in HostFiles.names(in: root + folder).sorted() where Self.isLibrary(name) {
                guard let path = Self.file("\(root)\(folder)/\(name)"), names.insert(name).inserted else { continue }
                libraries.append((name, path))
            }
        }
        programs = Self.programNames.compactMap { name in Self.file("\(root)/usr/bin/\(name)").map { (name, $0) } }
    }

    /// Why the processors that are there cannot be used, or nil.
    var defect: String? {
        guard !processors.isEmpty else { return nil }
        return Self.required.first { name in !control.contains { $0.name == name } }.map { "there is no /dev/\($0)" }
    }

    static func == (left: Self, right: Self) -> Bool {
        left.processors == right.processors && left.control == right.control
            && left.libraries.map(\.path) == right.libraries.map(\.path)
            && left.programs.map(\.path) == right.programs.map(\.path)
    }

    private static func isLibrary(_ name: String) -> Bool {
        name.contains(".so.") && libraryPrefixes.contains { name.hasPrefix($0) }
    }

    private static func node(_ name: String, _ root: String) -> Node? {
        let path = "\(root)/dev/\(name)"
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFCHR else { return nil }
        let number = facts.st_rdev
        return Node(
            name: name, path: path,
            // As gnu_dev_major and gnu_dev_minor split it.
            major: UInt32(truncatingIfNeeded: (number >> 8) & 0xFFF | (number >> 32) & ~0xFFF),
            minor: UInt32(truncatingIfNeeded: number & 0xFF | (number >> 12) & ~0xFF))
    }

    /// The regular file that a path leads to.
    private static func file(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        var facts = stat()
        guard stat(resolved, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { return nil }
        return String(cString: resolved)
    }
}
