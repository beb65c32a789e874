"""The calls of a period that pass filters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Period, Range
from devflow_analytics_reports.sql.conditions import Condition, any_of, unicode
from devflow_analytics_reports.sql.tables import (
    CALL_COLUMNS,
    EXPORT_COLUMNS,
    SESSION_COLUMNS,
    table_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devflow_analytics_db import Connection

FIRST_MS = -62_135_596_800_000.0
LAST_MS = 253_402_300_799_999.0
"""The Unix milliseconds of the years 1 to 9999 in UTC: those that clocks show."""


class Calls:
    """The calls of a period that pass filters."""

    def __init__(
        self, connection: Connection, period: Period | Range, filters: Filters = NO_FILTERS
    ) -> None:
        """Ask a database.

        Args:
            connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
            period: when the calls were.
            filters: what they must be like.
        """
        self.connection = connection
        self.within = Range(period.since, period.until)
        self.filters = filters
        self.calls = table_of(connection, "tool_calls", CALL_COLUMNS)
        self.sessions = table_of(connection, "sessions", SESSION_COLUMNS)

    def select(self, columns: str, rest: str = "", *values: object) -> sqlite3.Cursor:
        """Run a query on the calls.

        Args:
            columns: what stands after ``SELECT``.
            rest: what stands after ``WHERE``: more conditions, and an order.
            values: those of the question marks in it.
        """
        where = self._where()
        return self.connection.execute(
            f"SELECT {columns} FROM {self.calls} WHERE {where.sql} {rest}",
            [*where.values, *values],
        )

    def rows(self, *columns: str) -> sqlite3.Cursor:
        """Return some columns of all calls, in no order."""
        return self.select(", ".join(columns))

    def newest(self, columns: str, limit: int, after: Sequence[int] | None) -> sqlite3.Cursor:
        """Return the newest calls, or those after one of them in that order."""
        rest = "AND (timestamp, rowid) < (?, ?)" if after else ""
        order = "ORDER BY timestamp DESC, rowid DESC LIMIT ?"
        return self.select(columns, f"{rest} {order}", *(after or ()), limit)

    def slowest(self, columns: str, limit: int, after: Sequence[float] | None) -> sqlite3.Cursor:
        """Return the calls that took longest, or those after one of them in that order."""
        rest = "AND (duration_ms, timestamp, rowid) < (?, ?, ?)" if after else ""
        order = "ORDER BY duration_ms DESC, timestamp DESC, rowid DESC LIMIT ?"
        return self.select(columns, f"{rest} {order}", *(after or ()), limit)

    def in_order(self) -> sqlite3.Cursor:
        """Return `EXPORT_COLUMNS` of the calls, in the order of time, and of rows within a second.

        They come from an index in that order, so that SQLite keeps none of them.
        """
        return self._in_order(", ".join(EXPORT_COLUMNS))

    def in_order_as_json(self) -> sqlite3.Cursor:
        """Return the same, each call as two JSON objects and, between them, its duration.

        That is for Python to write: SQLite would round it to 15 digits.
        """
        between = EXPORT_COLUMNS.index("duration_ms")
        keys = [f"'{name}', {name}" for name in EXPORT_COLUMNS]
        before, after = ", ".join(keys[:between]), ", ".join(keys[between + 1 :])
        return self._in_order(f"json_object({before}), duration_ms, json_object({after})")

    def of_rows(self, columns: str, first: int, last: int) -> sqlite3.Cursor:
        """Return the calls of a range of rows, in the order of rows."""
        return self.select(columns, "AND rowid BETWEEN ? AND ? ORDER BY rowid", first, last)

    def written_after(self, columns: str, number: int, limit: int) -> sqlite3.Cursor:
        """Return the calls of the last rows after one, the last row first."""
        where = self._where(by_row=True)
        return self.connection.execute(
            f"SELECT {columns} FROM {self.calls} WHERE {where.sql} AND rowid > ?"
            " ORDER BY rowid DESC LIMIT ?",
            [*where.values, number, limit],
        )

    def row_number(self, call_id: str) -> int | None:
        """Return the number of the row of a call, in the period or not; None if it is gone."""
        row = self.connection.execute(
            f"SELECT rowid FROM {self.calls} WHERE id = ?", [unicode(call_id)]
        ).fetchone()
        return None if row is None else int(row[0])

    def last_row(self) -> str | None:
        """Return the id of the call of the last row, in the period or not; None without rows."""
        row = self.connection.execute(
            f"SELECT id FROM {self.calls} ORDER BY rowid DESC LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    def count(self) -> int:
        """Return the number of the calls."""
        (count,) = self.select("count(*)").fetchone()
        return int(count)

    def failures(self) -> sqlite3.Cursor:
        """Return server, tool, status, error type, number and last second of calls that failed."""
        return self.select(
            "server, tool_name, status, error_type, count(*) AS calls, max(timestamp) AS last",
            "AND +status <> 'success' GROUP BY +server, +tool_name, +status, +error_type"
            " ORDER BY calls DESC, last DESC, tool_name, server, status, error_type",
        )

    def of_sessions_that_may_loop(self, least: int) -> sqlite3.Cursor:
        """Return the calls, in order, of sessions in which a tool failed so many times.

        They come as session, agent, server, tool, status, error type and time.
        """
        may_loop = self.select(
            "session_id",
            "AND +status <> 'success' GROUP BY +session_id, +agent, +server, +tool_name"
            " HAVING count(*) >= ?",
            least,
        )
        return self.select(
            "session_id, agent, server, tool_name, status, error_type, timestamp",
            "AND +session_id IN (SELECT value FROM json_each(?)) ORDER BY timestamp, rowid",
            json.dumps([session for (session,) in may_loop]),
        )

    def session_count(self) -> int:
        """Return the number of sessions that the calls are of."""
        (count,) = self.select("count(DISTINCT session_id)").fetchone()
        return int(count)

    def session_ids(self) -> list[str]:
        """Return the ids of the sessions that the calls are of, in no order."""
        return [session for (session,) in self.select("DISTINCT session_id")]

    def tool_names(self) -> list[str]:
        """Return the names of all tools that were ever called, as far as they pass the filters.

        That takes a step into an index for each name.
        """
        where = any_of("name", "GLOB", self.filters.tools)
        return [
            name
            for (name,) in self.connection.execute(
                f"""
                WITH RECURSIVE tool (name) AS (
                    SELECT min(tool_name) FROM {self.calls}
                    UNION ALL
                    SELECT (SELECT min(tool_name) FROM {self.calls} WHERE tool_name > tool.name)
                    FROM tool WHERE name IS NOT NULL
                )
                SELECT name FROM tool WHERE name IS NOT NULL AND {where.sql or "true"}
                """,
                where.values,
            )
        ]

    def last_call(self, tool: str) -> tuple[str | None, int | None]:
        """Return the server and the time of the last call of a tool before the period ends."""
        server, last = self.connection.execute(
            f"SELECT server, max(timestamp) FROM {self.calls}"
            " WHERE tool_name = ? AND +timestamp < ?",
            [tool, self.within.until],
        ).fetchone()
        return server, last

    def last_calls(self) -> sqlite3.Cursor:
        """Return server, name and last time of each tool that was called before the period ends.

        All rows are read for that.
        """
        where = any_of("+tool_name", "GLOB", self.filters.tools)
        return self.connection.execute(
            f"SELECT server, tool_name, max(timestamp) FROM {self.calls}"
            f" WHERE +timestamp < ? AND {where.sql or 'true'} GROUP BY +server, +tool_name",
            [self.within.until, *where.values],
        )

    def last_call_of_session(self, session: str) -> int | None:
        """Return the time of the last call of a session, in the period or not."""
        (last,) = self.connection.execute(
            f"SELECT max(timestamp) FROM {self.calls} WHERE session_id = ?", [session]
        ).fetchone()
        return None if last is None else int(last)

    def spans(self) -> sqlite3.Cursor:
        """Return when each call began and ended, server, tool, status and duration, in no order.

        Times are in Unix milliseconds, and moved to the nearest year that clocks show.
        """
        began = "coalesce(started_ms, timestamp * 1000.0 - duration_ms)"
        ended = "coalesce(started_ms + duration_ms, timestamp * 1000.0)"
        shown = [f"min(max({time}, {FIRST_MS}), {LAST_MS})" for time in (began, ended)]
        return self.rows(*shown, "server", "tool_name", "status", "duration_ms")

    def session_rows(self, ids: Sequence[str], *, or_started_in: Range | None) -> sqlite3.Cursor:
        """Return id, started_at, ended_at, client, client_version and project of sessions."""
        within = or_started_in or Range(LAST, FIRST)
        return self.connection.execute(
            f"""
            SELECT id, started_at, ended_at, client, client_version, project FROM {self.sessions}
            WHERE id IN (SELECT value FROM json_each(?)) OR started_at >= ? AND started_at < ?
            """,
            [json.dumps(ids), *within],
        )

    def _where(self, *, by_row: bool = False) -> Condition:
        """Return the condition of the range and the filters.

        The ``+`` keeps the planner on the index of the time: see docs/schema.md.

        Args:
            by_row: keep it off that index, as few rows are asked for by their number.
        """
        time = "+timestamp" if by_row else "timestamp"
        terms: list[str] = []
        values: list[object] = []
        for operator, bound, no_bound in zip((">=", "<"), self.within, (FIRST, LAST), strict=True):
            if bound != no_bound:
                terms.append(f"{time} {operator} ?")
                values.append(bound)
        given = self.filters
        of_sessions = {"client": given.clients, "project": given.projects}
        conditions = [
            any_of("+tool_name", "GLOB", given.tools),
            any_of("+status", "=", given.statuses),
            any_of("server", "GLOB", given.servers),
            any_of("session_id", "=", given.sessions),
            *(
                Condition(f"+session_id IN (SELECT id FROM {self.sessions} WHERE {sql})", names)
                for name, patterns in of_sessions.items()
                for sql, names in [any_of(name, "GLOB", patterns)]
                if patterns
            ),
        ]
        for sql, more in conditions:
            if sql:
                terms.append(sql)
                values += more
        return Condition(" AND ".join(terms) or "true", values)

    def _in_order(self, columns: str) -> sqlite3.Cursor:
        where = self._where()
        of_sessions = ", ".join(SESSION_COLUMNS[4:])
        return self.connection.execute(
            f"""
            SELECT {columns} FROM {self.calls} AS call
            LEFT JOIN (SELECT id AS session_id, {of_sessions} FROM {self.sessions})
            USING (session_id)
            WHERE {where.sql} ORDER BY timestamp, call.rowid
            """,
            where.values,
        )
