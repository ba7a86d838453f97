internal import CLinux
internal import Glibc
internal import Synchronization

/// The authorities of environments, in files that outlive the worker: a sandbox that goes on under the next one trusts it still.
public final class AuthorityStore: Sendable {
    private let folder: String
    private let known = Mutex<[String: EgressAuthority]>([:])

    /// - Parameter folder: made when it is needed, for this user alone.
    public init(folder: String) { self.folder = folder }

    /// The authority of an environment, made at its first use. Blocks for a few milliseconds then.
    /// - Parameter environment: its id; anything but letters, digits, `_` and `-` is refused.
    /// - Throws: ``AuthorityStoreError`` when the file cannot be read, understood, or written.
    public func authority(for environment: String) throws(AuthorityStoreError) -> EgressAuthority {
        guard (1...128).contains(environment.utf8.count), environment.utf8.allSatisfy(Self.isPlain) else {
            throw AuthorityStoreError("an environment's id has other characters than letters, digits, '_' and '-'")
        }
        let result = known.withLock { known -> Result<EgressAuthority, AuthorityStoreError> in
            if let authority = known[environment] { return .success(authority) }
            do throws(AuthorityStoreError) {
                let authority = try load(environment)
                known[environment] = authority
                return .success(authority)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func load(_ environment: String) throws(AuthorityStoreError) -> EgressAuthority {
        let path = "\(folder)/\(environment).pem"
        if let text = try read(path) {
            do {
                if let authority = try EgressAuthority(pem: text) { return authority }
            } catch {
                throw AuthorityStoreError("\(path) holds no certificate with its key; remove it to have a new one made")
            }
        }
        let made: EgressAuthority
        do { made = try EgressAuthority.create(name: environment) } catch {
            throw AuthorityStoreError("no certificate could be made: \(error)")
        }
        try write(made.pem, to: path)
        return made
    }

    private func read(_ path: String) throws(AuthorityStoreError) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            guard errno == ENOENT else { throw AuthorityStoreError("\(path) cannot be read: \(Self.reason)") }
            return nil
        }
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = Glibc.read(file, &buffer, buffer.count)
        guard count >= 0 else { throw AuthorityStoreError("\(path) cannot be read: \(Self.reason)") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// The whole file or none of it, and on the disk before anything trusts it.
    private func write(_ text: String, to path: String) throws(AuthorityStoreError) {
        guard PrivateFolder.make(folder) else {
            throw AuthorityStoreError("\(folder) cannot be made: \(Self.reason)")
        }
        let draft = "\(path).\(getpid())"
        unlink(draft)
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw AuthorityStoreError("\(draft) cannot be written: \(Self.reason)") }
        let bytes = Array(text.utf8)
        let isWritten = Glibc.write(file, bytes, bytes.count) == bytes.count && fsync(file) == 0
        close(file)
        guard isWritten, rename(draft, path) == 0 else {
            let reason = Self.reason
            unlink(draft)
            throw AuthorityStoreError("\(path) cannot be written: \(reason)")
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Why there is no authority. A phrase for people.
public struct AuthorityStoreError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
