"""What an import of Codex's logs brings in."""

from __future__ import annotations

import itertools
import json
import random
import sys
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_capture.importers.codex import Codex
from devflow_analytics_capture.testing.codex import write_logs
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

THREAD = "019b7a00-0000-7000-8000-000000000001"
FORK = "019b7a99-0000-7000-8000-000000000002"
OWN_TURN = "019b7b00-0000-7000-8000-000000000003"
COLUMNS = (
    *("tool_name", "server", "agent", "status", "error_kind", "error_type", "error_code"),
    *("timestamp", "started_ms", "duration_ms", "duration_kind"),
)


@pytest.fixture
def log(home: Path) -> Write:
    """Write a rollout, of lines as they are or of payloads with a second between them."""

    def write(*lines: dict[str, Any] | str, thread: str = THREAD, day: str = "01-02") -> Path:
        month, number = day.split("-")
        directory = home / ".codex" / "sessions" / "2026" / month / number
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"rollout-2026-{day}T10-00-00-{thread}.jsonl"
        path.write_text("".join(text(line, second) for second, line in enumerate(lines)))
        return path

    return write


def text(line: dict[str, Any] | str, second: int = 0) -> str:
    if isinstance(line, str):
        return line + "\n"
    return json.dumps({"timestamp": f"2026-01-02T10:00:{second:02}.000Z", **line}) + "\n"


def meta(**payload: Any) -> dict[str, Any]:
    return {"type": "session_meta", "payload": {"id": THREAD, "cli_version": "0.125.0", **payload}}


def item(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": "response_item", "payload": {"type": kind, **payload}}


def event(kind: str, **payload: Any) -> dict[str, Any]:
    return {"type": "event_msg", "payload": {"type": kind, **payload}}


def call(name: str, call_id: str = "call_A1b2C3d4", **more: Any) -> dict[str, Any]:
    return item("function_call", name=name, call_id=call_id, arguments="{}", **more)


def output(said: Any, call_id: str = "call_A1b2C3d4") -> dict[str, Any]:
    return item("function_call_output", call_id=call_id, output=said)


def imported(**options: Any) -> ClientImport:
    return import_calls(clients=["codex"], **options).clients[0]


def found_calls(rows: Ask) -> list[dict[str, Any]]:
    return rows(f"SELECT {', '.join(COLUMNS)} FROM tool_calls ORDER BY started_ms, tool_name")


def test_a_command_becomes_a_row_with_the_time_that_codex_measured(log: Write, rows: Ask) -> None:
    head = "Chunk ID: ab12\nWall time: 0.5000 seconds\nProcess exited with code 0\nOutput:\nx"
    log(meta(source="cli"), call("exec_command"), output(head))
    assert imported().added == 1
    assert rows("SELECT * FROM tool_calls") == [
        {
            "id": named_id("codex", "call_A1b2C3d4"),
            "session_id": named_id("codex", THREAD),
            "tool_name": "exec_command",
            "duration_ms": 500.0,
            "status": "success",
            "error_type": None,
            "timestamp": 1767348002,
            "server": None,
            "agent": None,
            "source": "import",
            "error_kind": None,
            "error_code": None,
            "request_bytes": None,
            "result_bytes": None,
            "started_ms": 1767348001500,
            "duration_kind": "run",
        }
    ]
    assert rows("SELECT client, client_version, project, tool_count FROM sessions") == [
        {"client": "codex", "client_version": "0.125.0", "project": None, "tool_count": 1}
    ]


BAD = {"status": "error", "error_kind": "tool", "error_type": "ExitStatus"}
RUN = {"duration_ms": 300.0, "duration_kind": "run"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Exit code: 2\nWall time: 0.3 seconds\nOutput:\nx", RUN | BAD),
        ("Wall time: 0.3 seconds\nOutput:\nProcess exited with code 2\n", RUN),
        ("Chunk ID: 1\nWall time: 0.3 seconds\nProcess exited with code -1\nOutput:\n", RUN | BAD),
        ("Chunk ID: 1\nWall time: 0.3 seconds\nProcess running with session ID 7\n", RUN),
        ("Exit code: 124\nOutput:\n", {"status": "timeout", "error_type": "Timeout"}),
        ('{"output":"x","metadata":{"exit_code":2,"duration_seconds":0.3}}', RUN | BAD),
        ('{"output":"x","metadata":{"exit_code":0}}', {}),
        ('{"output":"x"}', {}),
        ("Script failed\nWall time 0.3 seconds\nOutput:\n", RUN | {"status": "error"}),
        ("unsupported call: x", {"status": "error", "error_kind": "tool", "error_type": None}),
        ({"content": "x", "success": False}, {"status": "error", "error_kind": "tool"}),
        ({"content": [{"type": "input_text", "text": "x"}], "success": True}, {}),
        ([{"type": "input_image"}, {"text": "Exit code: 2\nOutput:"}], BAD),
        ("Plan updated", {}),
        ("", {}),
        (7, {}),
        (None, {}),
    ],
)
def test_the_head_of_an_output_says_how_a_call_ended(
    said: Any, expected: Any, log: Write, rows: Ask
) -> None:
    log(meta(), call("shell"), output(said))
    imported()
    (row,) = found_calls(rows)
    wall = {"status": "success", "duration_ms": 1000.0, "duration_kind": "wall"}
    assert row == {**row, **wall, **expected}


@pytest.mark.parametrize(
    "said",
    [
        "exec command rejected by user",
        "user rejected MCP tool call",
        "aborted by user after 1.5s",
        "aborted",
        "Wall time: 1.5 seconds\naborted by user",
        [{"type": "input_text", "text": "patch rejected by user"}],
    ],
)
def test_a_call_that_was_denied_or_given_up_is_counted_and_no_row(
    said: Any, log: Write, rows: Ask
) -> None:
    log(meta(), call("shell"), output(said))
    assert imported().refused == 1
    assert found_calls(rows) == []


def mcp_end(result: Any, call_id: str = "call_A1b2C3d4", **more: Any) -> dict[str, Any]:
    invocation = {"server": "my server", "tool": "get_issue", "arguments": {"q": SECRET}}
    took = {"secs": 0, "nanos": 250_000_000}
    more = {"invocation": invocation, "duration": took, "result": result, **more}
    return event("mcp_tool_call_end", call_id=call_id, **more)


MCP_ERROR = {"status": "error", "error_kind": "protocol", "error_type": "McpError"}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"Ok": {"content": [], "isError": False}}, {"status": "success"}),
        ({"Ok": {"content": [], "is_error": True}}, {"status": "error", "error_kind": "tool"}),
        ({"isError": True}, {"status": "error", "error_kind": "tool"}),
        (None, {"status": "success"}),
        ("odd", {"status": "success"}),
        ([], {"status": "success"}),
        ({"Err": "tool call error: Mcp error: -32603: x"}, MCP_ERROR | {"error_code": -32603}),
        ({"Err": "Mcp error: -32601: x"}, {"error_kind": "not_found", "error_code": -32601}),
        ({"Err": "tool call error: timed out awaiting tools/call"}, {"status": "timeout"}),
        ({"Err": "tool call error: Transport closed"}, {"error_kind": "transport"}),
        ({"Err": "any"}, {"status": "error", "error_kind": "tool", "error_type": None}),
    ],
)
def test_the_end_of_an_mcp_call_says_server_tool_and_time(
    result: Any, expected: Any, log: Write, rows: Ask
) -> None:
    begun = call("get_issue", namespace="mcp__my_server__")
    log(meta(), begun, mcp_end(result), output("Wall time: 0.2 seconds\nOutput:\n{}"))
    assert imported().found == 1
    (row,) = found_calls(rows)
    exact = {"server": "my server", "tool_name": "get_issue", "duration_ms": 250.0}
    assert row == {**row, **exact, "duration_kind": "run", **expected}


@pytest.mark.parametrize("seconds", [5.0, -1.0, 1e300])
def test_a_time_longer_than_a_call_can_have_taken_is_no_measurement(
    seconds: float, log: Write, rows: Ask
) -> None:
    end = mcp_end({"Ok": {}})
    end["payload"]["duration"] = {"secs": seconds, "nanos": 0}
    log(meta(), call("get_issue", namespace="mcp__my_server__"), end)
    assert imported().added == 1
    (row,) = found_calls(rows)
    assert (row["duration_ms"], row["duration_kind"]) == (1000.0, "wall")
    assert row["started_ms"] == 1767348001000


def test_the_end_of_an_mcp_call_can_stand_alone(log: Write, rows: Ask) -> None:
    log(meta(), mcp_end({"Ok": {}}), mcp_end({"Err": "user rejected MCP tool call"}, "call_B"))
    assert (imported().added, len(found_calls(rows))) == (1, 1)
    assert imported(full=True).refused == 1


@pytest.mark.parametrize(
    ("begun", "server", "tool"),
    [
        (call("mcp__n8n-mcp__health__check"), "n8n-mcp", "health__check"),
        (call("js", namespace="mcp__node_repl__"), "node_repl", "js"),
        (call("js", namespace="mcp__node_repl"), "node_repl", "js"),
        (call("exec_command", namespace="functions"), None, "exec_command"),
        (item("tool_search_call", call_id="call_A1b2C3d4"), None, "tool_search"),
        (item("local_shell_call", id="call_A1b2C3d4", call_id=None), None, "local_shell"),
    ],
)
def test_names_of_tools_are_told_from_those_of_servers(
    begun: Any, server: Any, tool: Any, log: Write, rows: Ask
) -> None:
    log(meta(), begun, output("done"))
    imported()
    assert [(row["server"], row["tool_name"]) for row in found_calls(rows)] == [(server, tool)]


def test_a_tool_search_ends_with_an_output_of_its_own(log: Write) -> None:
    log(
        meta(),
        item("tool_search_call", call_id="call_A1b2C3d4"),
        item("tool_search_output", call_id="call_A1b2C3d4", tools=[]),
        item("web_search_call", status="completed"),
        item("function_call", name="no_id"),
    )
    assert imported().found == 1


def test_the_time_of_an_mcp_call_stands_in_its_output_where_there_is_no_event(
    log: Write, rows: Ask
) -> None:
    begun = call("js", namespace="mcp__node_repl__")
    log(meta(), begun, output("Wall time: 0.3 seconds\nExit code: 3\nOutput:\n{}"))
    imported()
    (row,) = found_calls(rows)
    assert (row["duration_ms"], row["status"]) == (300.0, "success")


def test_results_of_calls_at_once_may_come_in_any_order(log: Write, rows: Ask) -> None:
    names = ["call_Aaaaaaa", "call_Bbbbbbb", "call_Ccccccc"]
    begun = [call(name[-1], name) for name in names]
    log(meta(), *begun, *(output("done", name) for name in reversed(names)))
    imported()
    found = {row["tool_name"]: row["duration_ms"] for row in found_calls(rows)}
    assert found == {"a": 5000.0, "b": 3000.0, "c": 1000.0}


def test_an_interrupted_turn_gives_up_all_its_calls(log: Write) -> None:
    log(meta(), call("a", "call_Aaaaaaa"), call("b", "call_Bbbbbbb"), event("turn_aborted"))
    assert imported().refused == 2


def test_a_declined_patch_or_command_is_refused(log: Write) -> None:
    log(
        meta(),
        call("a", "call_Aaaaaaa"),
        event("patch_apply_end", call_id="call_Aaaaaaa", status="declined", success=False),
        output("x", "call_Aaaaaaa"),
        call("b", "call_Bbbbbbb"),
        event("exec_command_end", call_id="call_Bbbbbbb", status="declined", exit_code=-1),
        event("exec_command_end", status="declined"),
    )
    assert (imported().refused, imported(full=True).found) == (2, 2)


def test_the_life_of_a_process_is_not_the_time_of_a_call(log: Write, rows: Ask) -> None:
    head = "Wall time: 0.3 seconds\nProcess running with session ID 7\nOutput:\n"
    took = {"secs": 9, "nanos": 0}
    ends = {"source": "unified_exec_startup", "exit_code": 1, "duration": took, "status": "failed"}
    log(
        meta(),
        call("exec_command"),
        event("exec_command_end", call_id="call_A1b2C3d4", **ends),
        output(head),
        event("exec_command_end", call_id="call_A1b2C3d4", **ends),
        event("exec_command_end", call_id="user-1", **ends),
    )
    assert imported().found == 1
    assert found_calls(rows)[0]["duration_ms"] == 300.0


def done(kind: str, item_id: str | None = "exec-1", /, **fields: Any) -> dict[str, Any]:
    return event("item_completed", item={"type": kind, "id": item_id, **fields})


def timed(kind: str, item_id: str | None = "exec-1", /, **fields: Any) -> dict[str, Any]:
    found = done(kind, item_id, **fields)
    found["payload"] |= {"started_at_ms": 1767348000100, "completed_at_ms": 1767348000400}
    return found


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (timed("CommandExecution", exit_code=0), ("exec_command", "success", 300.0, "wall")),
        (timed("commandExecution", exit_code=3), ("exec_command", "error", 300.0, "wall")),
        (timed("CommandExecution", exit_code=124), ("exec_command", "timeout", 300.0, "wall")),
        (
            timed("McpToolCall", tool="t", duration={"secs": 0, "nanos": 7_000_000}),
            ("t", "success", 7.0, "run"),
        ),
        (
            timed("McpToolCall", tool="t", status="failed", error={"message": "x"}),
            ("t", "error", 300.0, "wall"),
        ),
        (timed("McpToolCall", tool="t", status="failed"), ("t", "error", 300.0, "wall")),
        (timed("DynamicToolCall", tool="d", success=False), ("d", "error", 300.0, "wall")),
        (timed("FileChange", status="completed"), ("apply_patch", "success", 300.0, "wall")),
        (timed("Extension", kind="web.search"), ("web.search", "success", 300.0, "wall")),
        (
            timed("CollabAgentToolCall", tool="spawnAgent"),
            ("spawn_agent", "success", 300.0, "wall"),
        ),
        (timed("Sleep", duration_ms=200), ("sleep", "success", 200.0, "run")),
    ],
)
def test_what_a_script_calls_counts_and_the_script_does_not(
    found: Any, expected: Any, log: Write, rows: Ask
) -> None:
    script = item("custom_tool_call", name="exec", call_id="call_A1b2C3d4", input=SECRET)
    end = item("custom_tool_call_output", call_id="call_A1b2C3d4", output="Script completed")
    log(meta(history_mode="paginated"), script, found, end)
    assert imported().found == 1
    columns = ("tool_name", "status", "duration_ms", "duration_kind")
    assert [tuple(row[name] for name in columns) for row in found_calls(rows)] == [expected]


def test_a_script_counts_where_what_it_calls_is_not_logged(log: Write, rows: Ask) -> None:
    script = item("custom_tool_call", name="exec", call_id="call_A1b2C3d4", input=SECRET)
    log(meta(), script, item("custom_tool_call_output", call_id="call_A1b2C3d4", output="x"))
    assert imported().added == 1
    assert found_calls(rows)[0]["tool_name"] == "exec"


@pytest.mark.parametrize(
    ("found", "refused", "untimed"),
    [
        (timed("CommandExecution", status="declined"), 1, 0),
        (timed("McpToolCall", tool="t", error={"message": "user rejected MCP tool call"}), 1, 0),
        (done("McpToolCall", tool="t"), 0, 1),
        (timed("CommandExecution", "a-person's"), 0, 0),
        (timed("CommandExecution", status="inProgress"), 0, 0),
        (timed("UserMessage", content=[]), 0, 0),
        (timed("McpToolCall", tool=None), 0, 0),
        (timed("McpToolCall", None, tool="t"), 0, 0),
        (event("item_completed"), 0, 0),
        (mcp_end({"Ok": {}}, invocation=None), 0, 0),
    ],
)
def test_an_item_without_a_run_or_a_time_is_no_row(
    found: Any, refused: Any, untimed: Any, log: Write
) -> None:
    log(meta(history_mode="paginated"), found)
    result = imported()
    assert (result.added, result.refused, result.untimed) == (0, refused, untimed)


def test_a_call_that_stands_three_times_is_one(log: Write, rows: Ask) -> None:
    took = {"secs": 0, "nanos": 5_000_000}
    log(
        meta(history_mode="paginated"),
        call("exec_command"),
        done("CommandExecution", "call_A1b2C3d4", exit_code=1, duration=took),
        output("Wall time: 0.1 seconds\nProcess exited with code 1\nOutput:\n"),
    )
    assert imported().found == 1
    (row,) = found_calls(rows)
    assert (row["tool_name"], row["duration_ms"], row["status"]) == ("exec_command", 5.0, "error")


@pytest.mark.parametrize(
    ("source", "more", "agent"),
    [
        ({"subagent": {"thread_spawn": {"agent_role": "explorer"}}}, {}, "explorer"),
        ({"subagent": {"thread_spawn": {"agent_role": None}}}, {}, "subagent"),
        ({"subagent": {"thread_spawn": {}}}, {"agent_role": "worker"}, "worker"),
        ({"subagent": "review"}, {}, "review"),
        ({"subagent": {"other": "guardian"}}, {}, "guardian"),
        ("cli", {"thread_source": "subagent"}, "subagent"),
        ("cli", {"thread_source": "user"}, None),
        ({"subagent": 7}, {}, None),
    ],
)
def test_calls_of_a_subagent_say_its_type(
    source: Any, more: Any, agent: Any, log: Write, rows: Ask
) -> None:
    log(meta(source=source, session_id=FORK, **more), call("a"), output("x"))
    imported()
    assert found_calls(rows)[0]["agent"] == agent
    assert rows("SELECT id FROM sessions") == [{"id": named_id("codex", FORK)}]


def test_a_fork_copies_nothing_and_its_own_calls_count(log: Write, rows: Ask) -> None:
    turn = event("task_started", turn_id="019b7a01-0000-7000-8000-000000000009")
    old = [turn, call("old"), output("Wall time: 0.1 seconds\nOutput:\n")]
    log(meta(), *old)
    own = [call("own", "call_Z9y8X7w6"), output("x", "call_Z9y8X7w6")]
    begin = meta(id=FORK, forked_from_id=THREAD)
    log(
        begin, meta(), *old, event("task_started", turn_id=OWN_TURN), *own, thread=FORK, day="01-03"
    )
    assert (imported().added, imported(full=True).found) == (2, 2)
    sessions = {named_id("codex", THREAD): 1, named_id("codex", FORK): 1}
    assert {row["id"]: row["tool_count"] for row in rows("SELECT * FROM sessions")} == sessions


def test_where_turns_have_no_ids_what_comes_at_once_was_copied(log: Write, rows: Ask) -> None:
    begin, copied = meta(id=FORK), [event("task_started"), call("old"), output("x")]
    lines = [{"timestamp": "2026-01-03T10:00:00.000Z"} | line for line in (begin, meta(), *copied)]
    own = [event("task_started"), call("own", "call_Z9y8X7w6"), output("x", "call_Z9y8X7w6")]
    lines += [{"timestamp": "2026-01-03T10:00:09.000Z"} | line for line in own]
    log(*lines, thread=FORK)
    assert imported().added == 1
    assert found_calls(rows)[0]["tool_name"] == "own"


def test_what_a_subagent_inherits_by_ordinal_is_not_its_own(log: Write) -> None:
    begin = meta(history_mode="paginated", subagent_history_start_ordinal=3)
    lines = [
        begin,
        call("old"),
        output("x"),
        call("own", "call_Z9y8X7w6"),
        output("x", "call_Z9y8X7w6"),
    ]
    log(*({"ordinal": number} | line for number, line in enumerate(lines)))
    assert imported().found == 1


def test_ids_that_only_count_name_a_call_within_a_thread(log: Write, rows: Ask) -> None:
    lines = call("a", "call_0"), output("x", "call_0")
    log(meta(), *lines)
    log(meta(id=FORK, session_id=THREAD), *lines, thread=FORK)
    assert imported().added == 2
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 2}]


def test_the_first_generation_has_no_times_and_is_counted(log: Write) -> None:
    bare = {"type": "function_call", "name": "shell", "call_id": "c", "arguments": "{}"}
    log(json.dumps({"id": THREAD}), json.dumps(bare), json.dumps({"type": "message"}))
    assert (imported().untimed, imported(full=True).found) == (1, 1)


def test_compacted_lines_repeat_old_calls_and_are_passed_over(log: Write) -> None:
    old = [call("old")["payload"], output("x")["payload"]]
    compacted = {"type": "compacted", "payload": {"message": "", "replacement_history": old}}
    turned = json.dumps(
        {"type": "compacted", "timestamp": "x", "payload": {"type": "function_call"}}
    )
    log(meta(), compacted, turned)
    assert (imported().found, imported(full=True).malformed) == (0, 0)


def test_marks_inside_texts_are_not_calls(log: Write) -> None:
    inner = json.dumps(call("inner")["payload"], separators=(",", ":"))
    log(meta(), item("message", role="user", content=[{"text": inner}]))
    assert imported().found == 0


def test_a_rollout_without_a_beginning_is_named_after_its_file(log: Write, rows: Ask) -> None:
    log(call("a"), output("x"))
    imported()
    assert rows("SELECT id FROM sessions") == [{"id": named_id("codex", THREAD)}]


UGLY = (
    '{"timestamp":7,"type":"response_item","payload":{"type":"function_call"}}',
    '{"type":"response_item","payload":{"type":"function_call","call_id":7}}',
    '{"type":"response_item","payload":["function_call","type":"function_call"]}',
    '{"type":"response_item","payload":' + '[{"type":"function_call"}' * 100_000 + "}",
    '{"type":"event_msg","payload":{"type":"item_completed","item":"x"}}',
    '{"timestamp":"2026-01-02T10:00:00Z","type":"response_item","payload":{"type":"function_ca',
    "no JSON at all",
)


@pytest.mark.parametrize("ugly", UGLY)
def test_a_line_that_cannot_be_read_is_named_and_the_rest_is_read(ugly: str, log: Write) -> None:
    path = log(meta(), ugly, call("a"), output("x"))
    result = imported()
    assert (result.added, result.malformed) == (1, 1)
    assert [(place.path, place.offset) for place in result.places] == [
        (str(path), len(text(meta())))
    ]


def test_names_are_kept_as_the_database_can_keep_them(log: Write, rows: Ask) -> None:
    odd = json.dumps({"timestamp": "2026-01-02T10:00:01Z", **call("PLACE")})
    log(meta(), odd.replace("PLACE", "a\\ud800b\\u0000c"), output("x"))
    imported()
    assert found_calls(rows)[0]["tool_name"] == "a\ufffdb\ufffdc"


def test_a_mark_of_byte_order_carriage_returns_and_nuls_do_no_harm(log: Write) -> None:
    path = log(meta(), call("a"), output("x"))
    whole = path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + whole + b"\0" * 40 + b"\n")
    assert (imported().added, imported(full=True).malformed) == (1, 0)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "soon", None])
def test_a_call_without_a_possible_time_is_counted(time: Any, log: Write) -> None:
    log(meta(), {"timestamp": time} | call("a"), output("x"))
    assert (imported().untimed, imported(full=True).found) == (1, 1)


def test_a_clock_that_runs_back_makes_no_negative_time(log: Write, rows: Ask) -> None:
    log(meta(), call("a"), {"timestamp": "2026-01-02T09:00:00Z"} | output("x"))
    imported()
    assert found_calls(rows)[0]["duration_ms"] == 0.0


def test_archived_rollouts_are_read_and_other_files_are_not(
    log: Write, home: Path, rows: Ask
) -> None:
    path = log(meta(), call("a"), output("x"))
    archive = home / ".codex" / "archived_sessions"
    archive.mkdir()
    path.rename(archive / path.name)
    (archive / "session_index.jsonl").write_text(text(call("b")))
    assert (imported().files, len(found_calls(rows))) == (1, 1)


def test_the_home_of_codex_is_looked_up_when_asked(
    log: Write, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(meta(), call("a"), output("x"))
    (home / ".codex").rename(home / "elsewhere")
    assert list(Codex().logs()) == []
    monkeypatch.setenv("CODEX_HOME", "~/elsewhere")
    assert imported().added == 1


def test_the_project_is_kept_only_if_it_is_asked_for(
    log: Write, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(meta(cwd=f"/home/{SECRET}/shop"), call("a"), output("x"))
    imported()
    assert rows("SELECT project FROM sessions") == [{"project": None}]
    assert "shop" not in rows("SELECT state FROM import_cursors")[0]["state"]
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    imported(full=True)
    assert rows("SELECT project FROM sessions") == [{"project": "shop"}]


def test_a_project_that_waits_with_a_call_is_forgotten_once_none_is_to_be_kept(
    log: Write, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = log(meta(cwd="/home/me/shop"), call("a"))
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    imported()
    assert "shop" in rows("SELECT state FROM import_cursors")[0]["state"]
    monkeypatch.delenv("DEVFLOW_ANALYTICS_PROJECT")
    with path.open("a") as file:
        file.write(text(output("x"), 2) + text(call("b", "call_B"), 3))
    assert imported().added == 1
    assert rows("SELECT project FROM sessions") == [{"project": None}]
    assert "shop" not in rows("SELECT state FROM import_cursors")[0]["state"]


def test_a_compressed_rollout_is_read_as_any_other(log: Write) -> None:
    zstd = pytest.importorskip("backports.zstd")
    path = log(meta(), call("a"), output("x" * 6_000_000), *[event("noise")] * 50)
    whole = path.read_bytes()
    path.with_name(path.name + ".zst").write_bytes(zstd.compress(whole))
    assert imported(dry_run=True).files == 1  # Codex reads the one that is not compressed
    path.unlink()
    assert (imported().added, imported().read, imported(full=True).known) == (1, 0, 1)


@pytest.mark.parametrize("content", [b"no frame at all", b""])
def test_a_damaged_compressed_rollout_is_named(content: bytes, log: Write) -> None:
    pytest.importorskip("backports.zstd")
    path = log(meta())
    path.rename(path.with_name(path.name + ".zst"))
    path.with_name(path.name + ".zst").write_bytes(content)
    (place,) = imported().places
    assert place.reason == "it is compressed, and damaged or not yet whole"


def test_a_compressed_rollout_is_named_where_nothing_can_read_it(
    log: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    path = log(meta())
    path.rename(path.with_name(path.name + ".zst"))
    (place,) = imported().places
    assert place.reason is not None
    assert "needs Python 3.14" in place.reason


def by_key(truth: Truth) -> dict[str, dict[str, Any]]:
    return {named_id("codex", native_id): row for (_, native_id), row in truth.rows.items()}


def test_an_import_finds_exactly_what_codex_logged(home: Path, rows: Ask) -> None:
    truth = write_logs(home, calls=2_000, seed=1)
    result = imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)
    counted = result.refused, result.unanswered, result.untimed, result.malformed
    assert counted == (truth.refused, truth.unanswered, truth.untimed, truth.malformed)
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
    for source in sorted((tmp_path / "whole").rglob("*.jsonl")):
        target = home / source.relative_to(tmp_path / "whole")
        target.parent.mkdir(parents=True, exist_ok=True)
        content = source.read_bytes()
        cuts = sorted(chance.randint(0, len(content)) for _ in range(4))
        for start, end in itertools.pairwise([0, *cuts, len(content)]):
            with target.open("ab") as log:
                log.write(content[start:end])
            imported()
    found = rows(f"SELECT id, {', '.join(COLUMNS)} FROM tool_calls")
    assert {row.pop("id"): row for row in found} == by_key(truth)
    assert rows("SELECT sum(unanswered) AS n FROM import_cursors") == [{"n": truth.unanswered}]
