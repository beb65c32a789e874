-- Schema version 4, as the migrations make it. Written by 'just docs'.

CREATE TABLE "__drizzle_migrations" (
    id SERIAL PRIMARY KEY,
    hash text NOT NULL,
    created_at numeric
);

CREATE TABLE devflow_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL, -- SHA-256 of the normalised SQL
    compatible_with INTEGER NOT NULL, -- the oldest schema version whose code may still write
    applied_at INTEGER NOT NULL, -- Unix time, seconds
    duration_ms INTEGER NOT NULL,
    applied_by TEXT NOT NULL
) STRICT;

CREATE TABLE import_cursors (
    client TEXT NOT NULL, -- the agent that logs
    device INTEGER NOT NULL, -- of the log, as a signed number of 64 bits
    inode INTEGER NOT NULL, -- the same
    size INTEGER NOT NULL, -- bytes, when it was read
    modified_ns INTEGER NOT NULL, -- Unix time, nanoseconds, when it was read
    position INTEGER NOT NULL, -- bytes that were read
    head BLOB NOT NULL, -- hash of its first bytes
    tail BLOB NOT NULL, -- hash of the last bytes before the position
    since INTEGER NOT NULL, -- Unix time, seconds: calls from before were passed over
    unanswered INTEGER NOT NULL, -- calls that have no result yet
    seen_at INTEGER NOT NULL, -- Unix time, seconds, when an import last found it
    state TEXT NOT NULL, -- those calls, and what the importer has to remember, as JSON
    PRIMARY KEY (client, device, inode)
) STRICT, WITHOUT ROWID;

CREATE TABLE import_exclusions (
    call_id TEXT PRIMARY KEY NOT NULL,
    timestamp INTEGER NOT NULL, -- Unix time, seconds, of the call
    recorded_as TEXT -- the same call as a server recorded it: a key of tool_calls; null: deleted
) STRICT, WITHOUT ROWID;

CREATE INDEX import_exclusions_recorded_as ON import_exclusions (recorded_as)
WHERE recorded_as IS NOT NULL;

CREATE TABLE import_floor (
    id INTEGER PRIMARY KEY CONSTRAINT one_row CHECK (id = 1),
    not_before INTEGER NOT NULL -- Unix time, seconds: no call from before is imported
) STRICT;

CREATE TABLE "sessions" (
    id TEXT PRIMARY KEY NOT NULL,
    started_at INTEGER NOT NULL, -- Unix time, seconds
    ended_at INTEGER, -- Unix time, seconds
    tool_count INTEGER NOT NULL DEFAULT 0, client TEXT, client_version TEXT, project TEXT,
    CONSTRAINT tool_count_not_negative CHECK (tool_count >= 0)
) STRICT;

CREATE TABLE "tool_calls" (
    id TEXT PRIMARY KEY NOT NULL,
    tool_name TEXT NOT NULL,
    duration_ms REAL NOT NULL, -- milliseconds
    status TEXT NOT NULL,
    error_type TEXT,
    timestamp INTEGER NOT NULL, -- Unix time, seconds
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, server TEXT, agent TEXT, source TEXT
    CONSTRAINT source_known CHECK (source IN ('recorder', 'proxy', 'hook', 'import')), error_kind TEXT
    CONSTRAINT error_kind_known CHECK (
        error_kind IN ('tool', 'arguments', 'not_found', 'protocol', 'cancelled', 'transport')
    ), error_code INTEGER, request_bytes INTEGER
    CONSTRAINT request_bytes_not_negative CHECK (request_bytes >= 0), result_bytes INTEGER
    CONSTRAINT result_bytes_not_negative CHECK (result_bytes >= 0), started_ms INTEGER, duration_kind TEXT
    CONSTRAINT duration_kind_known CHECK (duration_kind IN ('run', 'wall')),
    CONSTRAINT duration_not_negative_or_infinite CHECK (duration_ms >= 0 AND duration_ms < 9e999),
    CONSTRAINT status_known CHECK (status IN ('success', 'error', 'timeout'))
) STRICT;

CREATE INDEX session_id_idx ON tool_calls (session_id);

CREATE INDEX timestamp_idx ON tool_calls (timestamp);

CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);

CREATE INDEX tool_name_idx ON tool_calls (tool_name);

CREATE TRIGGER tool_calls_deleted AFTER DELETE ON tool_calls
WHEN substr(OLD.id, 15, 1) = '8'
    AND NOT EXISTS (SELECT 1 FROM import_floor WHERE not_before > OLD.timestamp)
BEGIN
    INSERT OR IGNORE INTO import_exclusions (call_id, timestamp) VALUES (OLD.id, OLD.timestamp);
END;
