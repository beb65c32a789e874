from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import (
    Filters,
    OverTime,
    Part,
    Period,
    PeriodError,
    Range,
    Summary,
    ToolTotals,
    Totals,
    over_time,
    parse_period,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UTC = ZoneInfo("UTC")
DAY = 86400
NOW = 20_000 * DAY + 12 * 3600  # noon
TODAY = 20_000 * DAY


def period(since: str = "today", until: str | None = None) -> Period:
    return parse_period(since, until, now=NOW, zone=UTC)


def test_an_empty_database_has_an_answer(ask: Callable[..., Any]) -> None:
    nothing = Totals(0, 0, 0, 0.0, None, None, None)
    asked = period()
    assert ask(summary, asked, parts=2) == Summary(
        asked,
        nothing,
        sessions=0,
        before=None,
        sessions_before=None,
        parts=(
            Part(TODAY, TODAY + 21_600, is_whole=True, calls=0, errors=0, timeouts=0),
            Part(TODAY + 21_600, NOW + 1, is_whole=False, calls=0, errors=0, timeouts=0),
        ),
        tools=(),
    )
    every = ask(summary, period("all"), parts=1)
    assert (every.period.since, every.period.until, every.totals) == (NOW, NOW, nothing)
    assert every.parts == (Part(NOW, NOW, is_whole=True, calls=0, errors=0, timeouts=0),)


def test_a_summary_has_totals_parts_tools_and_the_period_before(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": TODAY - 1, "session_id": "old", "duration_ms": 7.5},
        {"timestamp": TODAY - DAY, "session_id": "old", "status": "timeout"},
        {"timestamp": TODAY - DAY - 1},
        {"timestamp": TODAY - DAY // 2 + 1},
        {"timestamp": TODAY, "duration_ms": 10.0},
        {"timestamp": TODAY + 1, "duration_ms": 30.0, "status": "error", "server": "x"},
        {"timestamp": NOW, "duration_ms": 20.0, "session_id": "new", "status": "timeout"},
        {"timestamp": NOW + 1},
    )
    found = ask(summary, period(), parts=3)
    third = (NOW + 1 - TODAY) // 3
    assert found == Summary(
        period(),
        Totals(3, 1, 1, 60.0, 20.0, 30.0, 30.0),
        sessions=2,
        before=Totals(1, 0, 1, 1.0, 1.0, 1.0, 1.0),
        sessions_before=1,
        parts=(
            Part(TODAY, TODAY + third, is_whole=True, calls=2, errors=1, timeouts=0),
            Part(TODAY + third, TODAY + 2 * third, is_whole=True, calls=0, errors=0, timeouts=0),
            Part(TODAY + 2 * third, NOW + 1, is_whole=False, calls=1, errors=0, timeouts=1),
        ),
        tools=(
            ToolTotals(None, "t", Totals(2, 0, 1, 30.0, 10.0, 20.0, 20.0)),
            ToolTotals("x", "t", Totals(1, 1, 0, 30.0, 30.0, 30.0, 30.0)),
        ),
    )


def test_before_the_first_record_there_is_nothing_to_compare_with(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY - DAY // 2 + 1})  # after the period before, which ends at noon
    found = ask(summary, period())
    assert (found.before, found.sessions_before) == (None, None)
    add({"timestamp": TODAY - DAY // 2, "tool_name": "u"})  # its last second
    found = ask(summary, period(), Filters(tools=("t",)))
    assert found.before == Totals(0, 0, 0, 0.0, None, None, None)
    assert found.sessions_before == 0


def test_all_is_cut_to_what_was_recorded(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    add({"timestamp": -5}, {"timestamp": NOW + 10**9, "tool_name": "u"})
    found = ask(summary, period("all"), Filters(tools=("t",)), parts=1)
    assert (found.period.since, found.period.until) == (-5, NOW + 10**9 + 1)
    assert (found.totals.calls, found.before) == (1, None)
    for words, expected in (
        (("all", "today"), (-5, TODAY + DAY)),
        (("today", "all"), (TODAY, NOW + 10**9 + 1)),
    ):
        found = ask(summary, period(*words), parts=1)
        assert (found.period.since, found.period.until) == expected


def test_tools_with_equal_numbers_of_calls_are_in_the_order_of_their_names(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    for server, name in (("b", "t"), ("a", "t"), (None, "t"), (None, "s"), ("z", "u"), ("z", "u")):
        add({"timestamp": NOW, "tool_name": name, "server": server})
    found = ask(summary, period())
    assert [(tool.server, tool.name) for tool in found.tools] == [
        *(("z", "u"), (None, "s"), (None, "t"), ("a", "t"), ("b", "t"))
    ]


def test_calls_over_time_are_counted_by_the_hour(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": NOW - 5400, "status": "error"},
        {"timestamp": NOW - 7200, "status": "timeout"},
        {"timestamp": NOW - 7201},
        {"timestamp": NOW},
        {"timestamp": NOW, "tool_name": "u"},
    )
    asked = parse_period("1h", now=NOW + 600, zone=UTC)
    since = NOW - 3600
    assert ask(over_time, asked, "hour", Filters(tools=("t",))) == OverTime(
        Period(since, NOW + 601, UTC, NOW + 600, "1h", asked.before),
        "hour",
        (
            Part(since, NOW, is_whole=True, calls=0, errors=0, timeouts=0),
            Part(NOW, NOW + 601, is_whole=False, calls=1, errors=0, timeouts=0),
        ),
    )
    found = ask(over_time, parse_period("2h", now=NOW, zone=UTC), "hour")
    assert [(part.calls, part.errors, part.timeouts, part.failing) for part in found.parts] == [
        (2, 1, 1, 1.0),
        (0, 0, 0, None),
        (2, 0, 0, 0.0),
    ]


@pytest.mark.parametrize(
    ("words", "by", "whole"),
    [
        (("2024-10-01", "2024-10-03"), "day", [True, True, True]),
        (("2024-10-01", "2024-10-03T12:00"), "day", [True, True, False]),
        (("2024-10-01T09:00", "2024-10-03"), "day", [True, True, True]),
        (("yesterday", None), "day", [True, False]),
        (("yesterday", "today"), "day", [True, False]),
        (("today", "2024-10-06"), "day", [False, False, False]),
        (("2024-09-25", "2024-10-04"), "week", [True, False]),
        (("2024-09-25", "2024-10-06"), "week", [True, False]),
        (("2024-09-18", "2024-09-29"), "week", [True, True]),
        (("2024-10-04T10:30", "2024-10-04T11:30"), "hour", [True, False]),
        (("2024-10-04T10:30", "2024-10-04T12:00"), "hour", [True, True]),
    ],
)
def test_a_part_is_whole_if_it_is_over_and_not_cut(
    words: tuple[str, str | None], by: str, whole: list[bool], ask: Callable[..., Any]
) -> None:
    found = ask(over_time, period(*words), by)  # now is 2024-10-04T12:00
    assert [part.is_whole for part in found.parts] == whole


def test_calls_beyond_the_year_9999_are_not_counted_by_day(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": 10**18})
    with pytest.raises(PeriodError) as raised:
        ask(over_time, period("all"), "day")
    assert str(raised.value) == (
        "The period goes beyond the years 1 to 9999; the period of all calls does so where calls"
        " have wrong times. Give since and until within those years."
    )
    add({"timestamp": NOW})
    with pytest.raises(PeriodError) as raised:
        ask(over_time, period("all"), "day")
    assert str(raised.value) == (
        "The period has more than 10,000 days. Give a shorter period, or longer parts."
    )
    assert ask(over_time, period(), "day").parts[0].calls == 1


def test_an_empty_period_has_no_parts(ask: Callable[..., Any]) -> None:
    asked = Period(TODAY, TODAY, UTC, NOW, "", Range(0, 0))
    assert ask(over_time, asked, "day").parts == ()
