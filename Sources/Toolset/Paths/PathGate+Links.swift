internal import Glibc

extension PathGate {
    /// Removes `.`, `..` and doubled slashes by text alone.
    static func collapse(_ path: String) -> [String] {
        var parts: [String] = []
        for part in path.split(separator: "/") {
            switch part {
            case ".": continue
            case "..": _ = parts.popLast()
            default: parts.append(String(part))
            }
        }
        return parts
    }

    /// The parts of `path` below a root, or nil when it lies elsewhere.
    static func components(_ path: [String], below root: String) -> [String]? {
        let parts = root.split(separator: "/")
        guard path.count >= parts.count, zip(path, parts).allSatisfy({ $0 == $1 }) else { return nil }
        return Array(path.dropFirst(parts.count))
    }

    /// Replaces every symbolic link on the way, also the last one and dangling ones; parts that do not exist stay.
    func followLinks(_ path: [String], named original: String) throws(ToolError) -> [String] {
        var pending = Array(path.reversed())
        var resolved: [String] = []
        var hops = 0
        while let part = pending.popLast() {
            if part == ".." {
                _ = resolved.popLast()
                continue
            }
            resolved.append(part)
            switch Self.readLink("/" + resolved.joined(separator: "/")) {
            case .success(let target):
                hops += 1
                guard hops <= 40 else { throw ToolError(.denied, "\(original): too many symbolic links") }
                _ = resolved.popLast()
                if target.hasPrefix("/") { resolved = [] }
                pending += target.split(separator: "/").filter { $0 != "." }.map(String.init).reversed()
            case .failure(let failure):
                switch failure.code {
                case EINVAL: continue
                case ENOENT, ENOTDIR:
                    guard !pending.contains("..") else { throw ToolError(failure, path: original) }
                    return resolved + pending.reversed()
                default: throw ToolError(failure, path: original)
                }
            }
        }
        return resolved
    }

    private static func readLink(_ path: String) -> Result<String, SystemFailure> {
        var code: Int32 = 0
        let target = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let got = buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.map { readlink(path, $0, 4096) } ?? -1 }
            if got < 0 { code = errno }
            count = max(got, 0)
        }
        guard code == 0 else { return .failure(SystemFailure(code, "open")) }
        return .success(String(decoding: target, as: UTF8.self))
    }
}
