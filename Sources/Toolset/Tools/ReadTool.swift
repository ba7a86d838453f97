package import ExecdProtocol
internal import Glibc

/// The `read` tool: text verbatim, images and PDFs as blocks.
package struct ReadTool {
    package static let textLimit = 256 << 10
    /// 5 MiB once in base64.
    package static let imageLimit = (5 << 20) / 4 * 3
    package static let documentLimit = 20 << 20

    private let gate: PathGate

    package init(gate: PathGate) {
        self.gate = gate
    }

    package func run(path: String, range: CallInput.LineRange?, cancel: CancelToken) throws(ToolError) -> CallResult {
        let place = try gate.resolve(path)
        let (file, status) = try TextFile(gate: gate).open(place, named: path)
        let size = Int(status.st_size)
        do {
            if let kind = MediaKind(path: place.path) {
                guard range == nil else {
                    throw ToolError(.invalid, "\(path): view_range is for text files, not for images and PDFs")
                }
                return try readMedia(file, kind: kind, path: path, size: size)
            }
            guard let range else { return try readWhole(file, path: path, size: size) }
            return try readLines(file, range, path: path, cancel: cancel)
        } catch let error as SystemFailure {
            throw ToolError(error, path: path)
        } catch let error as ToolError {
            throw error
        } catch {
            throw ToolError(.failed, "\(path): \(error)")
        }
    }

    private func readMedia(_ file: Descriptor, kind: MediaKind, path: String, size: Int) throws -> CallResult {
        let limit = kind == .document ? Self.documentLimit : Self.imageLimit
        let tooLarge = ToolError(.tooLarge, "\(path): too large, at most \(limit) bytes can be shown")
        guard size <= limit else { throw tooLarge }
        let bytes = try file.readAll(limit: limit)
        guard bytes.count <= limit else { throw tooLarge }
        guard let mediaType = MediaKind.mediaType(of: bytes), (mediaType == "application/pdf") == (kind == .document)
        else {
            throw ToolError(.invalid, "\(path): the content is not what the file's extension says")
        }
        let block: CallResult.Block =
            kind == .document
            ? .document(mediaType: mediaType, bytes: bytes) : .image(mediaType: mediaType, bytes: bytes)
        return CallResult(content: [block], isError: false)
    }

    private func readWhole(_ file: Descriptor, path: String, size: Int) throws -> CallResult {
        let bytes = try file.readAll(limit: Self.textLimit)
        guard bytes.count <= Self.textLimit else {
            throw ToolError(
                .tooLarge,
                "\(path): \(size) bytes, more than \(Self.textLimit); pass view_range to read a part of it")
        }
        guard !bytes.isEmpty else { return .success("(the file is empty)") }
        return .success(try Self.text(bytes, path))
    }

    private func readLines(
        _ file: Descriptor, _ range: CallInput.LineRange, path: String, cancel: CancelToken
    ) throws -> CallResult {
        guard range.first >= 1 else { throw ToolError(.invalid, "view_range starts at line 1") }
        guard range.last <= 0 || range.last >= range.first else {
            throw ToolError(.invalid, "view_range ends before it starts")
        }
        var line = 1
        var selected: [UInt8] = []
        reading: while true {
            // The lines may lie behind terabytes of others.
            guard !cancel.isCancelled else { throw ToolError(.cancelled, "interrupted") }
            let piece = try file.read(upTo: 64 << 10)
            if piece.isEmpty { break }
            var start = piece.startIndex
            while start < piece.endIndex {
                let newline = piece[start...].firstIndex(of: 0x0A)
                let end = newline.map { $0 + 1 } ?? piece.endIndex
                if line >= range.first { selected.append(contentsOf: piece[start..<end]) }
                guard selected.count <= Self.textLimit else { throw tooLong(selected, path) }
                if newline != nil { line += 1 }
                if range.last > 0, line > range.last { break reading }
                start = end
            }
        }
        guard !selected.isEmpty else {
            return .success("(no lines: line \(range.first) is after the end of the file)")
        }
        return .success(try Self.text(selected, path))
    }

    private func tooLong(_ selected: [UInt8], _ path: String) -> ToolError {
        selected.contains(0x0A)
            ? ToolError(
                .tooLarge, "\(path): the lines have more than \(Self.textLimit) bytes; pass a smaller view_range")
            : ToolError(.tooLarge, "\(path): one line alone has more than \(Self.textLimit) bytes; use bash to cut it")
    }

    static func text(_ bytes: [UInt8], _ path: String) throws(ToolError) -> String {
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
            throw ToolError(.invalid, "\(path): not UTF-8 text")
        }
        return text
    }
}
