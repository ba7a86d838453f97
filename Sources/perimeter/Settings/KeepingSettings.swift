internal import Archive
internal import Configuration
internal import Wire
internal import Worker

/// What is kept for long, where, and until when.
struct KeepingSettings: Sendable {
    enum Place: Sendable {
        case folder(String)
        case bucket(S3Settings)
    }
    /// Nil archives nothing.
    var place: Place?
    var retention: RetentionPolicy

    /// - Throws: ``CommandError`` `.usage` when a place is named in part, or two are.
    init(reader: ConfigReader) throws(CommandError) {
        func text(_ key: SettingKey) -> String? { reader.string(forKey: ConfigKey(key.name), isSecret: key.isSecret) }
        func number(_ key: SettingKey) -> Int { reader.int(forKey: ConfigKey(key.name), default: 0) }
        typealias Keys = SettingCatalogue
        retention = RetentionPolicy(
            snapshots: .init(newest: number(Keys.keptSnapshots), days: number(Keys.snapshotDays)),
            archives: .init(newest: number(Keys.keptArchives), days: number(Keys.archiveDays)),
            archivedSessionDays: number(Keys.archivedSessionDays))
        let bucket = text(Keys.archiveBucket)
        if let folder = text(Keys.archiveFolder) {
            guard bucket == nil else {
                throw CommandError(
                    .usage, "archive.folder and archive.bucket are both set", remedy: "remove one of them")
            }
            guard folder.hasPrefix("/") else {
                throw CommandError(.usage, "archive.folder: '\(folder.prefix(80))' is not an absolute path")
            }
            place = .folder(folder)
        } else if let bucket {
            guard let endpoint = text(Keys.archiveEndpoint), let access = text(Keys.archiveAccessKey),
                let secret = text(Keys.archiveSecretKey).map(Secret.init)
            else {
                throw CommandError(
                    .usage, "archive.bucket needs an endpoint and a key",
                    remedy: "set archive.endpoint, archive.access_key and archive.secret_key")
            }
            guard
                let settings = S3Settings(
                    endpoint: endpoint, bucket: bucket, region: text(Keys.archiveRegion) ?? "us-east-1",
                    accessKey: access, secretKey: secret)
            else {
                throw CommandError(
                    .usage,
                    "archive: '\(bucket.prefix(80))' at '\(endpoint.prefix(120))' is no bucket of an S3-compatible store",
                    remedy: "write the endpoint as https://HOST, without the bucket")
            }
            place = .bucket(settings)
        }
    }
}
