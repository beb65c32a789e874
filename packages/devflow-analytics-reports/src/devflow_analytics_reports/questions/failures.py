"""What fails, by tool and error type, and what fails again and again?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import Period
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import resolved

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator


LEAST_IN_A_ROW = 3
"""How many failing calls in a row make a loop."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Calls of a tool that failed in the same way."""

    server: str | None
    """The MCP server that has the tool; None if it is built into the agent, or not known."""
    tool: str
    status: str
    """``error`` or ``timeout``."""
    error_type: str | None
    """The exception's class or a code; None if it is not known."""
    calls: int
    """Number of calls that failed so."""
    share: float
    """Their share of all calls of the tool, 0 to 1."""
    last: int
    """When the last of them was, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Loop:
    """Calls of one tool by one agent in one session that failed one after the other.

    Other tools may have been called in between.
    """

    server: str | None
    """The MCP server that has the tool; None if it is built into the agent, or not known."""
    tool: str
    session: str
    """Its session's id."""
    agent: str | None
    """The type of the subagent that called; None for the main agent."""
    calls: int
    """How many failed in a row."""
    since: int
    """When the first of them was, in Unix seconds."""
    last: int
    """When the last of them was, in Unix seconds."""
    error_type: str | None
    """What most of them failed with; None if that is not known."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What fails in a period."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    calls: int
    """Number of all calls in it, however they ended."""
    failures: tuple[Failure, ...]
    """What fails, by tool, status and error type; what fails most first."""
    loops: tuple[Loop, ...]
    """What failed at least three times in a row; the longest first."""


@decodes_fast
def failures(connection: Connection, period: Period, filters: Filters = NO_FILTERS) -> Failures:
    """Return what fails in a period.

    A filter by status says what is listed. Shares and rows are those of all calls that pass the
    other filters.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
    """
    period = resolved(connection, period)
    every = Calls(connection, period, filters.of_any_status())
    calls_of = Counter(every.rows("server", "tool_name"))
    found = [
        Failure(server, tool, status, error_type, calls, calls / calls_of[server, tool], last)
        for server, tool, status, error_type, calls, last in Calls(
            connection, period, filters
        ).failures()
    ]
    found_loops = _loops(every, set(filters.statuses) or {"error", "timeout"})
    loops = sorted(found_loops, key=lambda loop: (-loop.calls, -loop.last, loop.tool, loop.session))
    return Failures(period, calls_of.total(), tuple(found), tuple(loops))


def _loops(calls: Calls, statuses: Collection[str]) -> Iterator[Loop]:
    """Yield what failed at least `LEAST_IN_A_ROW` times in a row, with one of some statuses."""
    runs: dict[tuple[str, str | None, str | None, str], list[tuple[int, str | None]]] = {}
    for *key, status, error_type, time in calls.of_sessions_that_may_loop(LEAST_IN_A_ROW):
        run = runs.setdefault(tuple(key), [])
        if status in statuses and status != "success":
            run.append((time, error_type))
            continue
        yield from _loop(tuple(key), run)
        run.clear()
    for key, run in runs.items():
        yield from _loop(key, run)


def _loop(
    key: tuple[str, str | None, str | None, str], run: list[tuple[int, str | None]]
) -> Iterator[Loop]:
    if len(run) < LEAST_IN_A_ROW:
        return
    session, agent, server, tool = key
    times = [time for time, _ in run]
    ((error_type, _),) = Counter(error_type for _, error_type in run).most_common(1)
    yield Loop(server, tool, session, agent, len(run), times[0], times[-1], error_type)
