-- What importing the logs of agents has to remember: how far each was read, from which day on, and
-- which calls are not to come in again. It is here, and not in a file beside, so that it is
-- committed with the rows that were read, and goes back with them when a backup is restored.
--
-- A log is known by its device and inode, not by its path, which would say what somebody works on.
-- A call that is deleted must not come back from a log that is read again. Only those whose key is
-- made from the agent's own (UUID version 8) can, and of those none from before the import floor.
--
-- Programs that know nothing of this go on as before, so the trigger takes in what they delete too.
-- After a way down, every log is read anew, and a call that was deleted comes back.
--
-- compatible-with: 2

-- migrate:up

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

CREATE TABLE import_floor (
    id INTEGER PRIMARY KEY CONSTRAINT one_row CHECK (id = 1),
    not_before INTEGER NOT NULL -- Unix time, seconds: no call from before is imported
) STRICT;

INSERT INTO import_floor (id, not_before) VALUES (1, 0);

CREATE TABLE import_exclusions (
    call_id TEXT PRIMARY KEY NOT NULL,
    timestamp INTEGER NOT NULL, -- Unix time, seconds, of the call
    recorded_as TEXT -- the same call as a server recorded it: a key of tool_calls; null: deleted
) STRICT, WITHOUT ROWID;

CREATE INDEX import_exclusions_recorded_as ON import_exclusions (recorded_as)
WHERE recorded_as IS NOT NULL;

CREATE TRIGGER tool_calls_deleted AFTER DELETE ON tool_calls
WHEN substr(OLD.id, 15, 1) = '8'
    AND NOT EXISTS (SELECT 1 FROM import_floor WHERE not_before > OLD.timestamp)
BEGIN
    INSERT OR IGNORE INTO import_exclusions (call_id, timestamp) VALUES (OLD.id, OLD.timestamp);
END;

-- migrate:down

-- it goes with the table if another program makes that anew
DROP TRIGGER IF EXISTS tool_calls_deleted;

DROP TABLE import_exclusions;

DROP TABLE import_floor;

DROP TABLE import_cursors;
