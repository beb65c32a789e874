"""A call that several see is one row: by a recorder, by a hook, and in the agent's log."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.matching import _RECORDED
from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import Recorder, named_id

if TYPE_CHECKING:
    from collections.abc import Callable

    Row = dict[str, Any]
    Rows = list[Row]
    Log = Any
    """A `ClaudeLog` of the conftest's."""

HOOK = Path(sys.modules["devflow_analytics_capture"].__file__ or "").with_name("hook.py")

SESSION = "0f1e2d3c-0000-4000-8000-000000000001"

SESSION_ID = named_id("claude-code", SESSION)

START_MS = 1_767_323_045_000
"""Of the times in a `ClaudeLog`."""

STARTED_MS = START_MS + 300


def by_a_recorder(_log: Log) -> None:
    with Recorder(server="github") as recorder:
        recorder.session(client="claude-code", key=("claude-code", SESSION)).record(
            "get_issue",
            700,
            "error",
            error_kind="tool",
            error_type="KeyError",
            started_ms=STARTED_MS,
            native_id="toolu_01A",
            request_bytes=12,
            result_bytes=34,
        )


def by_a_hook(_log: Log) -> None:
    payload = {
        "session_id": SESSION,
        "cwd": "/home/me/site",
        "hook_event_name": "PostToolUseFailure",
        "tool_name": "mcp__github__get_issue",
        "tool_input": {},
        "error": "KeyError: 12",
        "tool_use_id": "toolu_01A",
        "agent_id": "a1b2c3d",
        "agent_type": "Explore",
        "duration_ms": 900,
    }
    subprocess.run(
        [sys.executable, "-I", "-S", HOOK, "claude-code"],
        input=json.dumps(payload).encode(),
        check=True,
        env=os.environ,
    )
    import_calls()


def by_a_log(log: Log) -> None:
    log.write(log.call("toolu_01A"), log.result("toolu_01A", content="Oh", is_error=True))
    import_calls()


def names_of(order: tuple[Callable[[Log], None], ...]) -> str:
    return " ".join(see.__name__ for see in order)


SEEN = (by_a_recorder, by_a_hook, by_a_log)


@pytest.mark.parametrize("order", [*permutations(SEEN)], ids=names_of)
def test_a_call_that_all_three_see_is_one_measured_row_with_what_each_knows(
    order: tuple[Callable[[Log], None], ...],
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
    rows: Callable[..., Rows],
) -> None:
    log = claude(SESSION)
    for see in order:
        see(log)
    import_calls(full=True)
    (found,) = calls()
    first = order[0]
    measured = next(see for see in order if see is not by_a_log)
    assert found == row("toolu_01A") | {
        "session_id": SESSION_ID,
        "status": "error",
        "error_kind": "tool",
        "error_type": "KeyError",
        "agent": "Explore",
        "request_bytes": 12,
        "result_bytes": 34,
        "duration_kind": "run",
        "duration_ms": {by_a_recorder: 700, by_a_hook: 900}[measured],
        "source": {by_a_recorder: "recorder", by_a_hook: "hook", by_a_log: "import"}[first],
        # each says when it was over; who comes later does not change that
        "timestamp": found["timestamp"],
        "started_ms": found["started_ms"],
    }
    (session,) = rows("SELECT id, tool_count, client, client_version FROM sessions")
    assert session == {
        "id": SESSION_ID,
        "tool_count": 1,
        "client": "claude-code",
        "client_version": "2.1.39",
    }


def test_a_call_that_a_server_recorded_under_an_id_of_its_own_is_left_out_and_counted(
    claude: Callable[..., Log], calls: Callable[[], Rows], rows: Callable[..., Rows]
) -> None:
    with Recorder(server="github-server") as recorder:
        recorder.session(client="claude-code", client_version="2.1.39").record("get_issue", 700)
    (recorded,) = calls()
    began = recorded["started_ms"] - START_MS
    log = claude()
    log.write(log.call("toolu_01A", began - 200), log.result("toolu_01A", began + 900))
    log.write(log.call("toolu_01B", began + 1600), log.result("toolu_01B", began + 2300))
    log.write(
        log.call("toolu_01C", began, name="mcp__x__other"), log.result("toolu_01C", began + 900)
    )
    log.write(log.call("toolu_01D", began, name="get_issue"), log.result("toolu_01D", began + 900))
    (rehearsed,) = import_calls(dry_run=True).clients
    (found,) = import_calls().clients
    assert (found.recorded, found.added, found.found) == (1, 3, 4)
    assert rehearsed == found
    (again,) = import_calls(full=True).clients
    assert (again.recorded, again.known) == (1, 3)
    assert [call for call in calls() if call["source"] == "recorder"] == [recorded]
    rows("DELETE FROM tool_calls WHERE id = ?", recorded["id"])
    (last,) = import_calls(full=True).clients
    assert (last.recorded, last.excluded, last.known) == (0, 1, 3)
    assert named_id("claude-code", "toolu_01A") not in {call["id"] for call in calls()}


def test_a_call_that_a_server_recorded_is_left_out_though_its_batch_has_another_that_is_refused(
    claude: Callable[..., Log], calls: Callable[[], Rows], rows: Callable[..., Rows]
) -> None:
    with Recorder(server="github") as recorder:
        recorder.session(client="claude-code").record("get_issue", 700)
    (recorded,) = calls()
    rows(
        "CREATE TRIGGER no_bash BEFORE INSERT ON tool_calls WHEN NEW.tool_name = 'Bash'"
        " BEGIN SELECT raise(ABORT, 'no'); END"
    )
    began = recorded["started_ms"] - START_MS
    log = claude()
    log.write(log.call("toolu_01A", began - 200), log.result("toolu_01A", began + 900))
    log.write(log.call("toolu_01B", began, name="Bash"), log.result("toolu_01B", began + 900))
    (found,) = import_calls().clients
    assert (found.recorded, found.added, found.malformed) == (1, 0, 1)
    assert calls() == [recorded]


def test_a_call_that_a_server_recorded_for_another_agent_is_another_call(
    claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    with Recorder(server="github") as recorder:
        recorder.session(client="codex-mcp-client").record("get_issue", 700)
    (recorded,) = calls()
    began = recorded["started_ms"] - START_MS
    log = claude()
    log.write(log.call("toolu_01A", began - 200), log.result("toolu_01A", began + 900))
    (found,) = import_calls().clients
    assert (found.recorded, found.added) == (0, 1)
    assert len(calls()) == 2


def test_calls_of_a_time_are_looked_for_among_those_of_the_time(file: Path) -> None:
    create_analytics_db(file).close()
    with closing(sqlite3.connect(file)) as connection:
        plan = str(connection.execute(f"EXPLAIN QUERY PLAN {_RECORDED}", (0, 1, "[]")).fetchall())
    assert re.search(r"there USING INDEX timestamp(_tool_name)?_idx \(timestamp>", plan), plan
