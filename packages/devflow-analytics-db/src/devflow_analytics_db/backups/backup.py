"""Copies a database: whole, checked, private, and on the disk before it gets its name."""

from __future__ import annotations

import os
import re
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

from devflow_analytics_db.errors import (
    CannotCreateError,
    DatabaseNotFoundError,
    DestinationExistsError,
)
from devflow_analytics_db.file import BESIDE, disk, location, making
from devflow_analytics_db.file.faults import (
    ANOTHER_FILE,
    base_code,
    cannot_read,
    from_sqlite,
    is_busy,
    logging_errors,
    naming_faults,
)
from devflow_analytics_db.file.opening import open_existing, open_for_reading
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations.identity import known_version
from devflow_analytics_db.schema.integrity import require_sound


class _OnlyFromPython:
    """Lets pydantic describe a parameter that has no value in JSON, as MCP servers need."""

    @staticmethod
    def __get_pydantic_json_schema__(*_: object) -> dict[str, str]:
        return {"type": "null"}


Progress: TypeAlias = Annotated[Callable[[int, int], object], _OnlyFromPython]
"""Called with the number of pages copied so far, and of all pages."""

ANOTHER_PLACE = "name another place with `destination`"

BEFORE_MIGRATE = "before-migrate"
BEFORE_RESTORE = "before-restore"
BY_HAND = "backup"

STAMP = r"\d{8}T\d{6}\.\d{6}Z"
"""The time in the name of a backup, UTC, as a regular expression."""

KEPT = 3
"""How many backups made before migrations are kept. Those that a user makes are all kept."""

PAGES_A_STEP = 1000
"""How much is copied between two calls of the progress function, which can be interrupted then."""


@logging_errors
def backup(
    path: str | os.PathLike[str] | None = None,
    destination: str | os.PathLike[str] | None = None,
    *,
    progress: Progress | None = None,
) -> Path:
    """Copy a database as it is at this moment. Other processes can go on writing to it.

    The copy is one file that only the user can read. It gets its name once it is whole, checked
    (``PRAGMA quick_check``) and on the disk. Nothing is ever overwritten.

    Args:
        path: the database; without it the one of `default_path`.
        destination: a new file, or a directory to put it in; without it ``backups/`` beside the
            database.
        progress: called with the number of pages copied so far, and of all pages.

    Returns:
        The copy.

    Raises:
        CannotCreateError: the destination cannot be made.
        CorruptDatabaseError: the database is damaged.
        DatabaseNotFoundError: there is no database.
        DestinationExistsError: the destination exists.
        AnalyticsDbError: any other, as from `create_analytics_db`; no copy was made.
    """
    file = location.resolve(path)
    disk.require_database(file)
    with naming_faults(file):
        if known_version(file) == 0:
            raise DatabaseNotFoundError(
                f"{file} holds no tables yet.", file, "Make them with `create_analytics_db()`."
            )
        final = _destination(file, destination)
        with naming_faults(final, otherwise=ANOTHER_PLACE):
            _write_copy(file, final, f"{final}.{secrets.token_hex(4)}.partial", progress)
    return Path(final)


def back_up_before_migrating(file: str) -> Path:
    """Copy a file to ``backups/`` while the caller holds the lock for writing to it.

    Raises:
        AnalyticsDbError: no copy was made.
    """
    final = _name(_directory(file), file, BEFORE_MIGRATE)
    with naming_faults(final):
        _write_copy(file, final, _partial(file, BEFORE_MIGRATE))
    return Path(final)


def keep_before_restoring(file: str) -> Path:
    """Copy a file that is about to be replaced, even if it is damaged, in the same way.

    Raises:
        AnalyticsDbError: no copy was made.
    """
    final = _name(_directory(file), file, BEFORE_RESTORE)
    with naming_faults(final):
        _write_copy(file, final, _partial(file, BEFORE_RESTORE), check=False)
    return Path(final)


def forget_old(file: str, made: Path) -> None:
    """Delete all but the newest backups made before migrations, and never the one just made.

    The names tell which are the newest. A clock that was ahead may have named some of them.
    """
    try:
        others = [
            one for one in _named(file, f"{STAMP}-{BEFORE_MIGRATE}", "") if one != os.fspath(made)
        ]
        for old in others[: max(0, len(others) + 1 - KEPT)]:
            os.unlink(old)
            log("info", "deleted the old backup %s", old)
    except OSError as fault:  # the migration is done
        log("warning", "could not delete old backups of %s: %s", file, fault)


def backups(file: str) -> list[str]:
    """Return the backups of a file in ``backups/`` that have our names, sorted by name."""
    return _named(file, f"{STAMP}-({BEFORE_MIGRATE}|{BEFORE_RESTORE}|{BY_HAND})", "")


def unfinished(file: str) -> list[str]:
    """Return the unfinished copies in ``backups/``, of running or of killed processes."""
    return _named(
        file, f"({BEFORE_MIGRATE}|{BEFORE_RESTORE}|{STAMP}-{BY_HAND})", r"(\.[0-9a-f]{8})?\.partial"
    )


def _named(file: str, middle: str, end: str) -> list[str]:
    """Return the files in ``backups/`` with names as `_name` and `_partial` give them."""
    directory = backups_directory(file)
    stem, suffix = map(re.escape, os.path.splitext(os.path.basename(file)))
    pattern = re.compile(f"{stem}-{middle}{suffix}{end}")
    try:
        names = sorted(filter(pattern.fullmatch, os.listdir(directory)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [os.path.join(directory, name) for name in names]


def _write_copy(
    file: str, final: str, partial: str, progress: Progress | None = None, *, check: bool = True
) -> None:
    """Copy what any reader of ``file`` sees now to ``partial``, and rename that to ``final``."""
    remove(partial)
    try:
        making.make_private_file(location.require_short(partial), like=file)
        _copy(file, partial, progress, check=check)
        _sync(partial)
        _rename(partial, final)
        _sync(os.path.dirname(final))
    finally:
        remove(partial)
    if os.stat(final).st_mode & disk.OTHERS:
        log("warning", "other users can access %s: its file system keeps no modes", final)
    log("info", "made backup %s", final)


def _copy(file: str, partial: str, progress: Progress | None, *, check: bool) -> None:
    def report(_: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    # A connection of its own: SQLite copies none that is writing, and a reader sees what was there
    # before the caller's transaction.
    with closing(open_for_reading(file)) as source, closing(open_existing(partial, 0)) as copy:
        # A file that no other process sees needs no journal, and no sync before it is whole.
        copy.execute("PRAGMA locking_mode = EXCLUSIVE")
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        try:
            # One state of it: from a source that changes between two steps, SQLite begins anew, and
            # beside busy writers would never come to the end.
            source.execute("BEGIN")
            source.execute("PRAGMA user_version").fetchone()  # reads without the schema
            source.backup(copy, pages=PAGES_A_STEP, progress=report)
            if check:
                require_sound(copy, file)
            # Out of WAL mode: one file, which can be read on a read-only file system.
            overlook_unreadable_schema(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as fault:
            if is_busy(fault) or base_code(fault) in (
                sqlite3.SQLITE_CORRUPT,
                sqlite3.SQLITE_NOTADB,
            ):
                raise from_sqlite(fault, file) from fault
            raise  # about the copy


def overlook_unreadable_schema(connection: sqlite3.Connection) -> None:
    """Let a connection copy pages although this SQLite cannot read something in the schema.

    Raises:
        sqlite3.DatabaseError: the schema is damaged.
    """
    query = "SELECT 1 FROM sqlite_schema"
    try:
        connection.execute(query)
    except sqlite3.DatabaseError as fault:
        if cannot_read(fault) is None:
            raise
        # Then the next statement fails, and those after it see what could be read
        # (sqlite3InitOne() in SQLite's source).
        connection.execute("PRAGMA writable_schema = ON")
        with suppress(sqlite3.DatabaseError):
            connection.execute(query)


def _destination(file: str, destination: str | os.PathLike[str] | None) -> str:
    if destination is None:
        return _name(_directory(file, advice=ANOTHER_PLACE), file, BY_HAND)
    named = location.absolute(destination)
    if os.path.isdir(named):
        return _name(named, file, BY_HAND)
    if os.path.basename(destination) in {"", os.curdir, os.pardir}:
        raise CannotCreateError(
            f"{os.fspath(destination)} is not a directory.",
            named,
            f"Make it first, or {ANOTHER_PLACE}.",
        )
    if named.endswith(BESIDE):
        raise CannotCreateError(
            f"{named} is the name of a file that SQLite keeps beside a database and deletes.",
            named,
            "Choose another name.",
        )
    for suffix in ("", *BESIDE):
        if os.path.lexists(f"{named}{suffix}"):
            raise _exists(f"{named}{suffix}")
    directory = os.path.dirname(location.require_short(named))
    if not os.path.exists(directory):
        raise CannotCreateError(
            f"Cannot make {named}: {directory} does not exist.",
            named,
            f"Make it first, or {ANOTHER_PLACE}.",
        )
    return named


def backups_directory(file: str) -> str:
    """Return the directory of the backups of a file, whether it exists or not."""
    return os.path.join(os.path.dirname(file), "backups")


def _directory(file: str, *, advice: str = ANOTHER_FILE) -> str:
    directory = backups_directory(file)
    with naming_faults(directory, otherwise=advice):
        if not os.path.isdir(directory):
            making.make_directory(directory, like=file, otherwise=advice)
            _sync(os.path.dirname(directory))
    return directory


def _name(directory: str, file: str, why: str) -> str:
    stem, suffix = os.path.splitext(os.path.basename(file))
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    return os.path.join(directory, f"{stem}-{now}-{why}{suffix}")


def _partial(file: str, why: str) -> str:
    """Return the one name of an unfinished copy that is made under the lock on the file.

    What has this name before that is left from a killed process.
    """
    stem, suffix = os.path.splitext(os.path.basename(file))
    return os.path.join(_directory(file), f"{stem}-{why}{suffix}.partial")


def _rename(partial: str, final: str) -> None:
    """Give the copy its name, unless a file has it already."""
    try:
        os.link(partial, final)
    except FileExistsError:
        raise _exists(final) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(final):
            raise _exists(final) from None
        os.rename(partial, final)


def _exists(path: str) -> DestinationExistsError:
    return DestinationExistsError(
        f"{path} already exists and is not overwritten.",
        path,
        "Name a new file with `destination`.",
    )


def remove(partial: str) -> None:
    """Delete an unfinished copy, and what SQLite keeps beside it."""
    for suffix in ("", *BESIDE):
        with suppress(FileNotFoundError):
            os.unlink(f"{partial}{suffix}")


def _sync(path: str) -> None:
    """Sync a file, or the names in a directory, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
