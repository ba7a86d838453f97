import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The arrows of the house: which of our modules a module may import. A missing module has no code yet.
private let allowed: [String: Set<String>] = [
    "CLinux": [],
    "Wire": [],
    "Unpacking": [],
    "Loop": ["Wire"],
    "Store": ["Wire", "Loop"],
    "Models": ["Wire", "Loop"],
    "ExecdProtocol": [],
    "Toolset": ["ExecdProtocol", "CLinux"],
    "execd": ["ExecdProtocol", "Toolset", "CLinux"],
    "Sandbox": ["ExecdProtocol", "CLinux"],
    "Engines": ["Wire", "Unpacking", "Sandbox", "ExecdProtocol", "CLinux"],
    "Egress": ["Wire", "Sandbox", "CLinux"],
    "Archive": ["Wire"],
    "Worker": ["Wire", "Unpacking", "Sandbox", "Egress", "Archive"],
    "Orchestrator": ["Wire", "Loop", "Store", "Models"],
    "Server": ["Wire", "Loop", "Store", "Models", "Orchestrator"],
    "perimeter": [
        "Wire", "Loop", "Store", "Models", "Orchestrator", "Server", "Sandbox", "Engines", "Egress", "Worker",
        "Archive",
    ],
]

/// Modules that must stay small to load, or free of an operating system's bulk (style guide §8, isolation-feasibility §3.1).
private let bannedImports: [String: Set<String>] = [
    "Wire": ["Foundation", "NIOCore"],
    "Unpacking": ["Foundation", "FoundationEssentials", "NIOCore"],
    "Loop": ["Foundation", "NIOCore", "Store"],
    "ExecdProtocol": ["Foundation", "FoundationEssentials", "NIOCore"],
    "Toolset": ["Foundation", "FoundationEssentials", "NIOCore", "Dispatch"],
    "execd": ["Foundation", "FoundationEssentials", "NIOCore", "Dispatch"],
]

@Suite struct DependencyTests {
    @Test func `every module is on the map`() throws {
        let modules = try entries(of: root + "/Sources").filter { isDirectory(root + "/Sources/" + $0) }
        #expect(!modules.isEmpty)
        for module in modules { #expect(allowed[module] != nil, "add \(module) to the map of the house") }
    }

    @Test func `imports follow the arrows of the house`() throws {
        var checked = 0
        for (module, permitted) in allowed {
            let folder = root + "/Sources/" + module
            guard isDirectory(folder) else { continue }
            for file in try swiftFiles(below: folder) {
                for name in imports(of: try contents(of: file)) {
                    checked += 1
                    #expect(
                        allowed[name] == nil || permitted.contains(name), "\(file): \(module) must not import \(name)")
                    #expect(
                        bannedImports[module]?.contains(name) != true, "\(file): \(module) must not import \(name)")
                }
            }
        }
        #expect(checked > 0)
    }

    @Test func `no source file is longer than 400 lines`() throws {
        for folder in ["/Sources", "/Tests"] {
            for file in try swiftFiles(below: root + folder) {
                let lines = try contents(of: file).utf8.count { $0 == UInt8(ascii: "\n") }
                #expect(lines <= 400, "\(file) has \(lines) lines: split it by responsibility")
            }
        }
    }
}

private let root: String = {
    let parts = #filePath.split(separator: "/")
    return "/" + parts.dropLast(3).joined(separator: "/")
}()

private struct Unreadable: Error { let path: String }

private func entries(of folder: String) throws -> [String] {
    guard let directory = opendir(folder) else { throw Unreadable(path: folder) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted()
}

private func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

private func swiftFiles(below folder: String) throws -> [String] {
    try entries(of: folder).flatMap { name -> [String] in
        let path = folder + "/" + name
        if isDirectory(path) { return try swiftFiles(below: path) }
        return name.hasSuffix(".swift") ? [path] : []
    }
}

private func contents(of path: String) throws -> String {
    guard let file = fopen(path, "r") else { throw Unreadable(path: path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        guard count > 0 else { break }
        bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// The module names in a file's import lines, with or without access level and attributes.
private func imports(of text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ").filter { !$0.hasPrefix("@") }
        guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else { return nil }
        let isImport = index == 0 || ["public", "package", "internal", "private", "fileprivate"].contains(words[0])
        guard isImport else { return nil }
        let name = words.count > index + 2 ? words[index + 2] : words[index + 1]
        return name.split(separator: ".").first.map(String.init)
    }
}
