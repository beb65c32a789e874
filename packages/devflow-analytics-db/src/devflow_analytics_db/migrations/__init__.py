"""How the schema of a database changes: by numbered SQL files, each listed where it was applied.

`is_current` tells of nearly every file that is opened that it is ours and has all of them. The
others are looked at by `identity`.
"""

from __future__ import annotations

import os
import sqlite3
from functools import cache

from devflow_analytics_db.errors import InstallationError
from devflow_analytics_db.file.opening import has_journal, open_for_reading, open_immutable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

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

# Not importlib.resources: the import alone takes as long as opening a database in a new process.
DIRECTORY = os.path.dirname(os.path.abspath(__file__))
"""Where the migration files are, unless the package is in an archive."""


def file_names() -> list[str]:
    """Return the names of the migration files, in the order of their versions.

    Raises:
        InstallationError: there are none.
    """
    try:
        names = os.listdir(DIRECTORY)
    except OSError:
        directory = _in_archive()
        names = [file.name for file in directory.iterdir()] if directory.is_dir() else []
    found = sorted(name for name in names if name.endswith(".sql"))
    if not found:
        raise _missing("*.sql", "not there")
    return found


def file_path(name: str) -> str:
    """Return the path of a migration file."""
    return os.path.join(DIRECTORY, name)


def read(name: str) -> str:
    """Return the text of a migration file.

    Raises:
        InstallationError: it cannot be read.
    """
    try:
        if os.path.isdir(DIRECTORY):
            with open(file_path(name), encoding="utf-8") as file:
                return file.read()
        return (_in_archive() / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise _missing(name, fault) from fault


@cache
def latest_version() -> int:
    """Return the newest schema version this package knows, from the names of its files alone.

    Raises:
        InstallationError: there are none.
    """
    return max(int(name.partition("_")[0]) for name in file_names())


def _in_archive() -> Traversable:
    """Return the same directory as whatever imported this package sees it: a zip file, say."""
    from importlib.resources import files  # noqa: PLC0415  seldom needed

    return files("devflow_analytics_db") / "migrations"


def _missing(name: str, reason: object) -> InstallationError:
    return InstallationError(
        f"{file_path(name)} cannot be read ({reason}): a file of devflow-analytics-db itself."
        " Nothing was changed.",
        file_path(name),
        "Reinstall the package; if this program has it built in, build the program with the"
        " package's .sql files.",
    )


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


def is_current(file: str, version: int, timeout_ms: int | None = None) -> bool:
    """Tell whether a file is ours and at a schema version; False also if that is not certain."""
    try:
        connection = (
            open_for_reading(file, timeout_ms) if has_journal(file) else open_immutable(file)
        )
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
