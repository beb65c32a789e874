"""What is safe to mend around a database: rights, unfinished copies, a WAL not written back."""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from devflow_analytics_db.backups.backup import backups, backups_directory, remove, unfinished
from devflow_analytics_db.backups.restore import unfinished_restores
from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import BESIDE, disk, location, system
from devflow_analytics_db.file.faults import naming_faults
from devflow_analytics_db.file.opening import open_existing
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations.identity import identify_file
from devflow_analytics_db.settings import busy_timeout_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE_SECONDS = 3600
"""How long an unfinished copy must have been left alone to be taken for a killed process's."""


def mend(file: str) -> Iterator[str]:
    """Mend what is safe to mend in a file that is ours, and say what was done."""
    try:
        with naming_faults(file):
            found = disk.check_path(file)
            if found and found.st_size and identify_file(file).version:
                yield from _mend(file)
    except AnalyticsDbError as error:
        log("warning", "%s", error)  # a finding


def _mend(file: str) -> Iterator[str]:
    for path in stale(file):
        with suppress(OSError):
            shutil.rmtree(path) if os.path.isdir(path) else remove(path)
            yield f"Deleted {path}."
    for path, mode, wanted in with_modes(file):
        if mode & disk.OTHERS:
            with suppress(OSError):  # somebody else's: a finding
                now = disk.set_mode(path, wanted)
                if now & disk.OTHERS:
                    yield f"{path} is still {now:04o}: its file system keeps no modes."
                else:
                    yield f"{path} was {mode:04o} and is {now:04o} now."
    if disk.size(f"{file}-wal"):
        yield _write_back(file)


def _write_back(file: str) -> str:
    with closing(open_existing(file, busy_timeout_ms())) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if not busy:
        return f"Wrote {file}-wal back into the database and emptied it."
    holders = system.holders(file)
    reading = ", ".join(map(str, holders.reading)) if holders else ""
    return f"Could not empty {file}-wal, as others are using it{reading and f': {reading}'}."


def with_modes(file: str) -> Iterator[tuple[str, int, int]]:
    """Yield what must be private, each with the mode that it has and the one it should have.

    What a symbolic link leads to is not ours.
    """
    directories = []
    if location.is_private_directory(os.path.dirname(file)):
        directories = [os.path.dirname(file), backups_directory(file)]
    copies: list[str] = []
    with suppress(PermissionError):  # a finding of its own
        copies = [*backups(file), *unfinished(file)]
    private = [
        *((directory, disk.PRIVATE_DIRECTORY) for directory in directories),
        # the file last, as in keep_private()
        *((copy, disk.PRIVATE_FILE) for copy in copies),
        *((f"{file}{suffix}", disk.PRIVATE_FILE) for suffix in (*BESIDE, "")),
    ]
    for path, wanted in private:
        with suppress(OSError):
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                yield path, stat.S_IMODE(mode), wanted


def stale(file: str) -> list[str]:
    """Return the unfinished copies that a killed process left."""
    found = []
    copies: list[str] = []
    for find in (unfinished, unfinished_restores):
        with suppress(PermissionError):  # a finding of its own
            copies += find(file)
    for path in copies:
        with suppress(FileNotFoundError):
            if time.time() - os.stat(path).st_mtime > STALE_SECONDS:
                found.append(path)
    return found
