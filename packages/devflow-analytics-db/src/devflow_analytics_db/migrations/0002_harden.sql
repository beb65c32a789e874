-- The database itself refuses what is no tool call: a wrong type (STRICT), an unknown status, a
-- negative duration or count. Deleting a session deletes its calls, found by an index of their own.
-- SQLite cannot alter a constraint, so both tables are rebuilt.
--
-- duration_ms becomes REAL because DevFlow's server writes fractions of a millisecond into its
-- integer column: a STRICT INTEGER would refuse its files, and its next row.
--
-- compatible-with: 1

-- migrate:up

CREATE TABLE sessions_new (
    id TEXT PRIMARY KEY NOT NULL,
    started_at INTEGER NOT NULL, -- Unix time, seconds
    ended_at INTEGER, -- Unix time, seconds
    tool_count INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT tool_count_not_negative CHECK (tool_count >= 0)
) STRICT;

INSERT INTO sessions_new (rowid, id, started_at, ended_at, tool_count)
SELECT rowid, id, started_at, ended_at, tool_count FROM sessions;

CREATE TABLE tool_calls_new (
    id TEXT PRIMARY KEY NOT NULL,
    tool_name TEXT NOT NULL,
    duration_ms REAL NOT NULL, -- milliseconds
    status TEXT NOT NULL,
    error_type TEXT,
    timestamp INTEGER NOT NULL, -- Unix time, seconds
    session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    CONSTRAINT duration_not_negative_or_infinite CHECK (duration_ms >= 0 AND duration_ms < 9e999),
    CONSTRAINT status_known CHECK (status IN ('success', 'error', 'timeout'))
) STRICT;

INSERT INTO tool_calls_new
    (rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id)
SELECT rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id
FROM tool_calls;

DROP TABLE tool_calls;

DROP TABLE sessions;

ALTER TABLE sessions_new RENAME TO sessions;

ALTER TABLE tool_calls_new RENAME TO tool_calls;

CREATE INDEX tool_name_idx ON tool_calls (tool_name);

CREATE INDEX timestamp_idx ON tool_calls (timestamp);

CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);

CREATE INDEX session_id_idx ON tool_calls (session_id);

-- migrate:down

CREATE TABLE sessions_old (
    id text PRIMARY KEY NOT NULL,
    started_at integer NOT NULL,
    ended_at integer,
    tool_count integer DEFAULT 0 NOT NULL
);

INSERT INTO sessions_old (rowid, id, started_at, ended_at, tool_count)
SELECT rowid, id, started_at, ended_at, tool_count FROM sessions;

CREATE TABLE tool_calls_old (
    id text PRIMARY KEY NOT NULL,
    tool_name text NOT NULL,
    duration_ms integer NOT NULL,
    status text NOT NULL,
    error_type text,
    timestamp integer NOT NULL,
    session_id text NOT NULL,
    FOREIGN KEY (session_id) REFERENCES sessions(id) ON UPDATE no action ON DELETE no action
);

INSERT INTO tool_calls_old
    (rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id)
SELECT rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id
FROM tool_calls;

DROP TABLE tool_calls;

DROP TABLE sessions;

ALTER TABLE sessions_old RENAME TO sessions;

ALTER TABLE tool_calls_old RENAME TO tool_calls;

CREATE INDEX tool_name_idx ON tool_calls (tool_name);

CREATE INDEX timestamp_idx ON tool_calls (timestamp);

CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);
