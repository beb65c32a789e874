"""What happened in the made-up sixty days: when people worked, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devflow_analytics_cli.made_up.tools import TOOLS, WORK, weighted

if TYPE_CHECKING:
    from devflow_analytics_cli.made_up.chance import Weighted
    from devflow_analytics_cli.made_up.tools import Tool

HOUR = 3600
DAY = 24 * HOUR

SATURDAY = 5

FIRST_HOUR, LAST_HOUR = 9, 17
"""When it may be for whoever looks at the data, in hours of his day."""

RELEASED = 3 * DAY
"""How long before now the bad release of search_code came."""

SILENT = 25 * DAY + HOUR // 3
"""How long before now slack_post_message was called last."""

SHUT_DOWN = 40 * DAY + HOUR // 3
"""How long before now the server jira was called last."""

JIRA = frozenset(tool.name for tool in TOOLS if tool.server == "jira")

LIMIT_FROM, LIMIT_UNTIL = 14 * HOUR, 16 * HOUR
"""The time of day of the rate limit."""

LIMIT_PERIOD, LIMIT_FREE = 900, 300
"""GitHub answers again for the first seconds of each period; both in seconds."""


class Story:
    """Times of what happened, in Unix seconds."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.shift = _shift(now)
        """What to add to a time for the time of day where people work."""
        self.today = (now + self.shift) // DAY * DAY - self.shift
        """When today began."""
        self.released = now - RELEASED
        self.silent = now - SILENT
        self.shut_down = now - SHUT_DOWN
        workdays = [day for day in range(1, 7) if self.weekday(day) < SATURDAY]
        self.limited = tuple(self.today - day * DAY for day in workdays[:2])
        """When the two days began of which GitHub limited the rate in the afternoon."""
        phases = (JIRA | {"slack_post_message"}, JIRA, frozenset[str]())  # the newest first
        self._tools = {work: [weighted(work, gone) for gone in phases] for work in WORK}

    def weekday(self, days_ago: int) -> int:
        """Return the day of the week of some days ago; Monday is 0."""
        return ((self.now + self.shift) // DAY - days_ago + 3) % 7  # 1970 began with a Thursday

    def tools(self, work: str, at: float) -> Weighted[Tool]:
        """Return the tools that a kind of work called at a time, by how often."""
        return self._tools[work][(at < self.silent) + (at < self.shut_down)]

    def is_limited(self, at: float) -> bool:
        """Tell whether GitHub refused to answer at a time."""
        return at % LIMIT_PERIOD >= LIMIT_FREE and any(
            LIMIT_FROM <= at - day < LIMIT_UNTIL for day in self.limited
        )


def _shift(now: int) -> int:
    """Return the least shift of the clock that makes now a time at which people work.

    Whoever runs the demo is at work. The data cannot know his time zone, or it would be other data
    on another machine.
    """
    hour = now % DAY // HOUR
    if FIRST_HOUR <= hour < LAST_HOUR:
        return 0
    later, earlier = (FIRST_HOUR - hour) % 24, (hour - LAST_HOUR) % 24 + 1
    return (later if later <= earlier else -earlier) * HOUR
