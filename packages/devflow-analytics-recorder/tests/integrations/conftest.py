"""Servers of either kind, as small as what mcp 1 and mcp 2 do with a request.

With them the facts can be told where neither is installed; `tests/mcp` tells them of the servers
themselves.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from pydantic import BaseModel, Field

from devflow_analytics_recorder import integrations

if TYPE_CHECKING:
    from pathlib import Path

    from devflow_analytics_recorder import Recorder

Rows: TypeAlias = list[dict[str, Any]]
Tool: TypeAlias = Callable[..., Awaitable[Any]]


class Meta(BaseModel, extra="allow"):
    progressToken: int | None = None  # noqa: N815  as it is sent


class Params(BaseModel):
    name: str
    arguments: dict[str, Any] | None = None
    meta: Meta | None = Field(None, alias="_meta")


class CallToolRequest(BaseModel):
    params: Params


class Text(BaseModel):
    type: str = "text"
    text: str


class Result(BaseModel):
    content: list[Text] = []
    isError: bool = False  # noqa: N815  as it is sent


class Answer(BaseModel):
    root: Result


class ToolError(Exception):
    """What a framework wraps failures in."""


class ProtocolError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error = SimpleNamespace(code=code, message=message)


ToolError.__module__ = ProtocolError.__module__ = "mcp.shared.exceptions"
ProtocolError.__name__ = "McpError"


class Connection:
    """What lives as long as a client's connection; of a client that says who it is, or not."""

    has_standalone_channel = True

    def __init__(self, client: str | None = None) -> None:
        info = SimpleNamespace(name=client, version="1")
        named = SimpleNamespace(clientInfo=info, client_info=info)
        self.client_params = named if client else None
        self.outbound = self
        self._connection = self

    def answers_to(self, stream: object) -> None:
        """Have answers written to a stream, as either kind of server has it."""
        self._write_stream = stream
        self._request_outbound = SimpleNamespace(_dispatcher=self)


class Tools:
    """The tools of a server, and what a program that is a server may do with them itself."""

    Connection = Connection
    ProtocolError = ProtocolError
    Result = Result
    ToolError = ToolError

    def __init__(self, name: str = "server") -> None:
        self.name = name
        self.tools: dict[str, Tool] = {}

    def tool(self, function: Tool) -> Tool:
        self.tools[function.__name__] = function
        return function

    async def call_tool(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if name not in self.tools:
            raise ToolError(f"Unknown tool: {name}")
        try:
            return await self.tools[name](**arguments)
        except ProtocolError:
            raise
        except Exception as fault:
            raise ToolError(f"Error executing tool {name}: {fault}") from fault


class OldServer(Tools):
    """As mcp 1 is: a table of handlers by the type of the request."""

    CallToolRequest = CallToolRequest

    def __init__(self, name: str = "server") -> None:
        super().__init__(name)
        self.request_handlers: dict[type, Callable[..., Awaitable[Any]]] = {}
        self.context: ContextVar[Any] = ContextVar("context")
        self.register()

    @property
    def request_context(self) -> Any:
        return self.context.get()

    def _make_error_result(self, message: str) -> Answer:
        return Answer(root=Result(content=[Text(text=message)], isError=True))

    def register(self) -> None:
        async def handler(request: CallToolRequest) -> Answer:
            try:
                result = await self.call_tool(request.params.name, request.params.arguments or {})
            except ProtocolError:
                raise
            except Exception as fault:  # noqa: BLE001  as mcp does
                return self._make_error_result(str(fault))
            if not isinstance(result, Result):
                result = Result(content=[Text(text=str(result))])
            return Answer(root=result)

        self.request_handlers[CallToolRequest] = handler

    async def receive(
        self,
        tool: str,
        arguments: dict[str, Any] | None = None,
        *,
        meta: dict[str, Any] | None = None,
        connection: Any = None,
        headers: Mapping[str, str] | None = None,
        request_id: Any = 1,
    ) -> Any:
        """Handle a call as if it came from the wire; return the result as it would be sent."""
        request = CallToolRequest(params=Params(name=tool, arguments=arguments, _meta=meta))
        http = None if headers is None else SimpleNamespace(headers=headers)
        handler = self.request_handlers.get(CallToolRequest)
        assert handler is not None
        session = connection or Connection()
        context = SimpleNamespace(session=session, request=http, request_id=request_id)
        token = self.context.set(context)
        try:
            answer = await handler(request)
        finally:
            self.context.reset(token)
        sent = json.loads(answer.model_dump_json())
        return sent.get("root", sent)


@dataclass
class NewContext:
    params: dict[str, Any]
    session: Any = None
    request: Any = None
    method: str = "tools/call"
    protocol_version: str = "2025-06-18"
    request_id: int | None = 1


@dataclass
class NewLow:
    name: str
    middleware: list[Any] = field(default_factory=list)

    def get_request_handler(self, method: str) -> Any: ...


class NewServer(Tools):
    """As mcp 2 is: a facade around a low-level server with a list of middleware."""

    Context = NewContext

    def __init__(self, name: str = "server") -> None:
        super().__init__(name)
        self._lowlevel_server = NewLow(name)

    async def handle(self, context: NewContext) -> Any:
        name, arguments = context.params["name"], context.params.get("arguments")
        try:
            result = await self.call_tool(name, arguments or {})
        except ProtocolError:
            raise
        except Exception as fault:  # noqa: BLE001  as mcp does
            result = Result(content=[Text(text=str(fault))], isError=True)
        if isinstance(result, dict):
            return result
        if not isinstance(result, Result):
            result = Result(content=[Text(text=str(result))])
        return result.model_dump()

    async def dispatch(self, context: NewContext) -> Any:
        """Handle any message."""
        call: Callable[[NewContext], Awaitable[Any]] = self.handle
        for middleware in reversed(self._lowlevel_server.middleware):
            call = partial(middleware, call_next=call)
        return await call(context)

    async def receive(
        self,
        tool: str | None,
        arguments: dict[str, Any] | None = None,
        *,
        meta: dict[str, Any] | None = None,
        connection: Any = None,
        headers: Mapping[str, str] | None = None,
        request_id: Any = 1,
        **more: Any,
    ) -> Any:
        """Handle a call as if it came from the wire; return the result as it would be sent."""
        params = {"name": tool, "arguments": arguments, "_meta": meta, **more}
        params = {name: value for name, value in params.items() if value is not None}
        http = None if headers is None else SimpleNamespace(headers=headers)
        context = NewContext(params, connection or Connection(), http, request_id=request_id)
        return await self.dispatch(context)


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("mcp.types")
    vars(module)["CallToolRequest"] = CallToolRequest
    monkeypatch.setitem(sys.modules, "mcp.types", module)


@pytest.fixture
def old() -> OldServer:
    return OldServer()


@pytest.fixture
def new() -> NewServer:
    return NewServer()


@pytest.fixture(params=[OldServer, NewServer])
def server(request: pytest.FixtureRequest) -> Any:
    """A server of each kind."""
    made = request.param()

    @made.tool
    async def add(a: int, b: int) -> int:
        return a + b

    @made.tool
    async def fail() -> None:
        raise KeyError("a secret")

    return made


@pytest.fixture
def record() -> Iterator[Callable[..., Recorder]]:
    """What the package gives; it ends with the test, and so do its threads."""
    made: list[Recorder] = []

    def keep(server: object, **more: Any) -> Recorder:
        made.append(integrations.record(server, **more))
        return made[-1]

    yield keep
    for recorder in made:
        recorder.close()


@pytest.fixture
def written(file: Path, rows: Callable[[str], Rows]) -> Callable[[Recorder], Rows]:
    """Return what a recorder has written, with the client of each call."""

    def ask(recorder: Recorder) -> Rows:
        assert recorder.flush(30)
        if not file.exists():
            return []
        return rows(
            "SELECT tool_calls.*, client, client_version FROM tool_calls"
            " JOIN sessions ON sessions.id = session_id ORDER BY tool_calls.rowid"
        )

    return ask


@pytest.fixture
def recorded(
    server: Any, file: Path, written: Callable[[Recorder], Rows], record: Callable[..., Recorder]
) -> Callable[[], Rows]:
    """Record the server of the test; return how to see the rows."""
    return partial(written, record(server, path=file))
