internal import Crypto

/// The keys that open what was sealed, of which the first one seals.
public struct MasterKeys: Sendable {
    public let current: MasterKey
    private let all: [String: MasterKey]

    public init(current: MasterKey, older: [MasterKey] = []) {
        self.current = current
        all = Dictionary((older + [current]).map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    }

    /// The names of the keys that there are.
    public var ids: Set<String> { Set(all.keys) }

    /// - Parameter owner: what the bytes belong to; needed again to open them.
    func seal(_ plaintext: [UInt8], owner: String) throws(StoreError) -> SealedBytes {
        do {
            let box = try AES.GCM.seal(
                plaintext, using: current.sealing, authenticating: SealedBytes.context(current.id, owner))
            guard let combined = box.combined else { throw StoreError(.failed, "a secret could not be sealed") }
            return SealedBytes(keyID: current.id, bytes: SealedBytes.framed(Array(combined)))
        } catch {
            throw StoreError(.failed, "a secret could not be sealed", cause: error)
        }
    }

    /// - Throws: ``StoreError`` `.failed` without the key, `.corrupt` when the bytes were changed or moved.
    func open(_ sealed: SealedBytes, owner: String) throws(StoreError) -> [UInt8] {
        guard let key = all[sealed.keyID] else {
            throw StoreError(
                .failed, "a secret is sealed under the master key \(sealed.keyID), which is not configured")
        }
        do {
            let box = try AES.GCM.SealedBox(combined: try sealed.combined())
            return Array(
                try AES.GCM.open(box, using: key.sealing, authenticating: SealedBytes.context(key.id, owner)))
        } catch {
            throw StoreError(.corrupt, "a sealed secret does not open: its row was changed", cause: error)
        }
    }
}
