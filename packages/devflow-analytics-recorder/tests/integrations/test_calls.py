"""What the row of a call says, whatever happens in it; and that nothing else is a row."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_recorder import Recorder, named_id
from devflow_analytics_recorder.integrations import rounds

if TYPE_CHECKING:
    from pathlib import Path

Record: TypeAlias = Callable[..., Recorder]
Rows: TypeAlias = list[dict[str, Any]]
Recorded: TypeAlias = Callable[[], Rows]
Written: TypeAlias = Callable[[Recorder], Rows]


def test_a_call_from_the_wire_is_one_row(server: Any, recorded: Recorded) -> None:
    connection = server.Connection("probe")
    result = asyncio.run(server.receive("add", {"a": 1, "b": 2}, connection=connection))
    (row,) = recorded()
    assert (row["tool_name"], row["status"], row["server"]) == ("add", "success", "server")
    assert (row["client"], row["client_version"]) == ("probe", "1")
    assert row["request_bytes"] == len('{"a":1,"b":2}')
    assert row["result_bytes"] == len(json.dumps(result, separators=(",", ":")))
    assert row["error_kind"] is row["error_type"] is row["error_code"] is None
    assert 0 <= row["duration_ms"] < 1000


def test_a_failure_is_told_by_the_class_of_its_cause(server: Any, recorded: Recorded) -> None:
    assert asyncio.run(server.receive("fail"))["isError"]
    (row,) = recorded()
    assert (row["status"], row["error_kind"], row["error_type"]) == ("error", "tool", "KeyError")


def test_an_unknown_tool_is_not_found(server: Any, recorded: Recorded) -> None:
    asyncio.run(server.receive("nothing"))
    (row,) = recorded()
    assert (row["tool_name"], row["error_kind"]) == ("nothing", "not_found")


def test_a_result_that_the_tool_itself_marks_as_an_error_has_no_class(
    server: Any, recorded: Recorded
) -> None:
    @server.tool
    async def refuse() -> Any:
        with pytest.raises(server.ToolError):
            await server.call_tool("fail", {})
        return server.Result(isError=True)

    asyncio.run(server.receive("refuse"))
    (row,) = recorded()
    assert (row["error_kind"], row["error_type"]) == ("tool", None)


def test_what_was_being_handled_before_the_call_is_not_its_cause(
    old: Any, file: Path, written: Written, record: Record
) -> None:
    recorder = record(old, path=file)

    async def handler(_: object) -> Any:
        return old._make_error_result("from a handler that handles nothing")  # noqa: SLF001

    async def main() -> None:
        try:
            old.tools["nothing"]
        except KeyError:
            await old.receive("refuse")

    old.request_handlers[old.CallToolRequest] = handler
    asyncio.run(main())
    assert [row["error_type"] for row in written(recorder)] == [None]


def test_calls_at_the_same_time_are_told_apart(server: Any, recorded: Recorded) -> None:
    async def main() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        @server.tool
        async def slow() -> None:
            begun.set()
            await go_on.wait()
            raise OSError

        task = asyncio.create_task(server.receive("slow"))
        await begun.wait()
        await server.receive("fail")
        go_on.set()
        await task

    asyncio.run(main())
    told = {row["tool_name"]: row["error_type"] for row in recorded()}
    assert told == {"fail": "KeyError", "slow": "OSError"}


def test_what_a_server_calls_itself_is_no_row(server: Any, recorded: Recorded) -> None:
    asyncio.run(server.call_tool("add", {"a": 1, "b": 2}))
    with pytest.raises(server.ToolError):
        asyncio.run(server.call_tool("fail", {}))
    assert recorded() == []


def test_a_handler_that_runs_without_a_request_is_no_row(
    old: Any, file: Path, written: Written, record: Record
) -> None:
    recorder = record(old, path=file)
    handler = old.request_handlers.get(old.CallToolRequest)
    request = old.CallToolRequest(params={"name": "nothing"})
    assert asyncio.run(handler(request)).root.isError
    assert written(recorder) == []


def test_a_call_handed_on_within_the_process_is_one_row(
    server: Any, recorded: Recorded, file: Path, record: Record
) -> None:
    inner = type(server)("inner")
    record(inner, path=file)

    @inner.tool
    async def work() -> None:
        raise OSError

    async def main() -> None:
        go_on = asyncio.Event()
        left: list[asyncio.Task[Any]] = []

        async def later() -> None:
            await go_on.wait()
            await inner.receive("work")

        @server.tool
        async def proxy() -> Any:
            left.append(asyncio.create_task(later()))
            assert (await inner.receive("work"))["isError"]
            return server.Result(isError=True)

        await server.receive("proxy")
        go_on.set()
        await left[0]  # in the context of a call that has ended

    asyncio.run(main())
    told = [(row["tool_name"], row["server"], row["error_type"]) for row in recorded()]
    assert told == [("proxy", "server", None), ("work", "inner", "OSError")]


def test_a_call_that_the_agent_names_has_a_key_of_that_name(
    server: Any, recorded: Recorded
) -> None:
    meta = {"claudecode/toolUseId": "toolu_1", "progressToken": 1}
    connection = server.Connection("claude-code")
    asyncio.run(server.receive("add", {"a": 1, "b": 2}, meta=meta, connection=connection))
    (row,) = recorded()
    assert row["id"] == named_id("claude-code", "toolu_1")


def test_other_messages_pass_as_they_are(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    recorder = record(new, path=file)
    seen: list[Any] = []

    async def answer(context: Any) -> str:
        seen.append(context)
        return "answer"

    new.handle = answer
    for method, request_id in (("tools/list", 1), ("tools/call", None)):
        context = new.Context({"name": "any"}, new.Connection(), None, method=method)
        context.request_id = request_id
        assert asyncio.run(new.dispatch(context)) == "answer"
        assert seen.pop() is context
    assert written(recorder) == []


def test_a_call_without_a_name_is_no_row(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    recorder = record(new, path=file)
    with pytest.raises(KeyError):
        asyncio.run(new.receive(None))
    assert written(recorder) == []


def test_an_exception_without_a_code_has_the_one_of_the_revision(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    async def handle(_: object) -> None:
        raise OSError

    new.handle = handle
    recorder = record(new, path=file)
    for revision in ("2025-11-25", "2026-07-28"):
        context = new.Context({"name": "any"}, new.Connection(), protocol_version=revision)
        with pytest.raises(OSError):  # noqa: PT011  it has no message
            asyncio.run(new.dispatch(context))
    assert [row["error_code"] for row in written(recorder)] == [0, -32603]


def test_a_client_may_say_in_each_request_who_it_is(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    recorder = record(new, path=file)
    for info in ({"name": "modern", "version": "7"}, {"name": 1}, "nobody", None):
        meta = {"io.modelcontextprotocol/clientInfo": info}
        asyncio.run(new.receive("nothing", meta=meta, connection=new.Connection()))
    told = [(row["client"], row["client_version"]) for row in written(recorder)]
    assert told == [("modern", "7"), (None, None), (None, None), (None, None)]


def test_the_rounds_of_a_call_that_asks_for_input_are_one_row(
    new: Any, file: Path, written: Written, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    seconds = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))  # a round takes a second
    answers: list[Any] = [
        {"resultType": "input_required", "requestState": "one"},
        {"resultType": "input_required", "requestState": "two"},
        {"resultType": "complete", "content": []},
    ]

    @new.tool
    async def ask() -> Any:
        return answers.pop(0)

    recorder = record(new, path=file)
    receive = partial(new.receive, "ask", connection=new.Connection())
    asyncio.run(receive())
    asyncio.run(receive(requestState="one", inputResponses={}))
    assert written(recorder) == []
    asyncio.run(receive(requestState="two", inputResponses={}))
    (row,) = written(recorder)
    assert (row["status"], row["duration_ms"]) == ("success", 3000)


def test_rounds_of_a_server_that_remembers_nothing_are_known_by_what_is_asked(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    answers: list[Any] = [{"resultType": "input_required"}, {"content": []}, {"content": []}]

    @new.tool
    async def ask(what: str) -> Any:
        return answers.pop(0) if what == "this" else {"content": []}

    async def main() -> None:
        connection = new.Connection()
        receive = partial(new.receive, "ask", connection=connection)
        await receive({"what": "this"})
        await receive({"what": "something else"}, inputResponses={})
        await receive({"what": "this"}, inputResponses={})

    recorder = record(new, path=file)
    asyncio.run(main())
    first, second = written(recorder)
    assert first["started_ms"] >= second["started_ms"]
    assert first["request_bytes"] > second["request_bytes"]


def test_a_call_whose_question_nobody_answers_is_cancelled(
    new: Any, file: Path, written: Written, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    monkeypatch.setattr(rounds, "MOST", 0)

    @new.tool
    async def ask() -> Any:
        return {"resultType": "input_required", "requestState": "one"}

    recorder = record(new, path=file)
    asyncio.run(new.receive("ask"))
    (row,) = written(recorder)
    assert (row["tool_name"], row["status"], row["error_kind"]) == ("ask", "error", "cancelled")


def test_before_mcp_1_10_the_cause_is_found_at_the_tools(
    old: Any, file: Path, written: Written, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    monkeypatch.delattr(type(old), "_make_error_result")
    old._tool_manager = old  # noqa: SLF001  where the facade of mcp 1 has it

    async def handler(request: Any) -> Any:
        with pytest.raises(old.ToolError):
            await old.call_tool(request.params.name, {})
        return old.Result(isError=True)

    @old.tool
    async def fail() -> None:
        raise OSError

    old.request_handlers[old.CallToolRequest] = handler
    recorder = record(old, path=file)
    asyncio.run(old.receive("fail"))
    assert [row["error_type"] for row in written(recorder)] == ["OSError"]


def test_an_error_that_a_handler_returns_is_one_of_the_protocol(
    old: Any, file: Path, written: Written, record: Record
) -> None:
    async def handler(_: object) -> Any:
        return SimpleNamespace(code=-32601, message="a secret", model_dump_json=lambda: "{}")

    old.request_handlers[old.CallToolRequest] = handler
    recorder = record(old, path=file)
    asyncio.run(old.receive("any"))
    (row,) = written(recorder)
    assert (row["error_kind"], row["error_code"]) == ("protocol", -32601)
