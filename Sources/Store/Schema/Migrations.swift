/// The schema as numbered forward steps. A step that has been released never changes.
enum Migrations {
    static let steps: [[String]] = [first, sandboxes, portPreviews, vaults, placeholders, audit, endedSessions]

    /// Applies what is missing. Idempotent; a database from a newer version is refused.
    static func apply(to database: some SQLDatabase) async throws {
        try await database.write { connection in
            try connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
            let current = try connection.first("SELECT MAX(version) FROM schema_version")?.optionalInteger(0) ?? 0
            guard current <= steps.count else {
                throw StoreError(
                    .corrupt,
                    "the database has schema version \(current), this program knows up to \(steps.count): use a newer one"
                )
            }
            for (index, step) in steps.enumerated() where index >= current {
                for statement in step { try connection.execute(statement) }
                try connection.execute("INSERT INTO schema_version (version) VALUES (?)", SQLValue(index + 1))
            }
        }
    }

    private static let first = [
        """
        CREATE TABLE workspaces (
            id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at BIGINT NOT NULL)
        """,
        """
        CREATE TABLE keys (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, kind TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL, hint TEXT NOT NULL, environment_id TEXT, created_at BIGINT NOT NULL,
            expires_at BIGINT, archived_at BIGINT)
        """,
        "CREATE INDEX keys_by_workspace ON keys (workspace_id, id)",
        """
        CREATE TABLE agents (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, archived_at BIGINT, body TEXT NOT NULL)
        """,
        "CREATE INDEX agents_by_workspace ON agents (workspace_id, created_at, id)",
        """
        CREATE TABLE agent_versions (
            agent_id TEXT NOT NULL, version BIGINT NOT NULL, created_at BIGINT NOT NULL, body TEXT NOT NULL,
            PRIMARY KEY (agent_id, version))
        """,
        """
        CREATE TABLE environments (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, kind TEXT NOT NULL, created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL, archived_at BIGINT, body TEXT NOT NULL)
        """,
        "CREATE INDEX environments_by_workspace ON environments (workspace_id, created_at, id)",
        """
        CREATE TABLE sessions (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, environment_id TEXT NOT NULL, environment_kind TEXT NOT NULL,
            agent_id TEXT NOT NULL, agent_version BIGINT NOT NULL, thread_id TEXT NOT NULL, status TEXT NOT NULL,
            title TEXT, metadata TEXT NOT NULL, agent TEXT NOT NULL, usage TEXT NOT NULL, sandbox TEXT,
            created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, archived_at BIGINT, active_since BIGINT,
            active_microseconds BIGINT NOT NULL, started_at BIGINT, ended_at BIGINT, last_seq BIGINT NOT NULL,
            runnable_at BIGINT, lease_owner TEXT, lease_fence BIGINT NOT NULL, lease_expires_at BIGINT)
        """,
        "CREATE INDEX sessions_by_workspace ON sessions (workspace_id, created_at, id)",
        "CREATE INDEX sessions_by_environment ON sessions (environment_id)",
        "CREATE INDEX sessions_runnable ON sessions (runnable_at) WHERE runnable_at IS NOT NULL",
        """
        CREATE TABLE events (
            session_id TEXT NOT NULL, seq BIGINT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, processed_at BIGINT,
            superseded BIGINT NOT NULL DEFAULT 0, body TEXT NOT NULL, internal TEXT, PRIMARY KEY (session_id, seq))
        """,
        "CREATE INDEX events_by_id ON events (session_id, id)",
        """
        CREATE TABLE calls (
            session_id TEXT NOT NULL, id TEXT NOT NULL, seq BIGINT NOT NULL, kind TEXT NOT NULL, permission TEXT NOT NULL,
            verdict TEXT, settled BIGINT NOT NULL, PRIMARY KEY (session_id, id))
        """,
        "CREATE INDEX calls_open ON calls (session_id) WHERE settled = 0",
        """
        CREATE TABLE work (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, environment_id TEXT NOT NULL, environment_kind TEXT NOT NULL,
            session_id TEXT NOT NULL, state TEXT NOT NULL, metadata TEXT NOT NULL, created_at BIGINT NOT NULL,
            queued_at BIGINT NOT NULL, claimed_at BIGINT, claim BIGINT NOT NULL, token_hash TEXT, acknowledged_at BIGINT,
            started_at BIGINT, heartbeat_at BIGINT, previous_heartbeat_at BIGINT, lease_seconds BIGINT NOT NULL,
            lease_expires_at BIGINT, stop_requested_at BIGINT, stopped_at BIGINT, lost_leases BIGINT NOT NULL,
            lost_seq BIGINT)
        """,
        "CREATE INDEX work_queued ON work (environment_id, queued_at, id) WHERE state = 'queued'",
        "CREATE INDEX work_queued_cloud ON work (environment_kind, queued_at, id) WHERE state = 'queued'",
        "CREATE INDEX work_by_session ON work (session_id) WHERE state <> 'stopped'",
        "CREATE INDEX work_by_environment ON work (environment_id, created_at, id)",
        "CREATE INDEX work_leases ON work (lease_expires_at) WHERE lease_expires_at IS NOT NULL",
        "CREATE UNIQUE INDEX work_by_token ON work (token_hash) WHERE token_hash IS NOT NULL",
    ]

    private static let sandboxes = [
        "CREATE TABLE sandboxes (session_id TEXT PRIMARY KEY, reported_at BIGINT NOT NULL, report TEXT NOT NULL)"
    ]

    private static let portPreviews = [
        """
        CREATE TABLE port_previews (
            id TEXT PRIMARY KEY, token_hash TEXT NOT NULL UNIQUE, workspace_id TEXT NOT NULL, session_id TEXT NOT NULL,
            port BIGINT NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
        """,
        "CREATE INDEX port_previews_by_session ON port_previews (session_id)",
    ]

    /// Secrets lie in columns of their own, sealed, and are emptied when their credential is archived.
    private static let vaults = [
        """
        CREATE TABLE vaults (
            id TEXT PRIMARY KEY, workspace_id TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
            archived_at BIGINT, body TEXT NOT NULL)
        """,
        "CREATE INDEX vaults_by_workspace ON vaults (workspace_id, created_at, id)",
        """
        CREATE TABLE credentials (
            id TEXT PRIMARY KEY, vault_id TEXT NOT NULL, kind TEXT NOT NULL, lookup_key TEXT NOT NULL,
            revision BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, archived_at BIGINT,
            body TEXT NOT NULL, master_key_id TEXT, sealed TEXT)
        """,
        "CREATE INDEX credentials_by_vault ON credentials (vault_id, created_at, id)",
        "CREATE UNIQUE INDEX credentials_by_key ON credentials (vault_id, lookup_key) WHERE archived_at IS NULL",
        "CREATE INDEX credentials_by_master_key ON credentials (master_key_id, id) WHERE master_key_id IS NOT NULL",
        "ALTER TABLE sessions ADD COLUMN vault_ids TEXT NOT NULL DEFAULT '[]'",
    ]

    private static let audit = ["CREATE TABLE audit (seq BIGINT PRIMARY KEY, hash TEXT NOT NULL, line TEXT NOT NULL)"]

    private static let endedSessions = [
        """
        CREATE TABLE ended_sessions (
            session_id TEXT PRIMARY KEY, environment_id TEXT NOT NULL, environment_kind TEXT NOT NULL,
            ended_at BIGINT NOT NULL)
        """,
        "CREATE INDEX ended_sessions_by_time ON ended_sessions (ended_at)",
    ]

    private static let placeholders = [
        """
        CREATE TABLE placeholders (
            session_id TEXT NOT NULL, variable TEXT NOT NULL, placeholder TEXT NOT NULL,
            PRIMARY KEY (session_id, variable))
        """
    ]
}
