"""What a whole database has: from when to when, and which sessions."""

from __future__ import annotations

from devflow_analytics_db import Connection
from devflow_analytics_reports.errors import SessionNotFoundError
from devflow_analytics_reports.period import FIRST, LAST, Period, Range
from devflow_analytics_reports.sql.conditions import unicode
from devflow_analytics_reports.sql.tables import CALL_COLUMNS, SESSION_COLUMNS, table_of


def recorded(connection: Connection) -> Range | None:
    """Return from when to when any calls are recorded; None if there are none."""
    calls = table_of(connection, "tool_calls", CALL_COLUMNS)
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
    table = table_of(connection, "sessions", SESSION_COLUMNS)
    found = [
        session
        for (session,) in connection.execute(
            f"SELECT id FROM {table} WHERE substr(id, -length(?1)) = ?1 ORDER BY id = ?1 DESC"
            " LIMIT 2",
            [unicode(ending)],
        )
    ]
    if found and (len(found) == 1 or found[0] == ending):
        return str(found[0])
    if not found or not ending:
        raise SessionNotFoundError(
            f"No session has the id {ending!r}, or one that ends so.",
            None,
            "`sessions()` lists them.",
        )
    raise SessionNotFoundError(
        f"More than one session has an id that ends in {ending!r}.", None, "Give more of it."
    )
