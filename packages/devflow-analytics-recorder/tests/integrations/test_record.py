"""What `record` does with what it is given."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from pydantic import VERSION, Field

from devflow_analytics_recorder import Recorder

if TYPE_CHECKING:
    from pathlib import Path

Record: TypeAlias = Callable[..., Recorder]
Written: TypeAlias = Callable[[Recorder], list[dict[str, Any]]]


def test_recording_twice_records_once(
    server: Any, file: Path, written: Written, record: Record
) -> None:
    first = record(server, path=file)
    low = getattr(server, "_lowlevel_server", server)
    assert record(server, path=file) is record(low, name="other") is first
    asyncio.run(server.receive("add", {"a": 1, "b": 2}))
    assert len(written(first)) == 1


def test_a_handler_that_is_registered_later_is_recorded_too(
    old: Any, file: Path, written: Written, record: Record
) -> None:
    old.request_handlers.clear()
    recorder = record(old, path=file)
    assert old.request_handlers.get(old.CallToolRequest) is None
    assert old.request_handlers.get(old.CallToolRequest, "none") == "none"
    old.register()
    asyncio.run(old.receive("nothing"))
    assert len(written(recorder)) == 1


def test_other_handlers_are_found_as_before(old: Any, file: Path, record: Record) -> None:
    old.request_handlers[str] = "a handler"
    record(old, path=file)
    assert old.request_handlers.get(str) == old.request_handlers[str] == "a handler"


def test_tasks_that_were_switched_on_before_stay_on(old: Any, file: Path, record: Record) -> None:
    tasks = SimpleNamespace(_request_handlers=old.request_handlers)
    old._experimental_handlers = tasks  # noqa: SLF001  where mcp has it
    record(old, path=file)
    assert tasks._request_handlers is old.request_handlers  # noqa: SLF001  where mcp has it


def test_a_recorder_that_cannot_write_leaves_the_call_as_it_is(
    server: Any, tmp_path: Path, record: Record
) -> None:
    (tmp_path / "file").touch()
    record(server, path=tmp_path / "file" / "analytics.db")
    assert "3" in json.dumps(asyncio.run(server.receive("add", {"a": 1, "b": 2})))


def test_what_is_no_server_is_said_and_left_alone(
    file: Path, caplog: pytest.LogCaptureFixture, record: Record
) -> None:
    for strange in (object(), None, Field()):
        assert isinstance(record(strange, path=file), Recorder)
    assert "no calls are recorded: builtins.object is no known MCP server" in caplog.text
    assert f"pydantic.fields.FieldInfo {VERSION} is no known MCP server" in caplog.text


def test_what_fails_when_it_is_looked_at_is_left_alone(file: Path, record: Record) -> None:
    class Strange:
        def __getattr__(self, name: str) -> object:
            raise RuntimeError(name)

    assert isinstance(record(Strange(), path=file), Recorder)


def test_a_facade_that_takes_no_new_attributes_is_recorded_without_causes(
    new: Any, file: Path, written: Written, record: Record
) -> None:
    class Facade:
        __slots__ = ("_lowlevel_server",)

        def call_tool(self) -> None: ...

    facade = Facade()
    facade._lowlevel_server = new._lowlevel_server  # noqa: SLF001  where mcp has it
    recorder = record(facade, path=file)
    asyncio.run(new.receive("nothing"))
    assert [row["error_type"] for row in written(recorder)] == [None]


def test_a_server_that_cannot_be_changed_is_said_and_left_alone(
    old: Any,
    file: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    record: Record,
) -> None:
    monkeypatch.delitem(sys.modules, "mcp.types")
    assert isinstance(record(old, path=file), Recorder)
    assert type(old.request_handlers) is dict
    assert "OldServer are recorded: KeyError" in caplog.text


def test_where_recording_is_off_a_server_is_not_touched(
    server: Any, file: Path, monkeypatch: pytest.MonkeyPatch, record: Record
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_ENABLED", "0")
    low = getattr(server, "_lowlevel_server", server)
    before = [dict(vars(each)) for each in (server, low)]
    assert not record(server, path=file).enabled
    assert [dict(vars(each)) for each in (server, low)] == before
    assert type(getattr(low, "request_handlers", {})) is dict
    assert getattr(low, "middleware", []) == []


@pytest.mark.parametrize(
    ("own", "given", "recorded"),
    [
        ("files", None, "files"),
        ("files", "mine", "mine"),
        ("FastMCP-1a2b", None, "FastMCP"),
        ("FastMCPProxy-px-1a2b", None, "FastMCPProxy-px"),
        ("OldServer-1a2b", None, "OldServer"),
        ("Other-1a2b", None, "Other-1a2b"),
        ("FastMCP-mine", None, "FastMCP-mine"),
        ("", None, None),
    ],
)
def test_a_server_is_called_by_its_name_without_what_was_made_up(
    old: Any,
    own: str,
    given: str | None,
    recorded: str | None,
    file: Path,
    written: Written,
    record: Record,
) -> None:
    old.name = own
    recorder = record(old, path=file, name=given)
    asyncio.run(old.receive("nothing"))
    assert [row["server"] for row in written(recorder)] == [recorded]
