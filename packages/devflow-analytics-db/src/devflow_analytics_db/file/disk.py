"""What is at the path of a database: a file that may be one, or nothing, or something else."""

from __future__ import annotations

import _thread
import os
import stat

from devflow_analytics_db.errors import (
    AnalyticsDbError,
    CannotCreateError,
    DatabaseNotFoundError,
    NotAnAnalyticsDatabaseError,
)
from devflow_analytics_db.file import BESIDE, PRIVATE_DIRECTORY, PRIVATE_FILE
from devflow_analytics_db.file.faults import ANOTHER_FILE, naming_faults, require_sqlite
from devflow_analytics_db.file.location import is_private_directory
from devflow_analytics_db.log import log

OTHERS = stat.S_IRWXG | stat.S_IRWXO

JOURNALS = {
    "-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", bytes(4)),
    "-journal": (b"\xd9\xd5\x05\xf9", bytes(4)),
}
"""What a file beside a database begins with, if it is SQLite's own.

Zeros are a header not synced yet, or an ended transaction's where the journal persists.
"""

# SQLite's locks belong to the process: closing any descriptor of the file drops them all. A new
# file is closed once before SQLite opens it, so no other thread may find it before that.
_creation = _thread.allocate_lock()


def _renew_lock() -> None:
    """In a forked child, where the thread that held the lock is no more."""
    global _creation  # noqa: PLW0603  it is the process's
    _creation = _thread.allocate_lock()


os.register_at_fork(after_in_child=_renew_lock)


def make(file: str) -> None:
    """Make the directory and the file, if they are missing.

    The directory gets mode 0700 and the file, empty, 0600; SQLite gives its ``-wal`` and ``-shm``
    the mode of the file. Only one directory is made: a missing home or a mistyped path is an
    error, not a tree of new directories.

    Raises:
        CannotCreateError: something else is in the way, or the directory's parent is missing.
        NotAnAnalyticsDatabaseError: the file is too short to be a database, and not empty.
        PermissionDeniedError: the user may not make it.
        StorageError: no room.
    """
    with naming_faults(file):
        check_path(file, may_make=True)


def require_database(file: str, advice: str | None = None, otherwise: str = ANOTHER_FILE) -> None:
    """Make sure that there is a file which may be a database; nothing is made.

    Args:
        file: its path.
        advice: what to do if there is none; without it, to make it, if that is possible.
        otherwise: how the advice of other errors ends: what else the user can do.

    Raises:
        DatabaseNotFoundError: it is missing or empty.
        CannotCreateError, NotAnAnalyticsDatabaseError, PermissionDeniedError: as for `make`.
    """
    with naming_faults(file, otherwise):
        found = check_path(file)
    if found is not None and found.st_size > 0:
        return
    what = f"{file} {'does not exist' if found is None else 'is empty'}: there is no database."
    if advice is None:
        advice = f"Make it with `create_analytics_db()`, or {otherwise}."
        from devflow_analytics_db.file.making import (  # noqa: PLC0415  seldom needed
            require_makeable,
        )

        try:
            require_makeable(file)
        except AnalyticsDbError as error:
            what, advice = f"{what} {error.what}", error.advice
    raise DatabaseNotFoundError(what, file, advice)


def check_path(file: str, *, may_make: bool = False) -> os.stat_result | None:
    """Refuse what cannot be a database; None if nothing is there and nothing may be made.

    Raises:
        CannotCreateError, NotAnAnalyticsDatabaseError: as for `make`.
        IncompatibleSQLiteError: whatever is there, this Python's SQLite is too old for it.
    """
    require_sqlite(file)
    # Before the file itself: a journal that holds rows is made when the file has a page, so
    # one that was there already tells of rows lost, and a later one of a process at work.
    journals = [suffix for suffix in JOURNALS if _is_journal(f"{file}{suffix}", suffix)]
    holds_rows = "-wal" in journals or ("-journal" in journals and bool(pages_before_crash(file)))
    with _creation:
        found = _stat(file)
        if found is None and not journals:
            if not may_make:
                return None
            from devflow_analytics_db.file.making import (  # noqa: PLC0415  seldom needed
                make_file,
            )

            found = make_file(file)
    if found is None or (found.st_size == 0 and holds_rows):
        raise CannotCreateError(
            f"{file} is missing or empty, but {file}{journals[0]} is there and may hold its rows.",
            file,
            "Put the database back beside it, or move it away.",
        )
    if not stat.S_ISREG(found.st_mode):
        kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
        raise CannotCreateError(
            f"{file} is {kind}, where the database should be.",
            file,
            f"Move it away, or {ANOTHER_FILE}.",
        )
    if found.st_size == 1:  # SQLite takes that for an empty file, and would overwrite it
        raise NotAnAnalyticsDatabaseError(
            f"{file} is not an SQLite database, but a single byte. It was left as it is.",
            file,
            f"Move it away, or {ANOTHER_FILE}.",
        )
    return found


def keep_private(file: str) -> None:
    """Let only the owner access a database of ours, and ``~/.devflow``.

    The modes of other directories, and of what a symbolic link leads to, are up to the user.

    Raises:
        AnalyticsDbError: the file is gone.
    """
    with naming_faults(file):
        # the file last: while others can read it, an interrupted run is taken up by the next
        for suffix in (*BESIDE, ""):
            _make_private(f"{file}{suffix}", PRIVATE_FILE)
        directory = os.path.dirname(file)
        if os.stat(directory).st_mode & OTHERS and is_private_directory(directory):
            _make_private(directory, PRIVATE_DIRECTORY)


def size(file: str) -> int:
    """Return the size of a file in bytes; 0 if there is none."""
    found = _stat(file)
    return found.st_size if found else 0


def pages_before_crash(file: str) -> int | None:
    """Return the size in pages that rolling back a crashed transaction leaves; None without one.

    It is at offset 16 of a rollback journal
    (https://www.sqlite.org/fileformat2.html#the_rollback_journal).
    """
    try:
        with open(f"{file}-journal", "rb") as journal:
            header = journal.read(20)
    except FileNotFoundError:
        return None
    hot = header.startswith(JOURNALS["-journal"][0]) and len(header) == 20  # noqa: PLR2004  as read
    return int.from_bytes(header[16:], "big") if hot else None


def _is_journal(path: str, suffix: str) -> bool:
    """Tell whether there is a journal of SQLite's that is not empty.

    Raises:
        CannotCreateError: there is a file of that name which SQLite did not write; it would take
            it for a stale journal and delete it.
    """
    found = _stat(path)
    if found is None:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise CannotCreateError(
            f"{path} is not a regular file, and in the place of SQLite's journal.",
            path,
            f"Move it away, or {ANOTHER_FILE}.",
        )
    try:
        with open(path, "rb") as journal:
            start = journal.read(4)
    except FileNotFoundError:
        return False
    if not any(known.startswith(start) for known in JOURNALS[suffix]):
        raise CannotCreateError(
            f"{path} is not a journal of SQLite's, but has the name of one, and SQLite would"
            " delete it.",
            path,
            f"Move it away, or {ANOTHER_FILE}.",
        )
    return bool(start)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def set_mode(path: str, mode: int) -> int:
    """Set the mode of a file, and return the one it has then.

    Some file systems keep no modes (FAT, exFAT, NTFS and Windows drives as they are usually
    mounted), and most of these report no error.

    Raises:
        OSError: the mode may not be changed.
    """
    os.chmod(path, mode)
    return stat.S_IMODE(os.stat(path).st_mode)


def _make_private(path: str, mode: int) -> None:
    try:
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
            return
        now = set_mode(path, mode)
    except FileNotFoundError:
        return
    except PermissionError:
        log("warning", "other users can access %s, until its owner changes that", path)
        return
    if now & OTHERS:
        log("warning", "other users can access %s: its file system keeps no modes", path)
    else:
        log("warning", "other users could access %s; its mode is now %04o", path, now)
