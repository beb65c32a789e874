"""Takes in what processes left in their spools when they ended."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db import AnalyticsDbError, abandoned_spools
from devflow_analytics_recorder.outbox import Part
from devflow_analytics_recorder.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOK_SECONDS = 60.0
"""How often a process that records looks for what others left."""

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
    # An absolute path needs no pathlib, which takes 5 ms and 600 KB to import.
    target = Target(os.fspath(path) if path and os.path.isabs(path) else _resolved(path))
    try:
        for part in abandoned_parts(target):
            try:
                while write_batch(part, target):
                    pass
            except BaseException:
                part.leave()
                raise
            with suppress(OSError):  # whoever finds it again finds nothing in it
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


def _resolved(path: str | os.PathLike[str] | None) -> str:
    from devflow_analytics_db import resolve_path  # noqa: PLC0415  seldom needed

    return str(resolve_path(path))


class Adoption:
    """Takes in, bit by bit and from time to time, what others left beside a database."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._found: Iterator[Part] | None = None
        self._part: Part | None = None
        self._looked_at = -math.inf

    def go_on(self) -> bool:
        """Write one batch; False if there is none, or it is not yet time to look again.

        Raises:
            AnalyticsDbError, sqlite3.Error, OSError: nothing can be written at the moment.
        """
        if self._part is None:
            self._part = self._next()
            if self._part is None:
                return False
        if not write_batch(self._part, self._target):
            part, self._part = self._part, None
            with suppress(OSError):  # whoever finds it again finds nothing in it
                part.remove()
        return True

    def leave(self) -> None:
        """Leave what is not written yet to another process."""
        if self._part is not None:
            self._part.leave()
            self._part = None

    def _next(self) -> Part | None:
        if self._found is None:
            now = time.monotonic()
            if now - self._looked_at < LOOK_SECONDS:
                return None
            self._looked_at = now
            self._found = abandoned_parts(self._target)
        part = None
        with suppress(AnalyticsDbError):  # who may not look at them is not the one to take them in
            part = next(self._found, None)
        if part is None:
            self._found = None
        return part


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
    """Write the last lines of a part, and cut them off; False if there is none left.

    The last, since so the file itself tells how far the work has come, to whoever goes on with it.

    Raises:
        AnalyticsDbError, sqlite3.Error, OSError: nothing can be written at the moment.
    """
    if not part.size:
        return False
    start = max(0, part.size - BATCH_BYTES)
    found = os.pread(part.spool.descriptor, part.size - start, start)
    begin = found.find(b"\n") + 1 if start else 0  # not in the midst of a line
    if begin == len(found):  # a line longer than any of ours
        target.refuse("what was found there is none")
        begin = _end_of_lines(part.spool.descriptor, part.size - 1) - start
    else:
        target.write(found[begin:])
    part.size = start + begin
    os.ftruncate(part.spool.descriptor, part.size)
    return True


def _end_of_lines(descriptor: int, length: int) -> int:
    """Return where the last whole line ends of so much of a file."""
    start, found = length, -1
    while found < 0 < start:
        end, start = start, max(0, start - BATCH_BYTES)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
    return start + found + 1
