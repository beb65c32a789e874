"""Properties of periods and their parts, at any time and in any zone."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from devflow_analytics_db import create_analytics_db, open_readonly
from devflow_analytics_reports import Part, Period, PeriodError, over_time, parse_period, summary

if TYPE_CHECKING:
    from pathlib import Path

ZONES = st.sampled_from(sorted(available_timezones() - {"localtime"})).map(ZoneInfo)
NOWS = st.integers(-(2**31), 2**33)
"""1901 to 2242: within it some zone has changed its clocks in any way that there is."""

WORDS = st.one_of(
    st.sampled_from(["today", "yesterday", "this-week", "this-month", "all"]),
    st.builds("{}{}".format, st.integers(1, 999), st.sampled_from("hdw")),
    st.dates().map(str),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
)
HALF_A_DAY = 12 * 3600
DAY = 2 * HALF_A_DAY
NEVER_WAS = (
    "Pacific/Apia",
    "Pacific/Fakaofo",
    "Pacific/Kwajalein",
    "Kwajalein",
    "Pacific/Enderbury",
)
NEVER_WAS += ("Pacific/Kanton", "Pacific/Kiritimati", "Asia/Manila", "Pacific/Guam")


def parsed(now: int, zone: ZoneInfo, since: str, until: str | None = None) -> Period:
    try:
        return parse_period(since, until, now=now, zone=zone)
    except PeriodError:
        assume(False)  # noqa: FBT003  how hypothesis passes over a case
        raise


def date_of(seconds: int, zone: ZoneInfo) -> str:
    return str(datetime.fromtimestamp(seconds, zone).date())


@settings(deadline=None)
@given(NOWS, ZONES, st.text() | WORDS, st.none() | st.text() | WORDS)
@example(0, ZoneInfo("UTC"), "2000-01-01", "2000-01-01")  # is yet to come
@example(0, ZoneInfo("UTC"), "\ud800", None)
def test_two_words_are_a_period_or_an_error_that_names_one(
    now: int, zone: ZoneInfo, since: str, until: str | None
) -> None:
    try:
        period = parse_period(since, until, now=now, zone=zone)
    except PeriodError as error:
        assert any(repr(word) in str(error) for word in (since, until))  # noqa: PT017  no error is well, too
        return
    assert period.since < period.until
    assert (period.now, period.zone) == (now, zone)
    if until is None and since != "all":
        assert period.until == now + 1
    if period.before is not None:
        assert period.before.since <= period.before.until <= period.since


@settings(deadline=None)
@given(NOWS, ZONES, WORDS, st.none() | WORDS)
def test_the_period_before_is_as_long_as_what_has_passed_or_ends_where_the_period_begins(
    now: int, zone: ZoneInfo, since: str, until: str | None
) -> None:
    period = parsed(now, zone, since, until)
    if period.before is None:
        assert since == "all"
        return
    assume(period.since > -60_000_000_000)  # the year 68: there are years before it
    assume(zone.key not in NEVER_WAS)  # a day that never was is compared with nothing
    passed = max(0, min(period.until, now + 1) - period.since)
    length = period.before.until - period.before.since
    assert length == min(passed, period.since - period.before.since)
    if passed > 0:
        assert length > 0


@settings(deadline=None)
@given(NOWS, ZONES, st.integers(1, 400), st.sampled_from("dw"))
def test_days_ago_are_the_same_time_of_another_day(
    now: int, zone: ZoneInfo, count: int, unit: str
) -> None:
    period = parsed(now, zone, f"{count}{unit}")
    begin = datetime.fromtimestamp(period.since, zone)
    end = datetime.fromtimestamp(period.until, zone)
    assume(begin.fold == end.fold == 0)
    days = count * (7 if unit == "w" else 1)
    if begin.time() == end.time():
        assert (end.date() - begin.date()).days == days
    else:  # clocks did not show it on that day
        assert abs((period.until - period.since) - days * DAY) <= DAY + HALF_A_DAY


@settings(deadline=None)
@given(NOWS, ZONES, st.integers(1, 40 * DAY), st.sampled_from(["hour", "day", "week"]))
def test_parts_cover_a_period_without_gap_or_overlap(
    empty: Path, now: int, zone: ZoneInfo, length: int, by: Any
) -> None:
    period = Period(now - length, now + 1, zone, now, "", None)
    with open_readonly(empty) as connection:
        parts = over_time(connection, period, by).parts
    assert parts[0].since <= period.since < parts[0].until
    assert parts[-1].until == period.until
    assert all(one.until == other.since for one, other in pairwise(parts))
    assert all(one.since < one.until for one in parts)
    assert [part.is_whole for part in parts] == [True] * (len(parts) - 1) + [False]
    for part in parts:
        begin = datetime.fromtimestamp(part.since, zone)
        if by == "hour":
            assert (begin.minute, begin.second) == (0, 0)
        elif (begin.hour, begin.minute, begin.second) != (0, 0, 0):  # its midnight never was
            # most zones skip an hour there
            assert date_of(part.since - 3601, zone) < date_of(part.since, zone)
        if by == "week" and (begin.hour, begin.minute) == (0, 0):
            assert begin.weekday() == 0 or zone.key in NEVER_WAS


@settings(deadline=None)
@given(NOWS, ZONES, WORDS, st.none() | WORDS, st.integers(1, 100))
def test_even_parts_cover_a_period(
    empty: Path, now: int, zone: ZoneInfo, since: str, until: str | None, count: int
) -> None:
    period = parsed(now, zone, since, until)
    with open_readonly(empty) as connection:
        found = summary(connection, period, parts=count)
    parts: tuple[Part, ...] = found.parts
    assert len(parts) == count
    assert (parts[0].since, parts[-1].until) == (found.period.since, found.period.until)
    lengths = [part.until - part.since for part in parts]
    assert max(lengths) - min(lengths) <= 1
    assert all(one.until == other.since for one, other in pairwise(parts))
    assert all(part.is_whole == (part.until <= now) for part in parts)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without rows."""
    file = tmp_path_factory.mktemp("empty") / "analytics.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(file.parent))
        create_analytics_db(file).close()
    return file
