"""What is raised passes through, and what goes wrong in us does no harm."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import copy_context
from types import SimpleNamespace, coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from devflow_analytics_recorder import Recorder, log

if TYPE_CHECKING:
    from pathlib import Path

Record: TypeAlias = Callable[..., Recorder]
Rows: TypeAlias = list[dict[str, Any]]
Recorded: TypeAlias = Callable[[], Rows]


def test_an_exception_passes_through_as_it_is(server: Any, recorded: Recorded) -> None:
    fault = server.ProtocolError(-32050, "a secret")

    @server.tool
    async def refuse() -> None:
        raise fault

    with pytest.raises(server.ProtocolError) as raised:
        asyncio.run(server.receive("refuse"))
    assert raised.value is fault
    (row,) = recorded()
    assert (row["status"], row["error_kind"], row["error_code"]) == ("error", "protocol", -32050)
    assert row["error_type"] == "McpError"


def test_a_call_that_is_cancelled_is_recorded_and_stays_cancelled(
    server: Any, recorded: Recorded
) -> None:
    async def main() -> None:
        begun = asyncio.Event()

        @server.tool
        async def wait() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(server.receive("wait"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    (row,) = recorded()
    assert (row["status"], row["error_kind"]) == ("error", "cancelled")


def test_nothing_that_a_tool_raised_is_kept_by_what_it_left_behind(
    server: Any, recorded: Recorded
) -> None:
    class Large:
        """What a tool had in hand when it failed."""

    async def main() -> None:
        left: list[asyncio.Task[Any]] = []
        kept: list[weakref.ref[Large]] = []

        @server.tool
        async def start() -> None:
            large = Large()
            kept.append(weakref.ref(large))
            left.append(asyncio.create_task(asyncio.Event().wait()))
            raise OSError

        assert (await server.receive("start"))["isError"]
        await asyncio.sleep(0)  # the task begins, in a copy of the call's context
        gc.collect()
        assert [reference() for reference in kept] == [None]
        left[0].cancel()

    asyncio.run(main())
    assert [row["error_type"] for row in recorded()] == ["OSError"]


def test_a_call_that_its_loop_gives_up_is_recorded(server: Any, recorded: Recorded) -> None:
    @coroutine
    def pause() -> Iterator[None]:
        yield

    @server.tool
    async def wait() -> None:
        await pause()

    call = server.receive("wait")
    copy_context().run(call.send, None)
    with suppress(ValueError):  # the server's own variable, set in the other context
        call.close()
    (row,) = recorded()
    assert (row["status"], row["error_kind"]) == ("error", "cancelled")


def test_a_fault_of_ours_leaves_the_call_as_it_is_and_is_told_once(
    server: Any,
    recorded: Recorded,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log, "_said", set())
    broken = SimpleNamespace(client_params="nobody")
    for _ in range(2):
        result = asyncio.run(server.receive("add", {"a": 1, "b": 2}, connection=broken))
        assert "3" in json.dumps(result)
    assert recorded() == []
    assert [entry.levelname for entry in caplog.records] == ["WARNING"]


def test_a_result_that_we_cannot_read_leaves_the_call_as_it_is(
    new: Any,
    file: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    record: Record,
) -> None:
    monkeypatch.setattr(log, "_said", set())
    answer = {"content": 3, "isError": True}

    @new.tool
    async def strange() -> Any:
        return answer

    record(new, path=file)
    assert asyncio.run(new.receive("strange")) is answer
    assert "TypeError" in caplog.text
