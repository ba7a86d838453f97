extension SettingCatalogue {
    static let archiveFolder = SettingKey(
        "archive.folder", .text, variables: ["PERIMETER_ARCHIVE_FOLDER"],
        "absolute path of a folder for archived snapshots, such as one of a file server")
    static let archiveBucket = SettingKey(
        "archive.bucket", .text, variables: ["PERIMETER_ARCHIVE_BUCKET"],
        "bucket of an S3-compatible store for archived snapshots, instead of a folder")
    static let archiveEndpoint = SettingKey(
        "archive.endpoint", .text, variables: ["PERIMETER_ARCHIVE_ENDPOINT"],
        "address of that store, such as https://s3.eu-central-1.amazonaws.com; buckets are in the path")
    static let archiveRegion = SettingKey(
        "archive.region", .text, default: "us-east-1", variables: ["PERIMETER_ARCHIVE_REGION", "AWS_REGION"],
        "region that requests to it are signed for")
    static let archiveAccessKey = SettingKey(
        "archive.access_key", .text, variables: ["PERIMETER_ARCHIVE_ACCESS_KEY", "AWS_ACCESS_KEY_ID"],
        "name of the key to it")
    static let archiveSecretKey = SettingKey(
        "archive.secret_key", .text, variables: ["PERIMETER_ARCHIVE_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"],
        isSecret: true, "the key itself")

    static let keptSnapshots = SettingKey(
        "retention.snapshots", .count(0...100_000), default: "0", variables: ["PERIMETER_KEEP_SNAPSHOTS"],
        "newest snapshots of each environment that stay on the worker's host; 0 keeps all")
    static let snapshotDays = SettingKey(
        "retention.snapshot_days", .count(0...36_500), default: "0", variables: ["PERIMETER_KEEP_SNAPSHOT_DAYS"],
        "days that a snapshot stays on the worker's host; 0 keeps it")
    static let keptArchives = SettingKey(
        "retention.archives", .count(0...100_000), default: "0", variables: ["PERIMETER_KEEP_ARCHIVES"],
        "newest snapshots of each environment that stay in the archive; 0 keeps all")
    static let archiveDays = SettingKey(
        "retention.archive_days", .count(0...36_500), default: "0", variables: ["PERIMETER_KEEP_ARCHIVE_DAYS"],
        "days that a snapshot stays in the archive; 0 keeps it")
    static let archivedSessionDays = SettingKey(
        "retention.archived_session_days", .count(0...36_500), default: "7",
        variables: ["PERIMETER_KEEP_ARCHIVED_SESSION_DAYS"],
        "days that the files of an archived session stay; those of a deleted session go at once")

    /// What is kept for long, where, and until when.
    static let keeping = [
        archiveFolder, archiveBucket, archiveEndpoint, archiveRegion, archiveAccessKey, archiveSecretKey, keptSnapshots,
        snapshotDays, keptArchives, archiveDays, archivedSessionDays,
    ]
}
