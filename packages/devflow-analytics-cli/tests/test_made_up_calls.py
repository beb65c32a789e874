"""What the made-up calls are, and that they tell the stories that they are made up for."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from itertools import groupby
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.made_up.calls import made_up_calls, write_made_up_calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    Rows = Callable[[str], list[Any]]

NOW = 1_795_622_770

HOUR = 3600
DAY = 24 * HOUR

DIGEST = "915cc378242975e41bbc913ceb59f8a6a544e15802958c3d6db2e358b9173484"
"""Of the calls of `NOW`. It changes with what is made up, and never with the Python that does."""

# In the afternoon of a workday, in the night to a Monday, on a Sunday evening,
# and on a Saturday.
NOWS = (NOW, NOW - 2 * DAY - 13 * HOUR, NOW + 4 * DAY + 6 * HOUR, NOW + 31_000_000)


def test_the_same_time_makes_the_same_calls_on_every_python() -> None:
    calls = list(made_up_calls(NOW))
    told = "\n".join(map(repr, map(tuple, calls)))
    assert hashlib.sha256(told.encode()).hexdigest() == DIGEST
    assert list(made_up_calls(NOW)) == calls
    assert list(made_up_calls(NOW, seed=1)) != calls


@pytest.fixture(scope="module", params=NOWS, ids=["Wednesday", "Monday", "Sunday", "Saturday"])
def made(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path]:
    """A time, and a file with the calls that are made up for it."""
    file = tmp_path_factory.mktemp("made") / "calls.db"
    write_made_up_calls(file, request.param)
    return request.param, file


@pytest.fixture
def rows(made: tuple[int, Path]) -> Callable[[str], list[Any]]:
    """Return the rows that a query finds, with the time as ``:now``."""
    now, file = made

    def find(query: str) -> list[Any]:
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute(query, {"now": now}).fetchall()

    return find


def test_there_are_sixty_days_of_calls(rows: Rows) -> None:
    ((calls, tools, servers, first, last),) = rows(
        "SELECT count(*), count(DISTINCT tool_name), count(DISTINCT server),"
        " :now - min(timestamp), :now - max(timestamp) FROM tool_calls"
    )
    assert 30_000 <= calls <= 40_000
    assert (tools, servers) == (32, 7)
    assert 58 * DAY < first <= 60 * DAY
    assert 0 <= last <= 5


def test_every_kind_of_call_is_there(rows: Rows) -> None:
    for column, count in (
        ("status", 3),
        ("source", 4),
        ("duration_kind", 2),
        ("error_kind", 6),
        ("agent", 3),
    ):
        ((found,),) = rows(f"SELECT count(DISTINCT {column}) FROM tool_calls")
        assert (column, found) == (column, count)
    assert {client for (client,) in rows("SELECT DISTINCT client FROM sessions")} == {
        *("claude-code", "codex", "cursor")
    }


def test_sessions_hold_together(rows: Rows) -> None:
    ((least, most),) = rows("SELECT min(tool_count), max(tool_count) FROM sessions")
    assert 5 <= least < 20
    assert 300 < most <= 600
    assert (
        rows(
            "SELECT sessions.id FROM sessions JOIN tool_calls ON session_id = sessions.id"
            " GROUP BY 1 HAVING count(*) <> tool_count OR started_at > min(started_ms) / 1000"
            " OR ended_at <> max(timestamp)"
        )
        == []
    )


def test_failures_say_how_and_successes_do_not(rows: Rows) -> None:
    assert (
        rows(
            "SELECT * FROM tool_calls WHERE (status = 'success') <> (error_type IS NULL)"
            " OR (error_type IS NULL) <> (error_kind IS NULL)"
        )
        == []
    )


def test_timeouts_sit_at_30_and_60_seconds(rows: Rows) -> None:
    found = rows("SELECT DISTINCT duration_ms / 30000 FROM tool_calls WHERE status = 'timeout'")
    assert {int(times) for (times,) in found} == {1, 2}
    assert all(times % 1 < 0.01 for (times,) in found)


def test_nobody_counts_bytes_in_a_hook(rows: Rows) -> None:
    found = rows("SELECT source, count(result_bytes) > 0 FROM tool_calls GROUP BY 1 ORDER BY 1")
    assert found == [("hook", 0), ("import", 1), ("proxy", 1), ("recorder", 1)]


def test_people_sleep_and_have_weekends(made: tuple[int, Path], rows: Rows) -> None:
    by_day = rows("SELECT timestamp / 86400, count(*) FROM tool_calls GROUP BY 1")
    busy = sorted(count for _, count in by_day)
    assert busy[-20] > 2 * busy[10]
    by_hour = dict(
        rows("SELECT (:now - timestamp) % 86400 / 3600, count(*) FROM tool_calls GROUP BY 1")
    )
    nights = [sum(by_hour.get((hour + n) % 24, 0) for n in range(5)) for hour in range(24)]
    assert min(nights) < sum(by_hour.values()) / 100
    assert by_hour[0] > sum(by_hour.values()) / 50  # and it is no night now
    assert made


def test_search_code_is_slower_and_fails_more_since_three_days(rows: Rows) -> None:
    (before, since) = rows(
        "SELECT timestamp >= :now - 3 * 86400, avg(duration_ms), avg(status = 'error')"
        " FROM tool_calls WHERE tool_name = 'search_code' AND status <> 'timeout' GROUP BY 1"
    )
    assert 1.3 < since[1] / before[1] < 2.2
    assert since[2] > 2.5 * before[2]


def test_github_limited_the_rate_on_two_days_of_the_last_seven(rows: Rows) -> None:
    found = rows(
        "SELECT tool_name, timestamp / 86400, count(*), :now - min(timestamp),"
        " max(timestamp) - min(timestamp), error_code FROM tool_calls"
        " WHERE error_type = 'RateLimitError' GROUP BY 1, (:now - timestamp) / 43200"
    )
    assert [row[0] for row in found] == ["github_get_issue", "github_get_issue"]
    for _, _, count, ago, lasted, code in found:
        assert count >= 15
        assert ago < 7 * DAY
        assert lasted < 2 * HOUR
        assert code == 429


def test_a_tool_and_a_server_fell_silent(rows: Rows) -> None:
    found = rows(
        "SELECT tool_name, (:now - max(timestamp)) / 86400 FROM tool_calls"
        " GROUP BY 1 HAVING max(timestamp) < :now - 8 * 86400 ORDER BY 2, 1"
    )
    assert found[0] == ("slack_post_message", 25)
    assert {tool for tool, _ in found[1:]} == {"jira_search", "jira_get_ticket"}
    assert rows("SELECT (:now - max(timestamp)) / 86400 FROM tool_calls WHERE server = 'jira'") == [
        (40,)
    ]


def test_agents_fail_again_and_again_in_loops(rows: Rows) -> None:
    calls = rows(
        "SELECT session_id, tool_name, error_type FROM tool_calls ORDER BY session_id, started_ms"
    )
    for failure in (("edit_file", "EditMismatchError"), ("run_tests", "TestFailure")):
        rows_on_end = [len(list(group)) for call, group in groupby(calls) if call[1:] == failure]
        loops = [length for length in rows_on_end if length >= 3]
        assert len(loops) >= 5
        assert 7 <= max(loops) <= 9


def test_two_sessions_run_right_now(rows: Rows) -> None:
    found = rows("SELECT tool_count, :now - ended_at FROM sessions ORDER BY ended_at DESC LIMIT 3")
    assert [count for count, _ in found[:2]] == [190, 80]
    assert all(ago < 10 for _, ago in found[:2])
    assert found[2][1] >= 300


def test_more_is_done_from_month_to_month(rows: Rows) -> None:
    (now, before) = rows(
        "SELECT (:now - timestamp) / (28 * 86400) AS month, count(*) FROM tool_calls"
        " WHERE timestamp > :now - 56 * 86400 GROUP BY 1"
    )
    assert 1.05 < now[1] / before[1] < 1.5
