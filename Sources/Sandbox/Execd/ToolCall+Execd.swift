internal import ExecdProtocol

extension CallInput {
    init(_ input: ToolCall.Input) {
        self =
            switch input {
            case .bash(let command, let restart, let timeout):
                .bash(command: command, restart: restart, timeoutMilliseconds: timeout)
            case .read(let path, let range):
                .read(path: path, range: range.map { LineRange(first: $0.first, last: $0.last) })
            case .write(let path, let content): .write(path: path, content: content)
            case .edit(let path, let old, let new, let replaceAll):
                .edit(path: path, old: old, new: new, replaceAll: replaceAll)
            case .glob(let pattern, let path): .glob(pattern: pattern, path: path)
            case .grep(let pattern, let path): .grep(pattern: pattern, path: path)
            case .webFetch(let url): .webFetch(url: url)
            }
    }
}

extension ToolResult {
    init(_ result: CallResult) {
        self.init(
            content: result.content.map { block in
                switch block {
                case .text(let text): .text(text)
                case .image(let mediaType, let bytes): .image(mediaType: mediaType, bytes: bytes)
                case .document(let mediaType, let bytes): .document(mediaType: mediaType, bytes: bytes)
                }
            }, isError: result.isError)
    }
}
