"""What is kept of what an agent says of a call."""

from __future__ import annotations

import json
import random
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from devflow_analytics_capture.noting import calls, line as noting_line, parsing
from devflow_analytics_capture.noting.parsing import parsed
from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import Recorder, drain, line, named_id

Payload = dict[str, object]
Here = Callable[..., None]
Lines = Callable[[], list[list[Any]]]
Rows = Callable[[str], list[dict[str, Any]]]

SECRET = "hunter2-dc3f"


def fields(values: list[Any]) -> dict[str, Any]:
    return dict(zip(line.FIELDS, values, strict=True))


def texts(seed: int) -> list[str]:
    """Names as they come and as they should not: long, half characters, control characters."""
    chance = random.Random(seed)
    letters = [
        "a",
        "Z",
        "_",
        " ",
        '"',
        "\\",
        "/",
        "\0",
        "\n",
        "é",
        "\ud800",
        "\udfff",
        "😀",
        "\x7f",
    ]
    return [
        "".join(chance.choices(letters, k=chance.choice([0, 1, 5, 254, 255, 256, 300])))
        for _ in range(200)
    ]


def test_a_line_is_what_a_recorder_writes_for_the_same_call(
    payload: Payload, here: Here, lines: Lines, file: Path
) -> None:
    with create_analytics_db(file) as db, db.transaction(), Recorder(file, server="github") as own:
        session = own.session(client="claude-code", key=("claude-code", str(payload["session_id"])))
        session.record("get_issue", 1234, native_id="toolu_01A")
        (by_recorder,) = lines()
        own.close(0)
    drain(file)
    here(payload)
    (by_hook,) = lines()
    times = ("timestamp", "started_ms", "session_started_at")
    for found in (by_hook, by_recorder):
        for name in times:
            value = found.pop(line.FIELDS.index(name) - times.index(name))
            assert value == pytest.approx(time.time() * (1000 if "ms" in name else 1), rel=1e-6)
    assert [*by_hook] == ["hook" if value == "recorder" else value for value in by_recorder]
    assert [*map(type, by_hook)] == [*map(type, by_recorder)]


@pytest.mark.parametrize("seed", range(5))
def test_ids_and_names_are_those_of_the_recorder(seed: int) -> None:
    for text in texts(seed):
        assert noting_line.named_id(text, text[::-1]) == named_id(text, text[::-1])
        assert noting_line.quoted(text) == line.quoted(text)
    assert noting_line.quoted(None) == line.quoted(None)


def test_a_name_that_is_no_name_is_left_out(payload: Payload, here: Here, lines: Lines) -> None:
    here(payload | {"agent_id": 1, "agent_type": ["a"], "cwd": {}}, DEVFLOW_ANALYTICS_PROJECT="1")
    found = fields(lines()[0])
    assert (found["agent"], found["project"]) == (None, None)


def test_strange_letters_of_a_name_are_replaced(
    payload: Payload, here: Here, lines: Lines, file: Path
) -> None:
    here(payload | {"tool_name": "mcp__a\ud800__b\0c😀" + "d" * 300})
    found = fields(lines()[0])
    assert found["server"] == "a\ufffd"
    assert found["tool_name"] == "b\ufffdc😀" + "d" * (line.LONGEST_NAME - 4)
    assert drain(file) == (1, 0)


def test_a_call_that_went_well(payload: Payload, here: Here, lines: Lines, file: Path) -> None:
    before = int(time.time())
    here(payload)
    found = fields(lines()[0])
    assert found["timestamp"] in range(before, int(time.time()) + 1)
    assert found["started_ms"] // 1000 in {found["timestamp"] - 1, found["timestamp"] - 2}
    assert found["session_started_at"] == found["started_ms"] // 1000
    del found["timestamp"], found["started_ms"], found["session_started_at"]
    assert {name: value for name, value in found.items() if value is not None} == {
        "version": line.VERSION,
        "id": named_id("claude-code", "toolu_01A"),
        "tool_name": "get_issue",
        "server": "github",
        "duration_ms": 1234.0,
        "status": "success",
        "session_id": named_id("claude-code", str(payload["session_id"])),
        "source": "hook",
        "duration_kind": "run",
        "client": "claude-code",
    }
    assert drain(file) == (1, 0)


def test_a_call_that_failed(payload: Payload, here: Here, lines: Lines) -> None:
    del payload["tool_response"]
    here(
        payload | {"hook_event_name": "PostToolUseFailure", "error": SECRET, "is_interrupt": False}
    )
    found = fields(lines()[0])
    assert (found["status"], found["error_kind"], found["error_type"]) == ("error", "tool", None)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("Error: MCP error -32001: Request timed out", ["timeout", "protocol", "McpError", -32001]),
        ("Command timed out after 2m 0s", ["timeout", "tool", "Timeout", None]),
        ("Exit code 1", ["error", "tool", "ExitStatus", None]),
        (None, ["error", "tool", None, None]),
    ],
)
def test_how_a_call_failed_is_told_by_how_its_error_begins(
    error: str | None,
    expected: list[object],
    payload: Payload,
    here: Here,
    lines: Lines,
    file: Path,
) -> None:
    here(payload | {"hook_event_name": "PostToolUseFailure", "error": error})
    found = fields(lines()[0])
    names = ("status", "error_kind", "error_type", "error_code")
    assert [found[name] for name in names] == expected
    assert drain(file) == (1, 0)


def test_a_call_that_was_denied_is_not_noted(payload: Payload, here: Here, file: Path) -> None:
    event = "PostToolUseFailure"
    here(payload | {"hook_event_name": event, "error": "Permission to use Bash has been denied."})
    assert not file.parent.exists()


def test_an_id_that_only_counts_is_one_of_its_session(
    payload: Payload, here: Here, lines: Lines
) -> None:
    here(payload | {"tool_use_id": "call_0"})
    here(payload | {"tool_use_id": "call_0", "session_id": "other"})
    keys = [named_id("claude-code", f"{name}\0call_0") for name in (payload["session_id"], "other")]
    assert [fields(found)["id"] for found in lines()] == keys


def test_a_tool_of_the_agents_own_has_no_server(payload: Payload, here: Here, lines: Lines) -> None:
    here(payload | {"tool_name": "Bash"})
    found = fields(lines()[0])
    assert (found["server"], found["tool_name"]) == (None, "Bash")


def test_a_subagent_is_named_and_the_main_agent_is_not(
    payload: Payload, here: Here, lines: Lines
) -> None:
    here(payload | {"agent_type": "Explore", "agent_id": "a1"})
    here(payload | {"agent_type": "my-main-agent"})
    assert [fields(found)["agent"] for found in lines()] == ["Explore", None]


@pytest.mark.parametrize(
    ("folder", "project"),
    [
        ("/home/me/shop", "shop"),
        ("/home/me/shop/", "shop"),
        ("/", None),
        ("", None),
        ("shop", "shop"),
        ("C:\\me\\shop", "shop"),
    ],
)
def test_the_project_is_kept_if_it_is_asked_for(
    folder: str, project: str | None, payload: Payload, here: Here, lines: Lines
) -> None:
    for value in ("1", " ON ", "0", ""):
        here(payload | {"cwd": folder}, DEVFLOW_ANALYTICS_PROJECT=value)
    assert [fields(found)["project"] for found in lines()] == [project, project, None, None]


@pytest.mark.parametrize(
    "changes",
    [
        {"duration_ms": None},
        {"duration_ms": -1},
        {"duration_ms": True},
        {"duration_ms": "12"},
        {"duration_ms": 10**400},
        {"duration_ms": float("inf")},
        {"duration_ms": float("nan")},
        {"is_interrupt": True, "hook_event_name": "PostToolUseFailure"},
        {"hook_event_name": "PreToolUse"},
        {"hook_event_name": None},
        {"hook_event_name": []},
        {"tool_use_id": None},
        {"tool_use_id": ""},
        {"tool_use_id": 7},
        {"tool_name": ""},
        {"tool_name": {}},
        {"session_id": ""},
        {"session_id": 12},
    ],
    ids=str,
)
def test_what_is_no_call_that_has_ended_is_not_noted(
    changes: Payload, payload: Payload, here: Here, file: Path
) -> None:
    here(payload | changes)
    assert not file.parent.exists()


def test_without_a_duration_nothing_is_noted(payload: Payload, here: Here, file: Path) -> None:
    del payload["duration_ms"]
    here(payload)
    assert not file.parent.exists()


@pytest.mark.parametrize("duration", [0, 0.5, 1e9, 3_000_000_000])
def test_a_duration_may_be_any_time(
    duration: float, payload: Payload, here: Here, lines: Lines, file: Path
) -> None:
    here(payload | {"duration_ms": duration})
    assert fields(lines()[0])["duration_ms"] == duration
    assert drain(file) == (1, 0)


def test_a_call_of_cursors(cursor_payload: Payload, here: Here, lines: Lines, file: Path) -> None:
    before = time.time_ns() // 1_000_000
    here(cursor_payload, "cursor", DEVFLOW_ANALYTICS_PROJECT="1")
    here(cursor_payload, "cursor")
    first, second = map(fields, lines())
    assert (first["tool_name"], first["server"], first["status"]) == (
        "get_issue",
        "github",
        "success",
    )
    assert (first["client"], first["client_version"], first["project"]) == (
        "cursor",
        "3.12.0",
        "shop",
    )
    assert first["duration_ms"] == 310.5
    assert first["session_id"] == named_id("cursor", "conversation-1")
    assert first["id"] != second["id"]
    key = UUID(first["id"])
    assert key.version == 7
    assert before <= key.int >> 80 <= time.time_ns() // 1_000_000
    assert drain(file) == (2, 0)


@pytest.mark.parametrize(
    ("result", "status"),
    [
        ('{"content":[],"isError":true}', "error"),
        ('{"isError" : true, "content":[]}', "error"),
        ('{"content":[],"isError":false}', "success"),
        ('{"content":[{"text":"{\\"isError\\":true}"}]}', "success"),
        ('{"structuredContent":{"isError":true}}', "success"),
        ('["isError"]', "success"),
        (None, "success"),
        ({"isError": True}, "success"),
    ],
)
def test_cursor_says_in_the_result_whether_a_call_failed(
    result: object, status: str, cursor_payload: Payload, here: Here, lines: Lines
) -> None:
    here(cursor_payload | {"result_json": result}, "cursor")
    assert fields(lines()[0])["status"] == status


@pytest.mark.parametrize(
    ("name", "server", "expected"),
    [
        ("MCP:get_issue", None, (None, "get_issue")),
        ("mcp__github__get_issue", None, ("github", "get_issue")),
        ("mcp__github__get_issue", "gh", ("gh", "get_issue")),
    ],
)
def test_cursor_names_tools_in_several_ways(
    name: str,
    server: str | None,
    expected: tuple[str | None, str],
    cursor_payload: Payload,
    here: Here,
    lines: Lines,
) -> None:
    here(cursor_payload | {"tool_name": name, "mcp_server_name": server}, "cursor")
    found = fields(lines()[0])
    assert (found["server"], found["tool_name"]) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"duration": None},
        {"tool_name": None},
        {"conversation_id": None},
        {"hook_event_name": "beforeMCPExecution"},
    ],
    ids=str,
)
def test_what_is_no_call_of_cursors_is_not_noted(
    changes: Payload, cursor_payload: Payload, here: Here, file: Path
) -> None:
    here(cursor_payload | changes, "cursor")
    assert not file.parent.exists()


def test_a_workspace_without_folders_has_no_project(
    cursor_payload: Payload, here: Here, lines: Lines
) -> None:
    for folders in ([], None, [3]):
        here(cursor_payload | {"workspace_roots": folders}, "cursor", DEVFLOW_ANALYTICS_PROJECT="1")
    assert [fields(found)["project"] for found in lines()] == [None] * 3


def test_nothing_is_kept_but_names_and_numbers(
    payload: Payload, cursor_payload: Payload, here: Here, home: Path
) -> None:
    kept = {"session_id", "hook_event_name", "tool_name", "tool_use_id", "duration_ms"}
    secrets = {
        key: f"{SECRET}/{key}" if key not in kept else value for key, value in payload.items()
    }
    more = dict.fromkeys(("prompt", "error", "user_email", "last_assistant_message"), SECRET)
    for event in ("PostToolUse", "PostToolUseFailure"):
        here(secrets | more | {"hook_event_name": event})
    kept = {"conversation_id", "hook_event_name", "tool_name", "duration", "cursor_version"}
    kept |= {"mcp_server_name"}
    secrets = {
        key: f"{SECRET}/{key}" if key not in kept else value
        for key, value in cursor_payload.items()
    }
    here(secrets | more | {"url": SECRET, "command": SECRET, "workspace_roots": [SECRET]}, "cursor")
    written = [path.read_text() for path in home.rglob("*") if path.is_file()]
    assert sum(text.count("\n") for text in written) == 3
    for word in (SECRET, "toolu_01A", str(payload["session_id"]), "conversation-1", "example"):
        assert not [text for text in written if word in text]


def test_the_same_call_by_a_hook_and_by_a_log_is_one_row_and_measured(
    payload: Payload, here: Here, file: Path, rows: Rows
) -> None:
    key, session = named_id("claude-code", "toolu_01A"), named_id("claude-code", "s")
    logged = [1, key, "get_issue", 9000.0, "success", None, 1, None, None, None, None, None]
    logged += [1, "github", session, "import", "wall", 1, "claude-code", "2.1.200", None]
    payload["session_id"] = "s"
    log = Path(f"{file}-spool/1-00000000.v1.jsonl")
    for order in ("hook first", "log first"):
        file.unlink(missing_ok=True)
        for step in (0, 1):
            if (order == "hook first") == (step == 0):
                here(payload)
            else:
                log.parent.mkdir(exist_ok=True, parents=True)
                log.write_text(json.dumps(logged) + "\n")
            drain(file)
        (row,) = rows("SELECT * FROM tool_calls")
        assert (row["duration_ms"], row["duration_kind"]) == (1234.0, "run")
        (found,) = rows("SELECT * FROM sessions")
        assert (found["tool_count"], found["client_version"]) == (1, "2.1.200")


def test_the_same_call_by_a_hook_and_by_a_recorder_is_one_row(
    payload: Payload, here: Here, file: Path, rows: Rows
) -> None:
    here(payload)
    with Recorder(file, server="github") as recorder:
        key = ("claude-code", str(payload["session_id"]))
        session = recorder.session(client="claude-code", key=key)
        session.record("get_issue", 1200, native_id="toolu_01A", result_bytes=9)
        assert recorder.flush(30)
    drain(file)
    (row,) = rows("SELECT * FROM tool_calls")
    assert row["result_bytes"] == 9
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 1}]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ('{"a":1}', {"a": 1}),
        ('{"a":[1.5,"é",null,true,{}]}', {"a": [1.5, "é", None, True, {}]}),
        ('{"a":"\n\t"}', {"a": "\n\t"}),
        ('{"a":"\\ud800"}', {"a": "\ud800"}),
        ('{"a":1,"a":2}', {"a": 2}),
        ("[]", {}),
        ("1", {}),
    ],
)
@pytest.mark.parametrize("with_c", ["in C", "in C, which wants more", ""])
def test_json_is_read_as_python_reads_it(
    text: str, values: Payload, with_c: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_c:
        monkeypatch.setitem(sys.modules, "_json", None)
    elif with_c != "in C":
        monkeypatch.delattr(parsing._Decoder, "parse_int")  # noqa: SLF001
    assert parsed(text) == values


@pytest.mark.parametrize("text", ["", "{", '{"a":1}}', "{'a':1}", "nothing", "[" * 100_000])
def test_what_is_no_json_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, StopIteration, RecursionError)):
        parsed(text)


def test_a_python_without_the_fast_modules_keeps_the_same(
    payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload["tool_name"] = 'mcp__gïthub__"get\\issue'
    fast = calls.line_of("claude-code", payload, 1_800_000_000_000)
    for name in ("_json", "_sha2", "_sha256"):
        monkeypatch.setitem(sys.modules, name, None)
    assert calls.line_of("claude-code", payload, 1_800_000_000_000) == fast
    assert fast
    assert line.is_sound(fast)
    assert re.match(rb'\[1,"[-0-9a-f]{36}","\\"get\\\\issue",1234\.0,', fast)
