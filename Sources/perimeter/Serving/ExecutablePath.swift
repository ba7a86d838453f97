internal import FoundationEssentials

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Finds `perimeter-execd`, the daemon that is mounted into sandboxes.
enum ExecutablePath {
    /// - Parameter named: the setting worker.execd; nothing else is tried when it is given.
    /// - Throws: ``CommandError`` naming every place that was looked at.
    static func execd(named: String?) throws(CommandError) -> String {
        if let named {
            guard access(named, X_OK) == 0 else {
                throw CommandError(
                    .failure, "worker.execd names \(named), which is not an executable file",
                    remedy: "correct PERIMETER_EXECD or remove it")
            }
            return named
        }
        let candidates = candidates(own: own)
        guard let found = candidates.first(where: { access($0, X_OK) == 0 }) else {
            throw CommandError(
                .failure, "perimeter-execd is not at " + candidates.joined(separator: ", "),
                remedy: "install it beside perimeter, or name it with PERIMETER_EXECD; ./run builds it from source")
        }
        return found
    }

    /// The places of a source checkout, whose own build of the daemon is not static, then those of installed trees.
    static func candidates(own: String) -> [String] {
        let folder = own.parentFolder
        let installed = [folder + "/perimeter-execd", folder.parentFolder + "/libexec/perimeter/perimeter-execd"]
        // A build lies in PACKAGE/.build/TRIPLE/CONFIGURATION/perimeter.
        let parts = own.split(separator: "/", omittingEmptySubsequences: false)
        if let build = parts.lastIndex(of: ".build") {
            let package = parts[..<build].joined(separator: "/")
            return [
                "\(package)/.build/execd/release/perimeter-execd",
                "\(package)/.build/execd/x86_64-unknown-linux-gnu/release/perimeter-execd",
                "\(package)/.build/execd/aarch64-unknown-linux-gnu/release/perimeter-execd",
            ] + installed
        }
        return installed
    }

    /// This executable, without symbolic links.
    static var own: String {
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return target ?? CommandLine.arguments.first ?? ""
    }
}

extension String {
    fileprivate var parentFolder: String {
        guard let slash = lastIndex(of: "/"), slash != startIndex else { return "/" }
        return String(self[..<slash])
    }
}
