"""Calls as they come, whichever process records them."""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db import (
    AnalyticsDbError,
    DatabaseGoneError,
    DatabaseNotFoundError,
    LockedError,
    open_readonly,
    resolve_path,
)
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Range
from devflow_analytics_reports.questions.calls import COLUMNS, Call, call_rows
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.rows import Rows

if TYPE_CHECKING:
    from devflow_analytics_db import Connection

AT_ONCE = 1000
"""How many rows are read in one transaction, and how many of the last ones are remembered."""

SETTLED_NS = 2_000_000_000
"""How old, in nanoseconds, a change of the files must be for the same times to mean no other.

Two writes can have one time. And what is in the WAL may be committed only after a slow sync.
"""

SLACK_SECONDS = 5
"""How much older than its row a call may be, where only its time tells that it is new."""

PATIENCE = 4
"""How often in a row a file may be of no use, as it is while somebody replaces it."""


class _Start(NamedTuple):
    """Where to go on in a file."""

    row: int
    """The number of the last row that is known."""
    since: int = FIRST
    """Only calls from this second on are new, where rows do not tell; else the first second."""


class Follower:
    """Gives the calls of a database that were written since it was last asked.

    ::

        follower = Follower(last=10)
        while True:
            for call in follower.poll():
                print(call)
            if not follower.is_behind:
                time.sleep(0.5)

    It goes by rows and not by times, since calls may be written long after they were. What it knows
    of rows are the ids of the last ones: numbers of rows change when the file is vacuumed, and come
    again when the last rows are deleted.

    - If the file is deleted and made again, all that is in the new one is new.
    - If it is restored from a backup, what the backup holds is not new; what comes then is.
    - If it does not exist yet, it is waited for.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        filters: Filters = NO_FILTERS,
        *,
        last: int = 0,
    ) -> None:
        """Follow a database; nothing is opened yet.

        Args:
            path: the database; without it the one of `devflow_analytics_db.default_path`.
            filters: what the calls must be like.
            last: how many of the newest calls that are there already the first `poll` gives.

        Raises:
            AnalyticsDbError: the path can be no file's.
        """
        self.file = os.fspath(resolve_path(path))
        """The database file, symbolic links followed."""
        self.is_behind = False
        """Whether there are more calls at once, as `poll` gives those of 1,000 rows at most."""
        self._filters = filters
        self._newest = last
        self._started = False
        self._seen: object = None
        self._faults = 0
        self._recent: deque[str] = deque(maxlen=AT_ONCE)
        """The ids of the last rows, with none left out between them, and the last one last."""
        self._samples: list[str] = []
        """Ids of some earlier rows, the last one first."""
        self._unsampled = 0
        """How many rows came since those were taken."""
        self._state: tuple[int | None, int] | None = None
        """When the database was made that was read last, and the changes of its schema."""
        self._looked_at = 0

    def poll(self) -> tuple[Call, ...]:
        """Return the calls whose rows are new, in the order of rows.

        While nothing is written, this opens no file. A database that is locked, or being replaced,
        is read by the next call.

        Raises:
            AnalyticsDbError: the database cannot be read, and could not be by the last calls.
        """
        now = time.time_ns()
        seconds = now // 1_000_000_000
        looks = [_look(f"{self.file}{suffix}") for suffix in ("", "-wal")]
        if not self.is_behind and looks == self._seen:
            return ()
        self._seen = None
        try:
            calls = self._read(seconds) if looks[0] else self._await(seconds)
        except (DatabaseGoneError, DatabaseNotFoundError):
            calls = self._await(seconds)
        except LockedError:
            self.is_behind = False  # it is tried again after a pause
            return ()
        except AnalyticsDbError:
            self.is_behind = False
            self._faults += 1
            if not self._started or self._faults == PATIENCE:
                raise
            return ()
        self._faults = 0
        if all(look is None or abs(now - look[0]) > SETTLED_NS for look in looks):
            self._seen = looks
        return calls

    def _await(self, now: int) -> tuple[Call, ...]:
        """Note that there was no database at a time: one that is made then is new."""
        self._started = True
        self.is_behind = False
        self._looked_at = now
        return ()

    def _read(self, now: int) -> tuple[Call, ...]:
        with open_readonly(self.file) as connection:
            if not connection.schema_version:
                return self._await(now)
            rows = Rows(connection)
            state = rows.made_at(), rows.changes_of_schema()
            if not self._started:
                self._remember_last(rows)
                every = Calls(connection, Range(FIRST, LAST), self._filters)
                calls = call_rows(every.newest(COLUMNS, self._newest, None))[::-1]
            else:
                calls = self._go_on(connection, rows, self._start(rows, state))
        self._started = True
        self._state, self._looked_at = state, now
        return calls

    def _go_on(self, connection: Connection, rows: Rows, start: _Start) -> tuple[Call, ...]:
        calls = Calls(connection, Range(start.since, LAST), self._filters)
        found: tuple[Call, ...] = ()
        row = start.row
        while new := rows.after(row, AT_ONCE, since=start.since):
            found += call_rows(calls.of_rows(COLUMNS, new[0][0], new[-1][0]))
            row = new[-1][0]
            if start.since == FIRST:  # else there is no telling the next time what is new
                break
        if start.since != FIRST:
            self._remember_last(rows)
            self.is_behind = False
            return found
        self._recent.extend(call for _, call in new)
        self.is_behind = len(new) == AT_ONCE
        self._unsampled += len(new)
        if self._unsampled > AT_ONCE // 2:
            self._sample(rows)
        return found

    def _remember_last(self, rows: Rows) -> None:
        """Remember the last rows that there are, and forget none sooner than need be."""
        self._recent.extend(call for _, call in rows.last(AT_ONCE))
        self._sample(rows)

    def _sample(self, rows: Rows) -> None:
        self._samples = rows.samples()
        self._unsampled = 0

    def _start(self, rows: Rows, state: tuple[int | None, int]) -> _Start:
        """Return where to go on: after the last row that is known and still there."""
        for call in reversed(self._recent):
            if (number := rows.number(call)) is not None:
                return _Start(number)
        since = self._looked_at - SLACK_SECONDS
        for call in self._samples:  # an old backup, or very many of the last rows are deleted
            if (number := rows.number(call)) is not None:
                return _Start(number, since)
        made, _ = state
        is_new = made is not None and made >= since
        if is_new or state == self._state:  # in the latter case all rows were deleted
            return _Start(FIRST)
        return _Start(FIRST, since)  # the backup of another database, or of a much older state


def _look(path: str) -> tuple[int, int, int] | None:
    """Return the time of the last change, size and inode of a file; None if there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116  twice a second, for as long as somebody follows
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
