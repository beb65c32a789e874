"""Fixes what is safe to fix around a database: modes, unfinished copies, a large WAL."""

from __future__ import annotations

import os
import shutil
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from devflow_analytics_db.backups.backup import remove
from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import disk, system
from devflow_analytics_db.file.faults import naming_faults
from devflow_analytics_db.file.opening import open_existing
from devflow_analytics_db.health.beside import stale
from devflow_analytics_db.health.rights import private_files
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations.identity import identify_file
from devflow_analytics_db.settings import busy_timeout_ms

if TYPE_CHECKING:
    from collections.abc import Iterator


def fix(file: str) -> Iterator[str]:
    """Fix what is safe to fix, if the file is ours, and yield what was done, in sentences."""
    try:
        with naming_faults(file):
            found = disk.check_path(file)
            if found and found.st_size and identify_file(file).version:
                yield from _delete_stale(file)
                yield from _make_private(file)
                if disk.size(f"{file}-wal"):
                    yield _write_back(file)
    except AnalyticsDbError as error:
        log("warning", "%s", error)  # a finding


def _delete_stale(file: str) -> Iterator[str]:
    for path in stale(file):
        with suppress(OSError):
            shutil.rmtree(path) if os.path.isdir(path) else remove(path)
            yield f"Deleted {path}."


def _make_private(file: str) -> Iterator[str]:
    for path, mode, wanted in private_files(file):
        if mode & disk.OTHERS:
            with suppress(OSError):  # another user's: a finding
                now = disk.set_mode(path, wanted)
                if now & disk.OTHERS:
                    yield f"{path} is still {now:04o}: its file system keeps no modes."
                else:
                    yield f"{path} was {mode:04o} and is {now:04o} now."


def _write_back(file: str) -> str:
    with closing(open_existing(file, busy_timeout_ms())) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if not busy:
        return f"Wrote {file}-wal back into the database and emptied it."
    holders = system.holders(file)
    reading = ", ".join(map(str, holders.reading)) if holders else ""
    return f"Could not empty {file}-wal: other processes are using it{reading and f': {reading}'}."
