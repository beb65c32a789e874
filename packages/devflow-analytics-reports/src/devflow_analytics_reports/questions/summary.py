"""How are things, beside the period before?"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devflow_analytics_db import Connection
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.grouping import by_tool
from devflow_analytics_reports.parts import By, Part, counts, cut, cut_evenly, following, whole
from devflow_analytics_reports.period import Period, Range
from devflow_analytics_reports.sql import Calls, resolved
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
    durations, times = array("d"), array("q")
    errors, timeouts = array("q"), array("q")
    for group in groups.values():
        durations += group.durations
        times += group.times
        errors += group.error_times
        timeouts += group.timeout_times
    before, sessions_before = _before(connection, calls.recorded(), period, filters)
    return Summary(
        period,
        total(durations, len(errors), len(timeouts)),
        calls.session_count(),
        before,
        sessions_before,
        tuple(_parts(period, cut_evenly(period, parts), times, errors, timeouts)),
        tuple(sorted(tools, key=lambda tool: (-tool.totals.calls, tool.name, tool.server or ""))),
    )


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
    times: dict[str, array[int]] = {status: array("q") for status in "set"}
    for chunk in Calls(connection, period, filters).columns("status", "timestamp"):
        for status, time in zip(*chunk, strict=True):
            times[status].append(time)
    every = times["s"] + times["e"] + times["t"]
    found = _parts(period, parts, every, times["e"], times["t"])
    if found and following(period, found[-1].since, by) != period.until:
        found[-1] = replace(found[-1], is_whole=False)
    return OverTime(period, by, tuple(found))


def _before(
    connection: Connection, recorded: Range | None, period: Period, filters: Filters
) -> tuple[Totals | None, int | None]:
    """Return what the calls of the period before amount to, and the number of its sessions."""
    if period.before is None or recorded is None or recorded.since >= period.before.until:
        return None, None
    calls = Calls(connection, period.before, filters)
    durations, statuses = array("d"), []
    for chunk in calls.columns("duration_ms", "status"):
        durations.extend(chunk[0])
        statuses.append(chunk[1])
    ends = "".join(statuses)
    totals = total(durations, ends.count("e"), ends.count("t"))
    return totals, calls.session_count()


def _parts(
    period: Period,
    ranges: Sequence[Range],
    times: Sequence[int],
    errors: Sequence[int],
    timeouts: Sequence[int],
) -> list[Part]:
    return [
        Part(since, until, until <= period.now, *numbers)
        for (since, until), *numbers in zip(
            ranges,
            *(counts(sorted(some), ranges) for some in (times, errors, timeouts)),
            strict=True,
        )
    ]
