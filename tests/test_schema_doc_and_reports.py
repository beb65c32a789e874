"""The questions of docs/schema.md in SQL, and those of the reports package, have equal answers."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import Connection, create_analytics_db, open_readonly
from devflow_analytics_reports import (
    Filters,
    failures,
    find_session,
    newest_calls,
    over_time,
    parse_period,
    session,
    sessions,
    slowest_calls,
    summary,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "schema.md").read_text()
NOW = 1_795_694_400
WEEK_AGO = 7 * 86_400
WEEK = parse_period("7d", now=NOW, zone=UTC)
MONTH = parse_period("30d", now=NOW, zone=UTC)
EVER = parse_period("all", now=NOW, zone=UTC)


def asked(connection: Connection, heading: str) -> list[tuple[Any, ...]]:
    """Run what the page has below a heading, at the time of the tests and in UTC.

    A period of seven days has as many seconds here as there: it begins one second later, as the
    second of now is one of them.
    """
    (question,) = re.findall(
        rf"^### {heading}$.*?^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )
    question = question.replace("unixepoch()", str(NOW + 1)).replace(", 'localtime'", "")
    return connection.execute(question).fetchall()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = Random(7)
    file = tmp_path_factory.mktemp("doc") / "analytics.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(file.parent))
        with create_analytics_db(file) as db, closing(db.connect()) as connection:
            connection.executemany(
                "INSERT INTO sessions (id, started_at) VALUES (?, ?)",
                [(f"s{number:02}", NOW - 86_400 * number) for number in range(45)],
            )
            connection.executemany(
                "INSERT INTO tool_calls (id, tool_name, duration_ms, status, error_type,"
                " timestamp, session_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        str(number),
                        random.choice(["git-log", "git-log", "git-diff", "fetch", "read", "write"]),
                        round(random.expovariate(0.01), 3),
                        *random.choice(
                            [("success", None)] * 7
                            + [("error", "E"), ("error", None), ("timeout", None)]
                        ),
                        NOW
                        - random.choice(
                            [0, WEEK_AGO - 1, WEEK_AGO, random.randrange(5 * WEEK_AGO)]
                        ),
                        f"s{random.randrange(40):02}",
                    )
                    for number in range(3000)
                ],
            )
    return file


@pytest.fixture
def connection(file: Path) -> Iterator[Connection]:
    with open_readonly(file) as connection:
        yield connection


def test_calls_per_tool(connection: Connection) -> None:
    expected = asked(connection, "Calls per tool in the last seven days")
    found = summary(connection, WEEK).tools
    assert sorted((tool.name, tool.totals.calls) for tool in found) == sorted(expected)
    assert [tool.totals.calls for tool in found] == [calls for _, calls in expected]


def test_how_often_each_tool_fails(connection: Connection) -> None:
    expected = asked(connection, "How often each tool fails")
    found = [
        (tool.name, totals.calls, totals.errors / totals.calls, totals.timeouts / totals.calls)
        for tool in tools(connection, WEEK).tools
        for totals in [tool.totals]
    ]
    assert sorted(found) == sorted(expected)
    rates = {tool.name: tool.totals.error_rate for tool in tools(connection, WEEK).tools}
    assert rates == {name: errors for name, _, errors, _ in expected}


def test_how_slow_each_tool_is(connection: Connection) -> None:
    expected = asked(connection, "How slow each tool is: median and 95th percentile")
    found = tools(connection, WEEK).tools
    assert sorted((tool.name, tool.totals.p50_ms, tool.totals.p95_ms) for tool in found) == sorted(
        expected
    )


def test_the_slowest_calls(connection: Connection) -> None:
    expected = asked(connection, "The slowest calls")
    found = slowest_calls(connection, WEEK)
    assert [(call.duration_ms, len(expected)) for call in found] == [
        (duration, 20) for _, duration, _, _ in expected
    ]


def test_which_errors_there_are(connection: Connection) -> None:
    expected = asked(connection, "Which errors there are")
    found = failures(connection, WEEK, Filters(statuses=("error",))).failures
    assert sorted((one.tool, one.error_type or "", one.calls) for one in found) == sorted(
        (name, error or "", calls) for name, error, calls in expected
    )


def test_the_last_calls(connection: Connection) -> None:
    expected = asked(connection, "The last 20 calls")
    found = newest_calls(connection, EVER)
    assert [
        (call.timestamp, call.tool, call.duration_ms, call.status) for call in found
    ] == expected


def test_calls_a_day(connection: Connection) -> None:
    expected = dict(asked(connection, "Calls a day"))
    found = {
        str(datetime.fromtimestamp(part.since, UTC).date()): part.calls
        for part in over_time(connection, MONTH, "day").parts
    }
    # the page counts from the second on, and reports from the midnight before it
    first = min(found)
    assert found.pop(first) >= expected.pop(first)
    assert {day: calls for day, calls in found.items() if calls} == expected


def test_every_tool_ever_called(connection: Connection) -> None:
    expected = dict(asked(connection, "Every tool ever called"))
    found = tools(connection, EVER)
    assert {tool.name: tool.totals.calls for tool in found.tools} == expected
    ((once,),) = asked(connection, "How often one tool was called")
    assert summary(connection, EVER, Filters(tools=("git-log",))).totals.calls == once


def test_the_sessions_with_the_most_calls(connection: Connection) -> None:
    expected = asked(connection, "The sessions with the most calls")
    found = {one.id: one.calls for one in sessions(connection, EVER).sessions}
    assert sorted(found.values(), reverse=True)[:10] == [calls for _, calls in expected]
    assert {name: found[name] for name, _ in expected} == dict(expected)


def test_the_latest_session_and_those_that_still_run(connection: Connection) -> None:
    found = sessions(connection, EVER).sessions
    assert [(one.id, one.started_at, one.calls) for one in found] == asked(
        connection, "Sessions that still run"
    )
    latest = session(connection, find_session(connection, found[0].id), now=NOW)
    assert latest == found[0]
    assert latest.calls == len(asked(connection, "The calls of the latest session"))
