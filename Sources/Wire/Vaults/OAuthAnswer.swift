/// What the answer of a token endpoint means (RFC 6749 §5). Pure; total over any bytes.
public enum OAuthAnswer: Sendable, Hashable {
    /// A new access token. A refresh token that comes with it replaces the one that was sent.
    case granted(accessToken: Secret, expiresAt: Timestamp?, refreshToken: Secret?)
    /// The grant is gone: only its owner can give another. `reason` is an error code of RFC 6749 or the status.
    case refused(reason: String)
    /// The endpoint could not answer now; the grant may still hold.
    case unavailable(reason: String)

    /// The longest life that an answer may give a token; more counts as this.
    private static let longestLife = 10 * 366 * 86_400
    /// The largest answer that is read, in bytes.
    public static let sizeLimit = 64 << 10

    /// - Parameters:
    ///   - status: of the HTTP answer.
    ///   - body: at most ``sizeLimit`` bytes are looked at.
    public init(status: Int, body: [UInt8], at now: Timestamp) {
        let json = body.count <= Self.sizeLimit ? try? JSON(parsing: body) : nil
        switch status {
        case 200: self = Self.granted(json, at: now) ?? .unavailable(reason: "the answer is no token")
        case 408, 425, 429: self = .unavailable(reason: "status \(status)")
        case 400..<500: self = .refused(reason: Self.errorCode(json) ?? "status \(status)")
        default: self = .unavailable(reason: "status \(status)")
        }
    }

    private static func granted(_ json: JSON?, at now: Timestamp) -> OAuthAnswer? {
        guard let json, let token = json["access_token"]?.stringValue, SecretField.Form.bearer.accepts(token),
            json["token_type"]?.stringValue.map({ $0.lowercased() == "bearer" }) ?? true
        else { return nil }
        var expiresAt: Timestamp?
        // Some endpoints send the seconds as a text.
        let seconds = json["expires_in"].flatMap { $0.doubleValue ?? $0.stringValue.flatMap { Double($0) } }
        if let seconds, seconds.isFinite, seconds > 0 {
            expiresAt = now.advanced(by: .seconds(min(seconds, Double(longestLife))))
        }
        let refresh = json["refresh_token"]?.stringValue
        guard refresh.map({ SecretField.Form.oauth(4096).accepts($0) }) ?? true else { return nil }
        return .granted(
            accessToken: Secret(token), expiresAt: expiresAt, refreshToken: refresh.map { Secret($0) })
    }

    /// The `error` of the answer, when it is a code and not a text that could hold anything.
    private static func errorCode(_ json: JSON?) -> String? {
        guard let code = json?["error"]?.stringValue, (1...64).contains(code.utf8.count),
            code.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == UInt8(ascii: "_") })
        else { return nil }
        return code
    }
}
