from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import ObservedCall, Recorder, named_id, write_calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows = list[dict[str, Any]]


def seen(name: str, **known: Any) -> ObservedCall:
    fields = {
        "id": named_id("claude-code", name),
        "tool_name": "search",
        "duration_ms": 1500.0,
        "status": "success",
        "timestamp": 1764950002,
        "session_id": named_id("claude-code", "conversation"),
        "session_started_at": 1764950000,
        "source": "import",
        "duration_kind": "wall",
        "client": "claude-code",
    }
    return ObservedCall(**fields | known)


def write(file: Path, *calls: ObservedCall) -> int:
    with create_analytics_db(file) as db, db.transaction() as connection:
        return write_calls(connection, calls)


def test_what_was_seen_becomes_a_row_of_a_call_and_of_its_session(
    file: Path, rows: Callable[..., Rows]
) -> None:
    details: dict[str, Any] = {
        "error_type": "TimeoutError",
        "agent": "Explore",
        "error_kind": "tool",
        "error_code": -32001,
        "request_bytes": 12,
        "result_bytes": 34,
        "started_ms": 1764950000500,
        "server": "github",
    }
    call = seen("a", status="timeout", client_version="2.1.39", project="site", **details)
    assert write(file, call) == 1
    (row,) = rows("SELECT * FROM tool_calls")
    assert row == {
        **{field: value for field, value in call._asdict().items() if field in row},
        **details,
    }
    assert rows("SELECT * FROM sessions") == [
        {
            "id": call.session_id,
            "started_at": 1764950000,
            "ended_at": 1764950002,
            "tool_count": 1,
            "client": "claude-code",
            "client_version": "2.1.39",
            "project": "site",
        }
    ]


def test_only_calls_that_are_new_count(file: Path, rows: Callable[..., Rows]) -> None:
    assert write(file, seen("a"), seen("b"), seen("a")) == 2
    assert write(file, seen("b"), seen("c")) == 1
    assert rows(
        "SELECT count(*) AS calls, max(tool_count) AS counted FROM tool_calls, sessions"
    ) == [{"calls": 3, "counted": 3}]
    assert write(file) == 0


@pytest.mark.parametrize("first", ["seen", "recorded"])
def test_a_call_that_was_recorded_and_seen_is_one_row_with_what_each_knows(
    first: str, file: Path, rows: Callable[..., Rows]
) -> None:
    def record() -> None:
        with Recorder(file, server="files") as recorder:
            session = recorder.session(client="claude-code", key=("claude-code", "conversation"))
            session.record("search", 12.5, native_id="a", result_bytes=7)

    if first == "recorded":
        record()
    assert write(file, seen("a", agent="Explore")) == (first == "seen")
    if first == "seen":
        record()
    columns = "duration_ms, duration_kind, agent, server, result_bytes, tool_count"
    assert rows(f"SELECT {columns} FROM tool_calls JOIN sessions ON session_id = sessions.id") == [
        {
            "duration_ms": 12.5,
            "duration_kind": "run",
            "agent": "Explore",
            "server": "files",
            "result_bytes": 7,
            "tool_count": 1,
        }
    ]


def test_a_name_that_the_database_cannot_keep_is_cleaned(
    file: Path, rows: Callable[..., Rows]
) -> None:
    assert write(file, seen("a", tool_name="a\0b\ud800", agent="x" * 300)) == 1
    assert rows("SELECT tool_name, agent FROM tool_calls") == [
        {"tool_name": "a\ufffdb\ufffd", "agent": "x" * 255}
    ]


def test_a_number_that_is_none_is_refused_with_all_that_came_with_it(
    file: Path, rows: Callable[..., Rows]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="duration"):
        write(file, seen("a"), seen("b", duration_ms=-1.0))
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 0}]
