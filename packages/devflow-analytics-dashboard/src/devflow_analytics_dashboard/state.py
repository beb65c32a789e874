"""In which state the database is, without opening it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from devflow_analytics_db import AnalyticsDbError, resolve_path

if TYPE_CHECKING:
    from pathlib import Path

SETTLED_NS = 2_000_000_000
"""How old, in nanoseconds, a change of the files must be for their times to tell it from another.

Two writes can have one time. And what is in the WAL may be committed only after a slow sync.
"""


@dataclass(frozen=True, slots=True)
class State:
    """A state of the database's files."""

    token: str
    """A token that differs whenever the state does; it means nothing more.

    It also changes once as a state becomes settled, so that whoever waits for another one asks
    again after the last of several writes.
    """
    is_settled: bool
    """Whether no write can have happened that the token does not tell."""


def look(path: str | os.PathLike[str] | None) -> State | None:
    """Return the state of the database; None if there is none.

    Args:
        path: as for `devflow_analytics_db.open_readonly`.
    """
    try:
        file = resolve_path(path)
    except AnalyticsDbError:  # which says what is wrong to whoever opens it
        return None
    database, wal = _look(file), _look(f"{file}-wal")
    if not (database and database.st_size) and not (wal and wal.st_size):
        return None
    # an empty WAL says nothing: a reader makes one
    found = [database, wal if wal and wal.st_size else None]
    facts = [one and (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) for one in found]
    digest = blake2b(f"{str(file)!r} {facts}".encode(), digest_size=12).hexdigest()
    changed = max(one.st_mtime_ns for one in found if one)
    is_settled = time.time_ns() - changed > SETTLED_NS
    return State(digest if is_settled else f"{digest}-new", is_settled)


def _look(file: str | Path) -> os.stat_result | None:
    try:
        return os.stat(file)  # noqa: PTH116  every two seconds for each page that is open
    except OSError:
        return None
