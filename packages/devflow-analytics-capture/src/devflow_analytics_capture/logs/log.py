"""A log of an agent: a file in which calls are."""

from __future__ import annotations

import os
import stat
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Resume(Enum):
    """Where reading a log that has changed begins."""

    AT_POSITION = "position"
    """Where it ended: the log only grows. If it did anything else, at its start."""
    AT_START = "start"
    """At its start: the log is written as a whole."""
    BY_STATE = "state"
    """Where the importer's own state says, whatever became of the file: it is a database."""


class Fingerprint(NamedTuple):
    """Which file a log is, and in which state: equal ones need not be read again."""

    device: int
    inode: int
    size: int
    """In bytes."""
    modified_ns: int
    """Unix time, nanoseconds."""


class Log(NamedTuple):
    """A log as it was found."""

    path: str
    fingerprint: Fingerprint
    resume: Resume = Resume.AT_POSITION


def find_logs(
    directory: str, suffixes: tuple[str, ...], *, depth: int, resume: Resume = Resume.AT_POSITION
) -> Iterator[Log]:
    """Yield the regular files in a directory and below whose names end so, in no order.

    Symbolic links are followed to files, and not to directories. What cannot be read is passed
    over, as is what is no regular file.

    Args:
        directory: where to begin; it need not exist.
        suffixes: the ends of names.
        depth: how many directories below it are looked into, one in the other.
        resume: where reading one that has changed begins.
    """
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.name.endswith(suffixes):
                found = entry.stat()  # of what a link leads to
                if stat.S_ISREG(found.st_mode):
                    yield Log(entry.path, fingerprint(found), resume)
            elif depth and entry.is_dir(follow_symlinks=False):
                yield from find_logs(entry.path, suffixes, depth=depth - 1, resume=resume)
        except OSError:  # a link to nowhere, or gone meanwhile
            continue


def fingerprint(found: os.stat_result) -> Fingerprint:
    """Return what tells one state of a file from another."""
    return Fingerprint(
        _signed(found.st_dev), _signed(found.st_ino), found.st_size, found.st_mtime_ns
    )


def _signed(number: int) -> int:
    """Return a number of 64 bits as SQLite keeps it: with a sign."""
    return number - 2**64 if number >= 2**63 else number
