"""Takes in what processes left in their spools when they ended."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db import AnalyticsDbError, abandoned_spools, resolve_path
from devflow_analytics_recorder.outbox import Part
from devflow_analytics_recorder.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH_BYTES = 128_000
"""How much is written in one transaction, some 400 calls: others do not wait long for its end."""


class Drained(NamedTuple):
    """What `drain` did."""

    calls: int
    """Calls that are in the database now."""
    refused: int
    """Lines that could not be written, and were dropped."""


def drain(path: str | os.PathLike[str] | None = None) -> Drained:
    """Write what processes that ended left in their spools beside the database.

    Whoever records does that too; this is for programs that do not, before they read or copy the
    database. Without spools nothing is opened, and nothing is made.

    Args:
        path: the database, as for `devflow_analytics_db.create_analytics_db`.

    Raises:
        AnalyticsDbError: nothing can be written. What waits stays where it is.
    """
    target = Target(str(resolve_path(path)))
    try:
        for part in abandoned_parts(target):
            try:
                while write_batch(part, target):
                    pass
            except BaseException:
                part.leave()
                raise
            with suppress(OSError):  # whoever finds it again finds nothing new in it
                part.remove()
    except (sqlite3.Error, OSError) as error:
        raise AnalyticsDbError(
            f"Calls that wait beside {target.path} cannot be written into it: {error}.",
            target.path,
            "Run `check()` on it.",
        ) from error
    finally:
        target.close()
    return Drained(target.written, target.refused)


def abandoned_parts(target: Target) -> Iterator[Part]:
    """Yield what was left beside a database; the caller leaves or removes each.

    Raises:
        AnalyticsDbError: the directory cannot be read.
    """
    for spool in abandoned_spools(target.path):
        part = Part(spool)
        length = os.fstat(spool.descriptor).st_size
        part.size = _end_of_lines(spool.descriptor, length)
        if part.size < length:
            target.refuse("its process ended while it was written down")
        yield part


def write_batch(part: Part, target: Target) -> bool:
    """Write the first lines of a part; False if there is none left.

    Raises:
        AnalyticsDbError, sqlite3.Error, OSError: nothing can be written at the moment.
    """
    if part.offset == part.size:
        return False
    lines = part.read(BATCH_BYTES)
    if not lines:  # a line longer than any of ours
        target.refuse("what was found there is none")
        part.offset = part.size
        return False
    target.write(lines)
    part.offset += len(lines)
    return True


def _end_of_lines(descriptor: int, length: int) -> int:
    """Return where the last whole line ends."""
    start = max(0, length - BATCH_BYTES)
    return start + os.pread(descriptor, BATCH_BYTES, start).rfind(b"\n") + 1
