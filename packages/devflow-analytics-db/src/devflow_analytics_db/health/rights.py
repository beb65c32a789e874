"""Examines who can access a database, and what should be private."""

from __future__ import annotations

import os
import shlex
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from devflow_analytics_db.backups.backup import backups, backups_directory, unfinished
from devflow_analytics_db.file import (
    BESIDE,
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    disk,
    is_writable,
    location,
    system,
)
from devflow_analytics_db.file.faults import denied
from devflow_analytics_db.file.rights import obstacle
from devflow_analytics_db.file.spool import spool_directory
from devflow_analytics_db.health.finding import Finding, refusal
from devflow_analytics_db.health.place import SHARED_FILE_SYSTEMS
from devflow_analytics_db.health.waiting import is_spool_directory, spool_paths
from devflow_analytics_db.settings import DB_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE_SYSTEMS_WITHOUT_MODES = frozenset(["exfat", "msdos", "vfat"])

WRITE_OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH

ELSEWHERE = f"Keep the file on another file system: set {DB_PATH.name}."


def rights(file: str, *, fix: bool) -> Finding:
    """Tell whether this user can use the file, and only this user."""
    if not is_writable(file) or obstacle(file):
        return refusal("rights", denied(file))
    shared = [
        (path, mode, os.stat(path).st_uid)
        for path, mode, _ in private_files(file)
        if mode & disk.OTHERS
    ]
    if shared:
        return Finding(
            "rights",
            "fail",
            "other users can access it:"
            f" {', '.join(f'{path} has mode {mode:04o}' for path, mode, _ in shared)}.",
            _how_to_make_private(file, {owner for _, _, owner in shared}, fixed=fix),
        )
    directory = os.path.dirname(file)
    found = os.stat(directory)
    mode = stat.S_IMODE(found.st_mode)
    if mode & WRITE_OF_OTHERS and not mode & stat.S_ISVTX:
        advice = f"Keep the file elsewhere: set {DB_PATH.name}."
        if os.geteuid() in (0, found.st_uid):
            command = f"chmod go-w {shlex.quote(directory)}"
            advice += f" Or, if they need not write there, run '{command}'."
        return Finding(
            "rights",
            "warn",
            f"other users can write to {directory}, which has mode {mode:04o}, and so can replace"
            " the file.",
            advice,
        )
    return Finding("rights", "ok", "only its owner can access it")


def _how_to_make_private(file: str, owners: set[int], *, fixed: bool) -> str:
    """Return what to do about files of these owners that other users can access."""
    kind = system.file_system(file) or ""
    if kind in FILE_SYSTEMS_WITHOUT_MODES:
        return f"{kind} keeps no modes. {ELSEWHERE}"
    strangers = owners - {os.geteuid()}
    if strangers and os.geteuid() != 0:
        users = ", ".join(map(str, sorted(strangers)))
        advice = f"Only the owner can change that: user {users}."
    elif fixed:
        return f"The file system keeps no modes. {ELSEWHERE}"
    else:
        advice = "Run `diagnose(fix=True)`."
    if kind.startswith("fuse") or kind in SHARED_FILE_SYSTEMS:
        return f"{advice} If that changes nothing, {kind} keeps no modes. {ELSEWHERE}"
    return advice


def private_files(file: str) -> Iterator[tuple[str, int, int]]:
    """Yield what should be private: each path with the mode it has, and the one it should have.

    A symbolic link is left out: it may lead to something that is shared.
    """
    directories = []
    if location.is_private_directory(os.path.dirname(file)):
        directories = [os.path.dirname(file), backups_directory(file)]
    copies: list[str] = []
    with suppress(PermissionError):  # a finding of its own
        copies = [*backups(file), *unfinished(file)]
    spools: list[str] = []
    if is_spool_directory(spool_directory(file)):
        directories.append(spool_directory(file))
        with suppress(PermissionError):  # the same
            spools = [*spool_paths(file)]
    private = [
        *((directory, PRIVATE_DIRECTORY) for directory in directories),
        # the file last, as in keep_private()
        *((copy, PRIVATE_FILE) for copy in (*copies, *spools)),
        *((f"{file}{suffix}", PRIVATE_FILE) for suffix in (*BESIDE, "")),
    ]
    for path, wanted in private:
        with suppress(OSError):
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                yield path, stat.S_IMODE(mode), wanted
