"""The database that lines are written to, batch by batch, as long as it can be had."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from devflow_analytics_db import LockedError, create_analytics_db
from devflow_analytics_recorder import rows
from devflow_analytics_recorder.line import is_sound
from devflow_analytics_recorder.log import log

if TYPE_CHECKING:
    from devflow_analytics_db import AnalyticsDb


class Target:
    """An analytics database, opened when the first lines come, and anew when it is gone."""

    def __init__(self, path: str, timeout_ms: int | None = None) -> None:
        """Say where to write.

        Args:
            path: the database.
            timeout_ms: how long to wait for another process's write at a time; without it as long
                as the busy timeout says.
        """
        self.path = path
        self._timeout_ms = timeout_ms
        self.written = 0
        """Lines that were written."""
        self.refused = 0
        """Lines that were not, and never can be: no calls, or such as the database refuses."""
        self._counted = 0
        self._db: AnalyticsDb | None = None

    def newly_refused(self) -> int:
        """Return how many lines were refused since this was last asked."""
        refused, self._counted = self.refused - self._counted, self.refused
        return refused

    def write(self, lines: bytes) -> None:
        """Write the rows of whole lines. What cannot be written because of itself is counted.

        Raises:
            AnalyticsDbError, sqlite3.Error: nothing can be written at the moment. The same lines
                may be written again later, even if some of them already are.
        """
        try:
            try:
                self._write(lines)
                self.written += lines.count(b"\n")
            except (sqlite3.Error, UnicodeDecodeError):  # of one of them
                for line in lines.splitlines(keepends=True):
                    self._write_or_refuse(line)
        except LockedError:
            raise
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database; the next lines open it again."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def refuse(self, reason: object) -> None:
        """Count a line that cannot be written, and say so of the first after `newly_refused`."""
        self.refused += 1
        if self.refused == self._counted + 1:
            log("warning", "a call was refused by %s, and others may be: %s", self.path, reason)

    def _write(self, lines: bytes) -> None:
        if self._db is None:
            self._db = create_analytics_db(self.path, timeout_ms=self._timeout_ms)
        with self._db.transaction(timeout_ms=self._timeout_ms) as connection:
            rows.write(connection, lines)

    def _write_or_refuse(self, line: bytes) -> None:
        if not is_sound(line):
            self.refuse("it was not written down as a whole")
            return
        try:
            self._write(line)
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            self.refuse(error)
        else:
            self.written += 1
