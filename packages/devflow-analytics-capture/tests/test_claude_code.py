"""From lines of Claude Code's to rows: what a call is, how it ended, and how long it took."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture import import_calls
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Row = dict[str, Any]
    Rows = list[Row]
    Log = Any
    """A `ClaudeLog` of the conftest's."""

BASH: Row = {"tool_name": "Bash", "server": None}
CALLS_OF_ANOTHER_KIND = {"status": "error", "error_kind": "tool"}


def test_a_call_and_its_result_are_a_row_in_the_session_of_their_conversation(
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
    rows: Callable[..., Rows],
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"), log.result("toolu_01A"))
    imported = import_calls()
    (found,) = imported.clients
    assert (found.client, found.title, found.files, found.read) == (
        "claude-code",
        "Claude Code",
        1,
        1,
    )
    assert (found.added, found.found, found.malformed) == (1, 1, 0)
    assert str(found.oldest) == "2026-01-02"
    assert found.read_bytes == log.path.stat().st_size
    assert calls() == [row("toolu_01A")]
    assert rows("SELECT * FROM sessions") == [
        {
            "id": named_id("claude-code", "S"),
            "started_at": 1767323045,
            "ended_at": 1767323046,
            "tool_count": 1,
            "client": "claude-code",
            "client_version": "2.1.39",
            "project": None,
        }
    ]


def test_the_project_is_the_last_part_of_the_directory_if_it_is_wanted(
    claude: Callable[..., Log], rows: Callable[..., Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_PROJECT", "1")
    for session, cwd in (("S", "/home/me/site"), ("T", "C:\\work\\tools\\"), ("U", "/")):
        log = claude(session, cwd=cwd)
        log.write(log.call(f"toolu_{session}"), log.result(f"toolu_{session}"))
    import_calls()
    assert sorted(str(one["project"]) for one in rows("SELECT project FROM sessions")) == [
        "None",
        "site",
        "tools",
    ]


@pytest.mark.parametrize(
    ("name", "server", "tool"),
    [
        ("Bash", None, "Bash"),
        ("mcp__github__search__code", "github", "search__code"),
        ("mcp__plugin_lint_eslint__check", "plugin_lint_eslint", "check"),
        ("mcp__github__", None, "mcp__github__"),
        ("mcp____x", None, "mcp____x"),
    ],
)
def test_a_name_of_an_mcp_tool_names_its_server(
    name: str,
    server: str | None,
    tool: str,
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
) -> None:
    log = claude()
    log.write(log.call("toolu_01A", name=name), log.result("toolu_01A"))
    import_calls()
    assert calls() == [row("toolu_01A", server=server, tool_name=tool)]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("Something went wrong.", ("error", "tool", None, None)),
        ("", ("error", "tool", None, None)),
        (None, ("error", "tool", None, None)),
        ([], ("error", "tool", None, None)),
        ([{"type": "image"}], ("error", "tool", None, None)),
        ({"not": "a list"}, ("error", "tool", None, None)),
        ("Exit code 2\nno such file", ("error", "tool", "ExitStatus", None)),
        (
            [{"type": "image"}, {"type": "text", "text": "Exit code 2"}],
            ("error", "tool", "ExitStatus", None),
        ),
        ("Command timed out after 2m 0s", ("timeout", "tool", "Timeout", None)),
        ("The operation timed out.", ("timeout", "tool", "Timeout", None)),
        ("MCP error -32001: Request timed out", ("timeout", "protocol", "McpError", -32001)),
        ("Error: MCP error -32001: Request timed out", ("timeout", "protocol", "McpError", -32001)),
        ("MCP error -32000: Connection closed", ("error", "transport", "McpError", None)),
        ("MCP error -32000: Something", ("error", "protocol", "McpError", -32000)),
        ("MCP error -32602: Invalid arguments", ("error", "arguments", "McpError", -32602)),
        ("MCP error -32603: Internal error", ("error", "protocol", "McpError", -32603)),
        ("MCP error 12345678901", ("error", "tool", None, None)),
        (
            "<tool_use_error>InputValidationError: Read failed</tool_use_error>",
            ("error", "arguments", "InputValidationError", None),
        ),
        (
            "<tool_use_error>Error: No such tool available: X</tool_use_error>",
            ("error", "not_found", "NoSuchTool", None),
        ),
        (
            "<tool_use_error>File does not exist.</tool_use_error>",
            ("error", "tool", None, None),
        ),
    ],
)
def test_a_failed_call_is_of_the_kind_that_its_result_begins_with(
    text: object,
    columns: tuple[str, str, str | None, int | None],
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"), log.result("toolu_01A", content=text, is_error=True))
    import_calls()
    status, kind, error_type, code = columns
    assert calls() == [
        row("toolu_01A", status=status, error_kind=kind, error_type=error_type, error_code=code)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The user doesn't want to proceed with this tool use. The tool use was rejected",
        "The user doesn't want to take this action right now. STOP",
        "User rejected tool use",
        "Error: Permission to use Bash with command rm has been denied.",
        "Permission for this action has been denied.",
        "Claude requested permissions to write to /x, but you haven't granted it yet.",
        "This command requires approval",
        "PreToolUse:Bash hook error: [guard]: no",
        "PreToolUse:mcp__github__get_issue hook blocked",
        "PreToolUse:Bash [guard] no",
        "The server-side auto mode classifier gave no verdict",
        "[Request interrupted by user for tool use]",
        "<tool_use_error>Sibling tool call errored</tool_use_error>",
        "<tool_use_error>Cancelled: parallel tool call Bash errored</tool_use_error>",
    ],
)
def test_a_call_that_was_denied_or_interrupted_is_counted_and_no_row(
    text: str, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log = claude()
    blocks = [{"type": "text", "text": text}]
    log.write(log.call("toolu_01A"), log.result("toolu_01A", content=text, is_error=True))
    log.write(log.call("toolu_01B"), log.result("toolu_01B", content=blocks, is_error=True))
    (found,) = import_calls().clients
    assert (found.refused, found.added, found.found) == (2, 0, 2)
    assert calls() == []


@pytest.mark.parametrize(
    "kind", ["user-rejected", "permission-rule", "automode-blocked", "interrupted", "of tomorrow"]
)
def test_a_newer_version_says_itself_that_a_call_was_denied(
    kind: str, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log = claude()
    result = log.result("toolu_01A", content="any words", is_error=True, toolDenialKind=kind)
    log.write(log.call("toolu_01A"), result)
    (found,) = import_calls().clients
    assert (found.refused, found.added) == (1, 0)
    assert calls() == []


def test_words_of_a_denial_in_a_result_that_succeeded_are_words(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    log.write(
        log.call("toolu_01A"),
        log.result("toolu_01A", content="User rejected tool use"),
        log.call("toolu_01B"),
        log.result("toolu_01B", content="Exit code 1", is_error=False),
    )
    import_calls()
    assert calls() == sorted([row("toolu_01A"), row("toolu_01B")], key=lambda one: one["id"])


def test_a_command_that_was_interrupted_is_no_row(
    claude: Callable[..., Log], calls: Callable[[], Rows], row: Callable[..., Row]
) -> None:
    log = claude()
    for native_id, is_interrupted in (("toolu_01A", True), ("toolu_01B", False)):
        said = {"stdout": '"interrupted":true', "stderr": "", "interrupted": is_interrupted}
        result = log.result(native_id, toolUseResult=said)
        log.write(
            log.call(native_id, name="Bash"),
            json.dumps(result, separators=(",", ":")).encode() + b"\n",
        )
    (found,) = import_calls().clients
    assert (found.refused, found.added) == (1, 1)
    assert calls() == [row("toolu_01B", **BASH)]


@pytest.mark.parametrize(
    ("tool", "measured", "run_ms"),
    [
        ("Glob", {"durationMs": 12}, 12),
        ("Grep", {"durationMs": 0.5}, 0.5),
        ("WebFetch", {"durationMs": 1250}, 1250),
        ("WebFetch", {"durationMs": 2250}, 2250),
        ("WebSearch", {"durationSeconds": 0.25}, 250),
        ("Task", {"status": "completed", "totalDurationMs": 1000, "agentId": "a"}, 1000),
        ("Agent", {"status": "completed", "totalDurationMs": 1000}, 1000),
        ("Agent", {"status": "async_launched", "totalDurationMs": 1000, "agentId": "a"}, None),
        ("Glob", {"durationMs": 2251}, None),
        ("Glob", {"durationMs": -1}, None),
        ("Glob", {"durationMs": None}, None),
        ("Glob", {"durationMs": "12"}, None),
        ("Glob", [{"durationMs": 12}], None),
        ("Glob", "12", None),
        ("Glob", None, None),
        ("Bash", {"durationMs": 12, "timedOutAfterMs": 12}, None),
        ("AskUserQuestion", {"durationMs": 12}, None),
        ("mcp__github__Grep", {"durationMs": 12}, None),
        ("mcp__github__Task", {"status": "completed", "totalDurationMs": 12}, None),
    ],
)
def test_only_a_measured_duration_is_that_of_the_run(
    tool: str,
    measured: object,
    run_ms: float | None,
    claude: Callable[..., Log],
    calls: Callable[[], Rows],
) -> None:
    log = claude()
    log.write(log.call("toolu_01A", name=tool), log.result("toolu_01A", toolUseResult=measured))
    import_calls()
    (found,) = calls()
    assert (found["duration_ms"], found["duration_kind"]) == (
        (1250, "wall") if run_ms is None else (run_ms, "run")
    )
    assert found["started_ms"] + found["duration_ms"] == pytest.approx(
        1_767_323_045_000 + max(1250, run_ms or 0), abs=1
    )


def test_a_duration_is_nobodys_where_two_results_share_a_line(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    line = log.result("toolu_01A", toolUseResult={"durationMs": 12})
    line["message"]["content"] += log.result("toolu_01B")["message"]["content"]
    log.write(log.call("toolu_01A", name="Glob"), log.call("toolu_01B", 50, name="Glob"), line)
    import_calls()
    glob = {"tool_name": "Glob", "server": None}
    assert calls() == [row("toolu_01A", **glob), row("toolu_01B", 50, 1200, **glob)]


@pytest.mark.parametrize("where", ["beside", "in lines", "with the result", "nowhere"])
def test_a_call_of_a_subagent_names_its_type_wherever_that_stands(
    where: str, claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log, subagent = claude(), claude(subagent="a1b2c3d")
    log.write(log.call("toolu_0T", -100, name="Task", input={"subagent_type": "Explore"}))
    known = {"attributionAgent": "Explore"} if where == "in lines" else {}
    subagent.write(subagent.call("toolu_01A", **known), subagent.result("toolu_01A"))
    if where == "beside":
        beside = subagent.path.with_suffix(".meta.json")
        beside.write_text('{"agentType": "Explore", "description": "secret"}')
    told = {"agentId": "a1b2c3d"} if where == "with the result" else None
    log.write(log.result("toolu_0T", 2900, toolUseResult=told))
    import_calls()
    agent = "subagent" if where == "nowhere" else "Explore"
    task = row("toolu_0T", -100, 3000, tool_name="Task", server=None)
    assert calls() == [row("toolu_01A", agent=agent), task]


@pytest.mark.parametrize(
    ("given", "told", "agent"),
    [
        ({}, {}, "general-purpose"),
        ({"subagent_type": 3}, {}, "subagent"),
        ({"subagent_type": "Explore"}, {"agentType": "Plan"}, "Plan"),
    ],
)
def test_the_result_of_a_call_that_starts_a_subagent_says_of_which_type_it_was(
    given: Row, told: Row, agent: str, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log, subagent = claude(), claude(subagent="a1b2c3d")
    log.write(log.call("toolu_0T", -100, name="Agent", input=given))
    subagent.write(subagent.call("toolu_01A"), subagent.result("toolu_01A"))
    log.write(log.result("toolu_0T", 2900, toolUseResult={"agentId": "a1b2c3d", **told}))
    import_calls()
    assert [call["agent"] for call in calls()] == [agent, None]


def test_a_subagents_type_is_found_whenever_its_log_is_read(
    claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log, below, beside = claude(), claude(subagent="a1"), claude(subagent="a2")
    beside = type(log)(log.path.with_name("agent-a2.jsonl"), **beside.fields)
    for agent_id in ("a1", "a2"):
        given = {"subagent_type": agent_id.upper()}
        log.write(log.call(f"toolu_{agent_id}", -100, name="Task", input=given), b"{broken}\n")
        told = {"agentId": agent_id}
        log.write(b'{"agentId":"}\n', log.result(f"toolu_{agent_id}", 2900, toolUseResult=told))
    import_calls()
    for subagent in (below, beside):
        name = f"toolu_{subagent.fields['agentId']}"
        subagent.write(subagent.call(f"{name}1"), subagent.result(f"{name}1"))
        import_calls()
        subagent.write(subagent.call(f"{name}2"), subagent.result(f"{name}2"))
        import_calls()
    assert sorted(call["agent"] or "" for call in calls()) == ["", "", "A1", "A1", "A2", "A2"]


@pytest.mark.parametrize("instead", ["nothing", "a pipe", "a directory"])
def test_a_subagent_without_its_session_is_one_of_a_type_that_is_not_known(
    instead: str, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    log, subagent = claude(), claude(subagent="a1")
    subagent.write(subagent.call("toolu_1"), subagent.result("toolu_1"))
    if instead != "nothing":
        (os.mkfifo if instead == "a pipe" else os.mkdir)(log.path)
    import_calls()
    assert [call["agent"] for call in calls()] == ["subagent"]


@pytest.mark.parametrize("session", ["a\0b", "../elsewhere/T", "/", "x" * 5000])
def test_an_id_of_a_session_that_is_no_name_of_a_file_leads_nowhere(
    session: str, claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    elsewhere = claude("T")
    elsewhere.path = elsewhere.path.parent.parent / "elsewhere" / "T.jsonl"
    elsewhere.write(elsewhere.call("toolu_0T", name="Task", input={"subagent_type": "Explore"}))
    elsewhere.write(elsewhere.result("toolu_0T", toolUseResult={"agentId": "a1"}))
    log = claude(sessionId=session, isSidechain=True, agentId="a1")
    log.write(log.call("toolu_1", name="Bash"), log.result("toolu_1"))
    (found,) = import_calls().clients
    assert (found.added, found.malformed) == (2, 0)
    assert [call["agent"] for call in calls() if call["tool_name"] == "Bash"] == ["subagent"]


def test_only_logs_of_sessions_and_of_subagents_are_read(
    home: Path, claude: Callable[..., Log], calls: Callable[[], Rows], row: Callable[..., Row]
) -> None:
    session = claude()
    below = session.path.with_suffix("") / "subagents"
    places = {
        "toolu_1": session.path,
        "toolu_2": below / "agent-a.jsonl",
        "toolu_3": below / "workflows" / "wf_1" / "agent-b.jsonl",
        "toolu_4": session.path.with_name("agent-c.jsonl"),
        "no_1": below / "workflows" / "wf_1" / "journal.jsonl",
        "no_2": below / "skill-injections.jsonl",
        "no_3": home / ".claude" / "history.jsonl",
        "no_4": session.path.with_suffix(".json"),
        "no_5": session.path.with_suffix(".jsonl.bak"),
    }
    for native_id, place in places.items():
        log = type(session)(place)
        log.write(log.call(native_id), log.result(native_id))
    assert import_calls().clients[0].files == 4
    found = {call["id"] for call in calls()}
    assert found == {row(name)["id"] for name in places if name.startswith("toolu")}


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, ["config", "dot"]),
        ({"XDG_CONFIG_HOME": "{home}/xdg"}, ["dot", "xdg"]),
        ({"CLAUDE_CONFIG_DIR": "~/one, {home}/two,,"}, ["one", "two"]),
        ({"CLAUDE_CONFIG_DIR": "{home}/nowhere"}, []),
        ({"CLAUDE_CONFIG_DIR": ""}, ["config", "dot"]),
        ({"CLAUDE_CONFIG_DIR": "{home}/one,{home}/link"}, ["one"]),
    ],
)
def test_logs_are_where_the_environment_says(
    environment: dict[str, str],
    found: list[str],
    home: Path,
    claude: Callable[..., Log],
    rows: Callable[..., Rows],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    roots = {"dot": ".claude", "config": ".config/claude", "xdg": "xdg/claude"}
    for name in ("dot", "config", "xdg", "one", "two"):
        place = home / roots.get(name, name) / "projects" / "-p" / f"{name}.jsonl"
        log = type(claude())(place, name)
        log.write(log.call(f"toolu_{name}", name=name), log.result(f"toolu_{name}"))
    (home / "link").symlink_to(home / "one")
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(home=home))
    imported = import_calls()
    if found:
        tools = [one["tool_name"] for one in rows("SELECT tool_name FROM tool_calls ORDER BY 1")]
        assert (tools, imported.clients[0].files) == (found, len(found))
    else:
        assert imported.found == 0


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        (None, 30),
        ("{}", 30),
        ('{"cleanupPeriodDays": 7}', 7),
        ('{"cleanupPeriodDays": 90}', 90),
        ('{"cleanupPeriodDays": "7"}', 30),
        ('{"cleanupPeriodDays": true}', 30),
        ("[]", 30),
        ("{", 30),
        ("[" * 100_000, 30),
    ],
)
def test_it_is_said_after_how_many_days_the_logs_are_deleted(
    settings: str | None, days: int, home: Path, claude: Callable[..., Log]
) -> None:
    log = claude()
    log.write(log.call("toolu_01A"), log.result("toolu_01A"))
    if settings is not None:
        (home / ".claude" / "settings.json").write_text(settings)
    (found,) = import_calls().clients
    settings_file = str(home / ".claude" / "settings.json")
    assert found.retention == (days, "cleanupPeriodDays", settings_file)


def test_a_session_that_branched_off_leaves_the_calls_to_the_first_one(
    claude: Callable[..., Log],
    row: Callable[..., Row],
    calls: Callable[[], Rows],
    rows: Callable[..., Rows],
) -> None:
    first, fork, branch = claude("S"), claude("T"), claude("U")
    first.write(first.call("toolu_01A"), first.result("toolu_01A"))
    fork.write(fork.call("toolu_01A"), fork.result("toolu_01A"))
    fork.write(fork.call("toolu_01B", 5000), fork.result("toolu_01B", 6250))
    origin = {"sessionId": "S", "messageUuid": "u"}
    branch.write(branch.call("toolu_01A", forkedFrom=origin))
    branch.write(branch.result("toolu_01A", forkedFrom=origin))
    for number, log in enumerate((branch, first, fork)):  # whichever changed when
        os.utime(log.path, (number, number))
    (found,) = import_calls().clients
    assert (found.added, found.known, found.found) == (2, 2, 4)
    assert calls() == [row("toolu_01A"), row("toolu_01B", 5000, session="T")]
    assert rows("SELECT tool_count FROM sessions") == [{"tool_count": 1}, {"tool_count": 1}]


def test_a_result_that_a_fork_made_up_does_not_take_the_true_ones_place(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    first, fork = claude("S"), claude("T")
    words = "[Request interrupted by user for tool use]"
    first.write(first.call("toolu_01A"))
    fork.write(fork.call("toolu_01A"))
    fork.write(fork.result("toolu_01A", 100, words, is_error=True, toolDenialKind="interrupted"))
    assert import_calls().clients[0].refused == 1
    first.write(first.result("toolu_01A"))
    assert import_calls().clients[0].added == 1
    assert calls() == [row("toolu_01A")]


def test_ids_that_only_count_are_told_apart_by_the_conversation(
    claude: Callable[..., Log], calls: Callable[[], Rows]
) -> None:
    for session in ("S", "T"):
        log = claude(session)
        log.write(log.call("call_0"), log.result("call_0"))
    import_calls()
    assert {(one["id"], one["session_id"]) for one in calls()} == {
        (named_id("claude-code", f"{session}\0call_0"), named_id("claude-code", session))
        for session in ("S", "T")
    }


def test_a_line_that_stands_there_twice_is_one_call(
    claude: Callable[..., Log], row: Callable[..., Row], calls: Callable[[], Rows]
) -> None:
    log = claude()
    call, result = log.call("toolu_01A"), log.result("toolu_01A")
    log.write(call, call, result, result)
    assert import_calls().found == 1
    assert calls() == [row("toolu_01A")]
