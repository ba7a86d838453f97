/// A number as Kubernetes writes it (`resource.Quantity`), in thousandths: `500m`, `2`, `1Gi`, `1000k`, `1e3`.
struct Quantity: Equatable, Sendable {
    let thousandths: Int

    private static let suffixes: [String: Int] = [
        "": 1000, "m": 1, "k": 1_000_000, "M": 1_000_000_000, "G": 1_000_000_000_000, "T": 1_000_000_000_000_000,
        "Ki": 1000 << 10, "Mi": 1000 << 20, "Gi": 1000 << 30, "Ti": 1000 << 40, "e3": 1_000_000, "e6": 1_000_000_000,
        "e9": 1_000_000_000_000,
    ]

    /// Nil for anything but a whole number with a known suffix that fits.
    init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), let factor = Self.suffixes[String(text[digits.endIndex...])] else { return nil }
        let (product, isTooLarge) = number.multipliedReportingOverflow(by: factor)
        guard !isTooLarge else { return nil }
        thousandths = product
    }

    /// Rounded up.
    var whole: Int { thousandths / 1000 + (thousandths % 1000 > 0 ? 1 : 0) }
}
