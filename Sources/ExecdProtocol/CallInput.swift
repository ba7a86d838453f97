/// The checked input of one tool call, as it travels to execd.
package enum CallInput: Sendable, Equatable {
    /// `command` runs in the persistent shell; `restart` starts a fresh shell first. Zero or nil milliseconds: the default.
    case bash(command: String?, restart: Bool, timeoutMilliseconds: Int?)
    /// `first` and `last` are 1-based and inclusive; a last line of zero or less means the end of the file.
    case read(path: String, range: LineRange?)
    case write(path: String, content: String)
    case edit(path: String, old: String, new: String, replaceAll: Bool)
    case glob(pattern: String, path: String?)
    case grep(pattern: String, path: String?)
    case webFetch(url: String)

    package struct LineRange: Sendable, Equatable {
        package var first: Int
        package var last: Int
        package init(first: Int, last: Int) {
            self.first = first
            self.last = last
        }
    }

    package init(from reader: inout FieldReader) throws(ProtocolError) {
        switch try reader.byte() {
        case 1:
            let command = try reader.optionalText("command")
            let restart = try reader.bool("restart")
            let timeout = try reader.bool("timeout") ? Int(try reader.int64()) : nil
            self = .bash(command: command, restart: restart, timeoutMilliseconds: timeout)
        case 2:
            let path = try reader.text("path")
            guard try reader.bool("range") else {
                self = .read(path: path, range: nil)
                return
            }
            let first = Int(try reader.int64())
            self = .read(path: path, range: LineRange(first: first, last: Int(try reader.int64())))
        case 3:
            let path = try reader.text("path")
            self = .write(path: path, content: try reader.text("content"))
        case 4:
            let path = try reader.text("path")
            let old = try reader.text("old")
            let new = try reader.text("new")
            self = .edit(path: path, old: old, new: new, replaceAll: try reader.bool("replaceAll"))
        case 5:
            let pattern = try reader.text("pattern")
            self = .glob(pattern: pattern, path: try reader.optionalText("path"))
        case 6:
            let pattern = try reader.text("pattern")
            self = .grep(pattern: pattern, path: try reader.optionalText("path"))
        case 7:
            self = .webFetch(url: try reader.text("url"))
        default:
            throw .invalidField("tool")
        }
    }

    package func append(to writer: inout FieldWriter) {
        switch self {
        case .bash(let command, let restart, let timeout):
            writer.put(UInt8(1))
            writer.put(optional: command)
            writer.put(restart)
            writer.put(timeout != nil)
            if let timeout { writer.put(Int64(timeout)) }
        case .read(let path, let range):
            writer.put(UInt8(2))
            writer.put(path)
            writer.put(range != nil)
            if let range {
                writer.put(Int64(range.first))
                writer.put(Int64(range.last))
            }
        case .write(let path, let content):
            writer.put(UInt8(3))
            writer.put(path)
            writer.put(content)
        case .edit(let path, let old, let new, let replaceAll):
            writer.put(UInt8(4))
            writer.put(path)
            writer.put(old)
            writer.put(new)
            writer.put(replaceAll)
        case .glob(let pattern, let path):
            writer.put(UInt8(5))
            writer.put(pattern)
            writer.put(optional: path)
        case .grep(let pattern, let path):
            writer.put(UInt8(6))
            writer.put(pattern)
            writer.put(optional: path)
        case .webFetch(let url):
            writer.put(UInt8(7))
            writer.put(url)
        }
    }
}
