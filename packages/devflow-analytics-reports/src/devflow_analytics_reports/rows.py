"""The SQL of following: which rows there are, whatever their calls are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_reports.period import FIRST

if TYPE_CHECKING:
    from devflow_analytics_db import Connection


class Rows:
    """The rows of all calls, by number and id, however the calls are filtered.

    Later rows have greater numbers. ``VACUUM`` may renumber them, in order, and the numbers of the
    last rows are used again once those are deleted; an id is never used again.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def last(self, limit: int) -> list[tuple[int, str]]:
        """Return number and id of the last rows, in order."""
        query = "SELECT rowid, id FROM tool_calls ORDER BY rowid DESC LIMIT ?"
        return self._connection.execute(query, [limit]).fetchall()[::-1]

    def after(self, number: int, limit: int, *, since: int = FIRST) -> list[tuple[int, str]]:
        """Return number and id of the first rows after one, in order.

        Args:
            number: that of the row.
            limit: how many at most.
            since: only of calls that were not before this second, in Unix time.
        """
        return self._connection.execute(
            "SELECT rowid, id FROM tool_calls WHERE rowid > ? AND +timestamp >= ?"
            " ORDER BY rowid LIMIT ?",
            [number, since, limit],
        ).fetchall()

    def samples(self) -> list[str]:
        """Return ids of rows ever further back: the second last, the fourth last, to the first."""
        found, distance = [], 1
        first, last = self._connection.execute(
            "SELECT (SELECT min(rowid) FROM tool_calls), (SELECT max(rowid) FROM tool_calls)"
        ).fetchone()
        while last is not None and distance < 2 * (last - first):
            (row,) = self._connection.execute(
                "SELECT id FROM tool_calls WHERE rowid >= ? ORDER BY rowid LIMIT 1",
                [max(first, last - distance)],
            )
            found += row
            distance *= 2
        return found

    def number(self, call: str) -> int | None:
        """Return the number that the row of a call has now; None if it is gone."""
        row = self._connection.execute("SELECT rowid FROM tool_calls WHERE id = ?", [call])
        return next((int(number) for (number,) in row), None)

    def changes_of_schema(self) -> int:
        """Return what grows by one as the schema is changed, the file vacuumed, or restored."""
        return int(self._connection.execute("PRAGMA schema_version").fetchone()[0])

    def made_at(self) -> int | None:
        """Return when the database was made, in Unix seconds; None if DevFlow's server made it."""
        ledger = "SELECT 1 FROM sqlite_schema WHERE name = 'devflow_migrations'"
        if not self._connection.execute(ledger).fetchone():
            return None
        query = "SELECT min(applied_at) FROM devflow_migrations"
        (made,) = self._connection.execute(query).fetchone()
        return None if made is None else int(made)
