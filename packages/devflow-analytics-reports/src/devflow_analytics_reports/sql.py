"""The SQL of all questions.

Questions on many calls read a few columns of each, and do the rest in Python: SQLite takes several
times as long to sort and group rows. They come as one JSON array a column, as it takes Python two
to three times as long to receive rows. SQLite writes numbers into JSON with 15 digits.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from devflow_analytics_reports.errors import SessionNotFoundError
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Period, Range

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from devflow_analytics_db import Connection

CALL_COLUMNS = (
    *("id", "tool_name", "duration_ms", "status", "error_type", "timestamp", "session_id"),
    *("server", "agent", "source", "error_kind", "error_code", "request_bytes", "result_bytes"),
    *("started_ms", "duration_kind"),
)
"""The columns of tool_calls."""

_LATER_CALL_COLUMNS = CALL_COLUMNS[7:]
_LATER_SESSION_COLUMNS = ("client", "client_version", "project")

EXPORT_COLUMNS = (*CALL_COLUMNS, *_LATER_SESSION_COLUMNS)
"""What is exported of a call: all that its row says, and what its session says of the agent."""

REALS = ("duration_ms",)
INTEGERS = ("timestamp", "error_code", "request_bytes", "result_bytes", "started_ms")
"""Those of them that are numbers."""

_VERSION_WITH_THEM = 3
"""The schema version that has the later columns of both tables; in older files they are null."""

_STRICT_VERSION = 2
"""The first schema version whose columns hold nothing but their type."""

CHUNK = 250_000
"""How many calls are read at once, so that memory does not grow with the file."""

SHORT_ID = 8
"""How many letters of an id are enough to tell it: the last ones. The first are a time."""


class Condition(NamedTuple):
    """What stands in a ``WHERE``, and the values for its question marks."""

    sql: str
    values: list[object]


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
        version = connection.schema_version
        is_older = version is not None and version < _VERSION_WITH_THEM
        self.is_strict = version is None or version >= _STRICT_VERSION
        self.calls, self.sessions = "tool_calls", "sessions"
        if is_older:
            self.calls = _with_nulls("tool_calls", _LATER_CALL_COLUMNS)
            self.sessions = _with_nulls("sessions", _LATER_SESSION_COLUMNS)

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

    def columns(self, *columns: str) -> Iterator[list[Any]]:
        """Yield some columns of all calls, in lists of equal length, some calls at a time.

        The calls come in no order. ``status`` is one string, of the first letter of each.
        """
        arrays = ", ".join(
            "ifnull(group_concat(substr(status, 1, 1), ''), '')"
            if column == "status"
            else f"json_group_array({column})"
            for column in columns
        )
        for within in self._chunks():
            chunk = Calls(self.connection, within, self.filters)
            row = chunk.select(arrays).fetchone()
            yield [
                value if column == "status" else json.loads(value)
                for column, value in zip(columns, row, strict=True)
            ]

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
        return self._in_order(", ".join(map(self._typed, EXPORT_COLUMNS)))

    def in_order_as_json(self) -> sqlite3.Cursor:
        """Return the same, each call as two JSON objects and, between them, its duration.

        That is for Python to write: SQLite would round it to 15 digits.
        """
        between = EXPORT_COLUMNS.index("duration_ms")
        keys = [f"'{name}', {self._typed(name)}" for name in EXPORT_COLUMNS]
        before, after = ", ".join(keys[:between]), ", ".join(keys[between + 1 :])
        duration = self._typed("duration_ms")
        return self._in_order(f"json_object({before}), {duration}, json_object({after})")

    def of_rows(self, columns: str, first: int, last: int) -> sqlite3.Cursor:
        """Return the calls of a range of rows, in the order of rows."""
        return self.select(columns, "AND rowid BETWEEN ? AND ? ORDER BY rowid", first, last)

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

    def recorded(self) -> Range | None:
        """Return the first second with a call of any kind, and the first after the last one."""
        first, last = self.connection.execute(
            "SELECT (SELECT min(timestamp) FROM tool_calls),"
            " (SELECT max(timestamp) FROM tool_calls)"
        ).fetchone()
        return None if first is None else Range(first, last + 1)

    def tool_names(self) -> list[str]:
        """Return the names of all tools that were ever called, as far as they pass the filters.

        That takes a step into an index for each name.
        """
        where = _any_of("name", "GLOB", self.filters.tools)
        return [
            name
            for (name,) in self.connection.execute(
                f"""
                WITH RECURSIVE tool (name) AS (
                    SELECT min(tool_name) FROM tool_calls
                    UNION ALL
                    SELECT (SELECT min(tool_name) FROM tool_calls WHERE tool_name > tool.name)
                    FROM tool WHERE name IS NOT NULL
                )
                SELECT name FROM tool WHERE name IS NOT NULL AND {where.sql or "true"}
                """,
                where.values,
            )
        ]

    def last_call(self, tool: str) -> tuple[str | None, int]:
        """Return the server and the time of the last call of a tool."""
        server, last = self.connection.execute(
            f"SELECT server, max(timestamp) FROM {self.calls} WHERE tool_name = ?", [tool]
        ).fetchone()
        return server, last

    def last_call_of_session(self, session: str) -> int | None:
        """Return the time of the last call of a session, in the period or not."""
        (last,) = self.connection.execute(
            "SELECT max(timestamp) FROM tool_calls WHERE session_id = ?", [session]
        ).fetchone()
        return None if last is None else int(last)

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

    def _where(self) -> Condition:
        """Return the condition of the range and the filters.

        The ``+`` keeps the planner on the index of the time: see docs/schema.md.
        """
        terms: list[str] = []
        values: list[object] = []
        for operator, bound, no_bound in zip((">=", "<"), self.within, (FIRST, LAST), strict=True):
            if bound != no_bound:
                terms.append(f"timestamp {operator} ?")
                values.append(bound)
        given = self.filters
        of_sessions = {"client": given.clients, "project": given.projects}
        conditions = [
            _any_of("+tool_name", "GLOB", given.tools),
            _any_of("+status", "=", given.statuses),
            _any_of("server", "GLOB", given.servers),
            _any_of("session_id", "=", given.sessions),
            *(
                Condition(f"+session_id IN (SELECT id FROM {self.sessions} WHERE {sql})", names)
                for name, patterns in of_sessions.items()
                for sql, names in [_any_of(name, "GLOB", patterns)]
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
        of_sessions = ", ".join(_LATER_SESSION_COLUMNS)
        return self.connection.execute(
            f"""
            SELECT {columns} FROM {self.calls} AS call
            LEFT JOIN (SELECT id AS session_id, {of_sessions} FROM {self.sessions})
            USING (session_id)
            WHERE {where.sql} ORDER BY timestamp, call.rowid
            """,
            where.values,
        )

    def _typed(self, column: str) -> str:
        """Return a column as what its type is, also in a file whose columns hold anything."""
        if self.is_strict:
            return column
        kind = "REAL" if column in REALS else "INTEGER" if column in INTEGERS else "TEXT"
        return f"CAST({column} AS {kind})"

    def _chunks(self) -> Iterator[Range]:
        """Yield ranges of about `CHUNK` calls each, of whatever kind."""
        if self.filters.sessions:  # few calls, and found by their own index
            yield self.within
            return
        since, until = self.within
        while True:
            row = self.connection.execute(
                "SELECT timestamp FROM tool_calls WHERE timestamp >= ? AND timestamp < ?"
                " ORDER BY timestamp LIMIT 1 OFFSET ?",
                [since, until, CHUNK],
            ).fetchone()
            end = max(row[0], since + 1) if row else until
            yield Range(since, end)
            if not row:
                return
            since = end


def resolved(connection: Connection, period: Period) -> Period:
    """Return a period without an end on one side or both, cut to what was recorded."""
    if period.since != FIRST and period.until != LAST:
        return period
    recorded = Calls(connection, period).recorded() or Range(period.now, period.now)
    return period.covering(*recorded)


def find_session(connection: Connection, ending: str) -> str:
    """Return the id of the session that is named by its end.

    Raises:
        SessionNotFoundError: none ends so, or more than one.
    """
    found = [
        session
        for (session,) in connection.execute(
            "SELECT id FROM sessions WHERE substr(id, -length(?1)) = ?1 ORDER BY id = ?1 DESC"
            " LIMIT 6",
            [ending],
        )
    ]
    if found and (len(found) == 1 or found[0] == ending):
        return str(found[0])
    if not found or not ending:
        raise SessionNotFoundError(f"No session has the id {ending!r}, or one that ends so.")
    raise SessionNotFoundError(
        f"More than one session has an id that ends in {ending!r}.", None, "Give more of it."
    )


def _with_nulls(table: str, columns: Sequence[str]) -> str:
    nulls = ", ".join(f"NULL AS {column}" for column in columns)
    return f"(SELECT rowid, *, {nulls} FROM {table})"


def _any_of(column: str, operator: str, patterns: Sequence[str]) -> Condition:
    """Return the condition that one of some patterns holds; a name is also meant as it is."""
    terms, values = [], []
    for pattern in patterns:
        if operator == "GLOB" and any(letter in pattern for letter in "*?["):
            terms.append(f"{column} GLOB ?")
            values.append(pattern)
        terms.append(f"{column} = ?")
        values.append(pattern)
    return Condition(f"({' OR '.join(terms)})" if terms else "", list(values))
