"""What a database holds: its schema version, how many rows, how large it is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import DatabaseNotFoundError, TamperedMigrationError
from devflow_analytics_db.file import SPOOL, disk, location
from devflow_analytics_db.file.faults import logging_errors, naming_faults
from devflow_analytics_db.file.opening import journal_mode
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.identity import reading
from devflow_analytics_db.migrations.ledger import RESTORE
from devflow_analytics_db.result import Result

if TYPE_CHECKING:
    from devflow_analytics_db.file.connection import Connection


@dataclass(frozen=True, slots=True)
class Status(Result):
    """What `status` found."""

    file: str
    """The database file, symbolic links followed, whether it exists or not."""
    exists: bool
    """Whether the file exists."""
    schema_version: int | None
    """Its schema version; None as long as it holds no tables."""
    latest_version: int
    """The newest schema version that this release knows."""
    pending: tuple[int, ...]
    """The migrations that opening it will apply, in order."""
    journal_mode: str | None = None
    """``wal``, unless another program changed it; None as long as it holds no tables, and where
    the file is read-only, which hides it."""
    sessions: int = 0
    """How many sessions are recorded."""
    tool_calls: int = 0
    """How many tool calls are recorded."""
    first_call: int | None = None
    """When the first call was recorded, in Unix seconds; None without calls, or if it is not a
    whole number, which a file at version 1 may hold."""
    last_call: int | None = None
    """When the last call was recorded, in Unix seconds; None as for ``first_call``."""
    size_bytes: int = 0
    """The size of the file."""
    wal_size_bytes: int = 0
    """The size of the ``-wal`` file beside it: recent writes that are not in the file yet."""
    waiting_calls: int = 0
    """How many calls wait beside it to be written into it, as far as this user may read them. A
    process may have written the first of its own, and not said so yet."""
    waiting_files: int = 0
    """In how many files they wait, one a process."""

    @property
    def is_current(self) -> bool:
        """Whether opening the database would change nothing."""
        return self.schema_version is not None and not self.pending

    @property
    def waiting(self) -> str:
        """The calls that wait, for people to read: ``3 calls in 1 file``."""
        return counted_calls(self.waiting_calls, self.waiting_files)

    def __str__(self) -> str:
        waiting = f"\n  waiting         {self.waiting}" if self.waiting_calls else ""
        if not self.exists:
            return f"{self.file} does not exist.{waiting}"
        if self.schema_version is None:
            return f"{self.file} holds no tables yet.{waiting}"
        if self.pending:
            compared = f"not current, pending migrations: {', '.join(map(str, self.pending))}"
        elif self.schema_version == self.latest_version:
            compared = "current"
        else:
            compared = "newer than this release"
        size = readable_size(self.size_bytes)
        if self.wal_size_bytes:
            size += f", and {readable_size(self.wal_size_bytes)} not written back yet"
        return (
            f"{self.file}\n"
            f"  schema version  {self.schema_version}, {compared}\n"
            f"  sessions        {self.sessions:,}\n"
            f"  tool calls      {self.tool_calls:,}\n"
            f"  size            {size}{waiting}"
        )


@logging_errors
def status(path: str | os.PathLike[str] | None = None) -> Status:
    """Return what is in a database. Changes nothing.

    Args:
        path: the database; without it the one of `default_path`. It need not exist.

    Raises:
        AnalyticsDbError: as from `create_analytics_db`, where the file is another program's, is
            damaged, or cannot be read.
    """
    file = location.resolve(path)
    try:
        with naming_faults(file), reading(file) as (connection, identity):
            if identity.version:
                return _read(connection, file, identity.version)
    except DatabaseNotFoundError:
        pass
    latest = latest_version()
    calls, files = _waiting(file)
    return Status(
        file=file,
        exists=os.path.exists(file),
        schema_version=None,
        latest_version=latest,
        pending=tuple(range(1, latest + 1)),
        size_bytes=disk.size(file),
        wal_size_bytes=disk.size(f"{file}-wal"),
        waiting_calls=calls,
        waiting_files=files,
    )


def _read(connection: Connection, file: str, version: int) -> Status:
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
    waiting_calls, waiting_files = _waiting(file)
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
        waiting_calls=waiting_calls,
        waiting_files=waiting_files,
    )


def _require_tables(connection: Connection, file: str) -> None:
    """Make sure that there are tables to count: a view of the same name might have no end.

    Raises:
        TamperedMigrationError: a table is missing.
    """
    query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name = ?"
    for table in ("sessions", "tool_calls"):
        if connection.execute(query, (table,)).fetchone() is None:
            raise TamperedMigrationError(
                f"{file} has no table {table}, though its ledger says so. It was left as it is.",
                file,
                RESTORE,
            )


def _waiting(file: str) -> tuple[int, int]:
    """Return how many calls wait, and in how many files."""
    if not os.path.lexists(f"{file}{SPOOL}"):
        return 0, 0
    from devflow_analytics_db.health.waiting import waiting_files  # noqa: PLC0415  seldom needed

    try:
        found = waiting_files(file)
    except OSError:  # diagnose() has a finding
        return 0, 0
    return sum(one.calls for one in found), len(found)


def _whole(time: object) -> int | None:
    """Return a time in seconds; None for anything else that a file at version 1 may hold."""
    return time if isinstance(time, int) else None


def counted_calls(calls: int, files: int) -> str:
    """Return how many calls are in how many files, for people to read: ``3 calls in 1 file``."""
    return f"{calls:,} call{'' if calls == 1 else 's'} in {files:,} file{'' if files == 1 else 's'}"


def readable_size(size: float) -> str:
    """Return a size in bytes for people to read, in decimal units: ``61.4 kB``."""
    if size < 1000:  # noqa: PLR2004  the next unit
        return f"{size} bytes"
    unit = 0
    while size >= 999.95:  # noqa: PLR2004  what would be shown as 1000.0
        size /= 1000
        unit += 1
    return f"{size:.1f} {' kMGTPE'[unit]}B"
