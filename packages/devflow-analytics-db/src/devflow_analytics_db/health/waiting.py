"""Counts the calls that wait beside a database until they are written into it."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db.file.spool import is_spool_name, spool_directory

if TYPE_CHECKING:
    from collections.abc import Iterator


class WaitingFile(NamedTuple):
    """A file in which calls wait."""

    path: str
    calls: int
    """How many: a line without its end is none."""


def waiting_files(file: str) -> list[WaitingFile]:
    """Return the files in which at least one call waits, as far as this user may read them.

    Raises:
        OSError: the directory cannot be read.
    """
    found = [WaitingFile(path, _calls_in(path)) for path in spool_paths(file)]
    return [one for one in found if one.calls]


def spool_paths(file: str) -> Iterator[str]:
    """Yield the paths of the spools of a database in order, but for symbolic links and the like.

    Raises:
        OSError: their directory cannot be read.
    """
    directory = spool_directory(file)
    if not is_spool_directory(directory):
        return
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        if is_spool_name(name) and stat.S_ISREG(_mode(path)):
            yield path


def is_spool_directory(path: str) -> bool:
    """Tell whether there is a directory, and not only a link to one."""
    return stat.S_ISDIR(_mode(path))


def _mode(path: str) -> int:
    """Return type and mode of what is at a path, and of no other; 0 if nothing is."""
    try:
        return os.lstat(path).st_mode
    except FileNotFoundError:
        return 0


def _calls_in(path: str) -> int:
    try:
        with open(_open(path), "rb") as spool:
            return sum(piece.count(b"\n") for piece in iter(lambda: spool.read(2**16), b""))
    except OSError:  # taken in meanwhile, or another user's
        return 0


def is_held(path: str) -> bool:
    """Tell whether a running process holds a spool, and so will write its calls.

    Its lock is asked for, and given back at once. That may keep a process that records from taking
    it in at this very moment; it looks again. Not to be asked of a spool without calls, which a
    process may have made and not locked yet.
    """
    try:
        with open(_open(path), "rb") as spool:
            fcntl.flock(spool, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:  # it is held; or taken in meanwhile, or nothing can be locked here
        return True
    return False


def _open(path: str) -> int:
    """Return the descriptor of a file: not of what a link leads to, and without any waiting."""
    return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
