"""Replaces a database with a backup, while other processes may have it open."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  read by typing.get_type_hints()
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from devflow_analytics_db.backups.backup import (
    Progress,
    keep_before_restoring,
    overlook_unreadable_schema,
)
from devflow_analytics_db.errors import (
    CannotCreateError,
    ConfigurationError,
    CorruptDatabaseError,
    DatabaseNotFoundError,
    NotAnAnalyticsDatabaseError,
)
from devflow_analytics_db.file import BESIDE, disk, location
from devflow_analytics_db.file.connection import Connection
from devflow_analytics_db.file.faults import (
    cannot_read,
    commit_did_not_happen,
    locked,
    logging_errors,
    naming_faults,
)
from devflow_analytics_db.file.opening import (
    MIGRATION_TIMEOUT_MS,
    enable_wal,
    open_existing,
    open_for_reading,
)
from devflow_analytics_db.file.transaction import ATTENTIVE_MS
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations import APPLICATION_ID, application_id
from devflow_analytics_db.migrations.identity import (
    claim,
    identify,
    known_version,
)
from devflow_analytics_db.result import Result
from devflow_analytics_db.schema.integrity import require_sound
from devflow_analytics_db.settings import busy_timeout_ms

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Restored(Result):
    """What `restore` did."""

    file: str
    """The database file, symbolic links followed."""
    schema_version: int
    """Its schema version now: the backup's. Opening it brings it up to date."""
    replaced: Path | None
    """The copy of what the database was before; None if there was nothing in it."""

    def __str__(self) -> str:
        text = f"Restored {self.file}: schema version {self.schema_version}."
        return f"{text} The previous database is in {self.replaced}." if self.replaced else text


@logging_errors
def restore(
    source: str | os.PathLike[str],
    path: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Restored:
    """Restore a database from a backup, and keep a copy of what it was in ``backups/`` beside it.

    Other processes can keep the database open: it is replaced in one SQLite transaction, and what
    they wrote before is in that copy. The backup is not changed.

    Args:
        source: the backup, or any other database of ours or of DevFlow's server.
        path: the database; without it the one of `default_path`. It need not exist.
        progress: called with the number of pages copied so far, and of all pages.

    Raises:
        ConfigurationError: the source is the database itself.
        CorruptDatabaseError: the source is damaged; or the database is damaged so badly that
            SQLite cannot copy it.
        DatabaseNotFoundError: the source does not exist, or holds no tables.
        IncompatibleSchemaError: a newer release made the source, and this one cannot use it.
        NotAnAnalyticsDatabaseError: the source or the database is another program's.
        AnalyticsDbError: any other, as from `create_analytics_db`; the database is as it was.
    """
    source_file, file = location.resolve(source), location.resolve(path)
    if source_file == file:
        raise ConfigurationError(f"{file} is the database itself.", file, "Name a backup of it.")
    with _naming_faults_of_source(source_file):
        disk.require_database(source_file)
        backup = open_for_reading(source_file)
    with closing(backup):
        with _naming_faults_of_source(source_file):
            version = _require_usable(backup, source_file)
        try:
            with naming_faults(file):
                replaced = _replace(backup, file, progress)
        except CorruptDatabaseError as error:
            raise CorruptDatabaseError(
                f"{file} is damaged so badly that SQLite cannot copy it. It was left as it is.",
                file,
                "Move it and the files beside it to a safe place, then restore again.",
            ) from error
    log("info", "restored %s from %s: schema version %d", file, source_file, version)
    return Restored(file, version, replaced)


@contextmanager
def _naming_faults_of_source(file: str) -> Iterator[None]:
    try:
        with naming_faults(file, otherwise="name another backup"):
            yield
    except (CannotCreateError, DatabaseNotFoundError, NotAnAnalyticsDatabaseError) as error:
        # The usual advice is to make a database, or to move away what is in its place.
        advice = "Name another backup: they are in backups/ beside the database."
        raise type(error)(error.what, file, advice) from error


def _require_usable(backup: Connection, source_file: str) -> int:
    """Return the schema version of a backup that is sound and holds something."""
    backup.execute("BEGIN")
    version = identify(backup).version
    if version == 0:
        raise DatabaseNotFoundError(f"{source_file} holds no tables.", source_file)
    require_sound(backup, source_file)
    return version


def _replace(backup: sqlite3.Connection, file: str, progress: Progress | None) -> Path | None:
    disk.make(file)
    timeout_ms = busy_timeout_ms(MIGRATION_TIMEOUT_MS)
    version = _replaceable_version(file)
    replaced: list[Path | None] = []
    left = 0

    def report(status: int, remaining: int, total: int) -> None:
        nonlocal left
        if _was_busy(status):  # tried again as long as nothing is raised here
            if time.monotonic() > deadline:
                raise locked(file)
            return
        if not replaced:
            # One page was copied, so the lock is held from here to the end, and other connections
            # still see what is to be replaced.
            replaced.append(
                None if _replaceable_version(file) == 0 else keep_before_restoring(file)
            )
        left = remaining
        if progress:
            progress(total - remaining, total)

    with closing(open_existing(file, timeout_ms)) as database:
        if version == 0:
            claim(database)
        elif version is None:
            overlook_unreadable_schema(database)
        enable_wal(database)
        disk.keep_private(file)
        database.execute("PRAGMA synchronous = FULL")
        (page_size,) = database.execute("PRAGMA page_size").fetchone()
        database.execute(f"PRAGMA busy_timeout = {min(timeout_ms, ATTENTIVE_MS)}")
        with _in_pages_of(page_size, backup, file) as pages:
            deadline = time.monotonic() + timeout_ms / 1000
            try:
                pages.backup(database, pages=1, progress=report, sleep=0)
            except BaseException as fault:
                committing = left <= 1  # in the same step as the last page
                if replaced and replaced[0] and (not committing or commit_did_not_happen(fault)):
                    os.unlink(replaced[0])  # the file itself is still what it is a copy of
                raise
    return replaced[0]


def _replaceable_version(file: str) -> int | None:
    """Return the schema version of a file that may be replaced; None if it is unusable.

    Raises:
        AnalyticsDbError, sqlite3.Error: as `known_version`, if the file is not marked as ours.
    """
    try:
        return known_version(file)
    except sqlite3.DatabaseError as fault:
        if cannot_read(fault) is None:
            raise
        with closing(open_for_reading(file)) as connection:
            if application_id(connection) != APPLICATION_ID:
                raise
        return None


def _was_busy(status: int) -> bool:
    """Tell whether a step copied nothing. The sqlite3 module would try again without end."""
    return status & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _in_pages_of(size: int, backup: sqlite3.Connection, file: str) -> Iterator[sqlite3.Connection]:
    """Give a connection to the same content in pages of this size, as WAL mode requires."""
    if backup.execute("PRAGMA page_size").fetchone() == (size,):
        yield backup
        return
    with (
        TemporaryDirectory(prefix=_prefix(file), dir=os.path.dirname(file)) as directory,
        closing(Connection(os.path.join(directory, "copy"), "mode=rwc", 0)) as copy,
    ):
        backup.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # in WAL mode the size of pages is fixed
        copy.execute(f"PRAGMA page_size = {size}")
        copy.execute("VACUUM")
        yield copy


def unfinished_restores(file: str) -> list[str]:
    """Return the temporary directories of running or killed restores."""
    parent, prefix = os.path.dirname(file), re.escape(_prefix(file))
    names = sorted(
        name for name in os.listdir(parent) if re.fullmatch(f"{prefix}[a-z0-9_]{{8}}", name)
    )
    found = [os.path.join(parent, name) for name in names]
    return [path for path in found if _is_of_a_restore(path)]


def _is_of_a_restore(path: str) -> bool:
    """Tell whether it is a directory that holds only what a restore makes."""
    if os.path.islink(path) or not os.path.isdir(path):
        return False
    return set(os.listdir(path)) <= {"copy", *(f"copy{suffix}" for suffix in BESIDE)}


def _prefix(file: str) -> str:
    return f"{os.path.basename(file)}-restoring-"
