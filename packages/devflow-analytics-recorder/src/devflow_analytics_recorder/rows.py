"""Writes rows: the one module of all packages that does.

Lines of JSON (see `line`) become rows of sessions and tool_calls, in statements that take whole
batches, so that SQLite does the work and Python's other threads go on meanwhile.

A row of tool_calls is written once and only gains: whoever knows more of the same call fills what
is null, and a measured duration takes the place of an upper bound.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devflow_analytics_recorder.line import FIELDS, VERSION, clean

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from devflow_analytics_recorder.observed import ObservedCall

COLUMNS = (
    "id",
    "tool_name",
    "duration_ms",
    "status",
    "error_type",
    "timestamp",
    "session_id",
    "server",
    "agent",
    "source",
    "error_kind",
    "error_code",
    "request_bytes",
    "result_bytes",
    "started_ms",
    "duration_kind",
)
"""The columns of tool_calls that a line fills."""

OF_A_SESSION = ("client", "client_version", "project")
"""The columns of sessions that whoever knows more of one may fill."""

OF_ANY_CALL = ("server", "agent", "source", "request_bytes", "result_bytes", "started_ms")
"""The columns that whoever knows more of a call may fill."""

OF_A_FAILURE = ("error_type", "error_kind", "error_code")
"""Those that he may fill if he found the same status."""


def _field(name: str) -> str:
    return f"json_extract(line.value, '$[{FIELDS.index(name)}]')"


# Not for a call that is there already, in another session.
_SESSIONS = f"""
INSERT INTO sessions (id, started_at, client, client_version, project)
SELECT {_field("session_id")}, min({_field("session_started_at")}), max({_field("client")}),
    max({_field("client_version")}), max({_field("project")})
FROM json_each(?) AS line
WHERE NOT EXISTS (
    SELECT 1 FROM tool_calls
    WHERE tool_calls.id = {_field("id")} AND tool_calls.session_id <> {_field("session_id")}
)
GROUP BY 1
ON CONFLICT (id) DO UPDATE SET
    started_at = min(started_at, excluded.started_at),
    {", ".join(f"{name} = coalesce({name}, excluded.{name})" for name in OF_A_SESSION)}
WHERE started_at > excluded.started_at
    OR {" OR ".join(f"{name} IS NULL AND excluded.{name} IS NOT NULL" for name in OF_A_SESSION)}
"""

# Before the calls themselves: those that are there already do not count again.
_COUNTS = f"""
UPDATE sessions SET
    tool_count = sessions.tool_count + fresh.calls,
    ended_at = max(coalesce(sessions.ended_at, fresh.last_call), fresh.last_call)
FROM (
    SELECT {_field("session_id")} AS session, count(DISTINCT {_field("id")}) AS calls,
        max({_field("timestamp")}) AS last_call
    FROM json_each(?) AS line
    WHERE NOT EXISTS (SELECT 1 FROM tool_calls WHERE tool_calls.id = {_field("id")})
    GROUP BY 1
) AS fresh
WHERE sessions.id = fresh.session
"""

_HOW_MANY_ARE_NEW = f"""
SELECT count(DISTINCT {_field("id")}) FROM json_each(?) AS line
WHERE NOT EXISTS (SELECT 1 FROM tool_calls WHERE tool_calls.id = {_field("id")})
"""

_FILLS = {
    **{name: f"{name} IS NULL AND excluded.{name} IS NOT NULL" for name in OF_ANY_CALL},
    **{
        name: f"{name} IS NULL AND excluded.{name} IS NOT NULL AND status = excluded.status"
        for name in OF_A_FAILURE
    },
}
_MEASURES = "duration_kind = 'wall' AND excluded.duration_kind = 'run'"
_GAINS = {**_FILLS, "duration_ms": _MEASURES, "duration_kind": _MEASURES}

_CALLS = f"""
INSERT INTO tool_calls ({", ".join(COLUMNS)})
SELECT {", ".join(map(_field, COLUMNS))} FROM json_each(?) AS line WHERE true
ON CONFLICT (id) DO UPDATE SET
    {", ".join(f"{name} = iif({gain}, excluded.{name}, {name})" for name, gain in _GAINS.items())}
WHERE {" OR ".join(dict.fromkeys(_GAINS.values()))}
"""


def write(connection: sqlite3.Connection, lines: bytes) -> None:
    """Write the rows of lines inside a transaction.

    Args:
        connection: one that is in a transaction.
        lines: whole lines, each with its end.

    Raises:
        sqlite3.Error: a line is no line of ours, the database refuses a row, or it cannot be
            written at all.
    """
    _write(connection, f"[{lines[:-1].decode().replace(chr(10), ',')}]")


def write_calls(connection: sqlite3.Connection, calls: Sequence[ObservedCall]) -> int:
    """Write the rows of calls that somebody else saw, and return how many were not there yet.

    A call that is there already, by whomever, only gains what was not known of it.

    Args:
        connection: one that is in a transaction (`AnalyticsDb.transaction`). What it has to be
            committed with can be written in the same one.
        calls: each with names of any kind: what the database cannot keep of them is replaced.

    Raises:
        sqlite3.IntegrityError: a number is none that the column may hold. Roll back.
        sqlite3.Error: nothing can be written.
    """
    values = [
        [VERSION, *(_cleaned(getattr(call, field)) for field in FIELDS[1:])] for call in calls
    ]
    array = json.dumps(values)
    (new,) = connection.execute(_HOW_MANY_ARE_NEW, (array,)).fetchone()
    _write(connection, array)
    return int(new)


def _cleaned(value: object) -> object:
    return clean(value) if isinstance(value, str) else value


def _write(connection: sqlite3.Connection, array: str) -> None:
    for statement in (_SESSIONS, _COUNTS, _CALLS):
        connection.execute(statement, (array,))
