-- What else is known of a call: which server and which agent made it, who saw it, how it failed,
-- what it cost in context, and when it began to the millisecond. And of a session: which client.
-- Nothing of what a call was about.
--
-- Every column may be null: programs that do not know them, DevFlow's server among them, go on
-- inserting rows without them. Columns are added at the end, and no table is rebuilt: that would
-- keep a large file locked for longer than other programs wait. The way down rewrites each row.
--
-- compatible-with: 2

-- migrate:up

ALTER TABLE sessions ADD COLUMN client TEXT;

ALTER TABLE sessions ADD COLUMN client_version TEXT;

ALTER TABLE sessions ADD COLUMN project TEXT;

ALTER TABLE tool_calls ADD COLUMN server TEXT;

ALTER TABLE tool_calls ADD COLUMN agent TEXT;

ALTER TABLE tool_calls ADD COLUMN source TEXT
    CONSTRAINT source_known CHECK (source IN ('recorder', 'proxy', 'hook', 'import'));

ALTER TABLE tool_calls ADD COLUMN error_kind TEXT
    CONSTRAINT error_kind_known CHECK (
        error_kind IN ('tool', 'arguments', 'not_found', 'protocol', 'cancelled', 'transport')
    );

ALTER TABLE tool_calls ADD COLUMN error_code INTEGER;

ALTER TABLE tool_calls ADD COLUMN request_bytes INTEGER
    CONSTRAINT request_bytes_not_negative CHECK (request_bytes >= 0);

ALTER TABLE tool_calls ADD COLUMN result_bytes INTEGER
    CONSTRAINT result_bytes_not_negative CHECK (result_bytes >= 0);

ALTER TABLE tool_calls ADD COLUMN started_ms INTEGER;

ALTER TABLE tool_calls ADD COLUMN duration_kind TEXT
    CONSTRAINT duration_kind_known CHECK (duration_kind IN ('run', 'wall'));

-- migrate:down

ALTER TABLE tool_calls DROP COLUMN duration_kind;

ALTER TABLE tool_calls DROP COLUMN started_ms;

ALTER TABLE tool_calls DROP COLUMN result_bytes;

ALTER TABLE tool_calls DROP COLUMN request_bytes;

ALTER TABLE tool_calls DROP COLUMN error_code;

ALTER TABLE tool_calls DROP COLUMN error_kind;

ALTER TABLE tool_calls DROP COLUMN source;

ALTER TABLE tool_calls DROP COLUMN agent;

ALTER TABLE tool_calls DROP COLUMN server;

ALTER TABLE sessions DROP COLUMN project;

ALTER TABLE sessions DROP COLUMN client_version;

ALTER TABLE sessions DROP COLUMN client;
