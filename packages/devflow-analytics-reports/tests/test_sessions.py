from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import (
    Filters,
    Session,
    SessionNotFoundError,
    Sessions,
    find_session,
    parse_period,
    session,
    sessions,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = 86400
NOW = 20_000 * DAY + 12 * 3600
TODAY = 20_000 * DAY
PERIOD = parse_period("today", now=NOW, zone=ZoneInfo("UTC"))


@pytest.fixture
def add_session(insert: Callable[..., None]) -> Callable[..., None]:
    def add_session(name: str, started_at: int, **values: object) -> None:
        insert("sessions", {"id": name, "started_at": started_at, **values})

    return add_session


def test_an_empty_database_has_no_sessions(ask: Callable[..., Any]) -> None:
    assert ask(sessions, PERIOD) == Sessions(PERIOD, (), 0)


@pytest.mark.parametrize("filters", [Filters(), Filters(tools=("a",)), Filters(sessions=("s3",))])
@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_a_limit_leaves_those_that_started_last_and_the_number_of_all(
    limit: int,
    filters: Filters,
    ask: Callable[..., Any],
    add: Callable[..., None],
    add_session: Callable[..., None],
) -> None:
    for number in range(8):
        add_session(f"s{number}", TODAY + number // 2)
        times = [] if number == 7 else [TODAY - 9, TODAY + 900 - number, NOW - number]
        tool = "ab"[number % 2]
        add(*({"timestamp": at, "tool_name": tool, "session_id": f"s{number}"} for at in times))
    every = ask(sessions, PERIOD, filters)
    assert ask(sessions, PERIOD, filters, limit=limit) == Sessions(
        PERIOD, every.sessions[:limit], len(every.sessions)
    )


@pytest.mark.parametrize("limit", [None, 1])
def test_no_session_passes_a_filter_that_no_call_does(
    limit: int | None, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": TODAY, "tool_name": "a"})
    found = ask(sessions, PERIOD, Filters(tools=("b",)), limit=limit)
    assert found == Sessions(PERIOD, (), 0)


def test_a_session_has_its_calls_of_the_period(
    ask: Callable[..., Any], add: Callable[..., None], add_session: Callable[..., None]
) -> None:
    names = {"client": "claude-code", "client_version": "2.1", "project": "p"}
    add_session("s", TODAY - 50, ended_at=NOW - 600, tool_count=7, **names)
    add(
        {"timestamp": TODAY - 1, "tool_name": "a"},
        {"timestamp": TODAY, "tool_name": "c", "duration_ms": 0.5},
        {"timestamp": TODAY + 5, "tool_name": "b", "status": "error"},
        {"timestamp": TODAY + 4, "tool_name": "b", "server": "x", "status": "timeout"},
        {"timestamp": TODAY + 4, "tool_name": "a"},
    )
    (found,) = ask(sessions, PERIOD).sessions
    assert found == Session(
        id="s",
        started_at=TODAY - 50,
        last_at=NOW - 600,
        is_running=True,
        client="claude-code",
        client_version="2.1",
        project="p",
        calls=4,
        errors=1,
        timeouts=1,
        total_ms=3.5,
        tools=(("b", 2), ("a", 1), ("c", 1)),
    )
    every = ask(session, "s", now=NOW + 1)
    assert (every.calls, every.is_running, every.tools) == (
        5,
        False,
        (("a", 2), ("b", 2), ("c", 1)),
    )


@pytest.mark.parametrize(
    ("started", "ended", "calls", "last"),
    [
        (NOW - 5000, None, [], NOW - 5000),
        (NOW - 5000, NOW - 4000, [], NOW - 4000),
        (NOW - 5000, None, [NOW - 3000], NOW - 3000),
        (NOW - 5000, NOW - 4000, [NOW - 4100], NOW - 4000),
        (NOW - 5000, NOW - 4000, [NOW - 3900], NOW - 3900),
        (NOW - 5000, None, [NOW - 3000, NOW + 60], NOW + 60),
        (NOW - 5000, NOW - 9000, [NOW - 6000], NOW - 5000),
    ],
)
def test_the_last_moment_of_a_session_is_that_of_its_last_call_or_its_end(
    started: int,
    ended: int | None,
    calls: list[int],
    last: int,
    ask: Callable[..., Any],
    add: Callable[..., None],
    add_session: Callable[..., None],
) -> None:
    add_session("s", started, ended_at=ended)
    add(*({"timestamp": time} for time in calls))
    (found,) = ask(sessions, PERIOD).sessions
    assert (found.last_at, found.is_running) == (last, last >= NOW - 600)


def test_sessions_without_calls_are_there_if_they_started_in_the_period_and_nothing_is_filtered(
    ask: Callable[..., Any], add: Callable[..., None], add_session: Callable[..., None]
) -> None:
    add_session("empty", TODAY)
    add_session("future", NOW + 1)
    add_session("old", TODAY - 1)
    add_session("long", TODAY - 9 * DAY)
    add({"timestamp": TODAY, "session_id": "long"}, {"timestamp": TODAY - 1, "session_id": "old"})

    def names(*arguments: object) -> list[str]:
        return [found.id for found in ask(sessions, *arguments).sessions]

    assert names(PERIOD) == ["empty", "long"]
    assert names(PERIOD, Filters(tools=("t",))) == ["long"]
    assert names(PERIOD, Filters(sessions=("empty",))) == []
    assert names(parse_period("all", now=NOW)) == ["future", "empty", "old", "long"]


def test_all_has_sessions_without_any_calls(
    ask: Callable[..., Any], add_session: Callable[..., None]
) -> None:
    add_session("s", 5)
    period = parse_period("all", now=NOW)
    assert [found.id for found in ask(sessions, period).sessions] == ["s"]


def test_sessions_are_in_the_order_of_their_start_and_then_of_their_names(
    ask: Callable[..., Any], add_session: Callable[..., None]
) -> None:
    for name, started in (("b", TODAY), ("a", TODAY), ("c", TODAY + 1), ("d", TODAY)):
        add_session(name, started)
    assert [found.id for found in ask(sessions, PERIOD).sessions] == ["c", "a", "b", "d"]


def test_a_session_without_calls_has_none(
    ask: Callable[..., Any], add_session: Callable[..., None]
) -> None:
    add_session("s", 5)
    assert ask(session, "s", now=NOW) == Session(
        "s",
        5,
        5,
        is_running=False,
        client=None,
        client_version=None,
        project=None,
        calls=0,
        errors=0,
        timeouts=0,
        total_ms=0.0,
        tools=(),
    )


def test_durations_of_a_session_are_never_infinite(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"duration_ms": 1e308}, {"duration_ms": 1e308})
    assert ask(session, "s", now=NOW).total_ms == pytest.approx(1.7976931348623157e308)


def test_a_session_is_found_by_its_end(
    ask: Callable[..., Any], add_session: Callable[..., None]
) -> None:
    for name in ("0199-aaaa", "0199-baaa", "aaa", "%", "é\N{SNOWMAN}"):
        add_session(name, 1)
    ends = {
        "aaaa": "0199-aaaa",
        "baaa": "0199-baaa",
        "aaa": "aaa",
        "%": "%",
        "\N{SNOWMAN}": "é\N{SNOWMAN}",
    }
    assert {end: ask(find_session, end) for end in ends} == ends


def test_an_end_that_more_than_one_session_has_or_none_is_told(
    ask: Callable[..., Any], add_session: Callable[..., None]
) -> None:
    for name in ("0199-aaaa", "0199-baaa"):
        add_session(name, 1)
    with pytest.raises(SessionNotFoundError) as raised:
        ask(find_session, "aaa")
    assert str(raised.value) == (
        "More than one session has an id that ends in 'aaa'. Give more of it."
    )
    assert raised.value.exit_status == 66
    for begin in ("0199", "0199-"):
        with pytest.raises(SessionNotFoundError, match=r"More than one session .* begins with"):
            ask(find_session, begin)
    assert ask(find_session, "0199-b") == "0199-baaa"
    for end in ("", "x", "x0199-aaaa", "AAAA", "\udcff", "*", "' OR 1 --"):
        with pytest.raises(SessionNotFoundError) as raised:
            ask(find_session, end)
        assert raised.value.what == f"No session has the id {end!r}, or one that ends so."
        assert raised.value.exit_status == 66


def test_a_session_that_is_not_there_is_told(ask: Callable[..., Any]) -> None:
    with pytest.raises(SessionNotFoundError) as raised:
        ask(session, "x", now=NOW)
    assert str(raised.value) == "No session has the id 'x'."
