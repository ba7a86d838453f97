/// Makes new bearer keys.
enum KeyText {
    /// The prefix and 43 characters of base64url alphabet: 258 random bits.
    static func make(prefix: String) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        var generator = SystemRandomNumberGenerator()
        return prefix + String((0..<43).map { _ in alphabet[Int.random(in: 0..<64, using: &generator)] })
    }
}
