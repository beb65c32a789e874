"""Finds calls of a log that a server or a proxy has recorded, too, without knowing the agent's id.

Such a row and a call of the log are the same call if they are of the same tool and the row's time
lies within the log's, which also has the waiting in it. Each row stands for one call.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from devflow_analytics_recorder import ObservedCall

SLACK_MS = 1_000
"""By how much a recorded call may stick out of what the agent logged of it."""

LATEST_MS = 600_000
"""How long before an agent logs a result its server may have been done with the call."""

_DAY_S = 86_400

# Of the same agent, or of one that did not say its name.
_RECORDED = """
SELECT there.id, there.tool_name, there.started_ms, there.started_ms + there.duration_ms,
    there.status
FROM tool_calls AS there JOIN sessions ON sessions.id = there.session_id
WHERE there.timestamp BETWEEN ? AND ?
    AND there.source IN ('recorder', 'proxy')
    AND substr(there.id, 15, 1) <> '8'
    AND there.started_ms IS NOT NULL
    AND (
        sessions.client IS NULL
        OR EXISTS (
            SELECT 1 FROM json_each(?) AS name
            WHERE substr(sessions.client, 1, length(name.value)) = name.value
        )
    )
"""

_NEVER_ANSWERED = ("transport", "protocol")
"""How calls fail for an agent that may have succeeded for their server."""


class _Row(NamedTuple):
    """A row that a server or proxy recorded."""

    id: str
    tool: str
    started_ms: int
    ended_ms: float
    status: str


def recorded_otherwise(
    connection: sqlite3.Connection,
    calls: list[ObservedCall],
    names: tuple[str, ...],
    taken: set[str],
    *,
    joins_names: bool,
) -> dict[str, str]:
    """Return the keys of calls that a server or proxy has recorded, each with that row's key.

    Args:
        connection: of a database of schema version 3 or newer.
        calls: those of an agent's log, in the order of time.
        names: how the names begin by which the agent introduces itself to servers.
        taken: rows that stand for other calls already, by their keys.
        joins_names: whether the agent logs a server and its tool as one name.
    """
    taken = set(taken)
    found: dict[str, str] = {}
    for _, of_a_day in groupby(calls, key=lambda call: call.timestamp // _DAY_S):
        some = list(of_a_day)
        rows = _recorded(connection, some, names)
        for call in some:
            if call.id in found:
                continue
            candidates = [
                row
                for tool in _tools(call.tool_name, joins_names=joins_names)
                for row in _about_to_end(rows.get(tool, []), _ended_ms(call))
                if row.id not in taken and _may_be(row, call)
            ]
            if candidates:  # the answer is logged as soon as it is there
                best = min(candidates, key=lambda row: abs(_ended_ms(call) - row.ended_ms))
                found[call.id] = best.id
                taken.add(best.id)
    return found


def _recorded(
    connection: sqlite3.Connection, calls: list[ObservedCall], names: tuple[str, ...]
) -> dict[str, list[_Row]]:
    """Return what was recorded at the time of calls, by the names of the tools, by their ends."""
    earliest_s = calls[0].timestamp - (LATEST_MS + SLACK_MS) // 1000 - 1
    latest_s = calls[-1].timestamp + SLACK_MS // 1000 + 1
    rows = defaultdict(list)
    for row in connection.execute(_RECORDED, (earliest_s, latest_s, json.dumps(names))):
        recorded = _Row(*row)
        rows[recorded.tool].append(recorded)
    for of_a_tool in rows.values():
        of_a_tool.sort(key=_end)
    return rows


def _about_to_end(rows: list[_Row], ended_ms: float) -> list[_Row]:
    """Return the rows, sorted by their ends, that may be of a call that ended then."""
    first = bisect_left(rows, ended_ms - LATEST_MS, key=_end)
    return rows[first : bisect_right(rows, ended_ms + SLACK_MS, lo=first, key=_end)]


def _end(row: _Row) -> float:
    return row.ended_ms


def _tools(name: str, *, joins_names: bool) -> Iterator[str]:
    """Yield what a server may call the tool that an agent calls so.

    Where the names are joined, none without a server before it is a server's.
    """
    if not joins_names:
        yield name
        return
    while "_" in name:
        _, _, name = name.partition("_")
        yield name


def _may_be(row: _Row, call: ObservedCall) -> bool:
    """Tell whether a row that ended at the right time may be of the same call."""
    if row.started_ms < (call.started_ms or 0) - SLACK_MS:
        return False
    if (row.status == "success") == (call.status == "success"):
        return True
    return call.status == "timeout" or call.error_kind in _NEVER_ANSWERED


def _ended_ms(call: ObservedCall) -> float:
    return (call.started_ms or 0) + call.duration_ms
