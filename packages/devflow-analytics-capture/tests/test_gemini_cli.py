from __future__ import annotations

import json
import os
from datetime import date
from hashlib import sha256
from io import FileIO
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.importers import gemini_cli
from devflow_analytics_capture.importers.gemini_cli import GeminiCli
from devflow_analytics_capture.logs.calls import Calls
from devflow_analytics_capture.testing.truth import SECRET
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devflow_analytics_capture.result import ClientImport

    Ask = Callable[..., list[dict[str, Any]]]

SESSION = "5b959dae-8655-4cd1-b10f-720b8c336ea2"
AGENT = "0e9a1e6c-5d3c-4b41-9f0e-7f0a64c1d001"
BEGAN_MS = 1_768_561_360_000
ENDED = "2026-01-16T11:02:41.250Z"
ENDED_MS = BEGAN_MS + 1_250


def call(**fields: Any) -> dict[str, Any]:
    return {
        "id": f"read_file-{BEGAN_MS}-6b5d2c6179cc4",
        "name": "read_file",
        "args": {"path": SECRET},
        "result": [{"functionResponse": {"response": {"output": SECRET}}}],
        "status": "success",
        "timestamp": ENDED,
        "displayName": "ReadFile",
        "description": SECRET,
        "resultDisplay": SECRET,
    } | fields


def failed(error: Any, **fields: Any) -> dict[str, Any]:
    result = [{"functionResponse": {"id": "a", "name": "a", "response": {"error": error}}}]
    return call(**{"status": "error", "result": result, "resultDisplay": "no"} | fields)


def message(*calls: Any, **fields: Any) -> dict[str, Any]:
    return {
        "id": "6a38aa55-d323-41b0-9d4d-50f63a8fba8b",
        "timestamp": ENDED,
        "type": "gemini",
        "content": f'"toolCalls" {SECRET}',
        "toolCalls": list(calls),
    } | fields


def head(**fields: Any) -> dict[str, Any]:
    return {
        "sessionId": SESSION,
        "projectHash": "fb8e",
        "startTime": ENDED,
        "kind": "main",
    } | fields


@pytest.fixture
def chats(home: Path) -> Path:
    path = home / ".gemini" / "tmp" / "site" / "chats"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def document(chats: Path) -> Callable[..., Path]:
    """Write a session as one document, of such messages."""

    def write(*messages: Any, **fields: Any) -> Path:
        path = chats / f"session-2026-01-16T11-01-{SESSION[:8]}.json"
        path.write_text(json.dumps(head(**fields) | {"messages": messages}, indent=2))
        return path

    return write


@pytest.fixture
def lines(chats: Path) -> Callable[..., Path]:
    """Write a session as lines: objects, or bytes as they are."""

    def write(*records: Any, name: str = f"session-2026-05-16T11-01-{SESSION[:8]}.jsonl") -> Path:
        path = chats / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(line(record) for record in records))
        return path

    return write


def line(record: Any) -> bytes:
    return record if isinstance(record, bytes) else json.dumps(record).encode() + b"\n"


def found() -> ClientImport:
    (client,) = import_calls(clients=["gemini-cli"]).clients
    return client


COLUMNS = (
    "tool_name, server, agent, duration_ms, duration_kind, status, error_type, error_kind,"
    " error_code, timestamp, started_ms, source"
)


@pytest.fixture
def calls(rows: Ask) -> Callable[[], list[dict[str, Any]]]:
    return lambda: rows(f"SELECT {COLUMNS} FROM tool_calls ORDER BY started_ms, id")


READ = {
    "tool_name": "read_file",
    "server": None,
    "agent": None,
    "duration_ms": 1250.0,
    "duration_kind": "wall",
    "status": "success",
    "error_type": None,
    "error_kind": None,
    "error_code": None,
    "timestamp": ENDED_MS // 1000,
    "started_ms": BEGAN_MS,
    "source": "import",
}


def test_a_call_in_a_document_is_a_row_of_a_call_and_of_its_session(
    document: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]], rows: Ask
) -> None:
    document(message(call()))
    client = found()
    assert (client.added, client.found, client.malformed) == (1, 1, 0)
    assert calls() == [READ]
    assert rows("SELECT * FROM sessions") == [
        {
            "id": named_id("gemini-cli", SESSION),
            "started_at": BEGAN_MS // 1000,
            "ended_at": ENDED_MS // 1000,
            "tool_count": 1,
            "client": "gemini-cli",
            "client_version": None,
            "project": None,
        }
    ]


@pytest.mark.parametrize(
    "native_id",
    [
        f"read_file-{BEGAN_MS}-6b5d2c6179cc4",
        f"read_file-{BEGAN_MS}-3",
        f"read_file_{BEGAN_MS}_0",
        f"read_file__read_file_{BEGAN_MS}_0",
        f"read_file__synth_{SESSION}########3_{BEGAN_MS}_12",
    ],
)
def test_a_call_began_when_its_id_says(
    native_id: str, lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    lines(head(), message(call(id=native_id)))
    assert found().added == 1
    assert calls() == [READ]


def test_a_call_whose_id_says_no_time_began_with_its_message(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    began = "2026-01-16T11:02:40.000Z"
    lines(head(), message(call(id="read_file__8fa2"), timestamp=began))
    assert found().added == 1
    assert calls() == [READ]


@pytest.mark.parametrize("timestamp", [ENDED, "2026-01-16T11:02:41.251Z", None, "soon", ""])
def test_a_message_that_was_logged_with_its_calls_does_not_say_when_they_began(
    timestamp: str | None, lines: Callable[..., Path]
) -> None:
    lines(head(), message(call(id="read_file__8fa2"), timestamp=timestamp))
    client = found()
    assert (client.added, client.untimed) == (0, 1)


def test_calls_that_were_added_to_a_message_later_did_not_begin_with_it(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    first = call(id="read_file__1")
    later = call(id="read_file__2", timestamp="2026-01-16T11:02:52.000Z")
    lines(head(), message(first, later, timestamp="2026-01-16T11:02:40.000Z"))
    client = found()
    assert (client.added, client.untimed) == (1, 1)
    assert calls() == [READ]


@pytest.mark.parametrize(
    "timestamp", [None, "", "soon", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", 1e300]
)
def test_a_call_without_a_time_that_can_be_is_untimed(
    timestamp: object, document: Callable[..., Path]
) -> None:
    document(message(call(timestamp=timestamp)))
    client = found()
    assert (client.added, client.untimed, client.malformed) == (0, 1, 0)


def test_a_time_in_an_id_from_before_there_was_such_an_agent_is_none(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    wrong = call(id="read_file_0000000000001_0")
    lines(
        head(),
        message(wrong, timestamp="2026-01-16T11:02:40.000Z"),
        message(wrong | {"id": "read_file_0000000000002_0"}, id="logged with its call"),
    )
    client = found()
    assert (client.added, client.untimed) == (1, 1)
    assert calls() == [READ]


def test_a_call_that_ends_before_it_began_took_no_time(
    document: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    document(message(call(timestamp="2026-01-16T11:02:30.000Z")))
    assert found().added == 1
    assert [row["duration_ms"] for row in calls()] == [0.0]


@pytest.mark.parametrize(
    ("name", "displayed", "server", "tool"),
    [
        ("get_issue", "get_issue (github MCP Server)", "github", "get_issue"),
        ("mcp_my_db_run_sql", "run_sql (my_db MCP Server)", "my_db", "run_sql"),
        ("mcp_a...b", "a.very-long_name (x (y) MCP Server)", "x (y)", "a.very-long_name"),
        ("mcp_github_get_issue", "mcp_github_get_issue", "github", "get_issue"),
        ("github__get_issue", None, "github", "get_issue"),
        ("mcp_alone", "mcp_alone", None, "mcp_alone"),
        ("a__b__c", None, None, "a__b__c"),
        ("run_shell_command", "Shell", None, "run_shell_command"),
    ],
)
def test_the_name_for_people_says_the_server_and_else_the_name_for_the_model(
    name: str,
    displayed: str | None,
    server: str | None,
    tool: str,
    document: Callable[..., Path],
    calls: Callable[[], list[dict[str, Any]]],
) -> None:
    document(message(call(name=name, displayName=displayed)))
    assert found().added == 1
    assert calls() == [READ | {"tool_name": tool, "server": server}]


DETAILS = "MCP tool 'x' reported tool error for function call: {} with response: "


def answered(error: str) -> str:
    return f'{DETAILS}[{{"functionResponse":{{"name":"x","response":{{"error":{error}}}}}}}]'


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("File not found", {}),
        ("", {}),
        (answered('{"message":"no","isError":true}'), {}),
        (
            answered('{"message":"MCP error -32001: Request timed \\"out\\"","isError":true}'),
            {
                "status": "timeout",
                "error_kind": "protocol",
                "error_type": "McpError",
                "error_code": -32001,
            },
        ),
        (
            answered('{"message":"MCP error -32000: Connection closed","isError":true}'),
            {"error_kind": "transport", "error_type": "McpError"},
        ),
        (
            "MCP error -32602: no such parameter",
            {"error_kind": "arguments", "error_type": "McpError", "error_code": -32602},
        ),
        (
            "MCP error 7: own",
            {"error_kind": "protocol", "error_type": "McpError", "error_code": 7},
        ),
        # what the call was about is no error
        ('File not found: {"message":"MCP error -32001: x","isError":true}}}}] it was', {}),
        (answered('{"message":"MCP error -32001: x","isError":true}') + "and more", {}),
        (
            "params must have required property 'a'",
            {"error_kind": "arguments", "error_type": "InputValidationError"},
        ),
        (
            "Error: Invalid parameters provided. Reason: params/a must be string",
            {"error_kind": "arguments", "error_type": "InputValidationError"},
        ),
        (
            'Tool "x" not found. Did you mean one of: "y"?',
            {"error_kind": "not_found", "error_type": "NoSuchTool"},
        ),
    ],
)
def test_a_call_that_failed_is_a_row_with_what_its_text_tells_of_how(
    said: str,
    outcome: dict[str, Any],
    document: Callable[..., Path],
    calls: Callable[[], list[dict[str, Any]]],
) -> None:
    document(message(failed(said)))
    assert found().added == 1
    assert calls() == [READ | {"status": "error", "error_kind": "tool"} | outcome]


@pytest.mark.parametrize(
    "result",
    [None, "text", 7, [], [7], [{}], [{"functionResponse": {}}], [{"text": "a"}], {"a": [[[]]]}],
)
def test_a_result_of_another_shape_says_nothing_and_what_people_saw_is_looked_at(
    result: object, document: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    shown = 'Tool "x" not found.'
    document(
        message(
            failed("", id=f"a-{BEGAN_MS}-1", result=result, resultDisplay={"a": 1}),
            failed("", id=f"a-{BEGAN_MS + 1}-2", result=result, resultDisplay=shown),
        )
    )
    assert found().added == 2
    assert [row["error_kind"] for row in calls()] == ["tool", "not_found"]


def test_of_a_long_text_the_beginning_and_the_end_are_looked_at(
    document: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    error = answered('{"message":"MCP error -32001: x","isError":true}')
    document(
        message(
            failed(error.replace("{}", "x" * 500_000), id=f"a-{BEGAN_MS}-1"),
            failed('Tool "x" not found' + "." * 500_000, id=f"a-{BEGAN_MS + 1}-1"),
        )
    )
    assert found().added == 2
    assert [row["error_type"] for row in calls()] == ["McpError", "NoSuchTool"]


@pytest.mark.parametrize(
    "refused",
    [
        call(status="cancelled"),
        failed("[Operation Cancelled] Reason: User denied execution.", status="cancelled"),
        failed("[Operation Cancelled] Reason: User did not allow tool call"),
        failed("Tool execution denied by policy. Not here."),
        failed("Tool execution blocked: by a hook"),
        failed('Tool execution for "Shell" requires user confirmation, which is not supported'),
        failed("Agent execution stopped by hook: enough"),
    ],
)
def test_a_call_that_was_denied_or_interrupted_is_counted_and_no_row(
    refused: dict[str, Any],
    document: Callable[..., Path],
    calls: Callable[[], list[dict[str, Any]]],
) -> None:
    document(message(refused | {"id": f"a-{BEGAN_MS}-1"}, call()))
    client = found()
    assert (client.added, client.refused, client.found) == (1, 1, 2)
    assert calls() == [READ]


def test_a_message_that_is_logged_again_brings_only_what_is_new_in_it(
    lines: Callable[..., Path],
) -> None:
    denied = call(id=f"a_{BEGAN_MS}_1", status="cancelled")
    lines(
        head(),
        message(),
        message(call(), denied),
        message(call(), denied, tokens={"total": 1}),
        {"$set": {"messages": [message(call(), denied)]}},
        {"$rewindTo": message()["id"]},
        message(call(), denied, call(id=f"a_{BEGAN_MS}_2")),
        message(call(id=f"a_{BEGAN_MS}_3"), id="another"),
    )
    client = found()
    assert (client.added, client.refused, client.found, client.malformed) == (3, 1, 4, 0)


@pytest.mark.parametrize("status", ["executing", "awaiting_approval", "", "not yet known"])
def test_a_call_that_has_not_ended_is_none_until_it_has(
    status: str, lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    lines(head(), message(call(status=status)))
    assert found().found == 0
    lines(head(), message(call(status=status)), message(call()))
    assert found().added == 1
    assert [row["status"] for row in calls()] == ["success"]


def test_of_many_calls_of_one_message_only_the_last_are_remembered(
    lines: Callable[..., Path], rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gemini_cli, "MOST_TAKEN", 3)
    many = [call(id=f"a_{BEGAN_MS}_{number}") for number in range(9)]
    lines(head(), *(message(*many[: number + 1]) for number in range(9)))
    assert found().added == 9
    (cursor,) = rows("SELECT state FROM import_cursors")
    assert len(json.loads(cursor["state"])["context"]["taken"]) == 3


def test_a_session_that_was_resumed_is_in_two_logs_and_one_session(
    document: Callable[..., Path], lines: Callable[..., Path], rows: Ask
) -> None:
    denied = call(id=f"a_{BEGAN_MS}_1", status="cancelled")
    path = document(message(call(), denied))
    lines(
        head(), message(call(), denied), message(call(id=f"a_{BEGAN_MS}_2")), name=path.name + "l"
    )
    client = found()
    assert (client.files, client.added, client.known, client.refused) == (2, 2, 1, 1)
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 2}]


def test_two_sessions_may_have_calls_of_the_same_id(
    document: Callable[..., Path], lines: Callable[..., Path]
) -> None:
    document(message(call()))
    lines(head(sessionId=AGENT), message(call()))
    assert found().added == 2


@pytest.mark.parametrize(
    ("spawn", "agent"),
    [
        ({"name": "invoke_agent", "args": {"agent_name": "reviewer"}}, "reviewer"),
        ({"name": "codebase_investigator", "args": {"objective": SECRET}}, "codebase_investigator"),
        ({"name": "helper", "args": None}, "helper"),
        (None, "subagent"),
    ],
)
def test_a_subagents_calls_are_of_the_session_that_started_it_and_of_its_type(
    spawn: dict[str, Any] | None,
    agent: str,
    lines: Callable[..., Path],
    calls: Callable[[], list[dict[str, Any]]],
    rows: Ask,
) -> None:
    started = call(**spawn, agentId=AGENT, displayName=None) if spawn else call()
    nested = call(id=f"read_file__{AGENT}#1-0")
    lines(
        head(sessionId=AGENT, kind="subagent"),
        message(nested, timestamp="2026-01-16T11:02:40.001Z"),
        name=f"{SESSION}/{AGENT}.jsonl",
    )
    lines(head(), message(started))
    assert found().added == 2
    assert [row["agent"] for row in calls()] == [None, agent]
    assert rows("SELECT id, tool_count FROM sessions") == [
        {"id": named_id("gemini-cli", SESSION), "tool_count": 2}
    ]


def test_a_log_below_a_session_is_a_subagents_whatever_it_says(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    lines(head(sessionId=AGENT), message(call()), name=f"{SESSION}/{AGENT}.jsonl")
    assert found().added == 1
    assert calls() == [READ | {"agent": "subagent"}]


def test_a_project_may_be_named_as_the_directory_of_its_logs(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]], rows: Ask
) -> None:
    path = lines(head(), message(call()))
    path.parents[1].rename(path.parents[2] / "chats")
    assert found().added == 1
    assert calls() == [READ]
    assert rows("SELECT id FROM sessions") == [{"id": named_id("gemini-cli", SESSION)}]


def test_a_subagent_in_a_log_beside_those_of_sessions_is_a_session_of_its_own(
    document: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    document(message(call()), kind="subagent")
    assert found().added == 1
    assert calls() == [READ | {"agent": "subagent"}]


@pytest.mark.parametrize("how", ["file", "short name", "hash", "nothing", "broken"])
def test_the_project_is_the_last_part_of_the_directory_if_it_is_asked_for(
    how: str, home: Path, lines: Callable[..., Path], rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = lines(head(), message(call()))
    project = path.parents[1]
    names = {"/else/where": "other", "/home/somebody/My Site": "site"}
    if how == "file":
        (project / ".project_root").write_text("/home/somebody/My Site\n")
    elif how == "broken":
        (project / ".project_root").write_bytes(b"\xff")
        (home / ".gemini" / "projects.json").write_text("[]")
    elif how != "nothing":
        (home / ".gemini" / "projects.json").write_text(json.dumps({"projects": names}))
    if how == "hash":
        project.rename(project.with_name(sha256(b"/home/somebody/My Site").hexdigest()))
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    assert found().added == 1
    known = how not in {"nothing", "broken"}
    assert rows("SELECT project FROM sessions") == [{"project": "My Site" if known else None}]


def test_a_variable_says_where_the_logs_are(
    lines: Callable[..., Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines(head(), message(call()))
    (home / "elsewhere").mkdir()
    (home / ".gemini").rename(home / "elsewhere" / ".gemini")
    assert found().files == 0
    monkeypatch.setenv("GEMINI_CLI_HOME", str(home / "elsewhere"))
    assert found().added == 1


def test_only_logs_of_sessions_are_read(
    lines: Callable[..., Path], chats: Path, home: Path
) -> None:
    path = lines(head(), message(call()))
    content = path.read_bytes()
    (chats / f"{path.name}.unreadable-1768561360000").write_bytes(content)
    (chats / f"{path.name}.tmp-77").write_bytes(content)
    (chats.parent / "logs.json").write_bytes(b"[]")
    (chats.parent / "checkpoint-a.json").write_bytes(content)
    deep = chats / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "session-x.jsonl").write_bytes(content)
    (home / ".gemini" / "tmp" / "bin").write_bytes(b"")
    os.mkfifo(chats / "session-f.jsonl")
    (chats / "session-d.json").mkdir()
    (chats / "session-l.json").symlink_to("nowhere")
    client = found()
    assert (client.files, client.added, client.malformed) == (1, 1, 0)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ("{}", 30),
        ("// not JSON", 30),
        ('{"general": {"sessionRetention": {"maxAge": "7d"}}}', 7),
        ('{"general": {"sessionRetention": {"maxAge": "4w"}}}', 28),
        ('{"general": {"sessionRetention": {"maxAge": "12h"}}}', 1),
        ('{"general": {"sessionRetention": {"maxAge": "2m", "enabled": true}}}', 60),
        ('{"general": {"sessionRetention": {"maxAge": 7}}}', 30),
        ('{"general": {"sessionRetention": {"maxAge": "soon"}}}', 30),
        ('{"general": {"sessionRetention": {"enabled": false}}}', None),
        ('{"general": {"sessionRetention": 7}}', 30),
    ],
)
def test_it_is_said_how_long_the_logs_are_kept(
    settings: str, kept: int | None, home: Path, document: Callable[..., Path]
) -> None:
    document(message(call()))
    (home / ".gemini" / "settings.json").write_text(settings)
    client = found()
    days = client.retention and client.retention.days
    assert (days, client.oldest) == (kept, date(2026, 1, 16))


UGLY: list[tuple[bytes, int, int]] = [
    (line(head()) + line(message(call())), 1, 0),
    (b"\xef\xbb\xbf" + line(head()) + line(message(call())), 1, 0),
    (line(head()).replace(b"\n", b"\r\n") + line(message(call())).replace(b"\n", b"\r\n"), 1, 0),
    (line(head()) + b"\0" * 100 + line(message(call())), 1, 0),
    (line(head()) + b"\n\n  \n" + line(message(call())), 1, 0),
    (line(head()) + b'{"toolCalls": [\n' + line(message(call())), 1, 1),
    (line(head()) + b"[" * 100_000 + b"]" * 100_000 + b"\n" + line(message(call())), 1, 1),
    (
        line(head())
        + b'{"toolCalls": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}\n"
        + line(message(call())),
        1,
        1,
    ),
    (line(head()) + line(message(call())).replace(SECRET.encode(), b"\xff\xfe"), 1, 0),
    (line(head()) + line(message(call())).replace(SECRET.encode(), b"\\ud83d"), 1, 0),
    (line(head()) + line(message(call(name="a\0\ud800b"))), 1, 0),
    (line(head()) + line(message(call(name=7), id="x")) + line(message(call())), 1, 1),
    (line(head()) + line(message(call(id=7), id="x")) + line(message(call())), 1, 1),
    (line(head()) + line(message(call(status=7), id="x")) + line(message(call())), 1, 1),
    (line(head()) + line(message(7, id="x")) + line(message(call())), 1, 1),
    (line(head()) + line(message(None, {}, call(id=""), call(name=""), call())), 1, 0),
    (line(head()) + line(message(None)) + line(message()) + line(message(call())), 1, 0),
    (line(head()) + line(message(call(displayName=None, agentId=None))), 1, 0),
    (line(head(sessionId=7)) + line(message(call())), 0, 2),
    (line(message(call())) + line(head()) + line(message(call())), 1, 1),
    (line(head()) + line(message(call()) | {"toolCalls": {}}) + line(message(call())), 1, 1),
    (line(head()) + line(message(call())) + line(message(call(id="b-1768561360000-1")))[:-9], 1, 0),
    (line(head()) + line(message(call()) | {"messages": [None, message(call(id="b"))]}), 1, 0),
]


@pytest.mark.parametrize(("content", "added", "malformed"), UGLY)
def test_what_is_ugly_is_read_or_named_and_the_rest_is_read(
    content: bytes, added: int, malformed: int, lines: Callable[..., Path], rows: Ask
) -> None:
    path = lines(content)
    client = found()
    assert (client.added, client.malformed) == (added, malformed)
    assert {place.path for place in client.places} <= {str(path)}
    names = {row["tool_name"] for row in rows("SELECT tool_name FROM tool_calls")}
    assert names <= {"read_file", "a\ufffd\ufffdb"}


@pytest.mark.parametrize(
    ("content", "added", "malformed"),
    [
        (b"", 0, 0),
        (b"\0\0\0\n", 0, 0),
        (b"\xef\xbb\xbf" + json.dumps(head() | {"messages": [message(call())]}).encode(), 1, 0),
        (json.dumps(head() | {"messages": [message(call())]}).encode() + b"\0\0\r\n", 1, 0),
        (json.dumps(head() | {"messages": [None, message(call())]}).encode(), 1, 0),
        (json.dumps(head() | {"messages": None}).encode(), 0, 0),
        (json.dumps(head() | {"messages": [message(call())]}).encode()[:-1], 0, 1),
        (json.dumps({"messages": [message(call())]}).encode(), 0, 1),
        (b"[" * 100_000 + b"]" * 100_000, 0, 1),
        (b"[]", 0, 1),
        (json.dumps({"sessionId": SESSION, "messages": [message(call())]}).encode(), 1, 0),
    ],
)
def test_a_document_is_read_or_named(
    content: bytes, added: int, malformed: int, document: Callable[..., Path]
) -> None:
    path = document()
    path.write_bytes(content)
    client = found()
    assert (client.added, client.malformed) == (added, malformed)
    assert [(place.path, place.offset) for place in client.places] == [(str(path), 0)] * malformed


def test_a_document_that_changed_is_read_again_and_no_call_twice(
    document: Callable[..., Path],
) -> None:
    document(message(call()))
    assert found().added == 1
    assert found().read == 0
    document(message(call()), message(call(id=f"a-{BEGAN_MS}-1"), id="b"))
    client = found()
    assert (client.read, client.added, client.known) == (1, 1, 1)


def test_a_document_that_is_too_large_for_memory_is_named(
    document: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = document(message(call()))
    monkeypatch.setattr(gemini_cli, "LARGEST", 100)
    client = found()
    assert (client.added, client.malformed) == (0, 1)
    assert [(place.path, place.reason) for place in client.places] == [
        (str(path), "it is larger than 0 MiB")
    ]


def test_a_document_that_is_being_written_is_not_named(document: Callable[..., Path]) -> None:
    path = document(message(call()))
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    importer = GeminiCli()
    (log,) = importer.logs()
    path.write_bytes(whole)
    with FileIO(path) as file:
        assert list(importer.read(log, file, 0, Calls("gemini-cli"))) == [(100, None)]
    assert found().added == 1


def test_a_line_of_many_megabytes_is_read_without_its_long_texts(
    lines: Callable[..., Path], calls: Callable[[], list[dict[str, Any]]]
) -> None:
    long = "x" * 6_000_000
    shown = 'Tool "x" not found.'
    lines(
        head(),
        message(
            call(args={"a": long}, resultDisplay=long),
            failed(long, id=f"a_{BEGAN_MS + 1}_0", resultDisplay=shown),
        ),
        message(call(id=f"a_{BEGAN_MS + 2}_0"), id="next"),
    )
    client = found()
    assert (client.added, client.malformed) == (3, 0)
    assert [row["error_type"] for row in calls()] == [None, "NoSuchTool", None]
