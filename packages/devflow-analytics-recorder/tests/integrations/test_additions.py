"""What a recorded server does behind a proxy that records as well: it adds to the proxy's rows."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import (
    ObservedCall,
    Recorder,
    call_id,
    drain,
    named_id,
    write_calls,
)

if TYPE_CHECKING:
    from pathlib import Path

Record: TypeAlias = Callable[..., Recorder]
Rows: TypeAlias = list[dict[str, Any]]
Written: TypeAlias = Callable[[Recorder], Rows]
Ask: TypeAlias = Callable[[str], Rows]

BEGAN_AT = 1_760_000_000
SESSION = "0199c82c-c000-7abc-8def-0123456789ab"


@pytest.fixture(autouse=True)
def _wrapped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test behind a proxy: what it reads, and what it records in, are those of the mark."""
    monkeypatch.delenv("CLAUDE_CODE_SESSION_ID", raising=False)
    stdin = os.fstat(0)
    mark = f"{SESSION} {stdin.st_dev}:{stdin.st_ino} {file.resolve()}"
    monkeypatch.setenv("DEVFLOW_ANALYTICS_WRAP", mark)


@pytest.fixture
def recorder(server: Any, file: Path, record: Record) -> Recorder:
    """What records the server of the test."""
    made = record(server, path=file)
    assert made.enabled
    return made


def seen(key: str, session: str = SESSION, **more: Any) -> ObservedCall:
    """Return what a proxy records of a failed call, or of another."""
    columns: dict[str, Any] = {
        "id": key,
        "tool_name": "fail",
        "duration_ms": 12.5,
        "status": "error",
        "error_kind": "tool",
        "timestamp": BEGAN_AT + 60,
        "session_id": session,
        "session_started_at": BEGAN_AT,
        "source": "proxy",
        "duration_kind": "run",
        "request_bytes": 2,
        "result_bytes": 50,
        "started_ms": (BEGAN_AT + 60) * 1000,
        "server": "the proxy's name for it",
        "client": "probe",
        "client_version": "1",
        "project": "the proxy's project",
    }
    return ObservedCall(**columns | more)


def write(file: Path, *calls: ObservedCall) -> None:
    with create_analytics_db(file) as db, db.transaction() as connection:
        write_calls(connection, calls)


def fail(server: Any, client: str | None = "probe", **more: Any) -> None:
    """Let a client make a call that fails."""
    connection = server.Connection("any")
    if client is None:
        connection.client_params = None
    else:
        connection.client_params.client_info.name = client
    asyncio.run(server.receive("fail", connection=connection, **more))


@pytest.mark.parametrize("request_id", [1, "1", 0, "a b"])
@pytest.mark.parametrize("first", ["proxy", "server"])
def test_whichever_comes_first_the_row_is_the_proxys_with_the_class_of_the_exception(
    server: Any, recorder: Recorder, file: Path, rows: Ask, first: str, request_id: Any
) -> None:
    key = call_id(SESSION, request_id)
    if first == "proxy":
        write(file, seen(key))
    fail(server, request_id=request_id)
    assert recorder.flush(30)
    if first == "server":
        write(file, seen(key))
    (row,) = rows("SELECT * FROM tool_calls")
    (session,) = rows("SELECT * FROM sessions")
    expected = seen(key, error_type="KeyError")._asdict()
    if first == "server":  # both are there from the first on, and no two clocks say the same
        expected |= {name: row[name] for name in ("timestamp", "started_ms")}
    assert row == {name: expected[name] for name in row}
    assert session == {
        "id": SESSION,
        "started_at": BEGAN_AT,
        "ended_at": row["timestamp"],
        "tool_count": 1,
        "client": "probe",
        "client_version": "1",
        "project": "the proxy's project",
    }


def test_a_line_that_no_proxy_completes_is_a_row_all_the_same(
    server: Any, recorder: Recorder, written: Written, rows: Ask
) -> None:
    fail(server)
    (row,) = written(recorder)
    assert rows("SELECT id, started_at FROM sessions") == [{"id": SESSION, "started_at": BEGAN_AT}]
    assert (row["id"], row["session_id"]) == (call_id(SESSION, 1), SESSION)
    assert (row["tool_name"], row["status"], row["error_type"]) == ("fail", "error", "KeyError")
    assert (row["source"], row["duration_kind"], row["client"]) == ("proxy", "wall", "probe")
    others = ("server", "agent", "error_kind", "error_code", "request_bytes", "result_bytes")
    assert {row[name] for name in others} == {None}


def test_of_calls_that_succeed_nothing_is_written(
    server: Any, recorder: Recorder, file: Path
) -> None:
    for request_id in range(100):
        asyncio.run(server.receive("add", {"a": 1, "b": 2}, request_id=request_id))
    assert recorder.flush(30)
    assert not file.exists()
    assert drain(file) == (0, 0)


def test_of_a_failure_that_the_tool_itself_tells_nothing_is_written(
    server: Any, recorder: Recorder, written: Written
) -> None:
    @server.tool
    async def refuse() -> Any:
        return server.Result(isError=True)

    asyncio.run(server.receive("refuse", connection=server.Connection("probe")))
    assert written(recorder) == []


def test_of_a_cancelled_call_only_the_proxy_knows_why(
    server: Any, recorder: Recorder, written: Written
) -> None:
    @server.tool
    async def wait() -> None:
        raise asyncio.CancelledError

    with suppress(asyncio.CancelledError):
        asyncio.run(server.receive("wait", connection=server.Connection("probe")))
    assert written(recorder) == []


def test_a_timeout_of_a_tools_own_is_an_error_on_the_wire(
    server: Any, recorder: Recorder, file: Path, written: Written
) -> None:
    @server.tool
    async def late() -> None:
        raise TimeoutError

    write(file, seen(call_id(SESSION, 1), tool_name="late"))
    asyncio.run(server.receive("late", connection=server.Connection("probe")))
    (row,) = written(recorder)
    assert (row["status"], row["error_kind"], row["error_type"]) == (
        "error",
        "tool",
        "TimeoutError",
    )


@pytest.mark.parametrize(("code", "status"), [(-32050, "error"), (-32001, "timeout")])
def test_an_error_of_the_protocol_has_the_class_of_its_exception(
    server: Any, recorder: Recorder, file: Path, written: Written, code: int, status: str
) -> None:
    @server.tool
    async def refuse() -> None:
        raise server.ProtocolError(code, "a secret")

    of_the_wire = {
        "tool_name": "refuse",
        "status": status,
        "error_kind": "protocol",
        "error_code": code,
    }
    write(file, seen(call_id(SESSION, 1), **of_the_wire))
    with pytest.raises(server.ProtocolError):
        asyncio.run(server.receive("refuse", connection=server.Connection("probe")))
    (row,) = written(recorder)
    assert of_the_wire.items() <= row.items()
    assert row["error_type"] == "McpError"


def test_a_call_that_the_agent_names_has_a_key_of_that_name(
    server: Any, recorder: Recorder, written: Written
) -> None:
    fail(server, "claude-code", meta={"claudecode/toolUseId": "toolu_1"})
    assert [row["id"] for row in written(recorder)] == [named_id("claude-code", "toolu_1")]


@pytest.mark.parametrize(
    ("client", "meta", "session"),
    [
        ("probe", None, SESSION),
        ("claude-code", None, named_id("claude-code", "c")),
        ("probe", {"vscode.conversationId": "v"}, named_id("vscode", "v")),
        ("claude-code", {"vscode.conversationId": "v"}, named_id("vscode", "v")),
        ("probe", {"threadId": "t"}, SESSION),
        ("codex-mcp-client", {"threadId": "t"}, named_id("codex", "t")),
    ],
)
def test_the_session_is_the_conversation_if_there_is_one_and_else_the_proxys(
    server: Any,
    recorder: Recorder,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    client: str,
    meta: dict[str, Any] | None,
    session: str,
) -> None:
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "c")
    fail(server, client, meta=meta)
    assert [row["session_id"] for row in written(recorder)] == [session]


@pytest.mark.parametrize("request_id", [None, True, 1.0, [1]])
def test_of_a_call_whose_id_is_none_nothing_is_written(
    server: Any, recorder: Recorder, written: Written, request_id: Any
) -> None:
    fail(server, request_id=request_id, meta={"claudecode/toolUseId": "toolu_1"})
    assert written(recorder) == []


@pytest.mark.parametrize("client", [None, ""])
def test_of_a_client_without_a_name_nothing_is_written_as_the_proxy_may_know_one(
    server: Any, recorder: Recorder, written: Written, client: str | None
) -> None:
    fail(server, client)
    assert written(recorder) == []


def test_of_a_client_in_this_process_nothing_is_written_as_the_proxy_sees_it_not(
    server: Any, recorder: Recorder, written: Written
) -> None:
    def stream(room: float) -> object:
        return SimpleNamespace(statistics=lambda: SimpleNamespace(max_buffer_size=room))

    for request_id, room in enumerate((0, 1, float("inf"))):
        connection = server.Connection("probe")
        connection.answers_to(stream(room))
        asyncio.run(server.receive("fail", connection=connection, request_id=request_id))
    assert [row["id"] for row in written(recorder)] == [call_id(SESSION, 0)]


def test_of_a_client_that_calls_the_server_itself_nothing_is_written(
    new: Any, file: Path, record: Record, written: Written
) -> None:
    recorder = record(new, path=file)
    connection = new.Connection("probe")
    connection._request_outbound = SimpleNamespace(  # noqa: SLF001  where mcp has it
        transport=SimpleNamespace(kind="direct")
    )
    asyncio.run(new.receive("nothing", connection=connection))
    assert written(recorder) == []


def test_of_a_call_of_several_requests_nothing_is_written_unless_the_agent_names_it(
    new: Any, file: Path, record: Record, written: Written
) -> None:
    recorder = record(new, path=file)

    @new.tool
    async def ask() -> Any:
        raise OSError

    named = {"claudecode/toolUseId": "toolu_1"}
    for meta in (None, named):
        connection = new.Connection("probe")
        receive = new.receive("ask", connection=connection, meta=meta, requestState="one")
        asyncio.run(receive)
    assert [row["id"] for row in written(recorder)] == [named_id("probe", "toolu_1")]


def test_a_call_that_asks_for_input_is_the_proxys_to_wait_for(
    new: Any, file: Path, record: Record, written: Written
) -> None:
    recorder = record(new, path=file)

    @new.tool
    async def ask() -> Any:
        return {"resultType": "input_required", "requestState": "one"}

    asyncio.run(new.receive("ask", connection=new.Connection("probe")))
    assert written(recorder) == []


def test_calls_over_http_are_recorded_as_without_a_proxy(
    server: Any, recorder: Recorder, written: Written
) -> None:
    headers = {"mcp-session-id": "s"}
    fail(server, headers=headers)
    asyncio.run(server.receive("add", {"a": 1, "b": 2}, headers={}))
    failed, added = written(recorder)
    assert failed["session_id"] == named_id("mcp-session-id", "s")
    assert (failed["source"], failed["error_kind"]) == ("recorder", "tool")
    assert failed["server"] == "server"
    assert (added["source"], added["status"]) == ("recorder", "success")


def test_what_a_recorder_of_the_server_is_told_by_hand_is_the_proxys(
    server: Any, recorder: Recorder, written: Written
) -> None:
    with recorder.session().call("by hand"):
        pass
    fail(server)
    assert [row["tool_name"] for row in written(recorder)] == ["fail"]


def test_a_closed_recorder_adds_nothing(
    server: Any, recorder: Recorder, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.close()
    fail(server)
    assert not file.exists()
    assert caplog.text == ""


@pytest.mark.parametrize("wrong", ["database", "stdin"])
def test_the_mark_of_another_proxy_changes_nothing(
    server: Any,
    file: Path,
    record: Record,
    written: Written,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    session, stdin, database = os.environ["DEVFLOW_ANALYTICS_WRAP"].split(" ", 2)
    if wrong == "stdin":
        stdin = "1:1"
    else:
        database += "-other"
    monkeypatch.setenv("DEVFLOW_ANALYTICS_WRAP", f"{session} {stdin} {database}")
    recorder = record(server, path=file)
    asyncio.run(server.receive("add", {"a": 1, "b": 2}))
    fail(server)
    added, failed = written(recorder)
    assert added["source"] == failed["source"] == "recorder"
    assert added["session_id"] != SESSION
    assert failed["id"] != call_id(SESSION, 1)
