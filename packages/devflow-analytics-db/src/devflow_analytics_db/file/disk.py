"""The directory and the files on the disk: made, kept private, and told from strangers."""

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
from devflow_analytics_db.file import BESIDE
from devflow_analytics_db.file.faults import (
    ANOTHER_FILE,
    denied,
    naming_faults,
    require_sqlite,
)
from devflow_analytics_db.file.location import (
    broken_link,
    is_devflow_directory,
    is_private_directory,
)
from devflow_analytics_db.log import log

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600
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
            found = _make(file)
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
        if is_private_directory(directory):
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


def _make(file: str) -> os.stat_result:
    directory = os.path.dirname(file)
    at_home = is_devflow_directory(directory)
    make_directory(directory, like=os.path.dirname(directory) if at_home else None)
    try:
        return make_private_file(file, like=directory if at_home else None)
    except FileExistsError:
        return os.stat(file)


def make_directory(
    directory: str, *, like: str | None = None, otherwise: str = ANOTHER_FILE
) -> None:
    """Make a directory, private to the user, if it is missing; its parent must be there.

    Args:
        directory: its path.
        like: whose owner is to have it, if it is root who makes it.
        otherwise: how the advice of errors ends: what else the user can do.

    Raises:
        CannotCreateError: a file is in its place, or there is no parent.
        OSError: anything else is in the way.
    """
    try:
        os.mkdir(directory, PRIVATE_DIRECTORY)
    except FileExistsError:
        if not os.path.isdir(directory):
            raise not_a_directory(directory, otherwise) from None
        return
    except FileNotFoundError:
        raise _no_parent(directory, otherwise) from None
    _mend_umask(directory, PRIVATE_DIRECTORY, directory)
    if like:
        descriptor = os.open(directory, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            _give_to_owner_of(like, descriptor)
        finally:
            os.close(descriptor)
    log("info", "created directory %s", directory)


def require_makeable(file: str) -> None:
    """Raise what `make` would raise where the file is missing or empty; nothing is made.

    Raises:
        CannotCreateError: something else is in the way, or the directory's parent is missing.
        PermissionDeniedError: the user may not make it.
    """
    directory = os.path.dirname(file)
    if not os.path.isdir(directory):
        if os.path.lexists(directory):
            raise not_a_directory(directory)
        if not os.path.lexists(os.path.dirname(directory)):
            raise _no_parent(directory)
        if not os.path.isdir(os.path.dirname(directory)):
            raise not_a_directory(os.path.dirname(directory))
    from devflow_analytics_db.file.rights import obstacle  # noqa: PLC0415  seldom needed

    if obstacle(file):
        raise denied(file)


def not_a_directory(path: str, otherwise: str = ANOTHER_FILE) -> CannotCreateError:
    """Return the error for what is in the place of a directory."""
    if os.path.islink(path) and not os.path.exists(path):
        return broken_link(path)
    return CannotCreateError(
        f"{path} is a file, where a directory should be.", path, f"Move it away, or {otherwise}."
    )


def _no_parent(directory: str, otherwise: str = ANOTHER_FILE) -> CannotCreateError:
    return CannotCreateError(
        f"Cannot make the directory {directory}: {os.path.dirname(directory)} does not exist.",
        directory,
        f"Make that first, or {otherwise}.",
    )


def make_private_file(file: str, *, like: str | None = None) -> os.stat_result:
    """Make an empty file that only its owner may read and write.

    Args:
        file: its path.
        like: whose owner is to have it, if it is root who makes it.

    Raises:
        OSError: there is one of that name, or it cannot be made.
    """
    descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
    try:
        _mend_umask(file, PRIVATE_FILE, descriptor)
        if like:
            _give_to_owner_of(like, descriptor)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _mend_umask(path: str, mode: int, made: str | int) -> None:
    """Give what was just made its mode, whatever the umask took away.

    Where the file system keeps neither modes nor owners, it may belong to another user at once.
    """
    try:
        os.chmod(made, mode)
    except PermissionError as fault:
        log("warning", "could not set the mode of %s to %04o: %s", path, mode, fault.strerror)


def _give_to_owner_of(like: str, descriptor: int) -> None:
    """Let root make nothing in a user's home that the user could not use.

    ``sudo`` may well keep HOME. What root may not give away (in a container, on a network file
    system) stays root's.
    """
    if os.geteuid() != 0:
        return
    owner = os.stat(like)
    try:
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as fault:
        log("warning", "could not give what was made to the owner of %s: %s", like, fault)


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
