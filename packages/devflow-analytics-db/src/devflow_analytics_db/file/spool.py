"""Files in which recorded calls wait until they are in the database.

They are in a private directory beside it, ``analytics.db-spool``. A process appends to a spool of
its own, and holds a lock on it (``flock``) for as long as it lives, however it ends. So one that
can be locked was left behind: whoever does that reads it in and removes it.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator  # noqa: TC003  the types of public functions are known
from contextlib import suppress

from devflow_analytics_db.file import PRIVATE_DIRECTORY, SPOOL, location, making
from devflow_analytics_db.file.faults import denied, naming_faults

SUFFIX = ".v1.jsonl"
"""The ending of a spool's name: its lines are JSON, and of the first kind that there was.

A release that writes other lines ends it otherwise, and an older one leaves them to it.
"""

OF_HOOKS = "686f6f6b"
"""The second part of the names of spools that the hooks of agents share.

No process holds them for longer than it takes to append a line, so that calls in them are nothing
that somebody left behind.
"""

STANDARD_ERROR = 2
"""The last of the descriptors that are a program's input and output."""

_RANDOM = 4
"""How many bytes of a spool's name are random."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW


def spool_directory(file: str) -> str:
    """Return the directory of a database's spools, whether it exists or not."""
    return f"{file}{SPOOL}"


class Spool:
    """A file that this process alone appends to or reads in, as it holds its lock."""

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        """It is open for reading and for appending."""

    def is_in_place(self) -> bool:
        """Tell whether the file is still what its path leads to: nobody deleted or moved it."""
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        mine = os.fstat(self.descriptor)
        return (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino)

    def close(self) -> None:
        """Leave the file to whoever finds it."""
        os.close(self.descriptor)

    def remove(self) -> None:
        """Delete the file, if it is in its place, and close it."""
        try:
            if self.is_in_place():
                os.unlink(self.path)
        finally:
            self.close()


def make_spool(path: str | os.PathLike[str] | None = None) -> Spool:
    """Make a new spool for this process, and its directory if that is missing.

    Args:
        path: the database, as for `create_analytics_db`; it need not exist yet.

    Raises:
        AnalyticsDbError: the directory or the file cannot be made or locked.
    """
    file = location.resolve(path)
    directory = spool_directory(file)
    with naming_faults(directory):
        like = make_spool_directory(file)
        while True:
            name = os.path.join(directory, f"{os.getpid()}-{os.urandom(_RANDOM).hex()}{SUFFIX}")
            descriptor = making.open_private_file(name, _FLAGS, like=like)
            try:
                spool = _lock(name, descriptor)
            except OSError:  # no such locks on this file system
                os.unlink(name)
                raise
            if spool is not None:
                return spool
            # somebody found the new file before it was locked, and took it for one left behind


def make_spool_directory(file: str) -> str:
    """Make the directory of a database's spools if it is missing, and private if it is not.

    Returns:
        Whose owner is to have what is made in it: a path.

    Raises:
        AnalyticsDbError, OSError: it cannot be made or used.
    """
    directory = spool_directory(file)
    home = making.make_parent(file)
    # as SQLite does with the files that it makes beside a database
    like = home or (file if os.path.exists(file) else os.path.dirname(file))
    making.make_directory(directory, like=like)
    _require_private(directory)
    return like


def abandoned_spools(path: str | os.PathLike[str] | None = None) -> Iterator[Spool]:
    """Yield the spools that processes left behind; the caller closes or removes each.

    Raises:
        AnalyticsDbError: the directory cannot be read.
    """
    directory = spool_directory(location.resolve(path))
    with naming_faults(directory):
        if not _is_ours(directory):
            return
        names = os.listdir(directory)
    for name in sorted(names):
        if is_spool_name(name):
            spool = _find(os.path.join(directory, name))
            if spool is not None:
                yield spool


def _find(path: str) -> Spool | None:
    """Open and lock a spool; None if another process holds it, or if it is none."""
    try:
        return _lock(path, os.open(path, _FLAGS | os.O_NONBLOCK))
    except OSError:
        return None


def _lock(path: str, descriptor: int) -> Spool | None:
    """Lock an open file; None, and closed, if another process holds it, or if it is no spool.

    Raises:
        OSError: this file system has no such locks. The file was closed.
    """
    if descriptor <= STANDARD_ERROR:
        # Where a program has closed one of these, what it prints would go into the spool.
        low, descriptor = (
            descriptor,
            fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, STANDARD_ERROR + 1),
        )
        os.close(low)
    spool = Spool(path, descriptor)
    kept = False
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            kept = spool.is_in_place()  # else it was read in and removed meanwhile
    except BlockingIOError:
        pass
    finally:
        if not kept:
            spool.close()
    return spool if kept else None


def _require_private(directory: str) -> None:
    """Make sure that nobody else can put a file into the directory, or take one away.

    Raises:
        PermissionDeniedError: it is another user's.
        OSError: its mode cannot be set.
    """
    if not _is_ours(directory):
        raise denied(directory)
    if stat.S_IMODE(os.stat(directory).st_mode) & ~PRIVATE_DIRECTORY:
        os.chmod(directory, PRIVATE_DIRECTORY)


def _is_ours(directory: str) -> bool:
    """Tell whether a directory is one that we made, and not a link, or another user's."""
    try:
        found = os.lstat(directory)
    except FileNotFoundError:
        return False
    trusted = {0, os.geteuid(), os.stat(os.path.dirname(directory)).st_uid}
    with suppress(OSError):
        trusted.add(os.stat(directory.removesuffix(SPOOL)).st_uid)
    return stat.S_ISDIR(found.st_mode) and found.st_uid in trusted


def is_of_hooks(path: str) -> bool:
    """Tell whether a spool is one that hooks share."""
    return os.path.basename(path).partition("-")[2] == f"{OF_HOOKS}{SUFFIX}"


def is_spool_name(name: str) -> bool:
    """Tell whether a file's name is one that `make_spool` gives."""
    process, _, rest = name.partition("-")
    return process.isdecimal() and rest.endswith(SUFFIX) and len(rest) == 2 * _RANDOM + len(SUFFIX)
