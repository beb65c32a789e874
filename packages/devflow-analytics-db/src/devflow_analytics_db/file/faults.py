"""Turns what SQLite and the operating system report into this package's errors."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from functools import wraps

from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CannotCreateError,
    CorruptDatabaseError,
    IncompatibleSQLiteError,
    LockedError,
    NotAnAnalyticsDatabaseError,
    PermissionDeniedError,
    StorageError,
)
from devflow_analytics_db.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

ANOTHER_FILE = "name another file with --db or DEVFLOW_ANALYTICS_DB_PATH"

OLDEST_SQLITE = (3, 37, 0)
"""The first SQLite with STRICT tables."""

CONTRADICTIONS = (
    "duplicate column name: ",
    "invalid rootpage",
    "no such column: ",
    "no such table: ",
    "orphan index",
)
"""How SQLite's reason begins where it can read the statement, which contradicts other parts."""

DENIED = (errno.EACCES, errno.EPERM)
BESIDE = ("", "-wal", "-shm", "-journal")
"""The endings of a database, and of what SQLite keeps beside it."""

OUR_DIRECTORIES = (".devflow", "backups")

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class naming_faults:  # noqa: N801  a context manager, and read as one
    """Raise faults met in the ``with`` block as named errors about ``path``.

    A class and not a ``@contextmanager``: this package avoids imports on the way to an open
    database (see docs/decisions/0003-imports.md).
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(fault, sqlite3.Error):
            raise from_sqlite(fault, self.path) from fault
        if isinstance(fault, OSError):
            raise from_os(fault, self.path) from fault
        if isinstance(fault, UnicodeDecodeError):  # a name or a message out of a damaged page
            raise damaged(self.path, fault) from fault


def logging_errors(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Log the named error that ends a call of a public function."""

    @wraps(function)
    def logged(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except AnalyticsDbError as error:
            log("error", "%s", error)
            raise

    return logged


def base_code(fault: sqlite3.Error) -> int:
    """Return the primary SQLite result code of a fault; 0 if SQLite did not raise it."""
    code: int = getattr(fault, "sqlite_errorcode", 0)
    return code & 0xFF


def is_busy(fault: sqlite3.Error) -> bool:
    """Tell whether another connection was in the way."""
    return base_code(fault) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def cannot_read(fault: sqlite3.Error) -> tuple[str, str] | None:
    """Return what in the schema this SQLite cannot read, by name, and why; None if it can.

    A newer SQLite may read it. SQLite reports it with the code of damage, and only its words tell
    (``sqlite3InitCallback()`` in its source).
    """
    before, _, rest = str(fault).partition("malformed database schema (")
    name, _, reason = rest.partition(") - ")
    contradicts = reason.startswith(CONTRADICTIONS) or reason.endswith(" already exists")
    return None if before or not reason or contradicts else (name, reason)


def commit_did_not_happen(fault: BaseException) -> bool:
    """Tell whether a COMMIT that raised this committed nothing, for certain.

    So it is if there was no room for it, or another connection was in the way. After any other
    fault the log may hold the whole of it, and whoever opens the file next finds it committed.
    """
    return isinstance(fault, sqlite3.Error) and (
        is_busy(fault) or base_code(fault) == sqlite3.SQLITE_FULL
    )


def from_sqlite(fault: sqlite3.Error, path: str) -> AnalyticsDbError:  # noqa: PLR0911  one a fault
    """Return the named error for what SQLite reported about ``path``."""
    code = base_code(fault)
    if code == sqlite3.SQLITE_CORRUPT:
        return _unreadable(fault, path) or damaged(path, fault)
    if code == sqlite3.SQLITE_NOTADB:
        return NotAnAnalyticsDatabaseError(
            f"{path} is not an SQLite database, or its first bytes are damaged. It was left as it"
            f" is. Move it away, or {ANOTHER_FILE}."
        )
    if is_busy(fault):
        return locked(path)
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
        return StorageError(
            f"Reading or writing {path} failed ({fault}). Check that the disk is sound and has"
            " room, and is no network file system, where SQLite's locks and shared memory fail."
        )
    if code in (sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return denied(path)
    if getattr(fault, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        advice = (
            "Run 'devflow-analytics init' on it, then try again"
            if is_writable(path)
            else f"Copy it and {path}-journal to a directory that you can write to, run"
            " 'devflow-analytics init' on the copy, and use that"
        )
        return StorageError(
            f"A crash left {path} in the middle of a write, which can only be undone by writing."
            f" Nothing was changed. {advice}."
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return _cannot_open(path)
    return AnalyticsDbError(
        f"SQLite failed on {path}: {fault}. Run 'devflow-analytics check' on it; if that finds"
        " nothing, this is a fault worth reporting."
    )


def from_os(fault: OSError, path: str) -> AnalyticsDbError:
    """Return the named error for what the operating system reported about ``path``."""
    if fault.errno is None and not os.path.exists(path):
        return _cannot_open(path)  # Pony's word for a file that is gone
    reason = os.strerror(fault.errno) if fault.errno else str(fault)
    if fault.errno == errno.EROFS:
        return _read_only(path)
    if fault.errno in DENIED:
        return denied(path, fault.filename)
    if fault.errno in FULL:
        return _full(path)
    if fault.errno == errno.EIO:
        return StorageError(f"Reading or writing {path} failed: {reason}. Check the disk.")
    return CannotCreateError(
        f"Cannot make or open {path}: {reason}. Put right what is in the way, or {ANOTHER_FILE}."
    )


def is_writable(path: str) -> bool:
    """Tell whether the user may write the file and, as SQLite must, beside it."""
    directory = os.path.dirname(path)
    return os.access(path, os.R_OK | os.W_OK) and os.access(directory, os.W_OK | os.X_OK)


def _cannot_open(path: str) -> AnalyticsDbError:
    """SQLite says only that it may not open or write a file: the database, or one beside it."""
    if not os.path.exists(path):
        return gone(path)
    if is_writable(path) and not obstacle(path):
        return StorageError(
            f"Cannot open {path} or the files that SQLite keeps beside it. Check that this process"
            " may open more files, and that no directory is in the place of one of them."
        )
    return denied(path)


def gone(path: str) -> CannotCreateError:
    """Return the error for a file that is no longer what was opened."""
    return CannotCreateError(
        f"{path} is gone: it was deleted, moved or replaced while it was in use."
        " Open the database again."
    )


def require_sqlite(path: str) -> None:
    """Make sure that this Python's SQLite can use a file of ours at all.

    Raises:
        IncompatibleSQLiteError: it is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise IncompatibleSQLiteError(
            f"This Python's SQLite {sqlite3.sqlite_version} is too old for {path}, which needs 3.37"
            " or newer. Nothing was changed. Use a Python with a newer SQLite."
        )


def _unreadable(fault: sqlite3.Error, path: str) -> IncompatibleSQLiteError | None:
    found = cannot_read(fault)
    if found is None:
        return None
    name, reason = found
    return IncompatibleSQLiteError(
        f"This Python's SQLite {sqlite3.sqlite_version} cannot read {name} in {path} ({reason})."
        " The file was left as it is. Use a Python with a newer SQLite, or drop"
        f" {name} with the program that made it."
    )


def locked(path: str) -> LockedError:
    """Return the error for a file that another connection kept busy past the timeout."""
    return LockedError(
        f"{path} is locked: another process kept it busy for longer than the timeout. Nothing"
        " is damaged. Try again, or raise DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS."
    )


def damaged(path: str, fault: object) -> CorruptDatabaseError:
    """Return the error for a file that SQLite cannot make sense of."""
    return CorruptDatabaseError(
        f"{path} is damaged ({fault}). It was left as it is. Copy it and the files beside it to a"
        " safe place before anything else; the .recover of SQLite's shell may get its rows back,"
        " and 'devflow-analytics restore' puts a backup in its place."
    )


def denied(path: str, refused: object = None) -> PermissionDeniedError:
    """Return the error for a file that the user may not read and write.

    Args:
        path: the file.
        refused: what the system named in refusing, for where nothing is found at ``path``.
    """
    if _can_be_read_only(path):
        return _read_only(path)
    for subject in (path, refused):
        found = obstacle(subject) if isinstance(subject, str) else None
        if found:
            return PermissionDeniedError(f"No right to read and write {subject}: {found}.")
    return PermissionDeniedError(
        f"No right to read and write {path} and the directory it is in. Give this user the right,"
        f" or {ANOTHER_FILE}."
    )


def _can_be_read_only(path: str) -> bool:
    """Tell whether it is the file system, and no right of the user's, that forbids to write."""
    there = path if os.path.exists(path) else os.path.dirname(path)
    try:
        mounted = os.statvfs(there).f_flag
    except OSError:
        return False
    return bool(mounted & os.ST_RDONLY) and os.access(there, os.R_OK)


def _read_only(path: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"{path} is on a read-only file system. Mount it for writing, or {ANOTHER_FILE}."
    )


def obstacle(path: str) -> str | None:
    """Return what keeps the user from reading and writing a file, and what to do about it.

    That is the file, one that SQLite keeps beside it, or a directory. None if there is no such
    thing, as far as modes and mounts tell.
    """
    found = _without_right(path)
    if found is None:
        return None
    try:
        reason, advice = _refusal_of(found, path)
    except OSError:  # gone in the meantime
        return None
    return f"{reason}. {advice} {ANOTHER_FILE}"


def _refusal_of(found: str, path: str) -> tuple[str, str]:
    """Return why the user may not use what was found on the way to a file, and what to do."""
    status, user = os.stat(found), os.geteuid()
    mode, is_directory = stat.S_IMODE(status.st_mode), stat.S_ISDIR(status.st_mode)
    name = "it" if found == path else f"the directory {found}" if is_directory else found
    if os.statvfs(found).f_flag & os.ST_RDONLY:
        return "its file system is read-only", "Mount it for writing, or"
    needed = stat.S_IRWXU if is_directory else stat.S_IRUSR | stat.S_IWUSR
    if user == 0 or (status.st_uid == user and mode & needed == needed):
        return f"the system refuses it at {found}", "Give this user the right, or"
    if status.st_uid == user:
        return f"{name} has mode {mode:04o}", f"Run 'chmod u+rwX {quoted(found)}', or"
    reason = f"{name} belongs to user {status.st_uid} and has mode {mode:04o}"
    if is_directory and os.path.basename(found) not in OUR_DIRECTORIES:
        # It may be the system's: nobody should take it.
        return reason, "Give this user the right, or"
    command = f"sudo chown {'-R ' if is_directory else ''}{user} {quoted(found)}"
    return reason, f"If it should be yours, run '{command}'; or"


def _without_right(path: str) -> str | None:
    """Return the first thing on the way to a file, or beside it, that the user may not use."""
    if os.path.isdir(path):
        beside, directory = [path], path
    else:
        beside, directory = [f"{path}{end}" for end in BESIDE], os.path.dirname(path)
    above = [directory]
    while above[-1] != os.path.dirname(above[-1]):
        above.append(os.path.dirname(above[-1]))
    nearest = "/"
    for one in reversed(above):
        if not os.path.isdir(one):
            break
        nearest = one
        if not os.access(one, os.X_OK):
            return one
    if not os.access(nearest, os.R_OK | os.W_OK | os.X_OK):
        return nearest
    for one in beside:
        if os.path.lexists(one) and not os.access(one, os.R_OK | os.W_OK):
            return one
    return None


def quoted(path: str) -> str:
    """Return a path as a shell takes it: `shlex`, without an import where an error is told."""
    if all(char.isalnum() or char in "/._-+:@%=," for char in path):
        return path
    return "'" + path.replace("'", "'\\''") + "'"


def _full(path: str) -> StorageError:
    return StorageError(
        f"No room left to write {path}, or SQLite's temporary files: the disk is full, or a quota"
        " or limit is reached. Nothing was half done. Make room and try again."
    )
