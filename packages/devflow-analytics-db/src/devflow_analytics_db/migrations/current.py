"""Whether a file is ours and has all the migrations of its version, found in three reads.

That is all that is to be known of nearly every file that is opened. `identity` tells the rest.
"""

from __future__ import annotations

import sqlite3

from devflow_analytics_db.file.opening import has_journal, open_for_reading, open_immutable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_db.file.connection import Connection

APPLICATION_ID = int.from_bytes(b"DFAn", "big")
"""In the header of every file of ours: ``PRAGMA application_id``, and offset 68 for file(1)."""

LEDGER = "devflow_migrations"
"""The table that lists the migrations which were applied to a file."""

CREATE_LEDGER = f"""\
CREATE TABLE IF NOT EXISTS {LEDGER} (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL, -- SHA-256 of the normalised SQL
    compatible_with INTEGER NOT NULL, -- the oldest schema version whose code may still write
    applied_at INTEGER NOT NULL, -- Unix time, seconds
    duration_ms INTEGER NOT NULL,
    applied_by TEXT NOT NULL
) STRICT;"""
"""Makes the ledger, if it is not there."""

AS_MADE = CREATE_LEDGER.replace("IF NOT EXISTS ", "").removesuffix(";")
"""How SQLite keeps that."""


def application_id(connection: Connection) -> int:
    """Return the number in the header by which a program marks its files; 0 if none did."""
    (number,) = connection.execute("PRAGMA application_id").fetchone()
    return int(number)


def schema_version(connection: Connection) -> int:
    """Return the schema version in the header, which only means one in a file of ours."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def has_ledger_as_made(connection: Connection) -> bool:
    """Tell whether there is a ledger just as this release makes it."""
    query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(connection.execute(query, (LEDGER,)).fetchone() == (AS_MADE,))


def listed_versions(connection: Connection) -> list[int]:
    """Return the versions that the ledger lists, in order."""
    query = f"SELECT version FROM {LEDGER} ORDER BY version"
    return [version for (version,) in connection.execute(query)]


def is_current(file: str, version: int) -> bool:
    """Tell whether a file is ours and at a schema version; False also if that is not certain."""
    try:
        connection = open_for_reading(file) if has_journal(file) else open_immutable(file)
    except sqlite3.Error:
        return False
    try:
        connection.execute("BEGIN")
        return (
            application_id(connection) == APPLICATION_ID
            and schema_version(connection) == version
            and has_ledger_as_made(connection)
            and listed_versions(connection) == [*range(1, version + 1)]
        )
    except (sqlite3.Error, UnicodeDecodeError):
        return False  # perhaps only because somebody was writing
    finally:
        connection.close()
