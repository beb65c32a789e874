"""Each call is noted once, from its request to its answer, whatever comes between."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_capture.proxy.lines import LONGEST
from devflow_analytics_recorder import call_id, named_id

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., list[dict[str, Any]]]

ENDED = "SELECT tool_name AS tool, status, error_kind AS kind, error_code AS code FROM tool_calls"
OK = {"status": "success", "kind": None, "code": None}
LOST = {"status": "error", "kind": "transport", "code": None}
GIVEN_UP = {"status": "error", "kind": "cancelled", "code": None}


def test_a_call_is_one_row_with_all_that_the_wire_tells(wire: Any, rows: Ask) -> None:
    info = {"clientInfo": {"name": "cursor", "version": "2.1"}}
    wire.client({"id": 0, "method": "initialize", "params": info})
    wire.server({"id": 0, "result": {"serverInfo": {"name": "github", "version": "1"}}})
    wire.client({"method": "notifications/initialized"})
    wire.call(1, "search", arguments={"text": "é"})
    wire.answer(1, after_ms=250, content=[{"type": "text", "text": "found"}])
    wire.end()

    (row,) = rows("SELECT * FROM tool_calls")
    (session,) = rows("SELECT * FROM sessions")
    answer = {"content": [{"type": "text", "text": "found"}]}
    assert row.pop("started_ms") // 1000 <= row.pop("timestamp") == session["ended_at"]
    assert row == {
        "id": call_id(wire.connection, 1),
        "tool_name": "search",
        "duration_ms": 250.0,
        "status": "success",
        "error_type": None,
        "session_id": wire.connection,
        "server": "github",
        "agent": None,
        "source": "proxy",
        "error_kind": None,
        "error_code": None,
        "request_bytes": len('{"text":"\\u00e9"}'),
        "result_bytes": len(json.dumps(answer, separators=(",", ":"))) - len('"jsonrpc":"2.0",'),
        "duration_kind": "run",
    }
    assert (session["id"], session["tool_count"]) == (wire.connection, 1)
    assert (session["client"], session["client_version"]) == ("cursor", "2.1")


def test_names_that_were_typed_count_where_the_wire_gives_none(
    named_wire: Callable[..., Any], rows: Ask
) -> None:
    named_wire(server="mine", client="zed", fallback="npx").call(1).answer(1).end()
    assert rows(
        "SELECT server, client FROM tool_calls JOIN sessions ON session_id = sessions.id"
    ) == [{"server": "mine", "client": "zed"}]


def test_the_name_that_was_typed_for_the_server_counts_more_than_its_own(
    named_wire: Callable[..., Any], rows: Ask
) -> None:
    wire = named_wire(server="mine", fallback="npx")
    wire.client({"id": 0, "method": "initialize", "params": {}})
    wire.server({"id": 0, "result": {"serverInfo": {"name": "github"}}})
    wire.call(1).answer(1).end()
    assert rows("SELECT server FROM tool_calls") == [{"server": "mine"}]


def test_without_any_name_the_server_has_that_of_its_command(wire: Any, rows: Ask) -> None:
    wire.call(1).answer(1).end()
    assert rows("SELECT server FROM tool_calls") == [{"server": "toy"}]


def test_ids_are_told_apart_as_json_tells_them(wire: Any, rows: Ask) -> None:
    wire.call(1, "number").call("1", "text")
    wire.answer("1").answer(1.0, isError=True).end()
    assert rows(ENDED) == [
        {"tool": "text", **OK},
        {"tool": "number", "status": "error", "kind": "tool", "code": None},
    ]


@pytest.mark.parametrize("request_id", [None, True, [1], {"a": 1}, 1.5])
def test_what_has_no_id_of_a_request_is_no_call(wire: Any, rows: Ask, request_id: object) -> None:
    wire.call(request_id).answer(request_id).call(1).answer(1).end()
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 1}]


@pytest.mark.parametrize("name", [None, 1, ["a"]])
def test_what_names_no_tool_is_no_call(wire: Any, rows: Ask, name: object) -> None:
    wire.call(1, name=name).answer(1).call(2).answer(2).end()
    assert rows("SELECT count(*) AS calls FROM tool_calls") == [{"calls": 1}]


def test_calls_and_answers_in_batches_and_out_of_order(wire: Any, rows: Ask) -> None:
    calls = [
        {"id": number, "method": "tools/call", "params": {"name": f"tool-{number}"}}
        for number in range(3)
    ]
    long = {"content": [{"type": "text", "text": "x" * 5_000}]}
    wire.client([*calls, {"method": "notifications/x"}])
    wire.server([{"id": 2, "result": long}, {"id": 0, "error": {"code": -5, "message": ""}}])
    wire.server({"id": 1, "result": {}})
    wire.end()
    assert rows(ENDED) == [
        {"tool": "tool-2", **OK},
        {"tool": "tool-0", "status": "error", "kind": "protocol", "code": -5},
        {"tool": "tool-1", **OK},
    ]


def test_what_the_server_asks_under_the_same_id_is_no_answer(wire: Any, rows: Ask) -> None:
    wire.call(1)
    wire.server({"id": 1, "method": "sampling/createMessage", "params": {}}, after_ms=10)
    wire.client({"id": 1, "result": {"role": "assistant"}}, after_ms=10)
    wire.server({"method": "notifications/progress", "params": {"progressToken": 1}}, after_ms=10)
    wire.answer(1, after_ms=10).end()
    assert rows("SELECT duration_ms AS ms, status FROM tool_calls") == [
        {"ms": 40.0, "status": "success"}
    ]


def test_an_answer_to_something_else_is_none(wire: Any, rows: Ask) -> None:
    wire.client({"id": 1, "method": "tools/list"}).call(2)
    wire.answer(1).answer(3).answer(None).server("noise", {"result": {}}).answer(2).answer(2).end()
    assert rows(ENDED) == [{"tool": "search", **OK}]


@pytest.mark.parametrize(
    ("reason", "ended"),
    [
        (None, GIVEN_UP),
        ("user pressed escape", GIVEN_UP),
        ("McpError: MCP error -32001: Request timed out", {**GIVEN_UP, "status": "timeout"}),
    ],
)
def test_a_call_that_its_client_gives_up_is_noted_then_and_only_once(
    wire: Any, rows: Ask, reason: str | None, ended: dict[str, object]
) -> None:
    params = {"requestId": 1, "reason": reason}
    wire.call(1).client({"method": "notifications/cancelled", "params": params}, after_ms=30)
    wire.answer(1, after_ms=500).end()
    assert rows(ENDED) == [{"tool": "search", **ended}]
    assert rows("SELECT duration_ms FROM tool_calls") == [{"duration_ms": 30.0}]


def test_a_cancellation_of_nothing_is_nothing(wire: Any, rows: Ask) -> None:
    for request in (7, None, [1]):
        wire.client({"method": "notifications/cancelled", "params": {"requestId": request}})
    wire.call(1).answer(1).end()
    assert rows(ENDED) == [{"tool": "search", **OK}]


def test_what_is_not_answered_when_the_connection_ends_is_lost(wire: Any, rows: Ask) -> None:
    wire.call(1, "first").call(2, "second").answer(2)
    wire.end()
    assert rows(ENDED) == [{"tool": "second", **OK}, {"tool": "first", **LOST}]


def test_an_id_that_is_used_again_too_early_leaves_the_first_call_lost(
    wire: Any, rows: Ask
) -> None:
    wire.call(1, "first").call(1, "second").answer(1).end()
    assert rows(ENDED) == [{"tool": "first", **LOST}, {"tool": "second", **OK}]


def test_no_more_than_so_many_calls_are_awaited(
    wire: Any, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_capture.proxy.calls.MOST_WAITING", 2)
    for request in range(3):
        wire.call(request, f"tool-{request}")
    for request in range(3):
        wire.answer(request)
    wire.end()
    assert rows(ENDED) == [
        {"tool": "tool-0", **LOST},
        {"tool": "tool-1", **OK},
        {"tool": "tool-2", **OK},
    ]


def test_the_agents_own_id_of_a_call_is_its_key(wire: Any, rows: Ask) -> None:
    wire.client(
        {"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "claude-code"}}}
    )
    wire.call(1, _meta={"claudecode/toolUseId": "toolu_01"}).answer(1).end()
    assert rows("SELECT id FROM tool_calls") == [{"id": named_id("claude-code", "toolu_01")}]


def test_a_conversation_that_the_client_names_is_its_session(wire: Any, rows: Ask) -> None:
    for request, thread in enumerate(("one", "two", "one")):
        meta = {"x-codex-turn-metadata": {"session_id": thread}}
        wire.call(request, _meta=meta).answer(request)
    wire.call(9).answer(9).end()
    found = {
        row["id"]: row["calls"] for row in rows("SELECT id, tool_count AS calls FROM sessions")
    }
    assert found == {
        named_id("codex", "one"): 2,
        named_id("codex", "two"): 1,
        wire.connection: 1,
    }


def test_claude_code_says_its_conversation_in_the_environment(
    wire: Any, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "0f1e")
    wire.call(1).answer(1)
    wire.client(
        {"id": 0, "method": "initialize", "params": {"clientInfo": {"name": "claude-code"}}}
    )
    wire.call(2).answer(2).end()
    assert rows("SELECT session_id AS id FROM tool_calls") == [
        {"id": wire.connection},
        {"id": named_id("claude-code", "0f1e")},
    ]


def test_a_client_may_name_itself_with_each_call(wire: Any, rows: Ask) -> None:
    meta = {"io.modelcontextprotocol/clientInfo": {"name": "vscode", "version": "9"}}
    wire.call(1, _meta=meta).answer(1).end()
    assert rows("SELECT client, client_version AS v FROM sessions") == [
        {"client": "vscode", "v": "9"}
    ]


def test_a_call_that_asks_for_input_is_one_row_with_the_time_of_the_server(
    wire: Any, rows: Ask
) -> None:
    asks = {"resultType": "input_required", "requestState": "s" * 3_000}
    wire.call(1).answer(1, after_ms=100, **asks)
    wire.client({"method": "notifications/x"}, after_ms=60_000)
    wire.call(2, requestState="s" * 3_000, inputResponses={}).answer(2, after_ms=20).end()
    assert rows("SELECT id, duration_ms AS ms, status FROM tool_calls") == [
        {"id": call_id(wire.connection, 1), "ms": 120.0, "status": "success"}
    ]


def test_a_call_whose_client_never_says_what_it_was_asked_is_given_up(wire: Any, rows: Ask) -> None:
    asks = {"resultType": "input_required", "requestState": "s"}
    wire.call(1).answer(1, after_ms=100, **asks).call(2).answer(2, after_ms=900).end()
    assert rows(f"{ENDED} ORDER BY rowid") == [
        {"tool": "search", **OK},
        {"tool": "search", **GIVEN_UP},
    ]
    assert rows("SELECT duration_ms AS ms FROM tool_calls") == [{"ms": 900.0}, {"ms": 100.0}]


def test_no_more_than_so_many_calls_wait_for_what_their_clients_were_asked(
    wire: Any, rows: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("devflow_analytics_capture.proxy.calls.MOST_ASKED", 2)
    for request in range(4):
        state = {"resultType": "input_required", "requestState": f"{request}"}
        wire.call(request, f"tool-{request}").answer(request, **state)
    wire.notes.close(10)
    assert len(wire.conversation._asked) == 2  # noqa: SLF001
    wire.end()
    assert [row["tool"] for row in rows(ENDED)] == ["tool-0", "tool-1", "tool-2", "tool-3"]


def test_long_calls_and_answers_are_known_by_their_ends(wire: Any, rows: Ask) -> None:
    long = "x" * (2 * LONGEST)
    wire.call(1, arguments={"a": long}).answer(1, content=[{"type": "text", "text": long}])
    wire.call(2, "fails").answer(2, content=[{"type": "text", "text": long}], isError=True)
    wire.call(3, "quotes").answer(3, content=[{"type": "text", "text": '"isError":true' * 9_000}])
    wire.call(4, "nests").answer(4, structuredContent={"isError": True, "text": "x" * 3_000})
    wire.end()
    sizes = "SELECT tool_name AS tool, status, request_bytes - ? AS asked FROM tool_calls"
    assert rows(sizes, len(long)) == [
        {"tool": "search", "status": "success", "asked": len('{"a":""}')},
        {"tool": "fails", "status": "error", "asked": 7 - len(long)},
        {"tool": "quotes", "status": "success", "asked": 7 - len(long)},
        {"tool": "nests", "status": "success", "asked": 7 - len(long)},
    ]


def test_names_of_any_kind_are_kept_as_the_database_can(wire: Any, rows: Ask) -> None:
    wire.call(1, "a\ud800\x00" + "b" * 300).answer(1).end()
    assert rows("SELECT tool_name AS tool FROM tool_calls") == [
        {"tool": "a\ufffd\ufffd" + "b" * 252}
    ]


def test_a_fault_of_ours_is_told_once_and_ends_nothing(
    wire: Any, rows: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("quotes the arguments")

    with monkeypatch.context() as patched:
        patched.setattr(wire.conversation, "_ask", fail)
        patched.setattr(wire.conversation, "_answer", fail)
        patched.setattr(wire.conversation, "_initialize", 0)
        wire.call(1).call(2).answer(1)
        patched.setattr(wire.conversation, "_waiting", {3: None})
        wire.conversation.cancel(3, 0)
        wire.call(3)
    wire.call(4).answer(4).end()
    assert rows(ENDED) == [{"tool": "search", **OK}]
    assert capfd.readouterr().err == "devflow-analytics: calls are not recorded: RuntimeError\n"
