"""What there is, at a glance: which file, at which schema version, how much is in it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db.errors import TamperedMigrationError
from devflow_analytics_db.file import disk, location
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.file.opening import journal_mode, open_for_reading
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.identity import identify, identify_file
from devflow_analytics_db.migrations.ledger import RESTORE

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from devflow_analytics_db.file.connection import Connection


class Status(NamedTuple):
    """What `status` found."""

    file: str
    """The database file, symbolic links followed, whether it exists or not."""
    exists: bool
    """There is such a file."""
    schema_version: int | None
    """Its schema version; None as long as it holds no tables."""
    latest_version: int
    """The newest schema version that this release knows."""
    pending: tuple[int, ...]
    """The migrations that opening it will apply, in order."""
    journal_mode: str | None
    """``wal``, unless another program changed it; None as long as it holds no tables, and where
    the file may not be written, which hides it."""
    sessions: int
    """How many sessions are recorded."""
    tool_calls: int
    """How many tool calls are recorded."""
    first_call: int | None
    """When the first call was recorded, in Unix seconds; None without calls, or if it is no whole
    number, which a file at version 1 may hold."""
    last_call: int | None
    """The same of the last call."""
    size_bytes: int
    """The size of the file."""
    wal_size_bytes: int
    """The size of the ``-wal`` beside it: what was written last, and is not in the file yet."""

    @property
    def path(self) -> Path:
        """The same file as a path."""
        from pathlib import Path  # noqa: PLC0415  docs/decisions/0003-imports.md

        return Path(self.file)

    @property
    def is_current(self) -> bool:
        """Whether opening the database would find nothing to do."""
        return self.schema_version is not None and not self.pending


@logging_errors
def status(path: str | os.PathLike[str] | None = None) -> Status:
    """Tell what is in a database, without changing or making anything.

    Args:
        path: the database; without it the one of `default_path`. It need not exist.

    Raises:
        AnalyticsDbError: as from `create_analytics_db`, where it is no database of ours, is
            damaged, or cannot be read.
    """
    file = location.resolve(path)
    with naming_faults(file):
        exists = disk.check_path(file) is not None
        version = identify_file(file).version if disk.size(file) else 0
        if version == 0:
            return _without_tables(file, exists=exists)
        with closing(open_for_reading(file)) as connection:
            return _read(connection, file)


def _without_tables(file: str, *, exists: bool) -> Status:
    latest = latest_version()
    return Status(
        file=file,
        exists=exists,
        schema_version=None,
        latest_version=latest,
        pending=tuple(range(1, latest + 1)),
        journal_mode=None,
        sessions=0,
        tool_calls=0,
        first_call=None,
        last_call=None,
        size_bytes=disk.size(file),
        wal_size_bytes=disk.size(f"{file}-wal"),
    )


def _read(connection: Connection, file: str) -> Status:
    connection.execute("BEGIN")  # all from one state
    version = identify(connection).version
    _require_tables(connection, file)
    latest = latest_version()
    # Each in a query of its own: only so does SQLite find the first and the last by the index.
    sessions, calls, first, last = (
        connection.execute(query).fetchone()[0]
        for query in (
            "SELECT count(*) FROM sessions",
            "SELECT count(*) FROM tool_calls",
            "SELECT min(timestamp) FROM tool_calls",
            "SELECT max(timestamp) FROM tool_calls",
        )
    )
    return Status(
        file=file,
        exists=True,
        schema_version=version,
        latest_version=latest,
        pending=tuple(range(version + 1, latest + 1)),
        journal_mode=journal_mode(connection),
        sessions=sessions,
        tool_calls=calls,
        first_call=_whole(first),
        last_call=_whole(last),
        size_bytes=disk.size(file),
        wal_size_bytes=disk.size(f"{file}-wal"),
    )


def _require_tables(connection: sqlite3.Connection, file: str) -> None:
    """Make sure that there is something to count: a view in its place might have no end.

    Raises:
        TamperedMigrationError: a table is missing.
    """
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?"
    for table in ("sessions", "tool_calls"):
        if connection.execute(query, (table,)).fetchone() is None:
            raise TamperedMigrationError(
                f"{file} has no table {table}, though its ledger says so. It was left as it is."
                f" {RESTORE}."
            )


def _whole(time: object) -> int | None:
    """Return a time in seconds; None for what else a file at version 1 may have in its place."""
    return time if isinstance(time, int) else None


def readable_size(size: float) -> str:
    """Return a size in bytes as it is read best, in decimal units: ``61.4 kB``."""
    if size < 1000:  # noqa: PLR2004  the next unit
        return f"{size} bytes"
    unit = 0
    while size >= 999.95:  # noqa: PLR2004  what would be shown as 1000.0
        size /= 1000
        unit += 1
    return f"{size:.1f} {' kMGTPE'[unit]}B"
