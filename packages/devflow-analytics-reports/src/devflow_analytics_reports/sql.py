"""The SQL of all questions.

Questions on many calls read a few columns of each, and do the rest in Python: SQLite takes several
times as long to sort and group them.
"""

from __future__ import annotations

import json
import sqlite3
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, TypeVar

from devflow_analytics_reports.errors import SessionNotFoundError
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Period, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_db import Connection

P = ParamSpec("P")
T = TypeVar("T")

CALL_COLUMNS = (
    *("id", "tool_name", "duration_ms", "status", "error_type", "timestamp", "session_id"),
    *("server", "agent", "source", "error_kind", "error_code", "request_bytes", "result_bytes"),
    *("started_ms", "duration_kind"),
)
"""The columns of tool_calls."""

SESSION_COLUMNS = (
    *("id", "started_at", "ended_at", "tool_count"),
    *("client", "client_version", "project"),
)
"""The columns of sessions."""

_VERSION_WITH_TYPES = 2
"""The schema version from which on the database refuses a value of the wrong type."""

_VERSION_WITH_ALL = 3
"""The schema version that has all columns."""

_FIRST_COLUMNS = {"tool_calls": CALL_COLUMNS[:7], "sessions": SESSION_COLUMNS[:4]}
"""Those that older files have, too."""

_RIGHT = {
    "tool_calls": """
        typeof(id) = 'text' AND typeof(tool_name) = 'text' AND typeof(session_id) = 'text'
        AND typeof(timestamp) = 'integer' AND typeof(duration_ms) IN ('integer', 'real')
        AND duration_ms >= 0 AND duration_ms < 9e999
        AND +status IN ('success', 'error', 'timeout') AND typeof(error_type) IN ('text', 'null')
    """,
    "sessions": """
        typeof(id) = 'text' AND typeof(started_at) = 'integer'
        AND typeof(ended_at) IN ('integer', 'null')
    """,
}
"""What version 2 demands of a row. Files of version 1 may have others: they are left out."""

_SPECIAL = frozenset("*?[")
"""The letters that stand for others in a ``GLOB``."""

EXPORT_COLUMNS = (*CALL_COLUMNS, *SESSION_COLUMNS[4:])
"""What is exported of a call: all that its row says, and what its session says of the agent."""

REALS = ("duration_ms",)
INTEGERS = ("timestamp", "error_code", "request_bytes", "result_bytes", "started_ms")
"""Those of them that are numbers."""

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
        self.calls = _table(connection, "tool_calls", CALL_COLUMNS)
        self.sessions = _table(connection, "sessions", SESSION_COLUMNS)

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

    def last_call(self, tool: str) -> tuple[str | None, int]:
        """Return the server and the time of the last call of a tool."""
        server, last = self.connection.execute(
            f"SELECT server, max(timestamp) FROM {self.calls} WHERE tool_name = ?", [tool]
        ).fetchone()
        return server, last

    def last_call_of_session(self, session: str) -> int | None:
        """Return the time of the last call of a session, in the period or not."""
        (last,) = self.connection.execute(
            f"SELECT max(timestamp) FROM {self.calls} WHERE session_id = ?", [session]
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


def answers(question: Callable[P, T]) -> Callable[P, T]:
    """Make a function whose first argument is a connection read names at full speed.

    Names may be any bytes, and a connection of `open_readonly` replaces what is no UTF-8. That is a
    call of Python for each name, so it is done only where it turns out to be needed.
    """

    @wraps(question)
    def answered(*args: P.args, **kwargs: P.kwargs) -> T:
        connection: Any = args[0]
        replacing = connection.text_factory
        connection.text_factory = str
        try:
            return question(*args, **kwargs)
        except sqlite3.OperationalError as error:
            if "Could not decode" not in str(error):
                raise
            connection.text_factory = replacing
            return question(*args, **kwargs)
        finally:
            connection.text_factory = replacing

    return answered


def recorded(connection: Connection) -> Range | None:
    """Return from when to when any calls are recorded; None if there are none."""
    calls = Calls(connection, Range(FIRST, LAST)).calls
    first, last = connection.execute(
        f"SELECT (SELECT min(timestamp) FROM {calls}), (SELECT max(timestamp) FROM {calls})"
    ).fetchone()
    return None if first is None else Range(first, last + 1)


def resolved(connection: Connection, period: Period) -> Period:
    """Return a period without an end on one side or both, cut to what was recorded."""
    if period.since != FIRST and period.until != LAST:
        return period
    there = recorded(connection) or Range(period.now, period.now)
    return period.covering(*there)


def find_session(connection: Connection, ending: str) -> str:
    """Return the id of the session that is named by its end.

    Raises:
        SessionNotFoundError: none ends so, or more than one.
    """
    table = _table(connection, "sessions", SESSION_COLUMNS)
    found = [
        session
        for (session,) in connection.execute(
            f"SELECT id FROM {table} WHERE substr(id, -length(?1)) = ?1 ORDER BY id = ?1 DESC"
            " LIMIT 2",
            [_unicode(ending)],
        )
    ]
    if found and (len(found) == 1 or found[0] == ending):
        return str(found[0])
    if not found or not ending:
        raise SessionNotFoundError(f"No session has the id {ending!r}, or one that ends so.")
    raise SessionNotFoundError(
        f"More than one session has an id that ends in {ending!r}.", None, "Give more of it."
    )


def _table(connection: Connection, table: str, columns: Sequence[str]) -> str:
    """Return what stands for a table in a ``FROM``: older files lack columns, or the table."""
    version = connection.schema_version
    if version is None or version >= _VERSION_WITH_ALL:
        return table
    if not version:
        return (
            f"(SELECT {', '.join(f'NULL AS {name}' for name in ('rowid', *columns))} WHERE false)"
        )
    there = _FIRST_COLUMNS[table]
    terms = ", ".join(name if name in there else f"NULL AS {name}" for name in columns)
    right = "true" if version >= _VERSION_WITH_TYPES else _RIGHT[table]
    return f"(SELECT rowid, {terms} FROM {table} WHERE {right})"


def _any_of(column: str, operator: str, patterns: Sequence[str]) -> Condition:
    """Return the condition that one of some patterns holds; a name is also meant as it is."""
    if not patterns:
        return Condition("", [])
    names = [_unicode(pattern) for pattern in patterns]
    globs = [name for name in names if operator == "GLOB" and not _SPECIAL.isdisjoint(name)]
    terms = [f"{column} IN ({', '.join('?' * len(names))})", *[f"{column} GLOB ?"] * len(globs)]
    return Condition(_either(terms), [*names, *globs])


def _either(terms: Sequence[str]) -> str:
    """Join conditions in halves, as SQLite takes no more than 1,000 in a row."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_either(terms[:half])} OR {_either(terms[half:])})"


def _unicode(text: str) -> str:
    """Return a text as SQLite can take it: arguments of a program may have bytes that are none."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
