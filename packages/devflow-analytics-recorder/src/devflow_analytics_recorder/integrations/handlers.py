"""Servers of mcp 1, and of FastMCP 2 and 3, which build on it: a table of handlers.

A request from the wire reaches its handler through ``request_handlers.get``; what runs within the
process reads the table otherwise or not at all. So the table is replaced by one whose ``get``
returns the handler of ``tools/call`` with a wrapper around it: whether the handler was registered
before or is replaced later, the wrapper is the outermost.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from devflow_analytics_recorder.integrations.calls import tap, tap_handled
from devflow_analytics_recorder.integrations.endings import (
    Ending,
    error_result,
    exception,
    protocol_error,
    success,
)
from devflow_analytics_recorder.integrations.sessions import Caller, HttpRequest
from devflow_analytics_recorder.integrations.sizes import fields_of
from devflow_analytics_recorder.integrations.watch import Request, Watch, Watched

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from devflow_analytics_recorder.recorder import Recorder

    Handler = Callable[["CallToolRequest"], Awaitable[object]]

D = TypeVar("D")

OTHER_ERROR = 0
"""The code of the JSON-RPC error that mcp 1 sends for an exception that has none."""


class Meta(Protocol):
    """What is used of ``RequestParams.Meta``."""

    model_extra: Mapping[str, object] | None


class CallToolParams(Protocol):
    """What is used of ``CallToolRequestParams``."""

    name: str
    arguments: Mapping[str, object] | None
    meta: Meta | None


class CallToolRequest(Protocol):
    """What is used of ``CallToolRequest``."""

    params: CallToolParams


class Implementation(Protocol):
    """What is used of ``Implementation``."""

    name: str
    version: str


class InitializeParams(Protocol):
    """What is used of ``InitializeRequestParams``."""

    clientInfo: Implementation  # noqa: N815  mcp's


class ServerSession(Protocol):
    """What is used of ``ServerSession``."""

    client_params: InitializeParams | None


class RequestContext(Protocol):
    """What is used of ``RequestContext``."""

    session: ServerSession


class Server(Protocol):
    """What is used of the low-level ``Server``."""

    request_handlers: dict[type, Handler]

    @property
    def request_context(self) -> RequestContext:
        """What is known of the request that is being handled; LookupError if none is."""
        ...


def fits(server: object) -> bool:
    """Return whether an object is a low-level server of this kind."""
    return isinstance(getattr(server, "request_handlers", None), dict) and hasattr(
        type(server), "request_context"
    )


def recorder_of(server: object) -> Recorder | None:
    """Return with what the calls of a server are recorded; None if they are not."""
    handlers = cast("Server", server).request_handlers
    return handlers.watch.recorder if isinstance(handlers, RecordedHandlers) else None


def attach(server: object, facade: object, recorder: Recorder) -> None:
    """Record the calls of a server.

    Args:
        server: the low-level server.
        facade: what the user made, around it or the same.
        recorder: where they are recorded.
    """
    low = cast("Server", server)
    before = low.request_handlers
    after = RecordedHandlers(low, before, Watch(recorder, server))
    low.request_handlers = after
    experimental = getattr(server, "_experimental_handlers", None)
    if getattr(experimental, "_request_handlers", None) is before:
        vars(experimental)["_request_handlers"] = after  # it registers into the same table
    manager = getattr(facade, "_tool_manager", None)
    if hasattr(server, "_make_error_result"):
        tap_handled(server, "_make_error_result", server)
    elif hasattr(manager, "call_tool"):  # before mcp 1.10
        tap(manager, "call_tool", server)


class RecordedHandlers(dict[type, "Handler"]):
    """The handlers of a server, by the type of the request."""

    def __init__(self, server: Server, handlers: Mapping[type, Handler], watch: Watch) -> None:
        super().__init__(handlers)
        self.watch = watch
        """What records the calls."""
        self._server = server
        self._call: type = sys.modules["mcp.types"].CallToolRequest

    def get(self, key: type, default: D | None = None) -> Handler | D | None:  # type: ignore[override]  # the two overloads of dict in one
        """Return the handler of a request, as the server asks for it when one came."""
        handler = super().get(key)
        if handler is None:
            return default
        return self._recorded(handler) if key is self._call else handler

    def _recorded(self, handler: Handler) -> Handler:
        watch = self.watch

        async def recorded(request: CallToolRequest) -> object:
            call = watch.begin(self._read, request)
            if call is None:
                return await handler(request)
            try:
                result = await handler(request)
            except BaseException as fault:
                watch.end(call, _of_exception, fault)
                raise
            watch.end(call, _of_result, result)
            return result

        return recorded

    def _read(self, request: CallToolRequest) -> Request | None:
        try:
            context = self._server.request_context
        except LookupError:
            return None  # no client asked
        params = request.params
        meta = params.meta
        session = context.session
        client = session.client_params
        http = cast("HttpRequest | None", getattr(context, "request", None))
        caller = Caller(
            None if client is None else client.clientInfo.name,
            None if client is None else client.clientInfo.version,
            {} if meta is None else meta.model_extra or {},
            # Without sessions, HTTP has one of these a request, and no client introduces itself.
            session if http is None or client is not None else None,
            http,
        )
        return Request(
            params.name,
            params.arguments,
            caller,
            id=getattr(context, "request_id", None),
            channel=getattr(session, "_write_stream", None),
        )


def _of_exception(call: Watched, fault: BaseException) -> Ending:
    return exception(call.request.tool, fault, OTHER_ERROR)


def _of_result(call: Watched, result: object) -> Ending:
    tool = call.request.tool
    answer = fields_of(result).get("root", result)
    fields = fields_of(answer)
    code = fields.get("code")
    if isinstance(code, int):
        return protocol_error(tool, code, fields.get("message"))
    content = cast("Sequence[object]", fields.get("content") or ())
    if fields.get("isError") is not True:
        return success(answer, content)
    text = str(fields_of(content[0]).get("text", "")) if content else ""
    return error_result(tool, text, call.running.fault, answer, content)
