"""Calls that are read and put together by their tool."""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_reports.totals import total

if TYPE_CHECKING:
    from devflow_analytics_reports.sql import Calls
    from devflow_analytics_reports.totals import Totals


class ToolKey(NamedTuple):
    """What tells a tool from others: two servers may have tools of the same name."""

    server: str | None
    name: str


class Group:
    """What is known of the calls of one tool."""

    __slots__ = ("durations", "error_times", "result_bytes", "sized", "timeout_times", "times")

    def __init__(self) -> None:
        self.durations = array("d")
        """How long each took, in milliseconds."""
        self.times = array("q")
        """When each was, in Unix seconds."""
        self.error_times = array("q")
        """When each of those was that failed with an error."""
        self.timeout_times = array("q")
        """When each of those was that timed out."""
        self.result_bytes = 0
        """How many bytes the results had whose size is known."""
        self.sized = 0
        """Number of calls whose result has a known size."""

    def totals(self) -> Totals:
        """Return what the calls amount to."""
        return total(self.durations, len(self.error_times), len(self.timeout_times))


def by_tool(calls: Calls, *, with_sizes: bool = False) -> dict[ToolKey, Group]:
    """Read calls, and put those of each tool together.

    Args:
        calls: the calls.
        with_sizes: whether the sizes of results are read too.
    """
    groups: defaultdict[tuple[str | None, str], Group] = defaultdict(Group)
    columns = ("server", "tool_name", "status", "duration_ms", "timestamp")
    for chunk in calls.columns(*columns):
        for server, name, status, duration, time in zip(*chunk, strict=True):
            group = groups[server, name]
            group.durations.append(duration)
            group.times.append(time)
            if status == "e":
                group.error_times.append(time)
            elif status == "t":
                group.timeout_times.append(time)
    if with_sizes:
        for chunk in calls.columns("server", "tool_name", "result_bytes"):
            for server, name, size in zip(*chunk, strict=True):
                if size is not None:
                    group = groups[server, name]
                    group.sized += 1
                    group.result_bytes += size
    return {ToolKey(*key): group for key, group in groups.items()}
