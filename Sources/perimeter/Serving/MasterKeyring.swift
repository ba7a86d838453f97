internal import Store
internal import Wire

/// The master keys of a server: from the setting `master_key`, or from a file in the data directory.
///
/// Both hold one key or several, the current one first; the others only open what they sealed.
struct MasterKeyring {
    let file: KeyFile

    init(dataDirectory: String) {
        file = KeyFile(path: dataDirectory + "/master-key", prefix: "")
    }

    /// The keys for a store; the file is made when there is none and nothing was sealed before.
    /// - Parameters:
    ///   - setting: keys separated by commas or spaces.
    ///   - used: the ids of the keys that the store needs.
    /// - Throws: ``CommandError`` when a key is too short, or one that the store needs is missing.
    func keys(setting: Secret?, used: Set<String>) throws(CommandError) -> MasterKeys {
        let texts: [String]
        let origin: String
        if let setting {
            texts = setting.reveal().split { $0 == "," || $0 == " " }.map(String.init)
            origin = "master_key"
        } else if let known = file.readAll() {
            texts = known
            origin = file.path
        } else if used.isEmpty {
            texts = [try file.readOrCreate()]
            origin = file.path
        } else {
            throw missing(used, origin: file.path)
        }
        let keys = try Self.parse(texts, origin: origin)
        let lacking = used.subtracting(keys.ids)
        guard lacking.isEmpty else { throw missing(lacking, origin: origin) }
        return keys
    }

    private static func parse(_ texts: [String], origin: String) throws(CommandError) -> MasterKeys {
        var keys: [MasterKey] = []
        for text in texts {
            guard let key = MasterKey(Secret(text)) else {
                throw CommandError(
                    .usage, "\(origin): a master key has fewer than \(MasterKey.minimumLength) characters",
                    remedy: "make one with: openssl rand -hex 32")
            }
            keys.append(key)
        }
        guard let current = keys.first else {
            throw CommandError(
                .usage, "\(origin): there is no key in it", remedy: "make one with: openssl rand -hex 32")
        }
        return MasterKeys(current: current, older: Array(keys.dropFirst()))
    }

    private func missing(_ ids: Set<String>, origin: String) -> CommandError {
        CommandError(
            .failure,
            "secrets in the store are sealed under a master key that is not in \(origin) (\(ids.sorted()[0]))",
            remedy:
                "restore \(file.path) from its backup, or add the key behind the current one, separated by a comma, "
                + "in PERIMETER_MASTER_KEY")
    }
}
