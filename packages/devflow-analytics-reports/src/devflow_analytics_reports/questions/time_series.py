"""How do the calls, their failures and their durations change over time?"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from operator import gt

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.histogram import histogram
from devflow_analytics_reports.parts import Each, counts, cut, following, whole
from devflow_analytics_reports.period import Period, Range
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import recorded, resolved
from devflow_analytics_reports.totals import Totals, nearest_rank, together, total

HOUR = 3600
DAY = 24 * HOUR

LONGEST: tuple[tuple[int, Each], ...] = (
    (49 * HOUR, "hour"),
    (15 * DAY, "3 hours"),
    (200 * DAY, "day"),
    (3_653 * DAY, "week"),
    (14_610 * DAY, "month"),
)
"""Up to how many seconds a period is cut into what: 10 years into weeks, 40 into months.

A longer one is cut into years.
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The calls of an hour, three hours, a day and so on, as far as it is in the period."""

    since: int
    """Its first second, in Unix time."""
    until: int
    """The first second after it, in Unix time."""
    is_whole: bool
    """Whether it is a whole one that is over: the period may begin or end within one."""
    calls: int
    """Number of calls, however they ended."""
    errors: int
    """Number of those that failed with an error."""
    timeouts: int
    """Number of those that timed out."""
    total_ms: float
    """How long all of them took together, in milliseconds; at most the greatest float."""
    p50_ms: float | None
    """The median: half of them took at most so many milliseconds; None without calls."""
    p95_ms: float | None
    """What 95 of 100 took at most, in milliseconds; None without calls."""
    calls_before: int | None
    """Number of calls in the same stretch of the period before, counted from its beginning.

    None if that period has no such stretch, or nothing was recorded by the end of it.
    """
    histogram: tuple[tuple[int, int], ...]
    """How many took how long: bins in order, and the number of calls in each.

    Bin ``n`` has the durations from 2^(n/2) ms up to 2^((n+1)/2) ms. Bin -7 also has all that are
    shorter, and bin 60 all that are longer.
    """


@dataclass(frozen=True, slots=True)
class TimeSeries:
    """The calls of a period over time."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    each: Each
    """What a bucket stands for."""
    buckets: tuple[Bucket, ...]
    """What the period is cut into, in order and without gaps, also buckets without calls."""
    totals: Totals
    """What all its calls amount to."""
    sessions: int
    """Number of sessions with a call in it."""
    before: Totals | None
    """What the calls of the period before amount to; None if nothing was recorded by then."""
    sessions_before: int | None
    """Number of sessions with a call in the period before; None as above."""


@decodes_fast
def time_series(
    connection: Connection,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    each: Each | None = None,
) -> TimeSeries:
    """Return the calls of a period over time.

    Buckets begin with the hours, days and so on of the period's zone. The first one begins where
    the period does and the last one ends where it does, so that they add up to its summary.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        each: what to cut it into. Without it, that depends on its length: hours up to 49 hours,
            three hours up to 15 days, days up to 200 days, weeks up to 10 years, months up to 40
            years, and else years.

    Raises:
        PeriodError: there are more than 10,000 buckets, or one is beyond the years 1 to 9999.
    """
    period = resolved(connection, period)
    each = each or _each(period)
    ranges, are_whole = _cut(period, each)
    rows = _Rows(Calls(connection, period, filters))
    errors, timeouts = counts(rows.error_times, ranges), counts(rows.timeout_times, ranges)
    there = recorded(connection)
    before: _Rows | None = None
    calls_before: list[int | None] = [None] * len(ranges)
    if period.before and there and there.since < period.before.until:
        before = _Rows(Calls(connection, period.before, filters))
        earlier = period.since - period.before.since
        counterparts = [Range(begin - earlier, until - earlier) for begin, until in ranges]
        calls_before = [
            calls if within.since < period.before.until and within.until > there.since else None
            for within, calls in zip(counterparts, counts(before.times, counterparts), strict=True)
        ]
    buckets = []
    for number, within in enumerate(ranges):
        durations = rows.durations(within)
        buckets.append(
            Bucket(
                *within,
                are_whole[number],
                len(durations),
                errors[number],
                timeouts[number],
                together(durations),
                nearest_rank(durations, 50),
                nearest_rank(durations, 95),
                calls_before[number],
                histogram(durations),
            )
        )
    return TimeSeries(
        period,
        each,
        tuple(buckets),
        rows.totals(),
        rows.sessions,
        before.totals() if before else None,
        before.sessions if before else None,
    )


class _Rows:
    """What is read of calls, in the order of their times."""

    def __init__(self, calls: Calls) -> None:
        self.times = array("q")
        self._durations = array("d")
        self.error_times: list[int] = []
        self.timeout_times: list[int] = []
        for time, duration, status in calls.rows("timestamp", "duration_ms", "status"):
            self.times.append(time)
            self._durations.append(duration)
            if status != "success":
                (self.error_times if status == "error" else self.timeout_times).append(time)
        self.error_times.sort()
        self.timeout_times.sort()
        if any(map(gt, self.times, self.times[1:])):  # as where an index was no use
            order = sorted(range(len(self.times)), key=self.times.__getitem__)
            self.times = array("q", map(self.times.__getitem__, order))
            self._durations = array("d", map(self._durations.__getitem__, order))
        self.sessions = calls.session_count()

    def durations(self, within: Range) -> list[float]:
        """Return how long the calls of a range took, the shortest first."""
        begin, end = (bisect_left(self.times, bound) for bound in within)
        return sorted(self._durations[begin:end])

    def totals(self) -> Totals:
        """Return what all of them amount to."""
        return total(self._durations, len(self.error_times), len(self.timeout_times))


def _each(period: Period) -> Each:
    """Return what a period is cut into if nobody says it."""
    length = period.until - period.since
    return next((each for longest, each in LONGEST if length <= longest), "year")


def _cut(period: Period, each: Each) -> tuple[list[Range], list[bool]]:
    """Return what a period is cut into, and which of them are whole and over."""
    if period.since >= period.until:
        return [], []
    from_first = whole(period, each)
    ranges = cut(from_first, each)
    are_whole = [until <= period.now for _, until in ranges]
    if following(period, ranges[-1].since, each) > period.until:
        are_whole[-1] = False
    if from_first.since < period.since:
        are_whole[0] = False
        ranges[0] = Range(period.since, ranges[0].until)
    return ranges, are_whole
