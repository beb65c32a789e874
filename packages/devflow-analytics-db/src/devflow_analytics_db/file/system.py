"""Asks the operating system about a file: on which file system it is, and who has it open.

Only Linux answers, in ``/proc`` (man 5 proc_pid_mountinfo, proc_locks).
Neither function opens the file: closing it again would drop the locks that SQLite holds on it for
this process.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_LOCKS = range(123, 128)
"""The bytes of a ``-shm`` that a connection in WAL mode locks while it reads.

They are the five WAL_READ_LOCKs (https://www.sqlite.org/walformat.html#wal_locks).
"""


class Process(NamedTuple):
    """A process of this machine."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.pid} ({self.name})"


class Holders(NamedTuple):
    """The other processes that have a database open."""

    all: tuple[Process, ...]
    reading: tuple[Process, ...]
    """Those that are reading just now."""


def file_system(path: str) -> str | None:
    """Return the type of the file system that holds an absolute path; None if that is not known."""
    found, length = None, 0
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                mount, _, device = line.partition(" - ")
                point = re.sub(
                    r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), mount.split()[4]
                )
                # of two at one point the later one hides the other
                if len(point) >= length and os.path.commonpath([point, path]) == point:
                    found, length = device.split()[0], len(point)
    except OSError:
        return None
    return found


def holders(file: str) -> Holders | None:
    """Return the other processes that have a database open; None if that is not known.

    A connection that is not in WAL mode counts only while it is reading or writing.
    """
    try:
        with open("/proc/locks", encoding="ascii") as lines:
            locks = [*_posix_locks(lines.read())]
    except OSError:
        return None
    database, shared_memory = _inode(file), _inode(f"{file}-shm")
    having = {pid for pid, inode, _ in locks if inode in (database, shared_memory)}
    reading = {pid for pid, inode, start in locks if inode == shared_memory and start in READ_LOCKS}
    return Holders(_others(having), _others(reading))


def _posix_locks(lines: str) -> Iterator[tuple[int, int, int]]:
    """Yield process, inode and first byte of each lock that is held.

    The inode alone, as the device is not the one of stat() on some file systems (btrfs).
    """
    pattern = r"^\d+: POSIX +\S+ +\S+ +(\d+) \S+:(\d+) (\d+) "
    for pid, inode, start in re.findall(pattern, lines, re.MULTILINE):
        yield int(pid), int(inode), int(start)


def _inode(file: str) -> int | None:
    try:
        return os.stat(file).st_ino
    except OSError:
        return None


def _others(pids: set[int]) -> tuple[Process, ...]:
    return tuple(Process(pid, _name(pid)) for pid in sorted(pids - {os.getpid()}))


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as name:
            return name.read().strip()
    except OSError:
        return "ended"
