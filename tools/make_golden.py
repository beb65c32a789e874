"""Make the golden file of a schema version: a database as its release leaves it.

Run by ``just golden``. Each release that brings a schema version adds the one of that version,
and none is ever made anew: the tests show that the newest code still brings each of them up to
date, with every row. The checksum of the migration's file is added to ``migrations.sha256``: from
then on, a test holds the file to it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from devflow_analytics_db.file.making import make_private_file
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migrate import bring_to
from devflow_analytics_db.migrations.migration import load_migrations

DIRECTORY = Path(__file__).resolve().parent.parent / "packages/devflow-analytics-db/tests/golden"

# What every version can hold, and a migration could lose: gaps in the rowids, fractions, the ends
# of the number range, text beyond ASCII and with quotes, NULLs.
SESSIONS = (
    (1, "0199f3a8-5c00-7000-8000-000000000001", 1764959568, 1764959999, 3),
    (2, "0199f3a8-5c00-7000-8000-000000000002", 1764960000, None, 0),
    (7, "ärger's “session”", 0, 9007199254740993, 9223372036854775807),
)
CALLS = (
    (1, "0199f3a8-5c00-7000-8000-00000000000a", "git-log", 12, "success", None, 1764959569, 1),
    (2, "0199f3a8-5c00-7000-8000-00000000000b", "memory-get", 0.73, "error", "E'\n", 1764959570, 1),
    (5, "0199f3a8-5c00-7000-8000-00000000000c", "工具", 30000.5, "timeout", "", 1764959571, 1),
    (9, " c ", " ", 0, "success", "TypeError", -1, 7),
)
# What version 3 added; the rowid comes last.
CLIENTS = (("claude-code", "2.1.0", "devflow", 1), ("", "ärger's", " ", 7))
DETAILS = (
    ("git", "Explore", "recorder", None, None, 0, 2**40, 1764959569001, "run", 1),
    ("工具", None, "import", "protocol", -32602, 81, None, -1, "wall", 2),
    ("", "", "proxy", "transport", 2**63 - 1, None, 0, 2**53 + 1, None, 5),
)
# What version 4 added: a log that was read in full, and one whose numbers are at their ends.
CURSORS = (
    ("claude-code", 2049, 12, 9, 1764959571000000001, 9, b"\0\xff", b"", 0, 0, 1764959580, "{}"),
    ("工具", -(2**63), 2**63 - 1, 0, -1, 0, b"", b"'", -1, 2, 0, '{"waiting": "ärger\'s"}'),
)
EXCLUSIONS = (
    ("5b0c4f2e-0d9a-8c11-9f6e-3a7d2c1b0e4f", 1764959572, None),
    ("", -1, "0199f3a8-5c00-7000-8000-00000000000a"),
)
FLOOR = 1764950000


def fill(connection: sqlite3.Connection, version: int) -> None:
    """Insert the rows, with a value for every column that there is at a schema version."""
    connection.executemany(
        "INSERT INTO sessions (rowid, id, started_at, ended_at, tool_count) VALUES (?, ?, ?, ?, ?)",
        SESSIONS,
    )
    connection.executemany(
        "INSERT INTO tool_calls"
        " (rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id)"
        " SELECT ?, ?, ?, ?, ?, ?, ?, id FROM sessions WHERE rowid = ?",
        CALLS,
    )
    if version >= 3:  # noqa: PLR2004  which brought these columns
        connection.executemany(
            "UPDATE sessions SET (client, client_version, project) = (?, ?, ?) WHERE rowid = ?",
            CLIENTS,
        )
        connection.executemany(
            "UPDATE tool_calls SET (server, agent, source, error_kind, error_code, request_bytes,"
            " result_bytes, started_ms, duration_kind) = (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " WHERE rowid = ?",
            DETAILS,
        )
    if version >= 4:  # noqa: PLR2004  which brought these tables
        connection.executemany(
            "INSERT INTO import_cursors (client, device, inode, size, modified_ns, position, head,"
            " tail, since, unanswered, seen_at, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            CURSORS,
        )
        connection.executemany(
            "INSERT INTO import_exclusions (call_id, timestamp, recorded_as) VALUES (?, ?, ?)",
            EXCLUSIONS,
        )
        connection.execute("UPDATE import_floor SET not_before = ?", (FLOOR,))


def make(version: int, target: Path) -> None:
    """Make a database at a schema version with some rows, as one file; the target must be new."""
    with TemporaryDirectory() as directory:
        file = f"{directory}/analytics.db"
        make_private_file(file)
        bring_to(file, version)
        with closing(sqlite3.connect(file)) as connection:
            with connection:
                fill(connection, version)
            connection.execute("PRAGMA journal_mode = DELETE")  # one file, with no -wal to lose
        with target.open("xb") as golden:
            golden.write(Path(file).read_bytes())


def add_checksum(version: int, target: Path) -> None:
    """Add the checksum of a migration's file, as ``sha256sum`` prints it, to those of a list."""
    migration = Path(load_migrations()[version - 1].path)
    digest = hashlib.sha256(migration.read_bytes()).hexdigest()
    with target.open("a") as checksums:
        checksums.write(f"{digest}  {migration.name}\n")


def main() -> None:
    """Make the one that is asked for, where the tests find it, unless it is there."""
    version = int(sys.argv[1]) if sys.argv[1:] else latest_version()
    directory = Path(sys.argv[2]) if sys.argv[2:] else DIRECTORY
    golden = directory / f"v{version}.db"
    try:
        make(version, golden)
    except FileExistsError:
        sys.exit(f"{golden} exists: a golden file is made once, for its release.")
    add_checksum(version, directory / "migrations.sha256")
    print(f"Made {golden}. Commit it with the migration.")


if __name__ == "__main__":
    main()
