/// A short name for temporary files, different for different call ids.
enum UniqueName {
    static func of(_ callID: String) -> String {
        // FNV-1a: no cryptographic claim, only distinct names in one directory at one time.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in callID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(hash, radix: 36)
    }
}
