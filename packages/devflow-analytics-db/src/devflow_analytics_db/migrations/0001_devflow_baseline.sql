-- What DevFlow's own server makes on its first start, its migrator's ledger included: a file made
-- here can be opened by that server, which finds nothing left to do, and a file made there is
-- taken over as being at this version. The hash and the time are those of the server's migration
-- 0000; its migrator compares the time.

-- migrate:up

-- IF NOT EXISTS: a server stopped at its very first step leaves this table behind, empty.
CREATE TABLE IF NOT EXISTS "__drizzle_migrations" (
    id SERIAL PRIMARY KEY,
    hash text NOT NULL,
    created_at numeric
);

INSERT INTO "__drizzle_migrations" (hash, created_at)
VALUES ('56b3ffdc582338e061624085c8a02fa6aa6abf9c187ecfd61e185999faa10c24', 1764959568117);

CREATE TABLE sessions (
    id text PRIMARY KEY NOT NULL,
    started_at integer NOT NULL,
    ended_at integer,
    tool_count integer DEFAULT 0 NOT NULL
);

CREATE TABLE tool_calls (
    id text PRIMARY KEY NOT NULL,
    tool_name text NOT NULL,
    duration_ms integer NOT NULL,
    status text NOT NULL,
    error_type text,
    timestamp integer NOT NULL,
    session_id text NOT NULL,
    FOREIGN KEY (session_id) REFERENCES sessions(id) ON UPDATE no action ON DELETE no action
);

CREATE INDEX tool_name_idx ON tool_calls (tool_name);

CREATE INDEX timestamp_idx ON tool_calls (timestamp);

CREATE INDEX timestamp_tool_name_idx ON tool_calls (timestamp, tool_name);

-- migrate:down

DROP TABLE tool_calls;

DROP TABLE sessions;

DROP TABLE "__drizzle_migrations";
