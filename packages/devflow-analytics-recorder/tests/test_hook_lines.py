"""What a hook has noted of a call is left out if the call is there, or is to stay deleted."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import create_analytics_db, make_spool
from devflow_analytics_recorder import ObservedCall, Recorder, drain, named_id, write_calls
from devflow_analytics_recorder.line import FIELDS, VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Rows = list[dict[str, Any]]

NOW_MS = 1_764_950_010_000


def noted(**fields: Any) -> bytes:
    """The line of a call of two seconds, that a hook has noted half a second after its end."""
    known = {
        "version": VERSION,
        "id": named_id("claude-code", "toolu_1"),
        "tool_name": "search",
        "duration_ms": 2000.0,
        "status": "success",
        "timestamp": NOW_MS // 1000,
        "started_ms": NOW_MS - 2000,
        "session_id": named_id("claude-code", "S"),
        "source": "hook",
        "duration_kind": "run",
        "session_started_at": NOW_MS // 1000 - 2,
        "client": "claude-code",
    }
    line = known | fields
    return json.dumps([line.get(field) for field in FIELDS], separators=(",", ":")).encode() + b"\n"


def take_in(file: Path, *lines: bytes) -> None:
    spool = make_spool(file)
    os.write(spool.descriptor, b"".join(lines))
    spool.close()
    drain(file)


def record(file: Path, *, client: str | None = "claude-code", **fields: Any) -> None:
    """Put the row of a server's there that ran the tool for 1.9 seconds."""
    known: dict[str, Any] = {
        "id": "0199f3a8-5c00-7000-8000-00000000000a",
        "tool_name": "search",
        "duration_ms": 1900.0,
        "status": "success",
        "timestamp": NOW_MS // 1000 - 1,
        "started_ms": NOW_MS - 2500,
        "session_id": "0199f3a8-5c00-7000-8000-000000000001",
        "session_started_at": 1,
        "source": "recorder",
        "duration_kind": "run",
        "client": client,
    }
    with create_analytics_db(file) as db, db.transaction() as connection:
        write_calls(connection, [ObservedCall(**known | fields)])


@pytest.mark.parametrize("client", ["claude-code", "claude-code-2", None])
def test_a_call_that_its_server_has_recorded_is_left_out(
    client: str | None, file: Path, rows: Callable[..., Rows]
) -> None:
    record(file, client=client)
    take_in(file, noted(), noted(id=named_id("claude-code", "toolu_2"), tool_name="other"))
    assert rows("SELECT tool_name, source FROM tool_calls ORDER BY 1") == [
        {"tool_name": "other", "source": "hook"},
        {"tool_name": "search", "source": "recorder"},
    ]
    assert rows("SELECT count(*) AS sessions, sum(tool_count) AS calls FROM sessions") == [
        {"sessions": 2, "calls": 2}
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"client": "codex-mcp-client"},
        {"tool_name": "searches"},
        {"source": "import"},
        {"started_ms": NOW_MS - 20_000, "timestamp": NOW_MS // 1000 - 18},
        {"started_ms": NOW_MS + 20_000, "timestamp": NOW_MS // 1000 + 22},
        {"duration_ms": 3500.0},
        {"id": named_id("claude-code", "toolu_2")},
    ],
)
def test_another_call_is_not(other: dict[str, Any], file: Path, rows: Callable[..., Rows]) -> None:
    record(file, **other)
    take_in(file, noted())
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 2}]


def test_a_call_that_was_deleted_stays_so(file: Path, rows: Callable[..., Rows]) -> None:
    take_in(file, noted())
    rows("DELETE FROM tool_calls")
    take_in(file, noted())
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 0}]


def test_what_servers_record_of_the_same_tool_at_the_same_time_is_no_matter(
    file: Path, rows: Callable[..., Rows]
) -> None:
    with Recorder(file) as recorder:
        session = recorder.session(client="claude-code")
        session.record("search", 5)
        session.record("search", 5)
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 2}]
