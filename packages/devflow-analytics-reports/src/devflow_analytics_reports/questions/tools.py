"""How is each tool doing, and which are not called?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.grouping import by_tool
from devflow_analytics_reports.parts import counts, cut_evenly
from devflow_analytics_reports.period import FIRST, LAST, Period, Range
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import resolved
from devflow_analytics_reports.totals import Totals, nearest_rank

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool is doing in a period."""

    server: str | None
    """The MCP server that has it; None if it is built into the agent, or not known."""
    name: str
    totals: Totals
    """What its calls amount to."""
    calls_before: int
    """Number of its calls in the period before."""
    p95_before_ms: float | None
    """What 95 of 100 of those took at most, in milliseconds; None without calls."""
    trend: tuple[int, ...]
    """Number of its calls in parts of the period of equal length."""
    trend_failed: tuple[int, ...]
    """Number of those that did not succeed, in the same parts."""
    last: int
    """When its last call in the period was, in Unix seconds."""
    sized_calls: int
    """Number of its calls whose result has a known size."""
    result_bytes: int | None
    """How many bytes those results had together; None if no size is known."""


@dataclass(frozen=True, slots=True)
class UncalledTool:
    """A tool that is not called in a period, but was at another time."""

    server: str | None
    """The server of its last call."""
    name: str
    last: int
    """When it was last called, in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Tools:
    """How the tools are doing in a period."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    tools: tuple[Tool, ...]
    """Those that were called, those with most calls first."""
    not_called: tuple[UncalledTool, ...]
    """Those that were only called before, the last called first.

    Unless it is asked for every server, a name counts as called if the tool of any server was
    called by it. Left out with filters other than of tools, which say nothing of what was not
    called.
    """
    servers_not_called: tuple[str, ...]
    """The servers of those, as far as no other tool of them was called."""


@decodes_fast
def tools(
    connection: Connection,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    parts: int = 12,
    every_server: bool = False,
) -> Tools:
    """Return how each tool is doing in a period.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        parts: how many parts the trend has.
        every_server: whether tools of the same name are told apart by their server in what was not
            called. All rows are read for that.
    """
    period = resolved(connection, period)
    calls = Calls(connection, period, filters)
    ranges = cut_evenly(period, parts)
    before = _durations_before(connection, period, filters)
    found = []
    for key, group in by_tool(calls, with_sizes=True).items():
        ordered_before = sorted(before.get(key, ()))
        found.append(
            Tool(
                *key,
                group.totals(),
                len(ordered_before),
                nearest_rank(ordered_before, 95),
                tuple(counts(sorted(group.times), ranges)),
                tuple(counts(sorted(group.error_times + group.timeout_times), ranges)),
                max(group.times),
                len(group.sizes),
                sum(group.sizes) if group.sizes else None,
            )
        )
    found.sort(key=lambda tool: (-tool.totals.calls, tool.name, tool.server or ""))
    not_called: tuple[UncalledTool, ...] = ()
    if filters.are_of_tools:
        called = {(tool.server, tool.name) for tool in found}
        last_calls = calls.last_calls() if every_server else _last_calls_by_name(calls, called)
        not_called = _not_called(last_calls, called)
    used = {tool.server for tool in found}
    servers = {tool.server for tool in not_called if tool.server and tool.server not in used}
    return Tools(period, tuple(found), not_called, tuple(sorted(servers)))


@decodes_fast
def tool_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of all tools that were ever called, in order.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
    """
    return tuple(Calls(connection, Range(FIRST, LAST)).tool_names())


def _durations_before(
    connection: Connection, period: Period, filters: Filters
) -> dict[tuple[str | None, str], list[float]]:
    """Return how long the calls of each tool took in the period before."""
    found: defaultdict[tuple[str | None, str], list[float]] = defaultdict(list)
    if period.before is None:
        return found
    calls = Calls(connection, period.before, filters)
    for server, name, duration in calls.rows("server", "tool_name", "duration_ms"):
        found[server, name].append(duration)
    return found


def _last_calls_by_name(
    calls: Calls, called: Collection[tuple[str | None, str]]
) -> Iterator[tuple[str | None, str, int | None]]:
    """Yield server, name and time of the last call of each tool whose name is not called."""
    names = {name for _, name in called}
    for name in calls.tool_names():
        if name not in names:
            server, last = calls.last_call(name)
            yield server, name, last


def _not_called(
    last_calls: Iterable[tuple[str | None, str, int | None]],
    called: Collection[tuple[str | None, str]],
) -> tuple[UncalledTool, ...]:
    found = [
        UncalledTool(server, name, last)
        for server, name, last in last_calls
        if last is not None and (server, name) not in called
    ]
    return tuple(sorted(found, key=lambda tool: (-tool.last, tool.name, tool.server or "")))
