"""The words of a period, in Berlin on Thursday, 26 November 2026, at 13:00:30."""

from __future__ import annotations

from datetime import datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import Period, PeriodError, Range, parse_period
from devflow_analytics_reports.period import FIRST, LAST

BERLIN = ZoneInfo("Europe/Berlin")


def at(written: str) -> int:
    return int(datetime.fromisoformat(written).replace(tzinfo=BERLIN).timestamp())


NOW = at("2026-11-26 13:00:30")


def written(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, BERLIN).isoformat(" ")[:19]


def parse(since: str = "7d", until: str | None = None, now: int = NOW) -> Period:
    return parse_period(since, until, now=now, zone=BERLIN)


SINCE = {
    "1h": ("2026-11-26 12:00:31", "2026-11-26 11:00:31"),
    "24h": ("2026-11-25 13:00:31", "2026-11-24 13:00:31"),
    "7d": ("2026-11-19 13:00:31", "2026-11-12 13:00:31"),
    "90d": ("2026-08-28 13:00:31", "2026-05-30 13:00:31"),
    "4w": ("2026-10-29 13:00:31", "2026-10-01 13:00:31"),
    "today": ("2026-11-26 00:00:00", "2026-11-25 00:00:00"),
    "yesterday": ("2026-11-25 00:00:00", "2026-11-23 00:00:00"),
    "this-week": ("2026-11-23 00:00:00", "2026-11-16 00:00:00"),
    "this-month": ("2026-11-01 00:00:00", "2026-10-01 00:00:00"),
    "2026-11-20": ("2026-11-20 00:00:00", "2026-11-13 00:00:00"),
    "20261120": ("2026-11-20 00:00:00", "2026-11-13 00:00:00"),
    "2026-W47-5": ("2026-11-20 00:00:00", "2026-11-13 00:00:00"),
    "2026-11-26T12:00": ("2026-11-26 12:00:00", "2026-11-26 10:59:29"),
    "2026-11-26 12:00:00": ("2026-11-26 12:00:00", "2026-11-26 10:59:29"),
    "2026-11-26T12:00+05:45": ("2026-11-26 07:15:00", "2026-11-26 01:29:29"),
    "2026-11-26T11:00Z": ("2026-11-26 12:00:00", "2026-11-26 10:59:29"),
}
"""Where a period begins, and the one before it."""


@pytest.mark.parametrize("word", SINCE)
def test_a_word_says_where_a_period_begins_and_it_goes_on_until_now(word: str) -> None:
    period = parse(word)
    assert period.before is not None
    assert (written(period.since), written(period.before.since)) == SINCE[word]
    assert (period.until, period.now, period.zone, period.name) == (NOW + 1, NOW, BERLIN, word)
    assert period.is_open


def test_a_period_is_of_seven_days_if_nothing_is_said() -> None:
    assert parse_period(now=NOW, zone=BERLIN) == parse("7d")


UNTIL = {
    "2h": "2026-11-26 11:00:31",
    "7d": "2026-11-19 13:00:31",
    "today": "2026-11-27 00:00:00",
    "yesterday": "2026-11-26 00:00:00",
    "this-week": "2026-11-30 00:00:00",
    "this-month": "2026-12-01 00:00:00",
    "2026-11-20": "2026-11-21 00:00:00",
    "20261120": "2026-11-21 00:00:00",
    "2026-W47-5": "2026-11-21 00:00:00",
    "2026-11-20T12:00": "2026-11-20 12:00:00",
}


@pytest.mark.parametrize("word", UNTIL)
def test_a_period_ends_with_the_day_week_or_month_that_is_named_or_so_long_ago(word: str) -> None:
    period = parse("2026-11-02", word)
    assert (written(period.since), written(period.until)) == ("2026-11-02 00:00:00", UNTIL[word])
    assert period.name == f"2026-11-02 to {word}"
    assert period.is_open == (period.until > NOW)


BEFORE = {
    ("today", None): ("2026-11-25 00:00:00", "2026-11-25 13:00:31"),
    ("today", "this-month"): ("2026-11-25 00:00:00", "2026-11-25 13:00:31"),
    ("yesterday", "yesterday"): ("2026-11-24 00:00:00", "2026-11-25 00:00:00"),
    ("this-week", None): ("2026-11-16 00:00:00", "2026-11-19 13:00:31"),
    ("2026-11-01", "2026-11-07"): ("2026-10-25 00:00:00", "2026-10-31 23:00:00"),  # 25 hours
    ("2026-03-01", "2026-03-31"): ("2026-01-29 00:00:00", "2026-02-28 23:00:00"),
    ("2026-11-20T08:00", "2026-11-20T09:30"): ("2026-11-20 06:30:00", "2026-11-20 08:00:00"),
    ("2026-11-26T12:00", "today"): ("2026-11-26 10:59:29", "2026-11-26 12:00:00"),
    ("7d", "all"): ("2026-11-12 13:00:31", "2026-11-19 13:00:31"),
}


@pytest.mark.parametrize(("words", "expected"), BEFORE.items(), ids=map(str, BEFORE))
def test_the_period_before_is_as_long_as_what_has_passed(
    words: tuple[str, str | None], expected: tuple[str, str]
) -> None:
    before = parse(*words).before
    assert before is not None
    assert (written(before.since), written(before.until)) == expected


def test_a_month_is_compared_with_no_more_than_the_month_before() -> None:
    before = parse("this-month", now=at("2026-03-30 12:00:00")).before
    assert before == Range(at("2026-02-01"), at("2026-03-01"))


def test_this_month_ends_with_the_year() -> None:
    period = parse("this-month", "this-month", now=at("2026-12-31 23:59:59"))
    assert (period.since, period.until) == (at("2026-12-01"), at("2027-01-01"))


def test_all_is_without_ends_and_has_nothing_before() -> None:
    assert parse("all") == parse("all", "all") == Period(FIRST, LAST, BERLIN, NOW, "all", None)
    period = parse("all", "yesterday")
    assert period == Period(FIRST, at("2026-11-26"), BERLIN, NOW, "all to yesterday", None)
    period = parse("today", "all")
    assert (period.since, period.until, period.is_open) == (at("2026-11-26"), LAST, True)


NONSENSE = (
    *("", " ", "nonsense", "7 d", " 7d", "7d ", "7D", "7", "d", "+1d", "1.5d"),
    *(
        "7d\n",
        "\uff17d",
        "\u0663h",
        "2026-13-01",
        "2026-02-29",
        "2026-11",
        "26-11-01",
        "Today",
    ),
    *(
        "\uff12\uff10\uff12\uff16-11-01",
        "0000-01-01",
        "10000-01-01",
        "2026-11-01T25:00",
        "2026-11-01T12:00+24:00",
    ),
    *("\ud800", "'; DROP TABLE tool_calls --", "now", "all the time", "this-year", "\0", "x" * 999),
)


@pytest.mark.parametrize("word", NONSENSE, ids=ascii)
def test_a_word_that_means_nothing_is_told(word: str) -> None:
    expected = (
        f"{word!r} is not a period. Give one like 24h, 7d or 4w, today, yesterday, this-week,"
        " this-month, all, a day like 2026-11-30, or a time like 2026-11-30T12:00."
    )
    for words in ((word,), ("7d", word)):
        with pytest.raises(PeriodError) as raised:
            parse(*words)
        assert str(raised.value) == expected


@pytest.mark.parametrize("word", ["0d", "07d", "-1d", "1000000h", "99999999d"])
def test_a_number_of_hours_or_days_that_cannot_be_is_told(word: str) -> None:
    with pytest.raises(PeriodError) as raised:
        parse(word)
    assert str(raised.value) == (
        f"{word!r} is not a period: a number before h, d or w goes from 1 to 999999. Give one like"
        " 24h, 7d or 4w."
    )


@pytest.mark.parametrize("word", ["999999d", "999999w", "9999-12-31"])
def test_a_year_that_no_calendar_has_is_told(word: str) -> None:
    with pytest.raises(PeriodError) as raised:
        parse(word)
    assert str(raised.value) == f"{word!r} is beyond the years 1 to 9999. Give a time within them."


def test_the_first_year_of_all_can_be_asked_for() -> None:
    period = parse("0001-01-01")
    assert period.before is not None
    assert period.before.until <= period.since < period.until
    assert parse("999999h").since == NOW + 1 - 999_999 * 3600
    assert parse("2026-01-01", "9999-12-30").until == at("9999-12-31")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("today", "yesterday"),
            "The period ends before it begins: 'today' to 'yesterday'. Give a later end.",
        ),
        (
            ("2026-11-02T12:00", "2026-11-02T12:00"),
            (
                "The period ends before it begins: '2026-11-02T12:00' to '2026-11-02T12:00'. Give a"
                " later end."
            ),
        ),
        (
            ("2026-11-27", None),
            "'2026-11-27' is in the future. Give an earlier time, or an end as well.",
        ),
        (
            ("2026-11-26T13:00:31", None),
            "'2026-11-26T13:00:31' is in the future. Give an earlier time, or an end as well.",
        ),
    ],
)
def test_a_period_that_ends_before_it_begins_is_told(
    words: tuple[str, str | None], sentence: str
) -> None:
    with pytest.raises(PeriodError) as raised:
        parse(*words)
    assert str(raised.value) == sentence


def test_what_may_come_can_be_asked_for() -> None:
    period = parse("2026-11-27", "2026-11-28")
    assert (period.since, period.until) == (at("2026-11-27"), at("2026-11-29"))
    assert period.before == Range(period.since, period.since)  # nothing of it has passed


def test_a_period_is_cut_to_a_range() -> None:
    period = parse("today", "today")
    begin, end = period.since, period.until
    cuts = {
        (since, until): period.covering(since, until)
        for since, until in product(
            (begin - 9, begin + 5, end + 9), (begin - 8, begin + 7, end + 10)
        )
    }
    assert {key: (cut.since, cut.until) for key, cut in cuts.items()} == {
        (begin - 9, begin - 8): (begin, begin),
        (begin - 9, begin + 7): (begin, begin + 7),
        (begin - 9, end + 10): (begin, end),
        (begin + 5, begin - 8): (begin + 5, begin + 5),
        (begin + 5, begin + 7): (begin + 5, begin + 7),
        (begin + 5, end + 10): (begin + 5, end),
        (end + 9, begin - 8): (end + 9, end + 9),
        (end + 9, begin + 7): (end + 9, end + 9),
        (end + 9, end + 10): (end + 9, end + 9),
    }
