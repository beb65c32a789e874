"""Calls that are read and put together by their tool."""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_reports.totals import total

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devflow_analytics_reports.sql.calls import Calls
    from devflow_analytics_reports.totals import Totals


class ToolKey(NamedTuple):
    """What tells a tool from others: two servers may have tools of the same name."""

    server: str | None
    name: str


class Group:
    """What is known of the calls of one tool."""

    __slots__ = ("durations", "error_times", "sizes", "timeout_times", "times")

    def __init__(self) -> None:
        self.durations: list[float] = []
        """How long each took, in milliseconds."""
        self.times = array("q")
        """When each was, in Unix seconds."""
        self.error_times = array("q")
        """When each of those was that failed with an error."""
        self.timeout_times = array("q")
        """When each of those was that timed out."""
        self.sizes = array("q")
        """How many bytes the results had whose size is known."""

    def add_time(self, status: str, time: int) -> None:
        """Add when a call was, and how it ended."""
        self.times.append(time)
        if status != "success":
            (self.error_times if status == "error" else self.timeout_times).append(time)

    def totals(self) -> Totals:
        """Return what the calls amount to."""
        return total(self.durations, len(self.error_times), len(self.timeout_times))


def by_tool(calls: Calls, *, with_sizes: bool = False) -> dict[ToolKey, Group]:
    """Read calls, and put those of each tool together.

    Args:
        calls: the calls.
        with_sizes: whether the sizes of results are wanted; reading them takes a fifth longer.
    """
    groups: defaultdict[tuple[str | None, str], Group] = defaultdict(Group)
    columns = ("server", "tool_name", "status", "duration_ms", "timestamp")
    sized = "result_bytes" if with_sizes else "NULL"
    for server, name, status, duration, time, size in calls.rows(*columns, sized):
        group = groups[server, name]
        group.durations.append(duration)
        group.times.append(time)
        if status != "success":  # as add_time() does; calling it would take a third longer
            (group.error_times if status == "error" else group.timeout_times).append(time)
        if size is not None:
            group.sizes.append(size)
    for group in groups.values():
        group.durations.sort()  # whatever sorts them again, alone or merged, has little left to do
    return {ToolKey(*key): group for key, group in groups.items()}


def merged(groups: Iterable[Group]) -> Group:
    """Return what is known of the calls of several tools together."""
    every = Group()
    for group in groups:
        for name in Group.__slots__:
            getattr(every, name).extend(getattr(group, name))
    return every
