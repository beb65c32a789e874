"""What SQLite and the operating system report about a file, raised as errors of this package."""

from __future__ import annotations

import os
import sqlite3
import time
from functools import wraps

from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CannotCreateError,
    CorruptDatabaseError,
    DatabaseGoneError,
    IncompatibleSQLiteError,
    LockedError,
    NotAnAnalyticsDatabaseError,
    PermissionDeniedError,
    StorageError,
)
from devflow_analytics_db.file import is_writable
from devflow_analytics_db.log import log
from devflow_analytics_db.settings import BUSY_TIMEOUT_MS, DB_PATH

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import ParamSpec, TypeVar

    Parameters = ParamSpec("Parameters")
    Result = TypeVar("Result")

ANOTHER_FILE = f"name another file with `path` or {DB_PATH.name}"
"""How advice ends wherever the file need not be the one that it is."""

AGAIN_SECONDS = 60.0
"""How long an error is not logged again that is met again."""

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

OF_THE_STATEMENT = (
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_TOOBIG,
)
"""The result codes for which the statement or its values are the reason, and not the file."""


class naming_faults:  # noqa: N801  a context manager, and read as one
    """Raise faults met in the ``with`` block as named errors about a file.

    A class and not a ``@contextmanager``: this package avoids imports on the way to an open
    database (docs/decisions/0003-imports.md).
    """

    def __init__(self, path: str, otherwise: str = ANOTHER_FILE) -> None:
        """Name the file.

        Args:
            path: the file that faults are about.
            otherwise: how the advice ends: what else the user can do.
        """
        self.path = path
        self.otherwise = otherwise

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(fault, sqlite3.Error):
            raise from_sqlite(fault, self.path, self.otherwise) from fault
        if isinstance(fault, OSError):
            raise from_os(fault, self.path, self.otherwise) from fault
        if isinstance(fault, UnicodeDecodeError):  # a name or a message out of a damaged page
            raise damaged(self.path, fault) from fault


def logging_errors(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Log the named error that ends a call of a public function.

    One that somebody meets again and again, as in trying until it works, is logged once a minute.
    """

    @wraps(function)
    def logged(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except AnalyticsDbError as error:
            if not _Logged.is_known(f"{function.__qualname__}: {error}"):
                log("error", "%s", error)
            raise

    return logged


class _Logged:
    """The last error that was logged."""

    message = ""
    until = 0.0

    @classmethod
    def is_known(cls, message: str) -> bool:
        """Tell whether an error was logged within the last minute, as the last one."""
        now = time.monotonic()
        if message == cls.message and now < cls.until:
            return True
        cls.message, cls.until = message, now + AGAIN_SECONDS
        return False


def base_code(fault: sqlite3.Error) -> int:
    """Return the primary SQLite result code of a fault; 0 if SQLite did not raise it."""
    code: int = getattr(fault, "sqlite_errorcode", 0)
    return code & 0xFF


def is_busy(fault: sqlite3.Error) -> bool:
    """Tell whether another connection was in the way."""
    return base_code(fault) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_of_the_statement(fault: sqlite3.Error) -> bool:
    """Tell whether the statement or its values are to blame, and not the file or the system."""
    return base_code(fault) in (0, *OF_THE_STATEMENT)


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


def from_sqlite(  # noqa: PLR0911  one a fault
    fault: sqlite3.Error, path: str, otherwise: str = ANOTHER_FILE
) -> AnalyticsDbError:
    """Return the named error for what SQLite reported about ``path``."""
    code = base_code(fault)
    if code == sqlite3.SQLITE_CORRUPT:
        return _unreadable(fault, path) or damaged(path, fault)
    if code == sqlite3.SQLITE_NOTADB:
        return NotAnAnalyticsDatabaseError(
            f"{path} is not an SQLite database, or its first bytes are damaged. It was left as it"
            " is.",
            path,
            f"Move it away, or {otherwise}.",
        )
    if is_busy(fault):
        return locked(path)
    if code == sqlite3.SQLITE_FULL:
        return _full(path)
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PROTOCOL):
        return StorageError(
            f"Reading or writing {path} failed ({fault}).",
            path,
            "Check that the disk is sound and has room, and is no network file system, where"
            " SQLite's locks and shared memory fail.",
        )
    if code in (sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return denied(path, otherwise=otherwise)
    if getattr(fault, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY_ROLLBACK:
        return StorageError(
            f"A crash left {path} in the middle of a write, which can only be undone by writing."
            " Nothing was changed.",
            path,
            "Run `create_analytics_db()` on it, then try again."
            if is_writable(path)
            else f"Copy it and {path}-journal to a directory that you can write to, run"
            " `create_analytics_db()` on the copy, and use that.",
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
        return _cannot_open(path, otherwise)
    return AnalyticsDbError(
        f"SQLite failed on {path}: {fault}.",
        path,
        "Run `check()` on it; if that finds nothing, please report this as a bug.",
    )


def from_os(fault: OSError, path: str, otherwise: str = ANOTHER_FILE) -> AnalyticsDbError:
    """Return the named error for what the operating system reported about ``path``."""
    import errno  # noqa: PLC0415  seldom needed

    if fault.errno is None and not os.path.exists(path):
        return gone(path)  # Pony's word for a file that is gone
    reason = os.strerror(fault.errno) if fault.errno else str(fault)
    if fault.errno == errno.EROFS:
        return _read_only(path, otherwise)
    if isinstance(fault, PermissionError):
        return denied(path, fault.filename, otherwise)
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return _full(path)
    if fault.errno == errno.EIO:
        return StorageError(f"Reading or writing {path} failed: {reason}.", path, "Check the disk.")
    return CannotCreateError(
        f"Cannot make or open {path}: {reason}.",
        path,
        f"Remove what is in the way, or {otherwise}.",
    )


def _cannot_open(path: str, otherwise: str) -> AnalyticsDbError:
    """SQLite says only that it may not open or write a file: the database, or one beside it."""
    from devflow_analytics_db.file.rights import obstacle  # noqa: PLC0415  seldom needed

    if not os.path.exists(path):
        return gone(path)
    if is_writable(path) and not obstacle(path):
        return StorageError(
            f"Cannot open {path} or the files that SQLite keeps beside it.",
            path,
            "Check that this process may open more files, and that no directory is in the place"
            " of one of them.",
        )
    return denied(path, otherwise=otherwise)


def gone(path: str) -> DatabaseGoneError:
    """Return the error for a file that is no longer what was opened."""
    return DatabaseGoneError(
        f"{path} is gone: it was deleted, moved or replaced while it was in use.",
        path,
        "Open the database again.",
    )


def require_sqlite(path: str) -> None:
    """Make sure that this Python's SQLite can use a file of ours at all.

    Raises:
        IncompatibleSQLiteError: it is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise IncompatibleSQLiteError(
            f"This Python's SQLite {sqlite3.sqlite_version} is too old for {path}, which needs 3.37"
            " or newer. Nothing was changed.",
            path,
            "Use a Python with a newer SQLite.",
        )


def _unreadable(fault: sqlite3.Error, path: str) -> IncompatibleSQLiteError | None:
    found = cannot_read(fault)
    if found is None:
        return None
    name, reason = found
    return IncompatibleSQLiteError(
        f"This Python's SQLite {sqlite3.sqlite_version} cannot read {name} in {path} ({reason})."
        " The file was left as it is.",
        path,
        f"Use a Python with a newer SQLite, or drop {name} with the program that made it.",
    )


def locked(path: str) -> LockedError:
    """Return the error for a file that another connection kept busy past the timeout."""
    return LockedError(
        f"{path} is locked: another process kept it busy for longer than the timeout. Nothing"
        " is damaged.",
        path,
        f"Try again, or raise {BUSY_TIMEOUT_MS.name}.",
    )


def damaged(path: str, fault: object) -> CorruptDatabaseError:
    """Return the error for a file that SQLite cannot make sense of."""
    return CorruptDatabaseError(
        f"{path} is damaged ({fault}). It was left as it is.",
        path,
        "Copy it and the files beside it to a safe place before anything else; the .recover of"
        " SQLite's shell may get its rows back, and `restore()` puts a backup in its place.",
    )


def denied(
    path: str, refused: object = None, otherwise: str = ANOTHER_FILE
) -> PermissionDeniedError:
    """Return the error for a file that the user may not read and write.

    Args:
        path: the file.
        refused: what the system named in refusing, for where nothing is found at ``path``.
        otherwise: how the advice ends: what else the user can do.
    """
    from devflow_analytics_db.file.rights import obstacle  # noqa: PLC0415  seldom needed

    if _is_mounted_read_only(path):
        return _read_only(path, otherwise)
    for subject in (path, refused):
        found = obstacle(subject) if isinstance(subject, str) else None
        if found:
            reason, advice = found
            return PermissionDeniedError(
                f"No right to read and write {subject}: {reason}.", path, f"{advice} {otherwise}."
            )
    return PermissionDeniedError(
        f"No right to read and write {path} and the directory it is in.",
        path,
        f"Give this user the right, or {otherwise}.",
    )


def _is_mounted_read_only(path: str) -> bool:
    """Tell whether it is the file system, and no right of the user's, that forbids to write."""
    there = path if os.path.exists(path) else os.path.dirname(path)
    try:
        mounted = os.statvfs(there).f_flag
    except OSError:
        return False
    return bool(mounted & os.ST_RDONLY) and os.access(there, os.R_OK)


def _read_only(path: str, otherwise: str) -> PermissionDeniedError:
    return PermissionDeniedError(
        f"{path} is on a read-only file system.", path, f"Mount it for writing, or {otherwise}."
    )


def _full(path: str) -> StorageError:
    return StorageError(
        f"No room left to write {path}, or SQLite's temporary files: the disk is full, or a quota"
        " or limit is reached. Nothing was half done.",
        path,
        "Make room and try again.",
    )
