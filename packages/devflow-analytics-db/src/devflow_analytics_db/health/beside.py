"""Examines what is beside a database: backups, calls that wait, its WAL, and who uses it."""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress

from devflow_analytics_db.backups.backup import (
    ANOTHER_PLACE,
    backups,
    backups_directory,
    unfinished,
)
from devflow_analytics_db.backups.restore import unfinished_restores
from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import disk, making, system
from devflow_analytics_db.file.faults import denied, naming_faults
from devflow_analytics_db.file.opening import journal_mode, open_for_reading
from devflow_analytics_db.file.rights import obstacle
from devflow_analytics_db.file.spool import is_of_hooks, spool_directory
from devflow_analytics_db.health.finding import Finding
from devflow_analytics_db.health.status import counted_calls, readable_size
from devflow_analytics_db.health.waiting import (
    WaitingFile,
    is_held,
    is_spool_directory,
    waiting_files,
)

STALE_SECONDS = 3600
"""How old an unfinished copy must be to be that of a killed process."""

LARGE_WAL = 16_000_000
"""In bytes. SQLite writes the WAL back at about 4 MB; a reader that never ends prevents that."""


def copies(file: str) -> Finding:
    """Tell whether backups can be made, how many there are, and what killed processes left."""
    directory = backups_directory(file)
    if os.path.lexists(directory):
        try:
            with naming_faults(directory, ANOTHER_PLACE):
                if not os.path.isdir(directory):
                    raise making.not_a_directory(directory, ANOTHER_PLACE)
                if obstacle(directory):
                    raise denied(directory, otherwise=ANOTHER_PLACE)
        except AnalyticsDbError as error:
            message = f"{error.what} No migration runs without a backup."
            return Finding("backups", "warn", message, error.advice)
    left = stale(file)
    if left:
        return Finding(
            "backups",
            "warn",
            f"a killed process left {', '.join(left)}.",
            "Run `diagnose(fix=True)`.",
        )
    return Finding("backups", "ok", f"{len(backups(file)) or 'none'} in backups/ beside the file")


def stale(file: str) -> list[str]:
    """Return the unfinished copies that killed processes left."""
    found = []
    unfinished_copies: list[str] = []
    for find in (unfinished, unfinished_restores):
        with suppress(PermissionError):  # a finding of its own
            unfinished_copies += find(file)
    for path in unfinished_copies:
        with suppress(FileNotFoundError):
            if time.time() - os.stat(path).st_mtime > STALE_SECONDS:
                found.append(path)
    return found


def waiting_calls(file: str) -> Finding:
    """Tell whether calls wait to be written, and whether a process is there to do it."""
    subject, directory = "waiting calls", spool_directory(file)
    try:
        with naming_faults(directory):
            if os.path.lexists(directory) and not is_spool_directory(directory):
                kind = "a symbolic link" if os.path.islink(directory) else "a file"
                message = f"{directory} is {kind}, where a directory should be."
                return Finding(subject, "warn", message, "Move it away.")
            files = waiting_files(file)
    except AnalyticsDbError as error:
        return Finding(subject, "warn", error.what, error.advice)
    left = [one for one in files if not is_of_hooks(one.path) and not is_held(one.path)]
    if left:
        return Finding(
            subject,
            "warn",
            f"{_counted(left)} that processes left in {directory} when they ended.",
            "Any program that records writes them into the database, and so does `drain()`.",
        )
    if files:
        noted = any(is_of_hooks(one.path) for one in files)
        who = "hooks noted, or running processes hold" if noted else "running processes hold"
        return Finding(subject, "ok", f"{_counted(files)} that {who}")
    return Finding(subject, "ok", "none")


def _counted(files: list[WaitingFile]) -> str:
    return counted_calls(sum(one.calls for one in files), len(files))


def processes(file: str) -> Finding:
    """Tell which other processes have the file open, and which are reading."""
    holders = system.holders(file)
    if holders is None:
        return Finding("processes", "ok", "not known on this system")
    if not holders.all:
        return Finding("processes", "ok", "no other process has it open")
    reading = f"; reading now: {_listed(holders.reading)}" if holders.reading else ""
    return Finding("processes", "ok", f"{_listed(holders.all)} have it open{reading}")


def _listed(processes: tuple[system.Process, ...]) -> str:
    return ", ".join(map(str, processes))


def wal(file: str) -> Finding:
    """Tell whether the file is in WAL mode, and whether the WAL is written back in time."""
    size = disk.size(f"{file}-wal")
    with closing(open_for_reading(file)) as connection:
        mode = journal_mode(connection)
    if mode is None:
        return Finding("wal", "ok", "not known, as the file is read-only")
    if mode != "wal":
        return Finding(
            "wal",
            "warn",
            f"the journal mode is {mode}: readers and writers wait for each other.",
            "Run `create_analytics_db()`, which sets WAL mode.",
        )
    message = f"{readable_size(size)} not written back yet"
    if size > LARGE_WAL:
        holders = system.holders(file)
        reading = f"; reading now: {_listed(holders.reading) or 'none'}" if holders else ""
        return Finding(
            "wal",
            "warn",
            f"{message}, as happens when a process never stops reading{reading}.",
            "End that process, or run `diagnose(fix=True)`.",
        )
    return Finding("wal", "ok", message)
