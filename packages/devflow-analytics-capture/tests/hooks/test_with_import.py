"""That a call which the hook noted and the log has is one row, whichever comes first."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls

if TYPE_CHECKING:
    from pathlib import Path

Payload = dict[str, object]
Here = Callable[..., None]
Rows = Callable[..., list[dict[str, Any]]]

ERROR = "MCP error -32001: Request timed out"


def log(home: Path, payload: Payload, *, fails: bool) -> None:
    """Let Claude Code log the call of a payload: 5 s from the question to the answer."""
    now = datetime.now(UTC)
    call = {"type": "tool_use", "id": payload["tool_use_id"], "name": payload["tool_name"]}
    answer = {"type": "tool_result", "tool_use_id": payload["tool_use_id"], "is_error": fails}
    answer["content"] = ERROR if fails else "It rains."
    lines = [
        {"type": "assistant", "timestamp": now - timedelta(seconds=5), "message": call},
        {"type": "user", "timestamp": now, "message": answer},
    ]
    for line in lines:
        line["timestamp"] = str(line["timestamp"]).replace(" ", "T").replace("+00:00", "Z")
        line["message"] = {"content": [line["message"]]}
        line |= {"sessionId": payload["session_id"], "version": "2.1.200"}
        line |= {"cwd": payload["cwd"], "isSidechain": False}
    file = home / ".claude" / "projects" / "shop" / "session.jsonl"
    file.parent.mkdir(parents=True)
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@pytest.mark.parametrize("fails", ["", "fails"])
@pytest.mark.parametrize("first", ["hook", "log"])
def test_a_call_of_the_hook_and_the_log_is_one_row_with_what_both_know(
    first: str, fails: str, payload: Payload, here: Here, home: Path, rows: Rows, file: Path
) -> None:
    if fails:
        payload |= {"hook_event_name": "PostToolUseFailure", "error": ERROR}
    if first == "hook":
        here(payload)
    log(home, payload, fails=bool(fails))
    import_calls(file)
    here(payload)
    done = import_calls(file, full=True)
    (row,) = rows("SELECT * FROM tool_calls")
    assert (row["duration_ms"], row["duration_kind"]) == (1234.0, "run")
    assert (row["server"], row["tool_name"]) == ("github", "get_issue")
    expected = ("timeout", "protocol", "McpError", -32001) if fails else ("success", *[None] * 3)
    assert (row["status"], row["error_kind"], row["error_type"], row["error_code"]) == expected
    assert row["source"] == ("hook" if first == "hook" else "import")
    (session,) = rows("SELECT client, client_version, tool_count FROM sessions")
    assert [*session.values()] == ["claude-code", "2.1.200", 1]
    assert (done.added, done.drained) == (0, 1)
