"""Days, weeks and hours of zones whose clocks change in odd ways."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import Period, PeriodError, Range, parse_period
from devflow_analytics_reports.parts import cut, cut_evenly, whole
from devflow_analytics_reports.period import LAST

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import tzinfo

    from devflow_analytics_reports.parts import Each

CHANGES = {
    "forward in Berlin": ("Europe/Berlin", "2026-03-29T01:00Z"),
    "back in Berlin": ("Europe/Berlin", "2026-10-25T01:00Z"),
    "forward in New York": ("America/New_York", "2026-03-08T07:00Z"),
    "back in New York": ("America/New_York", "2026-11-01T06:00Z"),
    "forward by half an hour": ("Australia/Lord_Howe", "2026-10-03T15:30Z"),
    "back by half an hour": ("Australia/Lord_Howe", "2026-04-04T15:00Z"),
    "forward at :45": ("Pacific/Chatham", "2026-09-26T14:00Z"),
    "back at :45": ("Pacific/Chatham", "2026-04-04T14:00Z"),
    "no midnight in Havana": ("America/Havana", "2026-03-08T05:00Z"),
    "two midnights in Havana": ("America/Havana", "2026-11-01T05:00Z"),
    "no midnight in Sao Paulo": ("America/Sao_Paulo", "2018-11-04T03:00Z"),
    "an hour before midnight twice": ("America/Sao_Paulo", "2018-02-18T02:00Z"),
    "forward after Ramadan": ("Africa/Casablanca", "2026-03-22T02:00Z"),
    "back for Ramadan": ("Africa/Casablanca", "2026-02-15T02:00Z"),
    "forward by a quarter": ("Asia/Kathmandu", "1985-12-31T18:30Z"),
    "a day that never was": ("Pacific/Apia", "2011-12-30T10:00Z"),
    "no change": ("UTC", "2026-06-01T00:00Z"),
}


def at(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp())


@pytest.fixture(params=["zone", "system"])
def zone_of(
    request: pytest.FixtureRequest, system_zone: Callable[[str], None]
) -> Callable[[str], tzinfo | None]:
    """Give a zone by its name: as it is, or as None after the system was set to it."""

    def zone_of(name: str) -> tzinfo | None:
        if request.param == "zone":
            return ZoneInfo(name)
        system_zone(name)
        return None

    return zone_of


def day_of(seconds: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(seconds, zone).date().isoformat()


@pytest.mark.parametrize("by", ["hour", "3 hours", "day", "week", "month", "year"])
@pytest.mark.parametrize("change", CHANGES)
def test_parts_cover_a_period_and_begin_where_clocks_say_so(
    change: str, by: Each, zone_of: Callable[[str], tzinfo | None]
) -> None:
    name, written = CHANGES[change]
    moment, zone, asked = at(written), ZoneInfo(name), zone_of(name)
    steps = range(moment - 4 * 86400, moment + 2 * 86400, 13 * 3600 + 17 * 60 + 3)
    for since in (*steps, moment - 900, moment, moment + 900):
        until = since + 3 * 86400 + 7 * 3600
        period = whole(Period(since, until, asked, until - 1, "", None), by)
        parts = cut(period, by)
        assert parts[0].since <= since < parts[0].until
        assert parts[-1].until == until
        assert all(one.until == other.since for one, other in pairwise(parts))
        for begin, _ in parts:
            local = datetime.fromtimestamp(begin, zone)
            if by == "hour":
                assert (local.minute, local.second) == (0, 0)
                continue
            if by == "3 hours":
                earlier = datetime.fromtimestamp(begin - 3600, zone)
                assert (local.minute, local.second) == (0, 0)
                assert (local.date(), local.hour // 3) != (earlier.date(), earlier.hour // 3)
                assert local.hour % 3 == 0 or local.utcoffset() != earlier.utcoffset()
                continue
            assert day_of(begin - 1, zone) < day_of(begin, zone)
            begins = {
                "day": True,
                "week": local.weekday() == 0,
                "month": local.day == 1,
                "year": (local.month, local.day) == (1, 1),
            }
            assert begins[by]
        if by == "day":  # none is left out
            assert [day_of(begin, zone) for begin, _ in parts] == sorted(
                {
                    day_of(second, zone)
                    for second in (*range(parts[0].since, until, 3600), until - 1)
                }
            )


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Pacific/Chatham", "2026-09-27", 23),
        ("Pacific/Chatham", "2026-04-05", 25),
        ("America/Havana", "2026-03-08", 23),
        ("America/Havana", "2026-11-01", 25),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Asia/Kathmandu", "2026-03-29", 24),
    ],
)
def test_a_day_has_the_hours_that_its_zone_gives_it(
    zone: str, day: str, hours: float, zone_of: Callable[[str], tzinfo | None]
) -> None:
    period = parse_period(day, day, now=at("2027-01-01T00:00Z"), zone=zone_of(zone))
    assert (period.until - period.since) / 3600 == hours
    assert cut(period, "day") == [Range(period.since, period.until)]
    parts = cut(period, "hour")
    assert len(parts) == int(hours)
    odd = [until - since for since, until in parts if until - since != 3600]
    assert odd == ([5400] if hours % 1 else [])


def test_an_hour_that_comes_twice_is_two() -> None:
    zone = ZoneInfo("Europe/Berlin")
    period = parse_period("2026-10-25", "2026-10-25", now=0, zone=zone)
    hours = [datetime.fromtimestamp(since, zone) for since, _ in cut(period, "hour")]
    assert [hour.hour for hour in hours[:5]] == [0, 1, 2, 2, 3]
    assert [hour.fold for hour in hours[:5]] == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("word", ["1d", "7d", "4w", "today", "yesterday", "this-week"])
@pytest.mark.parametrize("change", [change for change in CHANGES if "never" not in change])
def test_the_period_before_begins_at_the_same_time_of_day(
    change: str, word: str, zone_of: Callable[[str], tzinfo | None]
) -> None:
    name, written = CHANGES[change]
    moment, zone, asked = at(written), ZoneInfo(name), zone_of(name)
    for now in range(moment - 2 * 86400, moment + 9 * 86400, 9 * 3600 + 11 * 60 + 1):
        period = parse_period(word, now=now, zone=asked)
        before = period.before
        assert before is not None
        assert before.since < before.until <= period.since
        length = period.until - period.since
        assert before.until - before.since == min(length, period.since - before.since)
        one, other = (datetime.fromtimestamp(since, zone) for since in (before.since, period.since))
        if one.time() != other.time():  # as clocks did not show it on that day
            lost = datetime.combine(one.date(), other.time(), zone)
            assert lost.astimezone(UTC).astimezone(zone).time() != lost.time()


def test_a_time_of_the_zone_that_comes_twice_is_the_first_one() -> None:
    for zone, word, expected in (
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30Z"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30Z"),  # never shown
        ("America/Havana", "2026-03-08T00:00", "2026-03-08T05:00Z"),  # the same
    ):
        period = parse_period(word, now=at("2027-01-01T00:00Z"), zone=ZoneInfo(zone))
        assert period.since == at(expected)


def test_the_zone_of_the_system_is_taken_if_none_is_given(
    system_zone: Callable[[str], None],
) -> None:
    system_zone("Asia/Kathmandu")
    period = parse_period("today", now=at("2026-11-26T18:14:59Z"))
    assert period.since == at("2026-11-25T18:15Z")
    assert period.local(period.since).isoformat() == "2026-11-26T00:00:00+05:45"
    assert parse_period("today", now=at("2026-11-26T18:15Z")).since == at("2026-11-26T18:15Z")


def test_a_time_is_shown_in_the_zone_of_the_period() -> None:
    period = parse_period("1h", now=at("2026-11-26T12:00Z"), zone=ZoneInfo("Pacific/Chatham"))
    assert period.local(period.now).isoformat() == "2026-11-27T01:45:00+13:45"


def test_even_parts_cover_a_period_and_differ_by_a_second() -> None:
    for since, until, count in ((0, 604_800, 36), (-7, 100, 12), (5, 5, 3), (-5, 2**63 - 1, 7)):
        parts = cut_evenly(Period(since, until, None, 0, "", None), count)
        assert (len(parts), parts[0].since, parts[-1].until) == (count, since, until)
        assert all(one.until == other.since for one, other in pairwise(parts))
        lengths = [end - begin for begin, end in parts]
        assert max(lengths) - min(lengths) <= 1


def test_a_period_of_more_than_ten_thousand_parts_is_refused() -> None:
    most = Period(0, 10_000 * 3600, ZoneInfo("UTC"), 0, "", None)
    assert len(cut(most, "hour")) == 10_000
    with pytest.raises(PeriodError) as raised:
        cut(Period(0, 10_000 * 3600 + 1, ZoneInfo("UTC"), 0, "", None), "hour")
    assert str(raised.value) == (
        "The period has more than 10,000 hours. Give a shorter period, or longer parts."
    )


@pytest.mark.parametrize("by", ["hour", "3 hours", "day", "week", "month", "year"])
@pytest.mark.parametrize("zone", [ZoneInfo("Europe/Berlin"), None])
def test_a_period_beyond_the_year_9999_has_no_parts(by: Each, zone: tzinfo | None) -> None:
    for since in (-(10**18), 10**18, LAST - 1):
        with pytest.raises(PeriodError, match=r"^The period goes beyond the years 1 to 9999;"):
            whole(Period(since, since + 1, zone, 0, "", None), by)
    last = at("9999-12-31T00:00+00:00")
    with pytest.raises(PeriodError, match=r"^The period goes beyond the years 1 to 9999;"):
        cut(Period(last, last + 3 * 86400, ZoneInfo("UTC"), 0, "", None), by)
