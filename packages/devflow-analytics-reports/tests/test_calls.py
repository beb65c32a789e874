from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import (
    Call,
    Filters,
    NewestAfter,
    SlowestAfter,
    calls_written_after,
    last_written,
    newest_calls,
    parse_period,
    slowest_calls,
    summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 86400
NOW = 20_000 * DAY + 12 * 3600
PERIOD = parse_period("today", now=NOW, zone=ZoneInfo("UTC"))
EVERYTHING = parse_period("all", now=NOW)


def test_a_call_has_all_its_columns(ask: Callable[..., Any], add: Callable[..., None]) -> None:
    add(
        {
            "id": "x",
            "tool_name": "fetch",
            "duration_ms": 0.1 + 0.2,
            "status": "error",
            "error_type": "E",
            "timestamp": NOW,
            "session_id": "s",
            "server": "web",
            "agent": "explore",
            "source": "hook",
            "error_kind": "tool",
            "error_code": -32603,
            "request_bytes": 1,
            "result_bytes": 2,
            "started_ms": 3,
            "duration_kind": "wall",
        },
        {"timestamp": NOW - 1},
    )
    nothing = (None,) * 9
    expected = (
        Call(
            *(1, "x", "fetch", 0.1 + 0.2, "error", "E", NOW, "s", "web", "explore", "hook"),
            *("tool", -32603, 1, 2, 3, "wall"),
        ),
        Call(2, "c2", "t", 1.0, "success", None, NOW - 1, "s", *nothing),
    )
    assert ask(newest_calls, PERIOD) == expected
    assert ask(slowest_calls, PERIOD) == expected[::-1]


def test_there_are_no_calls_in_an_empty_database(ask: Callable[..., Any]) -> None:
    assert ask(newest_calls, PERIOD) == ask(slowest_calls, EVERYTHING) == ()


def test_the_newest_calls_of_a_second_are_those_of_the_last_rows(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*({"timestamp": time} for time in (NOW, NOW - 1, NOW, NOW + 1, NOW - DAY)))
    assert [call.rowid for call in ask(newest_calls, PERIOD)] == [3, 1, 2]
    assert [call.rowid for call in ask(newest_calls, EVERYTHING)] == [4, 3, 1, 2, 5]


def test_the_slowest_calls_of_one_duration_are_the_newest(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": NOW, "duration_ms": 1.0}, {"timestamp": NOW - 1, "duration_ms": 2.0})
    add({"timestamp": NOW - 2, "duration_ms": 2.0}, {"timestamp": NOW - 1, "duration_ms": 2.0})
    assert [call.rowid for call in ask(slowest_calls, PERIOD)] == [4, 2, 3, 1]


def test_there_are_twenty_calls_unless_more_or_fewer_are_asked_for(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*[{"timestamp": NOW}] * 25)
    for question in (newest_calls, slowest_calls):
        assert [len(ask(question, PERIOD)), len(ask(question, PERIOD, limit=3))] == [20, 3]
        assert (len(ask(question, PERIOD, limit=99)), ask(question, PERIOD, limit=0)) == (25, ())


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_pages_have_every_call_once(
    size: int, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        *(
            {"timestamp": NOW - number % 4, "duration_ms": [1.0, 0.0, 1e300, 0.1 + 0.2][number % 3]}
            for number in range(40)
        )
    )

    def newest(page: tuple[Call, ...]) -> NewestAfter:
        return NewestAfter(page[-1].timestamp, page[-1].rowid)

    def slowest(page: tuple[Call, ...]) -> SlowestAfter:
        return SlowestAfter(page[-1].duration_ms, page[-1].timestamp, page[-1].rowid)

    for question, after in ((newest_calls, newest), (slowest_calls, slowest)):
        every = ask(question, PERIOD, limit=99)
        found, page = (), ask(question, PERIOD, limit=size)
        while page and len(found) <= len(every):  # not for ever, if one comes again
            found += page
            page = ask(question, PERIOD, limit=size, after=after(page))
        assert found == every
        assert sorted(call.rowid for call in found) == list(range(1, 41))


NAMES = (
    "git-log",
    "git-*",
    "[git]",
    "Git",
    "é\N{SNOWMAN}",
    "it's",
    'a"b',
    "a\nb",
    "a\0b",
    "",
    "-- x",
    "?",
)
FOUND = {
    "git-log": ["git-log"],
    "git-*": ["git-log", "git-*"],
    "git-[l*]*": ["git-log", "git-*"],
    "[git]": ["[git]"],
    "[[]git]": ["[git]"],
    "[": [],
    "*": [*NAMES],
    "": [""],
    "?": ["a\0b", "?"],  # SQLite sees a name up to a NUL, but for whole names
    "???": ["Git", 'a"b', "a\nb"],
    "[A-Z]*": ["Git"],
    "é?": ["é\N{SNOWMAN}"],
    "it's": ["it's"],
    'a"b': ['a"b'],
    "a\nb": ["a\nb"],
    "a\0b": ["a\0b"],
    "' OR '1'='1": [],
    "x') OR (1=1": [],
    "-- x": ["-- x"],
    "\ud800": [],
    "\udcff*": [],
    "%": [],
    "g_t-log": [],
    "x" * 100_000: [],
}


def test_the_call_that_was_written_last_is_that_of_the_last_row(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    assert ask(last_written) is None
    add({"timestamp": NOW}, {"timestamp": NOW - 500 * DAY, "id": "late"})
    assert ask(last_written) == "late"


def test_calls_written_after_another_are_those_of_later_rows_the_last_written_first(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(
        {"timestamp": NOW - 1, "id": "a"},
        {"timestamp": NOW, "id": "b"},
        {"timestamp": NOW - 2, "id": "c", "tool_name": "read"},  # later than it was
        {"timestamp": NOW - DAY, "id": "d"},  # not in the period
        {"timestamp": NOW - 3, "id": "e"},
        {"timestamp": NOW + 1, "id": "f"},  # not in it either
    )

    def after(call: str, *arguments: object, **options: object) -> list[str]:
        asked = arguments or (PERIOD,)
        return [found.id for found in ask(calls_written_after, call, *asked, **options)]

    assert after("a") == ["e", "c", "b"]
    assert after("a", limit=2) == ["e", "c"]
    assert after("b") == ["e", "c"]
    assert after("d") == ["e"]  # it may be of any period
    assert after("f") == []
    assert after("a", EVERYTHING) == ["f", "e", "d", "c", "b"]
    assert after("a", PERIOD, Filters(tools=("r*",))) == ["c"]
    assert after("c", PERIOD, Filters(tools=("r*",))) == []
    assert after("a", PERIOD, Filters(sessions=("s",), statuses=("success",))) == ["e", "c", "b"]
    expected = [found for found in ask(newest_calls, PERIOD) if found.id != "a"]
    found = ask(calls_written_after, "a", PERIOD)
    assert sorted(found, key=lambda call: -call.timestamp) == expected


def test_twenty_calls_written_after_another_are_given_unless_more_are_asked_for(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*({"timestamp": NOW} for _ in range(25)))
    assert len(ask(calls_written_after, "c1", PERIOD)) == 20
    assert len(ask(calls_written_after, "c1", PERIOD, limit=1000)) == 24


@pytest.mark.parametrize("gone", ["x", "", "C1", "\udcff", "%"])
def test_nothing_is_written_after_a_call_that_is_gone(
    gone: str, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": NOW}, {"timestamp": NOW})
    assert ask(calls_written_after, gone, PERIOD) is None


def test_rows_that_are_numbered_anew_do_not_change_what_was_written_after_a_call(
    file: Path, ask: Callable[..., Any], add: Callable[..., None], sql: Callable[..., Any]
) -> None:
    add(*({"timestamp": NOW} for _ in range(6)))
    sql(file, "DELETE FROM tool_calls WHERE id IN ('c1', 'c2')")
    sql(file, "UPDATE tool_calls SET rowid = rowid - 2")  # as some SQLites do in vacuuming
    assert [call.id for call in ask(calls_written_after, "c4", PERIOD)] == ["c6", "c5"]
    sql(file, "DELETE FROM tool_calls WHERE id IN ('c5', 'c6')")
    add({"timestamp": NOW, "id": "new"})  # in the row that another had
    assert [call.id for call in ask(calls_written_after, "c4", PERIOD)] == ["new"]
    assert ask(calls_written_after, "c6", PERIOD) is None


@pytest.mark.parametrize(
    "filters",
    [Filters(), Filters(sessions=("s",)), Filters(("t",), ("error",), ("x",), ("c*",), ("p",))],
)
def test_calls_written_after_another_are_found_without_reading_those_before(
    filters: Filters, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*({"timestamp": NOW} for _ in range(3)))

    def plans(connection: Any) -> list[str]:
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        calls_written_after(connection, "c1", PERIOD, filters)
        connection.set_trace_callback(None)
        return [
            step
            for statement in asked
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
            if "tool_calls" in step or "ORDER" in step
        ]

    found = ask(plans)
    assert "(id=?)" in found[0]
    assert len(found) == 2
    assert "rowid>?" in found[1]


@pytest.mark.parametrize("pattern", FOUND, ids=lambda pattern: ascii(pattern[:20]))
def test_names_are_filtered_as_a_shell_would(
    pattern: str, ask: Callable[..., Any], add: Callable[..., None], insert: Callable[..., None]
) -> None:
    for name in NAMES:
        insert("sessions", {"id": f"s{name}", "started_at": 1, "client": name, "project": name})
        add({"timestamp": NOW, "tool_name": name, "server": name, "session_id": f"s{name}"})
    add({"timestamp": NOW, "tool_name": "no other has a name", "session_id": "none"})
    for kind in ("tools", "servers", "clients", "projects"):
        calls = ask(newest_calls, PERIOD, Filters(**{kind: (pattern,)}), limit=99)
        expected = FOUND[pattern][:]
        if kind == "tools" and pattern == "*":
            expected.append("no other has a name")
        assert [call.tool for call in calls] == expected[::-1], kind


def test_statuses_and_sessions_are_filtered_by_whole_names(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    for status in ("success", "error", "timeout"):
        add({"timestamp": NOW, "status": status, "session_id": f"of {status}"})

    def found(**filters: tuple[str, ...]) -> list[str]:
        return [call.status for call in ask(newest_calls, PERIOD, Filters(**filters))]

    assert found(statuses=("error",)) == found(sessions=("of error",)) == ["error"]
    assert found(statuses=("error", "timeout")) == ["timeout", "error"]
    assert found(statuses=("*",)) == found(sessions=("of*",)) == []
    assert found(statuses=("error",), sessions=("of success",)) == []


def test_a_call_must_pass_a_filter_of_each_kind(
    ask: Callable[..., Any], add: Callable[..., None], insert: Callable[..., None]
) -> None:
    insert("sessions", {"id": "s", "started_at": 1, "client": "c", "project": "p"})
    good = {"tool_name": "t", "status": "error", "server": "x", "timestamp": NOW}
    add(good, {**good, "server": None}, {**good, "status": "success"}, {**good, "tool_name": "u"})
    add({**good, "session_id": "other"}, {**good, "timestamp": NOW - DAY})
    filters = Filters(("u*", "t"), ("error",), ("x", "y"), ("c",), ("?",), ("s", "other"))
    assert [call.rowid for call in ask(newest_calls, PERIOD, filters)] == [4, 1]
    assert ask(summary, PERIOD, filters).totals.calls == 2


@pytest.mark.parametrize(
    "kind", ["tools", "servers", "clients", "projects", "sessions", "statuses"]
)
@pytest.mark.parametrize("end", ["", "*"])
def test_there_may_be_thousands_of_filters(
    kind: str, end: str, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": NOW, "tool_name": "t2999"})
    names = tuple(f"t{number}{end}" for number in range(3000))
    found = ask(newest_calls, PERIOD, Filters(**{kind: names}))
    assert len(found) == (kind == "tools")
