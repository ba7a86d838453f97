/// Files that are shown as images or documents instead of text.
enum MediaKind {
    case image
    case document

    /// By the extension alone, so that a text file never turns into an image by its content.
    init?(path: String) {
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
        switch path[dot...].dropFirst().lowercased() {
        case "png", "jpg", "jpeg", "gif", "webp": self = .image
        case "pdf": self = .document
        default: return nil
        }
    }

    /// What the first bytes say: a wrong label would make the model's whole request invalid.
    static func mediaType(of bytes: [UInt8]) -> String? {
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return "image/png" }
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) { return "image/jpeg" }
        if bytes.starts(with: Array("GIF87a".utf8)) || bytes.starts(with: Array("GIF89a".utf8)) { return "image/gif" }
        if bytes.starts(with: Array("RIFF".utf8)), bytes.dropFirst(8).starts(with: Array("WEBP".utf8)) {
            return "image/webp"
        }
        return bytes.starts(with: Array("%PDF-".utf8)) ? "application/pdf" : nil
    }
}
