"""How much agents have logged that is not imported yet, if that is quickly found."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

from devflow_analytics_capture.importers import IMPORTERS
from devflow_analytics_capture.ledger import read_cursors
from devflow_analytics_capture.logs.log import Resume
from devflow_analytics_db import (
    AnalyticsDbError,
    DatabaseNotFoundError,
    is_enabled,
    open_readonly,
    resolve_path,
)

if TYPE_CHECKING:
    import os

    from devflow_analytics_capture.logs.cursor import Cursor
    from devflow_analytics_capture.logs.log import Log

SECONDS = 0.05
"""How long to look at most, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Logs that have something new since the last import."""

    agents: tuple[str, ...]
    """Whose they are, as people call them."""
    logs: int
    """How many."""
    size_bytes: int
    """How much of them is new."""


def unread_logs(
    path: str | os.PathLike[str] | None = None, *, seconds: float = SECONDS
) -> Unread | None:
    """Return which logs have something new; only names, sizes and times of files are looked at.

    Args:
        path: the database, as for `import_calls`. It need not exist.
        seconds: how long to look at most.

    Returns:
        None if that took too long, or if recording is off or the database cannot be read.
    """
    found: list[Unread] = []
    # Files that are not in the cache of the system may take as long as they like: nothing else
    # ends a call to it. What is not found in time, the thread finds for nobody.
    looking = Thread(target=_look, args=(path, found), daemon=True)
    looking.start()
    looking.join(seconds)
    return found[0] if found else None


def _look(path: str | os.PathLike[str] | None, found: list[Unread]) -> None:
    with suppress(AnalyticsDbError, OSError):
        if is_enabled():
            found.append(_unread(str(resolve_path(path))))


def _unread(file: str) -> Unread:
    agents, logs, size = [], 0, 0
    cursors = _all_cursors(file)
    for importer in (importer() for importer in IMPORTERS):
        sizes = [
            new
            for log in importer.logs()
            if (new := _new_bytes(log, cursors.get((importer.client, *log.fingerprint[:2]))))
        ]
        if sizes:
            agents.append(importer.title)
            logs += len(sizes)
            size += sum(sizes)
    return Unread(tuple(agents), logs, size)


def _all_cursors(file: str) -> dict[tuple[str, int, int], Cursor]:
    try:
        with open_readonly(file) as connection:
            return {
                (importer.client, *key): cursor
                for importer in IMPORTERS
                for key, cursor in read_cursors(connection, importer.client).items()
            }
    except DatabaseNotFoundError:
        return {}


def _new_bytes(log: Log, cursor: Cursor | None) -> int:
    """Return how much of a log is new, as far as its size tells."""
    size = log.fingerprint.size
    if cursor is None:
        return size
    if cursor.fingerprint == log.fingerprint:
        return 0
    if log.resume is Resume.AT_POSITION and size > cursor.position:
        return size - cursor.position
    return size
