"""Files of every kind: of older versions, without tables, with rows that should not be."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_db import DatabaseNotFoundError, migrate, open_readonly
from devflow_analytics_reports import (
    Filters,
    PeriodError,
    SessionNotFoundError,
    calls_written_after,
    failures,
    find_session,
    last_written,
    newest_calls,
    over_time,
    parse_period,
    recorded,
    session,
    sessions,
    slowest_calls,
    summary,
    time_series,
    timeline,
    tools,
)
from devflow_analytics_reports.sql.calls import Calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DAY = 86400
NOW = 20_000 * DAY + 12 * 3600
TODAY = parse_period("today", now=NOW, zone=ZoneInfo("UTC"))
EVERYTHING = parse_period("all", now=NOW, zone=ZoneInfo("UTC"))
PERIODS = {"today": TODAY, "all": EVERYTHING}

QUESTIONS: dict[str, Callable[..., Any]] = {
    "summary": summary,
    "over time": lambda *asked: over_time(*asked[:2], "hour", *asked[2:]),
    "tools": tools,
    "failures": failures,
    "sessions": sessions,
    "time series": time_series,
    "newest": newest_calls,
    "written after": lambda connection, *asked: calls_written_after(connection, "c1", *asked),
    "slowest": slowest_calls,
}

CALLS = [
    {"timestamp": NOW, "tool_name": "a", "duration_ms": 0.1 + 0.2},
    {"timestamp": NOW - 1, "tool_name": "b", "status": "timeout", "duration_ms": 30_000},
    *({"timestamp": NOW - 9, "status": "error", "error_type": "E"} for _ in range(3)),
    {"timestamp": NOW - DAY, "tool_name": "old", "session_id": "older"},
]


def answers(ask: Callable[..., Any], period: str = "all", *filters: Filters) -> dict[str, Any]:
    return {
        name: ask(question, PERIODS[period], *filters) for name, question in QUESTIONS.items()
    } | {
        "session": ask(session, "s", now=NOW),
        "timeline": ask(timeline, "s", now=NOW),
        "found": ask(find_session, "s"),
        "last": ask(last_written),
    }


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("period", PERIODS)
def test_a_file_of_an_older_version_is_read_as_it_is(
    version: int, period: str, file: Path, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*CALLS)
    before = answers(ask, period)
    assert before["summary"].totals.calls >= 5
    assert [loop.calls for loop in before["failures"].loops] == [3]
    assert len(before["written after"]) >= 4
    assert len(before["timeline"].lanes) == 3
    assert before["last"] == "c6"
    migrate(to=version, allow_down=True)
    content = file.read_bytes()
    assert answers(ask, period) == before
    assert file.read_bytes() == content
    with open_readonly() as connection:
        assert connection.schema_version == version


@pytest.mark.parametrize("version", [1, 2])
def test_what_an_older_file_cannot_know_passes_no_filter(
    version: int, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*CALLS)
    migrate(to=version, allow_down=True)
    for filters in (Filters(servers=("*",)), Filters(clients=("*",)), Filters(projects=("*",))):
        found = answers(ask, "all", filters)
        assert (found["summary"].totals.calls, found["newest"], found["slowest"]) == (0, (), ())
        assert (found["sessions"].sessions, found["failures"].failures) == ((), ())
    found = answers(ask, "all", Filters(("t",), ("error",), sessions=("s",)))
    assert found["summary"].totals.calls == 3


def test_an_older_file_is_searched_by_the_same_indexes(
    ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*CALLS)

    def plan(connection: Any) -> list[str]:
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        calls = Calls(connection, TODAY)
        list(calls.rows("timestamp", "server"))
        recorded(connection)
        calls.last_call("t")
        calls.last_call_of_session("s")
        calls.tool_names()
        connection.set_trace_callback(None)
        steps = []
        for statement in asked:
            plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            steps += [step.replace("COVERING ", "") for *_, step in plan if "USING" in step]
        return steps

    newest = ask(plan)
    assert len(newest) >= 6
    migrate(to=2, allow_down=True)
    assert ask(plan) == newest


def test_a_file_without_tables_has_no_calls(home: Path) -> None:
    file = home / "analytics.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            'CREATE TABLE "__drizzle_migrations" (id SERIAL PRIMARY KEY,'
            " hash text NOT NULL, created_at numeric)"
        )
    with open_readonly(file) as connection:
        assert connection.schema_version == 0
        for period in PERIODS.values():
            for filters in (Filters(), Filters(("t",), ("error",), ("x",), ("c",), ("p",), ("s",))):
                assert summary(connection, period, filters).totals.calls == 0
                assert summary(connection, period, filters).before is None
                assert tools(connection, period, filters).tools == ()
                assert failures(connection, period, filters).failures == ()
                assert sessions(connection, period, filters).sessions == ()
                assert newest_calls(connection, period, filters) == ()
                assert slowest_calls(connection, period, filters) == ()
                assert calls_written_after(connection, "c1", period, filters) is None
                assert not any(
                    bucket.calls for bucket in time_series(connection, period, filters).buckets
                )
        assert sum(part.calls for part in over_time(connection, TODAY, "hour").parts) == 0
        assert last_written(connection) is None
        for question in (
            lambda: timeline(connection, "s", now=NOW),
            lambda: find_session(connection, "s"),
            lambda: session(connection, "s", now=NOW),
        ):
            with pytest.raises(SessionNotFoundError):
                question()


def test_no_file_and_an_empty_file_are_errors_of_the_database(home: Path) -> None:
    file = home / "analytics.db"
    for make in (lambda: None, file.touch):
        make()
        with pytest.raises(DatabaseNotFoundError), open_readonly(file) as connection:
            summary(connection, TODAY)


WRONG: dict[str, dict[str, object]] = {
    "text as a duration": {"duration_ms": "soon"},
    "a blob as a duration": {"duration_ms": b"1"},
    "an infinite duration": {"duration_ms": float("inf")},
    "a negative duration": {"duration_ms": -1},
    "an unknown status": {"status": "exploded"},
    "no status": {"status": ""},
    "a blob as a status": {"status": b"error"},
    "text as a time": {"timestamp": "now"},
    "a fraction as a time": {"timestamp": NOW - 0.5},
    "a blob as a name": {"tool_name": b"t"},
    "a blob as an error": {"status": "error", "error_type": b"E"},
    "a blob as a session": {"session_id": b"s"},
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("period", PERIODS)
def test_rows_that_no_later_version_takes_are_left_out(
    wrong: str,
    period: str,
    ask: Callable[..., Any],
    add: Callable[..., None],
    insert: Callable[..., None],
) -> None:
    add(*CALLS)
    migrate(to=1, allow_down=True)
    before = answers(ask, period)
    row = {"id": "wrong", "tool_name": "t", "duration_ms": 1, "status": "success"}
    insert("tool_calls", {**row, "timestamp": NOW, "session_id": "s", **WRONG[wrong]})
    insert("sessions", {"id": "bad", "started_at": "now"}, {"id": b"s", "started_at": NOW})
    insert("sessions", {"id": "x", "started_at": NOW, "ended_at": "later"})
    assert answers(ask, period) == before


def test_names_that_are_no_text_are_shown_as_far_as_they_are(
    file: Path, ask: Callable[..., Any], add: Callable[..., None], sql: Callable[..., Any]
) -> None:
    add(*({"timestamp": NOW, "status": "error"} for _ in range(3)))
    for column in ("tool_name", "server", "error_type", "agent"):
        sql(file, f"UPDATE tool_calls SET {column} = CAST(x'61ff62' AS TEXT)")
    sql(file, "UPDATE sessions SET client = CAST(x'61ff62' AS TEXT)")
    name = "a\N{REPLACEMENT CHARACTER}b"
    found = answers(ask)
    (failure,), (loop,) = found["failures"].failures, found["failures"].loops
    assert (failure.server, failure.tool, failure.error_type, failure.share) == (
        *(name, name, name),
        1.0,
    )
    assert (loop.server, loop.tool, loop.agent, loop.error_type) == (name,) * 4
    assert found["sessions"].sessions[0].client == name
    assert found["sessions"].sessions[0].tools == ((name, 3),)
    assert found["newest"][0].tool == found["summary"].tools[0].name == name
    assert [(lane.server, lane.tool) for lane in found["timeline"].lanes] == [(name, name)]
    assert found["written after"][0].tool == name


@pytest.mark.parametrize("time", [-(2**63), -1, 0, 10**18, 2**63 - 1])
def test_a_time_may_be_any_number(
    time: int, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add({"timestamp": time, "status": "timeout"}, {"timestamp": NOW, "session_id": "x"})
    for name, question in QUESTIONS.items():
        if name not in {"over time", "time series"}:
            ask(question, EVERYTHING)
    if abs(time) > 10**11:
        with pytest.raises(PeriodError):
            ask(time_series, EVERYTHING)
    else:
        assert sum(bucket.calls for bucket in ask(time_series, EVERYTHING).buckets) == 2
    found = ask(summary, EVERYTHING)
    assert (found.totals.calls, found.sessions, sum(part.calls for part in found.parts)) == (
        *(2, 2),
        1 if time == 2**63 - 1 else 2,  # the end of time is in no part
    )
    assert sum(tool.totals.calls for tool in ask(tools, EVERYTHING).tools) == 2
    assert [lane.calls for lane in ask(timeline, "s", now=NOW).lanes] == [1]
    assert {call.timestamp for call in ask(newest_calls, EVERYTHING)} == {time, NOW}
    assert ask(summary, TODAY).totals.calls == 1


def test_a_directory_that_cannot_be_written_to_is_read(
    file: Path, ask: Callable[..., Any], add: Callable[..., None]
) -> None:
    add(*CALLS)
    before = answers(ask)
    file.parent.chmod(0o500)
    try:
        assert answers(ask) == before
    finally:
        file.parent.chmod(0o700)
