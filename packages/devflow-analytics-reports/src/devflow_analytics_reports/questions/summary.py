"""How are things, beside the period before?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.grouping import Group, by_tool, merged
from devflow_analytics_reports.parts import By, Part, counts, cut, cut_evenly, following, whole
from devflow_analytics_reports.period import Period, Range
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import recorded, resolved
from devflow_analytics_reports.totals import Totals, total

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class ToolTotals:
    """What the calls of a tool amount to."""

    server: str | None
    """The MCP server that has it; None if it is built into the agent, or not known."""
    name: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Summary:
    """How things are in a period."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    totals: Totals
    """What its calls amount to."""
    sessions: int
    """Number of sessions with a call in it."""
    before: Totals | None
    """What the calls of the period before amount to; None if nothing was recorded by then."""
    sessions_before: int | None
    """Number of sessions with a call in the period before; None as above."""
    parts: tuple[Part, ...]
    """Its calls over time, in parts of equal length."""
    tools: tuple[ToolTotals, ...]
    """What the calls of each tool amount to, those with most calls first."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """How many calls there were in each hour, day or week of a period."""

    period: Period
    """The period, from the beginning of its first hour, day or week."""
    by: By
    parts: tuple[Part, ...]
    """All its hours, days or weeks, in order, also those without calls."""


@decodes_fast
def summary(
    connection: Connection, period: Period, filters: Filters = NO_FILTERS, *, parts: int = 36
) -> Summary:
    """Return how things are in a period, beside the period before.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        parts: how many parts to cut the period into.
    """
    period = resolved(connection, period)
    calls = Calls(connection, period, filters)
    groups = by_tool(calls)
    tools = [ToolTotals(*key, group.totals()) for key, group in groups.items()]
    every = merged(groups.values())
    before, sessions_before = _before(connection, period, filters)
    return Summary(
        period,
        every.totals(),
        calls.session_count(),
        before,
        sessions_before,
        _parts(period, cut_evenly(period, parts), every),
        tuple(sorted(tools, key=lambda tool: (-tool.totals.calls, tool.name, tool.server or ""))),
    )


@decodes_fast
def over_time(
    connection: Connection, period: Period, by: By, filters: Filters = NO_FILTERS
) -> OverTime:
    """Return how many calls there were in each hour, day or week of a period.

    It is looked at from the beginning of the hour, day or week that the period begins in.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        by: what to cut it into.
        filters: what the calls must be like.

    Raises:
        PeriodError: there are more than 10,000 parts.
    """
    period = whole(resolved(connection, period), by)
    parts = cut(period, by)
    every = Group()
    for status, time in Calls(connection, period, filters).rows("status", "timestamp"):
        every.add_time(status, time)
    found = list(_parts(period, parts, every))
    if found and following(period, found[-1].since, by) != period.until:
        found[-1] = replace(found[-1], is_whole=False)
    return OverTime(period, by, tuple(found))


def _before(
    connection: Connection, period: Period, filters: Filters
) -> tuple[Totals | None, int | None]:
    """Return what the calls of the period before amount to, and the number of its sessions."""
    there = recorded(connection)
    if period.before is None or there is None or there.since >= period.before.until:
        return None, None
    calls = Calls(connection, period.before, filters)
    durations, statuses = [], []
    for duration, status in calls.rows("duration_ms", "status"):
        durations.append(duration)
        if status != "success":
            statuses.append(status)
    totals = total(durations, statuses.count("error"), statuses.count("timeout"))
    return totals, calls.session_count()


def _parts(period: Period, ranges: Sequence[Range], group: Group) -> tuple[Part, ...]:
    of_each = (group.times, group.error_times, group.timeout_times)
    numbers = zip(*(counts(sorted(times), ranges) for times in of_each), strict=True)
    return tuple(
        Part(since, until, until <= period.now, *some)
        for (since, until), some in zip(ranges, numbers, strict=True)
    )
