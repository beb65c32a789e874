"""A period cut into hours, days, weeks, months or years, or into parts of equal length."""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, get_args

from devflow_analytics_reports.errors import PeriodError
from devflow_analytics_reports.period import Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_reports.period import Period

By = Literal["hour", "day", "week"]
"""What a period can be cut into; a week begins on Monday."""

PARTS = get_args(By)

Each = Literal["hour", "3 hours", "day", "week", "month", "year"]
"""What a chart has a bar for; three hours begin at midnight, three, six and so on."""

MOST_PARTS = 10_000
"""How many parts a period may have."""

_NO_SUCH_YEAR = (
    "The period goes beyond the years 1 to 9999; the period of all calls does so where calls have"
    " wrong times. Give since and until within those years."
)


@dataclass(frozen=True, slots=True)
class Part:
    """What happened in a part of a period."""

    since: int
    """Its first second, in Unix time."""
    until: int
    """The first second after it, in Unix time."""
    is_whole: bool
    """Whether it is a whole hour, day or week that is over; the last ones may go on, or end early.

    A part of equal length is whole when it is over.
    """
    calls: int
    """Number of calls, however they ended."""
    errors: int
    """Number of those that failed with an error."""
    timeouts: int
    """Number of those that timed out."""

    @property
    def failing(self) -> float | None:
        """The share of calls that did not succeed, 0 to 1; None without calls."""
        return (self.errors + self.timeouts) / self.calls if self.calls else None


def whole(period: Period, by: Each) -> Period:
    """Return a period that begins with a whole hour, three hours, day and so on: its first one.

    Raises:
        PeriodError: it is not within the years 1 to 9999.
    """
    try:
        return replace(period, since=_first(period, by))
    except (OverflowError, OSError, ValueError):
        raise PeriodError(_NO_SUCH_YEAR) from None


def cut(period: Period, by: Each) -> list[Range]:
    """Return the hours, three hours, days and so on of a period, as its zone has them.

    The period must begin with one, as one of `whole` does.

    A day has 23 or 25 hours where the clocks change, and an hour that comes twice is two.

    Raises:
        PeriodError: there are more than `MOST_PARTS`, or one is beyond the years 1 to 9999.
    """
    bounds = [period.since]
    while bounds[-1] < period.until:
        if len(bounds) > MOST_PARTS:
            parts = "parts of 3 hours" if by == "3 hours" else f"{by}s"
            raise PeriodError(
                f"The period has more than {MOST_PARTS:,} {parts}. Give a shorter period, or longer"
                " parts."
            )
        bounds.append(min(following(period, bounds[-1], by), period.until))
    return [Range(*bound) for bound in pairwise(bounds)]


def cut_evenly(period: Period, count: int) -> list[Range]:
    """Return as many parts of a period, equally long to a second."""
    length = period.until - period.since
    bounds = [period.since + length * number // count for number in range(count + 1)]
    return [Range(*bound) for bound in pairwise(bounds)]


def counts(ordered: Sequence[int], parts: Sequence[Range]) -> list[int]:
    """Return how many of some times, in order, lie in each part."""
    return [bisect_left(ordered, end) - bisect_left(ordered, begin) for begin, end in parts]


def _first(period: Period, by: Each) -> int:
    """Return where the hour, three hours, day and so on begins that the period begins in."""
    if by == "hour":
        return _hour(period, period.since)
    if by == "3 hours":
        since = _hour(period, period.since)
        while _three_hours(period, earlier := _hour(period, since - 1)) == _three_hours(
            period, since
        ):
            since = earlier
        return since
    wall = period.local(period.since)
    if by == "month":
        wall = wall.replace(day=1)
    elif by == "year":
        wall = wall.replace(month=1, day=1)
    days = wall.weekday() if by == "week" else 0
    return _midnight(period, wall, -days)


def following(period: Period, since: int, by: Each) -> int:
    """Return where the hour, three hours, day and so on after one begins.

    Raises:
        PeriodError: it is not within the years 1 to 9999.
    """
    try:
        return _following(period, since, by)
    except (OverflowError, OSError, ValueError):
        raise PeriodError(_NO_SUCH_YEAR) from None


def _following(period: Period, since: int, by: Each) -> int:
    if by == "hour":
        wall = period.local(since + 3600)
        late = wall.minute * 60 + wall.second  # where clocks change by half an hour
        return since + 3600 + (3600 - late if late else 0)
    if by == "3 hours":  # two to four hours where clocks change
        later = _following(period, since, "hour")
        while _three_hours(period, later) == _three_hours(period, since):
            later = _following(period, later, "hour")
        return later
    wall = period.local(since)
    if by == "month":
        days = monthrange(wall.year, wall.month)[1] - wall.day + 1
    elif by == "year":
        days = (date(wall.year, 12, 31) - wall.date()).days + 1
    else:
        days = 7 - wall.weekday() if by == "week" else 1
    return _midnight(period, wall, days)


def _hour(period: Period, since: int) -> int:
    """Return where the hour begins that a second is in."""
    wall = period.local(since)
    while late := wall.minute * 60 + wall.second:  # again where clocks change by half an hour
        since -= late
        wall = period.local(since)
    return since


def _three_hours(period: Period, since: int) -> tuple[date, int]:
    """Return the day of a second, and which three hours of it."""
    wall = period.local(since)
    return wall.date(), wall.hour // 3


def _midnight(period: Period, wall: datetime, days: int) -> int:
    """Return when a day begins that is some days after another."""
    naive = wall.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None, fold=0)
    return int((naive + timedelta(days)).replace(tzinfo=period.zone).timestamp())
