"""The columns of the tables, and what stands for a table that an older file has.

Every question asks for the columns of the newest schema version. In an older file the later ones
are null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_db import Connection

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

EXPORT_COLUMNS = (*CALL_COLUMNS, *SESSION_COLUMNS[4:])
"""What is exported of a call: all that its row says, and what its session says of the agent."""

REALS = ("duration_ms",)
INTEGERS = ("timestamp", "error_code", "request_bytes", "result_bytes", "started_ms")
"""Those of them that are numbers."""

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


def table_of(connection: Connection, table: str, columns: Sequence[str]) -> str:
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
    if version >= _VERSION_WITH_TYPES:
        return f"(SELECT rowid, {terms} FROM {table})"
    terms = terms.replace("duration_ms", "duration_ms + 0.0 AS duration_ms")  # or it is whole
    return f"(SELECT rowid, {terms} FROM {table} WHERE {_RIGHT[table]})"
