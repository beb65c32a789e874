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


def find_session(connection: Connection, part: str) -> str:
    """Return the id of the session that is named by the end of it, or else by its beginning.

    Ends tell sessions apart; ids that begin alike were made within a minute.

    Raises:
        SessionNotFoundError: there is none, or more than one.
    """
    table = table_of(connection, "sessions", SESSION_COLUMNS)
    for piece in ("substr(id, -length(:part))", "substr(id, 1, length(:part))"):
        found = connection.execute(
            f"SELECT id FROM {table} WHERE {piece} = :part ORDER BY id = :part DESC LIMIT 2",
            {"part": unicode(part)},
        ).fetchall()
        if found and part and (len(found) == 1 or found[0][0] == part):
            return str(found[0][0])
        if found and part:
            ends = "ends in" if "-" in piece else "begins with"
            raise SessionNotFoundError(
                f"More than one session has an id that {ends} {part!r}.", None, "Give more of it."
            )
    raise SessionNotFoundError(
        f"No session has the id {part!r}, or one that ends so.", None, "`sessions()` lists them."
    )
