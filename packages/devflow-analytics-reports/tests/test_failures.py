from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from devflow_analytics_reports import (
    Failure,
    Failures,
    Filters,
    Loop,
    failures,
    parse_period,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400
NOW = 20_000 * DAY + 12 * 3600
PERIOD = parse_period("today", now=NOW, zone=ZoneInfo("UTC"))


def row(since: int, text: str, **values: object) -> list[dict[str, object]]:
    """Calls one second after the other: . succeeds, E and V are errors, T times out."""
    ends = {
        ".": {"status": "success"},
        "E": {"status": "error", "error_type": "E"},
        "V": {"status": "error", "error_type": "V"},
        "?": {"status": "error"},
        "T": {"status": "timeout"},
    }
    return [
        {"timestamp": since + number, **ends[letter], **values}
        for number, letter in enumerate(text)
    ]


def test_an_empty_database_has_no_failures(ask: Callable[..., Any]) -> None:
    assert ask(failures, PERIOD) == Failures(PERIOD, 0, (), ())


def test_failures_are_counted_by_tool_status_and_error_type_with_their_share(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        *row(NOW - 100, "E.E.T.?.", tool_name="t"),
        *row(NOW - 50, "EE.", tool_name="t", server="x", error_type="E"),
        *row(NOW - DAY, "EEEE", tool_name="t"),
        *row(NOW + 1, "E", tool_name="t"),
    )
    assert ask(failures, PERIOD) == Failures(
        PERIOD,
        11,
        (
            Failure("x", "t", "error", "E", 2, 2 / 3, NOW - 49),
            Failure(None, "t", "error", "E", 2, 0.25, NOW - 98),
            Failure(None, "t", "error", None, 1, 0.125, NOW - 94),
            Failure(None, "t", "timeout", None, 1, 0.125, NOW - 96),
        ),
        (),
    )


def test_three_failures_in_a_row_are_a_loop(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        *row(NOW - 100, ".EE.", session_id="two"),
        *row(NOW - 90, ".VETV.", session_id="four", agent="a", server="x"),
        *row(NOW - 80, "EEE", session_id="three"),
        *row(NOW - 77, "EEEEE", session_id="five"),
        *row(NOW - 70, "??V", session_id="unknown"),
    )
    assert ask(failures, PERIOD).loops == (
        Loop(None, "t", "five", None, 5, NOW - 77, NOW - 73, "E"),
        Loop("x", "t", "four", "a", 4, NOW - 89, NOW - 86, "V"),
        Loop(None, "t", "unknown", None, 3, NOW - 70, NOW - 68, None),
        Loop(None, "t", "three", None, 3, NOW - 80, NOW - 78, "E"),
    )


def test_two_loops_may_be_in_one_session(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    add(*row(NOW - 100, "EEE.EE.EEEE"))
    assert [(loop.calls, loop.since) for loop in ask(failures, PERIOD).loops] == [
        (4, NOW - 93),
        (3, NOW - 100),
    ]


def test_calls_of_other_tools_agents_and_servers_do_not_interrupt_a_loop(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    others = ({"tool_name": "u"}, {"agent": "a"}, {"server": "x"}, {"session_id": "other"})
    for second in range(3):
        add(*row(NOW - 50 + second, "E"))
        for other in others:
            add(*row(NOW - 50 + second, ".", **other))
    assert [loop.calls for loop in ask(failures, PERIOD).loops] == [3]


def test_calls_that_come_late_are_in_the_order_of_their_time_and_then_of_their_rows(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    late = row(NOW - 50, "E.EEE")
    add(*reversed(late))
    assert [(loop.calls, loop.since) for loop in ask(failures, PERIOD).loops] == [(3, NOW - 48)]
    add(*[{**call, "timestamp": NOW, "session_id": "x"} for call in row(0, "EE.EEEE")])
    assert ask(failures, PERIOD).loops[0].calls == 4


def test_a_filter_by_status_says_what_is_listed_and_shares_stay_those_of_all_calls(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*row(NOW - 50, "EEEEETTT.."))
    found = ask(failures, PERIOD, Filters(statuses=("timeout",)))
    assert found == Failures(
        PERIOD,
        10,
        (Failure(None, "t", "timeout", None, 3, 0.3, NOW - 43),),
        (Loop(None, "t", "s", None, 3, NOW - 45, NOW - 43, None),),
    )
    found = ask(failures, PERIOD, Filters(statuses=("success",)))
    assert (found.calls, found.failures, found.loops) == (10, (), ())
    found = ask(failures, PERIOD, Filters(statuses=("success", "error")))
    assert [(failure.status, failure.calls) for failure in found.failures] == [("error", 5)]
    assert [loop.calls for loop in found.loops] == [5]


def test_all_failures_are_of_all_that_was_recorded(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*row(-10, "EEE"), {"timestamp": NOW})
    found = ask(failures, parse_period("all", now=NOW))
    assert (found.period.since, found.period.until, found.calls) == (-10, NOW + 1, 4)
    assert [loop.since for loop in found.loops] == [-10]
