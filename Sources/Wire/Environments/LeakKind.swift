/// What the egress gate can recognise in requests without being told more.
public enum LeakKind: String, Sendable, CaseIterable {
    /// The first line of a private key in PEM form.
    case privateKey = "private_key"
    case awsKey = "aws_key"
    case githubToken = "github_token"
    case anthropicKey = "anthropic_key"
    /// 13 to 19 digits with a right check digit, also in groups.
    case creditCard = "credit_card"

    /// A key goes on behind what is recognised of it.
    public var canBeRedacted: Bool { self != .privateKey }
}
