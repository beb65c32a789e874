"""Finds calls of a log that a server or a proxy has recorded, too, without knowing the agent's id.

Such a row and a call of the log are the same call if they are of the same tool and the row's time
lies within the log's, which also has the waiting in it. Each row stands for one call.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

    from devflow_analytics_recorder import ObservedCall

SLACK_MS = 1_000
"""By how much a recorded call may stick out of what the agent logged of it."""

# Of the same agent, or of one that did not say its name. The plus keeps SQLite from looking
# through all calls of the tool, and lets it look at those of the time instead.
_CANDIDATES = f"""
SELECT json_extract(seen.value, '$[0]'), there.id, there.started_ms + there.duration_ms,
    there.status
FROM json_each(?) AS seen
JOIN tool_calls AS there
    ON there.timestamp BETWEEN json_extract(seen.value, '$[2]') / 1000 - 1
            AND json_extract(seen.value, '$[3]') / 1000 + 1
        AND +there.tool_name = json_extract(seen.value, '$[1]')
        AND there.source IN ('recorder', 'proxy')
        AND substr(there.id, 15, 1) <> '8'
        AND there.started_ms >= json_extract(seen.value, '$[2]') - {SLACK_MS}
        AND there.started_ms + there.duration_ms <= json_extract(seen.value, '$[3]') + {SLACK_MS}
JOIN sessions ON sessions.id = there.session_id
WHERE (
        sessions.client IS NULL
        OR EXISTS (
            SELECT 1 FROM json_each(?) AS name
            WHERE substr(sessions.client, 1, length(name.value)) = name.value
        )
    )
"""

_NOT_TAKEN = """
    AND NOT EXISTS (SELECT 1 FROM import_exclusions WHERE recorded_as = there.id)
"""

_NEVER_ANSWERED = ("transport", "protocol")
"""How calls fail for an agent that may have succeeded for their server."""


class _Row(NamedTuple):
    """A row that may be of the same call as one of a log."""

    id: str
    ended_ms: float
    status: str


def recorded_otherwise(
    connection: sqlite3.Connection,
    calls: list[ObservedCall],
    names: tuple[str, ...],
    *,
    taken: set[str],
    with_exclusions: bool,
) -> dict[str, str]:
    """Return the keys of calls that a server or proxy has recorded, each with that row's key.

    Args:
        connection: of a database of schema version 3 or newer.
        calls: those of an agent's log, in the order of time.
        names: how the names begin by which the agent introduces itself to servers.
        taken: rows that stand for other calls already.
        with_exclusions: whether the database says which rows stand for other calls already.
    """
    seen = [(call.id, call.tool_name, call.started_ms, int(_ended_ms(call)) + 1) for call in calls]
    query = _CANDIDATES + (_NOT_TAKEN if with_exclusions else "")
    candidates: dict[str, list[_Row]] = {}
    for key, *row in connection.execute(query, (json.dumps(seen), json.dumps(names))):
        candidates.setdefault(key, []).append(_Row(*row))
    found: dict[str, str] = {}
    found_rows: set[str] = set()
    for call in calls:
        rows = [
            row
            for row in candidates.get(call.id, ())
            if row.id not in taken and row.id not in found_rows and _may_be(row.status, call)
        ]
        if rows and call.id not in found:  # the answer is logged as soon as it is there
            best = min(rows, key=lambda row: abs(_ended_ms(call) - row.ended_ms))
            found[call.id] = best.id
            found_rows.add(best.id)
    return found


def _may_be(status: str, call: ObservedCall) -> bool:
    """Tell whether a call may have ended in one way for the server and in another for the agent."""
    if (status == "success") == (call.status == "success"):
        return True
    return call.status == "timeout" or call.error_kind in _NEVER_ANSWERED


def _ended_ms(call: ObservedCall) -> float:
    return (call.started_ms or 0) + call.duration_ms
