from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import (
    Bucket,
    Filters,
    Period,
    PeriodError,
    Range,
    TimeSeries,
    Totals,
    parse_period,
    summary,
    time_series,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UTC = ZoneInfo("UTC")
HOUR = 3600
DAY = 24 * HOUR
NOW = 20_000 * DAY + 12 * HOUR  # noon
TODAY = 20_000 * DAY


def period(since: str = "today", until: str | None = None, zone: ZoneInfo = UTC) -> Period:
    return parse_period(since, until, now=NOW, zone=zone)


def empty(since: int, until: int, *, is_whole: bool, before: int | None = None) -> Bucket:
    return Bucket(since, until, is_whole, 0, 0, 0, 0.0, None, None, before, ())


def bounds(found: TimeSeries) -> list[int]:
    return [found.buckets[0].since, *(bucket.until for bucket in found.buckets)]


def test_an_empty_database_has_empty_buckets(ask: Callable[..., Any]) -> None:
    asked = period("2h")
    assert ask(time_series, asked) == TimeSeries(
        asked,
        "hour",
        (
            empty(NOW - 2 * HOUR + 1, NOW - HOUR, is_whole=False),
            empty(NOW - HOUR, NOW, is_whole=True),
            empty(NOW, NOW + 1, is_whole=False),
        ),
        totals=Totals(0, 0, 0, 0.0, None, None, None),
        sessions=0,
        before=None,
        sessions_before=None,
    )


def test_all_of_an_empty_database_has_no_buckets(ask: Callable[..., Any]) -> None:
    found = ask(time_series, period("all"))
    assert (found.period.since, found.period.until, found.buckets) == (NOW, NOW, ())


def test_buckets_have_counts_durations_and_what_was_before(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": TODAY - DAY - 1},
        {"timestamp": TODAY - DAY},
        {"timestamp": TODAY - DAY + 6 * HOUR - 1},
        {"timestamp": TODAY - DAY + 6 * HOUR},
        {"timestamp": TODAY - DAY + 12 * HOUR},
        {"timestamp": TODAY - DAY + 12 * HOUR + 1},  # later than now, a day ago
        {"timestamp": TODAY - 1},
        {"timestamp": NOW + 1},
        {"timestamp": NOW, "duration_ms": 8.0, "status": "timeout"},
        {"timestamp": TODAY, "duration_ms": 30.0},
        {"timestamp": TODAY + 1, "duration_ms": 0.0, "status": "error"},
        {"timestamp": TODAY + 3 * HOUR - 1, "duration_ms": 31.0, "status": "error"},
        {"timestamp": TODAY + 3 * HOUR, "duration_ms": 1e308},
        {"timestamp": TODAY + 3 * HOUR, "duration_ms": 1e308},
    )
    three = 3 * HOUR
    assert ask(time_series, period(), each="3 hours").buckets == (
        Bucket(
            since=TODAY,
            until=TODAY + three,
            is_whole=True,
            calls=3,
            errors=2,
            timeouts=0,
            total_ms=61.0,
            p50_ms=30.0,
            p95_ms=31.0,
            calls_before=1,
            histogram=((-7, 1), (9, 2)),
        ),
        Bucket(
            since=TODAY + three,
            until=TODAY + 2 * three,
            is_whole=True,
            calls=2,
            errors=0,
            timeouts=0,
            total_ms=1.7976931348623157e308,
            p50_ms=1e308,
            p95_ms=1e308,
            calls_before=1,
            histogram=((60, 2),),
        ),
        empty(TODAY + 2 * three, TODAY + 3 * three, is_whole=True, before=1),
        empty(TODAY + 3 * three, NOW, is_whole=True, before=0),
        Bucket(
            since=NOW,
            until=NOW + 1,
            is_whole=False,
            calls=1,
            errors=0,
            timeouts=1,
            total_ms=8.0,
            p50_ms=8.0,
            p95_ms=8.0,
            calls_before=1,
            histogram=((6, 1),),
        ),
    )


def test_rows_may_be_in_any_order(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    for hour in (5, 1, 4, 1, 2):
        add({"timestamp": TODAY + hour * HOUR, "duration_ms": float(hour)})
    found = ask(time_series, period(), Filters(sessions=("s",)))
    assert [(bucket.calls, bucket.p50_ms) for bucket in found.buckets[:6]] == [
        *((0, None), (2, 1.0), (1, 2.0), (0, None), (1, 4.0), (1, 5.0))
    ]


def test_what_is_before_the_first_record_is_not_compared(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY - DAY + 4 * HOUR, "tool_name": "other"}, {"timestamp": NOW})
    found = ask(time_series, period(), Filters(tools=("t",)), each="3 hours")
    assert [bucket.calls_before for bucket in found.buckets] == [None, 0, 0, 0, 0]
    assert {bucket.calls_before for bucket in ask(time_series, period("all")).buckets} == {None}


def test_nothing_recorded_in_the_period_before_is_nothing_to_compare(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY - DAY + 12 * HOUR + 1}, {"timestamp": NOW})
    for asked in (period(), period("today", "today")):
        assert {bucket.calls_before for bucket in ask(time_series, asked).buckets} == {None}
    add({"timestamp": TODAY - DAY + 12 * HOUR})
    found = ask(time_series, period(), each="3 hours")
    assert [bucket.calls_before for bucket in found.buckets] == [*[None] * 4, 1]


def test_what_is_yet_to_come_is_compared_with_nothing(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY - 3 * DAY}, {"timestamp": TODAY})
    found = ask(time_series, period("today", "today"), each="3 hours")
    assert [bucket.calls_before for bucket in found.buckets] == [0, 0, 0, 0, 0, None, None, None]
    assert [bucket.is_whole for bucket in found.buckets] == [True] * 4 + [False] * 4
    assert found.buckets[-1].until == TODAY + DAY


def test_filters_hold_for_the_period_and_the_one_before(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    for name in ("read", "write", "write"):
        add({"timestamp": TODAY - DAY, "tool_name": name}, {"timestamp": TODAY, "tool_name": name})
    for filters, calls in ((Filters(), 3), (Filters(tools=("w*",)), 2), (Filters(("x",)), 0)):
        first = ask(time_series, period(), filters).buckets[0]
        assert (first.calls, first.calls_before) == (calls, calls)


@pytest.mark.parametrize(
    ("seconds", "each"),
    [
        (1, "hour"),
        (49 * HOUR, "hour"),
        (49 * HOUR + 1, "3 hours"),
        (15 * DAY, "3 hours"),
        (15 * DAY + 1, "day"),
        (200 * DAY, "day"),
        (200 * DAY + 1, "week"),
        (3_653 * DAY, "week"),
        (3_653 * DAY + 1, "month"),
        (14_610 * DAY, "month"),
        (14_610 * DAY + 1, "year"),
        (40_000 * DAY, "year"),
    ],
)
def test_a_longer_period_has_longer_buckets(
    seconds: int, each: str, ask: Callable[..., Any]
) -> None:
    found = ask(time_series, Period(NOW - seconds, NOW, UTC, NOW, "", None))
    assert found.each == each
    assert bounds(found)[:: len(found.buckets)] == [NOW - seconds, NOW]
    assert len(found.buckets) < 530


def test_months_and_years_begin_with_their_first_day(ask: Callable[..., Any]) -> None:
    berlin = ZoneInfo("Europe/Berlin")

    def days(each: Any, since: str, until: str) -> list[str]:
        begin, end = (int(datetime.fromisoformat(day).timestamp()) for day in (since, until))
        found = ask(time_series, Period(begin, end, berlin, end, "", None), each=each)
        return [f"{datetime.fromtimestamp(one, berlin):%Y-%m-%dT%H}" for one in bounds(found)]

    assert days("month", "2023-12-31T12:00+01:00", "2024-04-01T00:00+02:00") == [
        "2023-12-31T12",
        "2024-01-01T00",
        "2024-02-01T00",
        "2024-03-01T00",
        "2024-04-01T00",
    ]
    assert days("year", "2023-07-01T00:00+02:00", "2025-02-03T00:00+01:00") == [
        "2023-07-01T00",
        "2024-01-01T00",
        "2025-01-01T00",
        "2025-02-03T00",
    ]


def test_a_call_at_time_zero_does_not_make_all_calls_heavy(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": 0}, {"timestamp": NOW})
    found = ask(time_series, period("all"))
    assert (found.each, len(found.buckets)) == ("year", 55)
    assert [found.buckets[0].calls, found.buckets[-1].calls] == [1, 1]


@pytest.mark.parametrize("each", ["hour", "3 hours", "day", "week"])
def test_the_first_and_last_buckets_are_whole_if_the_period_begins_and_ends_with_one(
    each: Any, ask: Callable[..., Any]
) -> None:
    monday = int(datetime(2024, 9, 23, tzinfo=UTC).timestamp())

    def are_whole(since: int, until: int, now: int) -> list[bool]:
        found = ask(time_series, Period(since, until, UTC, now, "", None), each=each)
        return [bucket.is_whole for bucket in found.buckets]

    length = {"hour": HOUR, "3 hours": 3 * HOUR, "day": DAY, "week": 7 * DAY}[each]
    end = monday + 3 * length
    assert are_whole(monday, end, end) == [True, True, True]
    assert are_whole(monday, end, end - 1) == [True, True, False]
    assert are_whole(monday + 1, end - 1, end) == [False, True, False]
    assert are_whole(monday - 1, end + 1, end) == [False, True, True, True, False]
    assert are_whole(monday + 1, monday + 2, end) == [False]
    assert are_whole(monday, monday + length - 1, end) == [False]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/Berlin", "2026-03-29", [0, 3, 6, 9, 12, 15, 18, 21]),
        ("Europe/Berlin", "2026-10-25", [0, 3, 6, 9, 12, 15, 18, 21]),
        ("America/Havana", "2026-03-08", [1, 3, 6, 9, 12, 15, 18, 21]),  # it has no midnight
        ("Australia/Lord_Howe", "2026-04-05", [0, 3, 6, 9, 12, 15, 18, 21]),
        ("Asia/Kathmandu", "2026-03-29", [0, 3, 6, 9, 12, 15, 18, 21]),
    ],
)
def test_three_hours_begin_at_the_same_times_of_every_day(
    zone: str, day: str, expected: list[int], ask: Callable[..., Any]
) -> None:
    asked = parse_period(day, day, now=2_000_000_000, zone=ZoneInfo(zone))
    found = ask(time_series, asked, each="3 hours")
    begins = [asked.local(bucket.since) for bucket in found.buckets]
    assert [begin.hour + begin.minute / 60 for begin in begins] == expected
    assert all(one.until == other.since for one, other in pairwise(found.buckets))
    assert (found.buckets[0].since, found.buckets[-1].until) == (asked.since, asked.until)
    assert all(bucket.is_whole for bucket in found.buckets)


def test_three_hours_last_two_or_four_where_clocks_change(ask: Callable[..., Any]) -> None:
    for day, hours in (("2026-03-29", 2), ("2026-10-25", 4)):
        asked = parse_period(day, day, now=2_000_000_000, zone=ZoneInfo("Europe/Berlin"))
        lengths = [
            (bucket.until - bucket.since) / HOUR
            for bucket in ask(time_series, asked, each="3 hours").buckets
        ]
        assert lengths == [hours, *[3] * 7]


def test_buckets_add_up_to_the_summary(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    for number in range(200):
        status = "success" if number % 7 else ("error", "timeout")[number % 2]
        add({"timestamp": NOW - number * 5000, "duration_ms": number / 3, "status": status})
    for since in ("49h", "3d", "7d", "2024-10-01T05:17", "all"):
        asked = period(since, zone=ZoneInfo("Asia/Kathmandu"))
        found, whole = ask(time_series, asked), ask(summary, asked)
        assert found.period == whole.period
        for name in ("calls", "errors", "timeouts", "total_ms"):
            together = sum(getattr(bucket, name) for bucket in found.buckets)
            assert together == pytest.approx(getattr(whole.totals, name), rel=1e-12)
        for bucket in found.buckets:
            assert sum(calls for _, calls in bucket.histogram) == bucket.calls
        if whole.before:
            assert sum(bucket.calls_before or 0 for bucket in found.buckets) == whole.before.calls


@pytest.mark.parametrize("filters", [Filters(), Filters(statuses=("error",))])
@pytest.mark.parametrize("since", ["3d", "7d", "14d", "all"])
def test_the_totals_are_those_of_the_summary(
    since: str, filters: Filters, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    for number in range(200):
        status = "success" if number % 7 else ("error", "timeout")[number % 2]
        at = {"timestamp": NOW - number * 5000, "session_id": f"session-{number // 9}"}
        add(at | {"duration_ms": number % 17 / 3, "status": status})
    found, whole = (ask(each, period(since), filters) for each in (time_series, summary))
    totals = ("totals", "sessions", "before", "sessions_before")
    assert [getattr(found, name) for name in totals] == [getattr(whole, name) for name in totals]


def test_the_period_before_ends_where_the_period_begins_however_short_it_is(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY - 1}, {"timestamp": TODAY})
    asked = Period(TODAY, TODAY + 3 * HOUR, UTC, NOW, "", Range(TODAY - HOUR, TODAY))
    found = ask(time_series, asked)
    assert [bucket.calls_before for bucket in found.buckets] == [1, None, None]


def test_more_than_ten_thousand_buckets_are_refused(ask: Callable[..., Any]) -> None:
    asked = Period(0, 30_001 * HOUR, UTC, NOW, "", None)
    with pytest.raises(PeriodError) as raised:
        ask(time_series, asked, each="3 hours")
    assert str(raised.value) == (
        "The period has more than 10,000 parts of 3 hours. Give a shorter period, or longer parts."
    )
    assert (
        len(ask(time_series, Period(0, 30_000 * HOUR, UTC, NOW, "", None), each="3 hours").buckets)
        == 10_000
    )


def test_years_that_no_calendar_has_are_refused(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": NOW}, {"timestamp": 10**18})
    with pytest.raises(PeriodError, match=r"^The period goes beyond the years 1 to 9999;"):
        ask(time_series, period("all"))
