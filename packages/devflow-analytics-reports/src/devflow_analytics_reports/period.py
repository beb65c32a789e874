"""A period of time: from which second to which, in whose days, and the period before it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from devflow_analytics_reports.errors import PeriodError

FIRST = -(2**63)
"""The earliest second that a row can have."""

LAST = 2**63 - 1
"""The end of a period that has none."""

_DAY = re.compile(r"\d{4}(-?)\d\d\1\d\d|\d{4}(-?)W\d\d\2\d", re.ASCII)
"""2026-11-30, and the same day in other ways: 20261130, 2026-W49-1, 2026W491."""

_AGO = re.compile(r"([1-9]\d{0,5})([hdw])", re.ASCII)

_ANY_AGO = re.compile(r"-?\d+[hdw]", re.ASCII)
"""The same with a number that is too small or too large, or begins with 0."""


class Range(NamedTuple):
    """Seconds of Unix time: from the first of them to the first after them."""

    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that a question is about."""

    since: int
    """Its first second, in Unix time."""
    until: int
    """The first second after it, in Unix time."""
    zone: tzinfo | None
    """The zone of its days and hours; None for that of the system."""
    now: int
    """When it was asked for, in Unix time; ages count from here."""
    name: str
    """How it was asked for: ``7d``, ``today``, ``2026-11-01``."""
    before: Range | None
    """The period before: as many seconds long as have passed of this one; None for ``all``.

    Days, weeks and months are compared with those before, from the same time of day: it begins
    so many days, weeks or months earlier. It ends at the latest where this one begins.
    """

    @property
    def is_open(self) -> bool:
        """Whether more calls can come into it."""
        return self.until > self.now

    def local(self, seconds: int) -> datetime:
        """Return a time as the zone of the period shows it.

        Raises:
            OverflowError, OSError, ValueError: the year is not one that Python knows.
        """
        moment = datetime.fromtimestamp(seconds, self.zone)
        return moment if self.zone else moment.astimezone()

    def covering(self, since: int, until: int) -> Period:
        """Return what of the period is in a range of seconds."""
        since = max(self.since, since)
        return replace(self, since=since, until=max(since, min(self.until, until)))


def parse_period(
    since: str = "7d", until: str | None = None, *, now: int, zone: tzinfo | None = None
) -> Period:
    """Return the period that two words mean.

    Args:
        since: where it begins: ``24h``, ``7d`` or ``4w`` before now; ``today``, ``yesterday``,
            ``this-week`` (on Monday), ``this-month``; a day as ``2026-11-01``; a time as
            ``2026-11-01T12:00``, with an offset if it is not one of the zone; or ``all``.
        until: where it ends, in the same words; a day, week or month that is named is included,
            and ``7d`` is the time of day seven days before now. Without it the period goes on until
            now, the second of ``now`` included.
        now: the time, in Unix seconds.
        zone: the zone of days and times; None for that of the system.

    Raises:
        PeriodError: a word means nothing, or the end is not after the beginning.
    """
    if since == "all" and until in {None, "all"}:
        return Period(FIRST, LAST, zone, now, "all", None)
    words = _Words(now, zone)
    begin = words.range(since).since
    end = now + 1 if until is None else words.range(until).until
    if end <= begin:
        if until is not None:
            raise PeriodError(
                f"The period ends before it begins: {since!r} to {until!r}. Give a later end."
            )
        raise PeriodError(f"{since!r} is in the future. Give an earlier time, or an end as well.")
    name = since if until is None else f"{since} to {until}"
    before = (
        None if since == "all" else words.before(since, Range(begin, max(begin, min(end, now + 1))))
    )
    return Period(begin, end, zone, now, name, before)


class _Words:
    """What the words of a period mean at some time in some zone.

    "The wall" is a time without a zone, as a clock on the wall shows it. Where it shows a time
    twice, the first one counts; one that it never shows counts as the moment that was skipped to.
    """

    def __init__(self, now: int, zone: tzinfo | None) -> None:
        self._now = now
        self._zone = zone

    def range(self, word: str) -> Range:
        """Return the seconds that a word means.

        Raises:
            PeriodError: it means none.
        """
        try:
            return self._range(word)
        except (OverflowError, OSError, ValueError):
            raise PeriodError(
                f"{word!r} is beyond the years 1 to 9999. Give a time within them."
            ) from None

    def before(self, word: str, period: Range) -> Range:
        """Return the period before one that begins with a word."""
        try:
            since = self._earlier(word, period)
        except (OverflowError, OSError, ValueError):
            since = FIRST
        return Range(since, min(since + period.until - period.since, period.since))

    def _range(self, word: str) -> Range:
        if word == "all":
            return Range(FIRST, LAST)
        if word in {"today", "yesterday", "this-week", "this-month"}:
            return self._named(word)
        if ago := _AGO.fullmatch(word):
            at = self._ago(self._now + 1, int(ago[1]), ago[2])
            return Range(at, at)
        if _ANY_AGO.fullmatch(word):
            raise PeriodError(
                f"{word!r} is not a period: a number before h, d or w goes from 1 to 999999. Give"
                " one like 24h, 7d or 4w."
            )
        return self._written(word)

    def _named(self, word: str) -> Range:
        """Return what the name of a day, week or month means."""
        today = self._wall(self._now).date()
        if word == "this-month":
            first = today.replace(day=1)
            return self._days(first, ((first + timedelta(31)).replace(day=1) - first).days)
        if word == "this-week":
            return self._days(today - timedelta(today.weekday()), 7)
        return self._days(today - timedelta(word == "yesterday"), 1)

    def _written(self, word: str) -> Range:
        """Return what a day or time that is written out means."""
        is_day = _DAY.fullmatch(word)
        try:
            moment = datetime.fromisoformat(word)
        except ValueError:
            moment = None
        if moment is None or (len(word) <= len("2026-11-30") and not is_day):  # such as 2026-W49
            raise PeriodError(
                f"{word!r} is not a period. Give one like 24h, 7d or 4w, today, yesterday,"
                " this-week, this-month, all, a day like 2026-11-30, or a time like"
                " 2026-11-30T12:00."
            )
        if is_day:
            return self._days(moment.date(), 1)
        seconds = int(moment.timestamp()) if moment.tzinfo else self._seconds(moment)
        return Range(seconds, seconds)

    def _earlier(self, word: str, period: Range) -> int:
        """Return where the period before one begins."""
        length = period.until - period.since
        if ago := _AGO.fullmatch(word):
            return self._ago(period.since, int(ago[1]), ago[2])
        first = self._wall(period.since)
        if word == "this-month":
            return self._seconds((first - timedelta(1)).replace(day=1))
        if word in {"today", "yesterday", "this-week"} or _DAY.fullmatch(word):
            last = self._wall(period.until - 1)
            days = (last.date() - first.date()).days + 1
            weeks = -(-days // 7)
            return self._seconds(first - timedelta(weeks * 7 if word == "this-week" else days))
        return period.since - length

    def _ago(self, seconds: int, count: int, unit: str) -> int:
        """Return the time that is so many hours, days or weeks earlier, at the same time of day."""
        if unit == "h":
            return seconds - count * 3600
        return self._seconds(self._wall(seconds) - timedelta(count * (7 if unit == "w" else 1)))

    def _days(self, first: date, days: int) -> Range:
        begin = datetime.combine(first, time())
        return Range(self._seconds(begin), self._seconds(begin + timedelta(days)))

    def _wall(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone).replace(tzinfo=None)

    def _seconds(self, wall: datetime) -> int:
        return int(wall.replace(tzinfo=self._zone).timestamp())
