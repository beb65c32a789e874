"""Writes rows: the one module of all packages that does.

Lines of JSON (see `line`), and calls that others hand over (see `observed`), become rows of
sessions and tool_calls, in statements that take whole batches, so that SQLite does the work and
Python's other threads go on meanwhile.

A row of tool_calls is written once and only gains: whoever knows more of the same call fills what
is null, and a measured duration takes the place of an upper bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_recorder.line import FIELDS, clean_name
from devflow_analytics_recorder.observed import ObservedCall

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

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

HOOK_SECONDS = 5
"""How late an agent may run a hook."""


class _Statements(NamedTuple):
    """What writes calls, in the order in which that is done."""

    new: str
    """Counts those that are not there yet."""
    sessions: str
    counts: str
    calls: str


def _statements(source: str, field: Callable[[str], str]) -> _Statements:
    """Return what writes the calls of a source.

    Args:
        source: what a ``FROM`` names, as ``line``.
        field: returns the expression for a field of `FIELDS`.
    """
    is_new = f"NOT EXISTS (SELECT 1 FROM tool_calls WHERE tool_calls.id = {field('id')})"
    return _Statements(
        new=f"SELECT count(DISTINCT {field('id')}) FROM {source} WHERE {is_new}",
        # Not for a call that is there already, in another session.
        sessions=f"""
            INSERT INTO sessions (id, started_at, {", ".join(OF_A_SESSION)})
            SELECT {field("session_id")}, min({field("session_started_at")}),
                {", ".join(f"max({field(name)})" for name in OF_A_SESSION)}
            FROM {source}
            WHERE NOT EXISTS (
                SELECT 1 FROM tool_calls WHERE tool_calls.id = {field("id")}
                    AND tool_calls.session_id <> {field("session_id")}
            )
            GROUP BY 1
            ON CONFLICT (id) DO UPDATE SET
                started_at = min(started_at, excluded.started_at),
                {", ".join(f"{name} = coalesce({name}, excluded.{name})" for name in OF_A_SESSION)}
            WHERE started_at > excluded.started_at
                OR {" OR ".join(map(_fills, OF_A_SESSION))}
        """,
        # Before the calls themselves: those that are there already do not count again.
        counts=f"""
            UPDATE sessions SET
                tool_count = sessions.tool_count + fresh.calls,
                ended_at = max(coalesce(sessions.ended_at, fresh.last_call), fresh.last_call)
            FROM (
                SELECT {field("session_id")} AS session, count(DISTINCT {field("id")}) AS calls,
                    max({field("timestamp")}) AS last_call
                FROM {source}
                WHERE {is_new}
                GROUP BY 1
            ) AS fresh
            WHERE sessions.id = fresh.session
        """,
        calls=f"""
            INSERT INTO tool_calls ({", ".join(COLUMNS)})
            SELECT {", ".join(map(field, COLUMNS))} FROM {source} WHERE true
            ON CONFLICT (id) DO UPDATE SET
                {", ".join(_ASSIGNMENTS)}
            WHERE {" OR ".join(dict.fromkeys(_GAINS.values()))}
        """,
    )


def _line_field(name: str) -> str:
    return f"json_extract(line.value, '$[{FIELDS.index(name)}]')"


def _fills(column: str) -> str:
    return f"{column} IS NULL AND excluded.{column} IS NOT NULL"


_MEASURES = "duration_kind = 'wall' AND excluded.duration_kind = 'run'"
_GAINS = {
    **{name: _fills(name) for name in OF_ANY_CALL},
    **{name: f"{_fills(name)} AND status = excluded.status" for name in OF_A_FAILURE},
    "duration_ms": _MEASURES,
    "duration_kind": _MEASURES,
}

_ASSIGNMENTS = [f"{name} = iif({gain}, excluded.{name}, {name})" for name, gain in _GAINS.items()]

_OF_LINES = _statements("json_each(?) AS line", _line_field)
# A hook runs after a call that its server may have recorded already, without the agent's id of it;
# and what it noted may be read in after somebody has deleted the call.
_WITHOUT_LEFT_OUT = f"""
SELECT json_group_array(json(line.value)) FROM json_each(?) AS line
WHERE {_line_field("source")} <> 'hook' OR NOT (
    EXISTS (SELECT 1 FROM import_exclusions WHERE call_id = {_line_field("id")})
    OR EXISTS (
        SELECT 1 FROM tool_calls AS there JOIN sessions ON sessions.id = there.session_id
        WHERE there.timestamp BETWEEN {_line_field("timestamp")} - {HOOK_SECONDS}
                AND {_line_field("timestamp")} + 1
            AND +there.tool_name = {_line_field("tool_name")}
            AND there.source IN ('recorder', 'proxy')
            AND substr(there.id, 15, 1) <> '8'
            AND there.duration_ms <= {_line_field("duration_ms")} + 1000
            AND there.started_ms BETWEEN {_line_field("started_ms")} - 1000 * {HOOK_SECONDS}
                AND {_line_field("started_ms")} + 1000
            AND (
                sessions.client IS NULL
                OR substr(sessions.client, 1, length({_line_field("client")}))
                    = {_line_field("client")}
            )
    )
)
"""

_OF_OBSERVED = _statements("temp.observed_calls AS line", "line.{}".format)

# Of the connection's own: nobody else sees it, and it is not in the file.
_MAKE = f"CREATE TEMP TABLE observed_calls ({', '.join(ObservedCall._fields)})"
_FILL = f"INSERT INTO temp.observed_calls VALUES ({', '.join('?' for _ in ObservedCall._fields)})"


def write(connection: sqlite3.Connection, lines: bytes) -> None:
    """Write the rows of lines inside a transaction.

    Args:
        connection: one that is in a transaction.
        lines: whole lines, each with its end.

    Raises:
        sqlite3.Error: a line is no line of ours, the database refuses a row, or it cannot be
            written at all.
    """
    array = f"[{lines[:-1].decode().replace(chr(10), ',')}]"
    if b',"hook",' in lines:
        (array,) = connection.execute(_WITHOUT_LEFT_OUT, (array,)).fetchone()
    for statement in _OF_LINES[1:]:
        connection.execute(statement, (array,))


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
    connection.execute(_MAKE)  # rolled back with all else
    connection.executemany(_FILL, map(_cleaned, calls))
    (new,) = connection.execute(_OF_OBSERVED.new).fetchone()
    for statement in _OF_OBSERVED[1:]:
        connection.execute(statement)
    connection.execute("DROP TABLE temp.observed_calls")
    return int(new)


def _cleaned(call: ObservedCall) -> ObservedCall:
    """Return a call with names that the database can keep."""
    return call._replace(
        tool_name=clean_name(call.tool_name) or "",
        error_type=clean_name(call.error_type),
        agent=clean_name(call.agent),
        server=clean_name(call.server),
        client=clean_name(call.client),
        client_version=clean_name(call.client_version),
        project=clean_name(call.project),
    )
