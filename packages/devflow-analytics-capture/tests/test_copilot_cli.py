"""What an import of the Copilot CLI's logs brings in."""

from __future__ import annotations

import itertools
import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.importers.copilot_cli import CopilotCli
from devflow_analytics_capture.testing.copilot_cli import write_logs
from devflow_analytics_capture.testing.truth import SECRET
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeAlias

    from devflow_analytics_capture import ClientImport
    from devflow_analytics_capture.testing.truth import Truth

    Ask: TypeAlias = Callable[..., list[dict[str, Any]]]
    Write: TypeAlias = Callable[..., Path]

SESSION = "11111111-2222-4333-8444-555555555555"
OTHER = "66666666-2222-4333-8444-555555555555"
CALL = "toolu_A1b2C3d4"
COLUMNS = (
    *("tool_name", "server", "agent", "status", "error_kind", "error_type", "error_code"),
    *("timestamp", "started_ms", "duration_ms", "duration_kind"),
)


@pytest.fixture
def log(home: Path) -> Write:
    """Write the events of a session, with a second between them."""

    def write(*events: dict[str, Any] | str, session: str = SESSION) -> Path:
        path = home / ".copilot" / "session-state" / session / "events.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(text(line, second) for second, line in enumerate(events)))
        return path

    return write


def text(line: dict[str, Any] | str, second: int = 0) -> str:
    if isinstance(line, str):
        return line + "\n"
    return json.dumps({"timestamp": f"2026-01-02T10:00:{second:02}.000Z", **line}) + "\n"


def event(kind: str, /, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data}


def begin(**data: Any) -> dict[str, Any]:
    context = {"cwd": "/home/x/shop"}
    start = {"sessionId": SESSION, "copilotVersion": "1.0.85", "context": context}
    return event("session.start", **{**start, **data})


def start(tool: str, call_id: str = CALL, **data: Any) -> dict[str, Any]:
    return event("tool.execution_start", toolCallId=call_id, toolName=tool, arguments={}, **data)


def complete(call_id: str = CALL, **data: Any) -> dict[str, Any]:
    return event("tool.execution_complete", **{"toolCallId": call_id, "success": True, **data})


def imported(**options: Any) -> ClientImport:
    return import_calls(clients=["copilot-cli"], **options).clients[0]


def found_calls(rows: Ask) -> list[dict[str, Any]]:
    return rows(f"SELECT {', '.join(COLUMNS)} FROM tool_calls ORDER BY started_ms, tool_name")


def test_a_call_becomes_a_row_with_an_upper_bound_of_its_time(log: Write, rows: Ask) -> None:
    mcp = {"mcpServerName": "git hub", "mcpToolName": "get_issue"}
    log(begin(), start("git-hub-get_issue", **mcp), complete(result={"content": SECRET}))
    assert imported().added == 1
    assert rows("SELECT * FROM tool_calls") == [
        {
            "id": named_id("copilot-cli", CALL),
            "session_id": named_id("copilot-cli", SESSION),
            "tool_name": "get_issue",
            "duration_ms": 1000.0,
            "status": "success",
            "error_type": None,
            "timestamp": 1767348002,
            "server": "git hub",
            "agent": None,
            "source": "import",
            "error_kind": None,
            "error_code": None,
            "request_bytes": None,
            "result_bytes": None,
            "started_ms": 1767348001000,
            "duration_kind": "wall",
        }
    ]
    assert rows("SELECT client, client_version, project FROM sessions") == [
        {"client": "copilot-cli", "client_version": "1.0.85", "project": None}
    ]


@pytest.mark.parametrize(
    ("data", "server", "tool"),
    [
        ({}, None, "gh-get_issue"),
        ({"mcpServerName": "gh"}, "gh", "get_issue"),
        ({"mcpServerName": "other"}, "other", "gh-get_issue"),
        ({"mcpServerName": "", "mcpToolName": ""}, None, "gh-get_issue"),
    ],
)
def test_a_tool_is_named_without_its_server(
    data: Any, server: Any, tool: Any, log: Write, rows: Ask
) -> None:
    log(begin(), start("gh-get_issue", **data), complete())
    imported()
    assert [(row["server"], row["tool_name"]) for row in found_calls(rows)] == [(server, tool)]


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ({"success": True}, {"status": "success"}),
        ({"shellExecution": {"exitCode": 0}}, {"status": "success"}),
        (
            {"shellExecution": {"exitCode": 2}},
            {"status": "error", "error_kind": "tool", "error_type": "ExitStatus"},
        ),
        ({"success": False}, {"status": "error", "error_kind": "tool"}),
        ({"success": None}, {"status": "error", "error_kind": "tool"}),
        ({"success": False, "error": "any"}, {"status": "error", "error_kind": "tool"}),
        ({"success": False, "error": [7]}, {"status": "error", "error_kind": "tool"}),
        (
            {"success": False, "error": {"message": SECRET, "code": "failure"}},
            {"status": "error", "error_kind": "tool", "error_type": None},
        ),
        (
            {"success": False, "error": {"message": SECRET, "code": "timeout"}},
            {"status": "timeout", "error_type": "Timeout"},
        ),
        (
            {"success": False, "error": {"message": "MCP error -32001: Request timed out"}},
            {"status": "timeout", "error_kind": "protocol", "error_code": -32001},
        ),
        (
            {"success": False, "error": {"message": "MCP server 'x': MCP error -32603: y"}},
            {"status": "error", "error_kind": "protocol", "error_code": -32603},
        ),
    ],
)
def test_an_end_says_how_a_call_ended(end: Any, expected: Any, log: Write, rows: Ask) -> None:
    log(begin(), start("bash"), complete(**end))
    imported()
    (row,) = found_calls(rows)
    assert row == {**row, **expected}


@pytest.mark.parametrize(
    "error",
    [
        {"message": "x", "code": "denied"},
        {"message": "x", "code": "rejected"},
        {"message": "Permission denied and could not request permission from user"},
        "Denied by preToolUse hook: No reason provided",
        {"message": "The user rejected this tool call."},
    ],
)
def test_a_call_that_did_not_run_is_counted_and_no_row(error: Any, log: Write, rows: Ask) -> None:
    log(begin(), start("bash"), complete(success=False, error=error))
    assert (imported().refused, found_calls(rows)) == (1, [])


@pytest.mark.parametrize(
    ("result", "refused"),
    [
        ({"kind": "denied-by-rules", "rules": []}, 1),
        ({"kind": "denied-interactively-by-user"}, 1),
        ({"kind": "cancelled"}, 1),
        ({"kind": "approved"}, 0),
        ("odd", 0),
        (None, 0),
    ],
)
def test_a_denied_permission_refuses_the_call_that_asked(
    result: Any, refused: Any, log: Write
) -> None:
    asked = event("permission.completed", toolCallId=CALL, result=result)
    log(begin(), start("bash"), asked, complete(success=False, error="x"))
    assert (imported().refused, imported(full=True).known) == (refused, 1 - refused)


def test_an_abort_gives_up_all_calls(log: Write) -> None:
    log(begin(), start("a", "toolu_Aaaa"), start("b", "toolu_Bbbb"), event("abort", reason="x"))
    assert (imported().refused, imported(full=True).unanswered) == (2, 0)


def test_a_call_without_an_end_and_an_end_without_a_call_are_no_rows(log: Write) -> None:
    log(begin(), start("a", "toolu_Aaaa"), complete("toolu_Bbbb"), complete(None))
    assert (imported().unanswered, imported(full=True).found) == (1, 1)


def test_calls_of_a_subagent_say_its_type(log: Write, rows: Ask) -> None:
    started = event("subagent.started", toolCallId=CALL, agentName="explorer") | {"agentId": "a1"}
    log(
        begin(),
        start("task"),
        started,
        {**start("by_envelope", "toolu_Aaaa"), "agentId": "a1"},
        complete("toolu_Aaaa"),
        start("by_parent", "toolu_Bbbb", parentToolCallId=CALL),
        complete("toolu_Bbbb"),
        {**start("unknown", "toolu_Cccc"), "agentId": "a2"},
        complete("toolu_Cccc"),
        event("subagent.completed", toolCallId=CALL, agentName="explorer", durationMs=7500),
        complete(),
        event("subagent.failed", toolCallId=CALL, durationMs=1),
    )
    imported()
    found = {row["tool_name"]: row for row in found_calls(rows)}
    assert {tool: row["agent"] for tool, row in found.items()} == {
        "task": None,
        "by_envelope": "explorer",
        "by_parent": "explorer",
        "unknown": "subagent",
    }
    task = found["task"]
    assert (task["duration_ms"], task["duration_kind"]) == (7500.0, "run")


def test_no_more_subagents_are_remembered_than_run(log: Write, rows: Ask) -> None:
    named = [event("subagent.started", toolCallId=f"toolu_{n}x") for n in range(120)]
    log(begin(), *({**one, "timestamp": "2026-01-02T10:00:00Z"} for one in named))
    imported()
    (cursor,) = rows("SELECT state FROM import_cursors")
    assert len(json.loads(cursor["state"])["context"]["agents"]) == 100


def test_a_copy_of_a_session_adds_only_what_is_its_own(log: Write, rows: Ask) -> None:
    first = [begin(), start("old"), complete()]
    path = log(*first)
    os.utime(path, ns=(0, 0))
    log(*first, start("own", "toolu_Aaaa"), complete("toolu_Aaaa"), session=OTHER)
    assert (imported().added, imported(full=True).known) == (2, 3)
    counts = {row["id"]: row["tool_count"] for row in rows("SELECT * FROM sessions")}
    assert counts == {named_id("copilot-cli", one): 1 for one in (SESSION, OTHER)}


def test_only_logs_of_sessions_are_read(log: Write, home: Path) -> None:
    path = log(begin(), start("a"), complete())
    (path.parent / "other.jsonl").write_text(text(start("b")))
    (path.parents[1] / f"{OTHER}.jsonl").write_text(text(begin()) + text(start("c", "toolu_Cc")))
    found = {os.path.relpath(log.path, home) for log in CopilotCli().logs()}
    base = ".copilot/session-state"
    assert found == {f"{base}/{SESSION}/events.jsonl", f"{base}/{OTHER}.jsonl"}
    assert imported().found == 2


def test_the_home_of_copilot_is_looked_up_when_asked(
    log: Write, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(begin(), start("a"), complete())
    (home / ".copilot").rename(home / "elsewhere")
    assert list(CopilotCli().logs()) == []
    monkeypatch.setenv("COPILOT_HOME", str(home / "elsewhere"))
    assert imported().added == 1


def test_the_project_is_kept_only_if_it_is_asked_for(
    log: Write, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = event("session.context_changed", cwd="C:\\work\\bakery\\")
    log(begin(), moved, start("a"), complete())
    imported()
    assert rows("SELECT project FROM sessions") == [{"project": None}]
    assert "bakery" not in rows("SELECT state FROM import_cursors")[0]["state"]
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    imported(full=True)
    assert rows("SELECT project FROM sessions") == [{"project": "bakery"}]


UGLY = (
    '{"type":"tool.execution_start","data":{"toolCallId":7,"toolName":"x"}}',
    '{"type":"tool.execution_start","data":[]}',
    '{"type":"tool.execution_complete","data":' + '{"data":' * 100_000 + "}",
    '{"type":"tool.execution_complete","data":{"toolCallId":"x","res{"type":"abort","data":{}}',
    '{"type":"tool.execution_complete","data":{"toolCallId":"x","result":{"content":"a',
)


@pytest.mark.parametrize("ugly", UGLY)
def test_a_line_that_cannot_be_read_is_named_and_the_rest_is_read(ugly: str, log: Write) -> None:
    path = log(begin(), ugly, start("a"), complete())
    result = imported()
    assert (result.added, result.malformed) == (1, 1)
    assert [(place.path, place.offset) for place in result.places] == [
        (str(path), len(text(begin())))
    ]


def test_nuls_after_a_crash_and_odd_characters_do_no_harm(log: Write, rows: Ask) -> None:
    path = log(begin(), start("a\ud800b\u2028"), complete(), '{"type":"abort"}')
    path.write_bytes(path.read_bytes() + b"\0" * 1728)
    assert (imported().added, imported(full=True).malformed) == (1, 0)
    assert found_calls(rows)[0]["tool_name"] == "a\ufffdb\u2028"


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", None, 7])
def test_a_call_without_a_possible_time_is_counted(time: Any, log: Write) -> None:
    log(begin(), {**start("a"), "timestamp": time}, complete())
    assert (imported().untimed, imported(full=True).found) == (1, 1)


def by_key(truth: Truth) -> dict[str, dict[str, Any]]:
    return {named_id("copilot-cli", native_id): row for (_, native_id), row in truth.rows.items()}


def test_an_import_finds_exactly_what_copilot_logged(home: Path, rows: Ask) -> None:
    truth = write_logs(home, calls=2_000, seed=1)
    result = imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)
    counted = result.refused, result.unanswered, result.known, result.malformed
    assert counted == (truth.refused, truth.unanswered, truth.copies, truth.malformed)
    assert result.found == truth.found
    assert imported().read == 0


def test_nothing_private_gets_into_any_file(home: Path, file: Path) -> None:
    write_logs(home, calls=300)
    assert imported().added > 100
    files = [path for path in file.parent.rglob("*") if path.is_file()]
    assert file in files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def test_logs_that_grow_bit_by_bit_give_the_same_rows(
    home: Path, rows: Ask, tmp_path: Path
) -> None:
    truth = write_logs(tmp_path / "whole", calls=150, seed=2)
    chance = random.Random(3)
    sources = (tmp_path / "whole").rglob("*.jsonl")
    for source in sorted(sources, key=lambda path: path.stat().st_mtime_ns):
        target = home / source.relative_to(tmp_path / "whole")
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        cuts = sorted(chance.randint(0, len(content)) for _ in range(4))
        for begun, end in itertools.pairwise([0, *cuts, len(content)]):
            with target.open("ab") as log:
                log.write(content[begun:end])
            imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)
    assert rows("SELECT sum(unanswered) AS n FROM import_cursors") == [{"n": truth.unanswered}]
