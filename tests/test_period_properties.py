"""Properties of periods and their parts, at any time and in any zone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, example, given, settings, strategies as st

from devflow_analytics_db import create_analytics_db, open_readonly
from devflow_analytics_reports import (
    Part,
    Period,
    PeriodError,
    Range,
    over_time,
    parse_period,
    summary,
    time_series,
)

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
@given(
    NOWS,
    ZONES,
    st.integers(1, 40 * DAY),
    st.integers(-DAY, 10 * DAY),
    st.sampled_from([None, "hour", "3 hours", "day", "week"]),
)
@example(1_774_746_000 + 3600, ZoneInfo("Europe/Berlin"), 8000, 1, "3 hours")
@example(1_792_890_000 + 3600, ZoneInfo("Europe/Berlin"), 8000, 1, "3 hours")
@example(1_325_239_200 + 1800, ZoneInfo("Pacific/Apia"), 5 * DAY, 1, "day")
@example(1_325_239_200 + 1800, ZoneInfo("Pacific/Apia"), 5 * DAY, 1, "3 hours")
@example(1_775_314_800 + 1800, ZoneInfo("Australia/Lord_Howe"), 9000, 5, "hour")
@example(1_775_314_800 + 1800, ZoneInfo("Australia/Lord_Howe"), 9000, 5, "3 hours")
@example(1_790_431_200 + 5000, ZoneInfo("Pacific/Chatham"), DAY, 5, "3 hours")
@example(1_800_000_000, ZoneInfo("Asia/Kathmandu"), 9 * DAY, DAY, "3 hours")
@example(1_800_000_000, ZoneInfo("Asia/Kolkata"), 9 * DAY, DAY, "week")
def test_buckets_partition_a_period_at_whole_hours_days_and_weeks(
    empty: Path, now: int, zone: ZoneInfo, length: int, ahead: int, each: Any
) -> None:
    period = Period(now + ahead - length, now + ahead, zone, now, "", None)
    with open_readonly(empty) as connection:
        found = time_series(connection, period, each=each)
    buckets = found.buckets
    assert (buckets[0].since, buckets[-1].until) == (period.since, period.until)
    assert all(one.until == other.since for one, other in pairwise(buckets))
    assert all(one.since < one.until for one in buckets)
    for bucket in buckets[1:-1]:
        assert bucket.is_whole == (bucket.until <= now)
    for bucket in (buckets[0], buckets[-1]):
        assert not bucket.is_whole or bucket.until <= now
    for bucket in buckets[1:]:
        begin = datetime.fromtimestamp(bucket.since, zone)
        earlier = datetime.fromtimestamp(bucket.since - 3600, zone)
        if found.each in {"hour", "3 hours"}:
            assert (begin.minute, begin.second) == (0, 0)
        elif (begin.hour, begin.minute, begin.second) != (0, 0, 0):  # its midnight never was
            assert date_of(bucket.since - 3601, zone) < date_of(bucket.since, zone)
        if found.each == "3 hours":
            assert begin.hour % 3 == 0 or begin.utcoffset() != earlier.utcoffset()
        if found.each == "week" and (begin.hour, begin.minute) == (0, 0):
            assert begin.weekday() == 0 or zone.key in NEVER_WAS


CALLS = st.lists(
    st.tuples(
        st.integers(-2 * DAY, 30 * DAY),
        st.floats(0, allow_infinity=False),
        st.sampled_from(["success", "error", "timeout"]),
    ),
    max_size=30,
)


@settings(deadline=None)
@given(
    NOWS,
    ZONES,
    st.integers(1, 20 * DAY),
    CALLS,
    st.sampled_from([None, "hour", "3 hours", "day", "week"]),
)
def test_buckets_add_up_to_the_summary(
    filled: Path, now: int, zone: ZoneInfo, length: int, calls: list[Any], each: Any
) -> None:
    before = Range(now + 1 - 2 * length, now + 1 - length)
    period = Period(now + 1 - length, now + 1, zone, now, "", before)
    with closing(sqlite3.connect(filled, isolation_level=None)) as connection:
        connection.execute("DELETE FROM sessions")
        connection.execute("DELETE FROM tool_calls")
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 0)")
        connection.executemany(
            "INSERT INTO tool_calls (id, tool_name, timestamp, duration_ms, status, session_id)"
            " VALUES (?, 't', ?, ?, ?, 's')",
            ((number, now - age, *rest) for number, (age, *rest) in enumerate(calls)),
        )
    with open_readonly(filled) as asked:
        found, whole = time_series(asked, period, each=each), summary(asked, period)
    for name in ("calls", "errors", "timeouts"):
        together = sum(getattr(bucket, name) for bucket in found.buckets)
        assert together == getattr(whole.totals, name)
    for bucket in found.buckets:
        inside = sorted(
            duration for age, duration, _ in calls if bucket.since <= now - age < bucket.until
        )
        assert bucket.calls == len(inside) == sum(calls for _, calls in bucket.histogram)
        assert (bucket.p50_ms is None) == (not inside)
        if inside:
            assert bucket.p50_ms == inside[(len(inside) - 1) // 2]
            assert bucket.p95_ms == inside[-(-len(inside) * 95 // 100) - 1]
    compared = [bucket.calls_before for bucket in found.buckets]
    if whole.before is None:
        assert set(compared) == {None}
    else:
        assert sum(calls or 0 for calls in compared) == whole.before.calls
        known = [calls is not None for calls in compared]
        assert known == sorted(known)  # nothing is known until the first record


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
    return made(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that a test fills, each time anew."""
    return made(tmp_path_factory.mktemp("filled"))


def made(directory: Path) -> Path:
    file = directory / "analytics.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(directory))
        create_analytics_db(file).close()
    return file
