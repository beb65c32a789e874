"""Servers of mcp 2, and of FastMCP 4, which builds on it: a list of middleware.

The first of the list is the outermost. It sees each message as it came, before anything is
validated, and what is sent for it: the object of a result, or the exception of an error.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

from devflow_analytics_recorder.integrations.calls import tap
from devflow_analytics_recorder.integrations.endings import (
    Ending,
    error_result,
    exception,
    success,
)
from devflow_analytics_recorder.integrations.sessions import Caller
from devflow_analytics_recorder.integrations.sizes import fields_of
from devflow_analytics_recorder.integrations.watch import Request, Watch, Watched
from devflow_analytics_recorder.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from devflow_analytics_recorder.integrations.sessions import HttpRequest
    from devflow_analytics_recorder.recorder import Recorder

    CallNext = Callable[["RequestContext"], Awaitable[object]]

STATELESS = "2026-07-28"
"""The first revision in which each request stands alone."""

CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
"""The key of ``_meta`` under which a client names itself in each request."""

OTHER_ERROR = 0
"""The code of the JSON-RPC error for an exception that has none, before `STATELESS`."""

INTERNAL_ERROR = -32603
"""The code of the JSON-RPC error for an exception that has none, since `STATELESS`."""


class Implementation(Protocol):
    """What is used of ``Implementation``."""

    name: str
    version: str


class InitializeParams(Protocol):
    """What is used of ``InitializeRequestParams``."""

    client_info: Implementation


class ServerSession(Protocol):
    """What is used of ``ServerSession``."""

    @property
    def client_params(self) -> InitializeParams | None:
        """What the client said of itself."""
        ...


class RequestContext(Protocol):
    """What is used of ``ServerRequestContext``."""

    session: ServerSession
    protocol_version: str
    method: str
    params: Mapping[str, object] | None
    request_id: int | str | None
    request: HttpRequest | None


class Server(Protocol):
    """What is used of the low-level ``Server``."""

    middleware: list[object]


def fits(server: object) -> bool:
    """Return whether an object is a low-level server of this kind."""
    return isinstance(getattr(server, "middleware", None), list) and hasattr(
        type(server), "get_request_handler"
    )


def recorder_of(server: object) -> Recorder | None:
    """Return with what the calls of a server are recorded; None if they are not."""
    for each in cast("Server", server).middleware:
        if isinstance(each, RecordingMiddleware):
            return each.watch.recorder
    return None


def attach(server: object, facade: object, recorder: Recorder) -> None:
    """Record the calls of a server.

    Args:
        server: the low-level server.
        facade: what the user made, around it or the same.
        recorder: where they are recorded.
    """
    cast("Server", server).middleware.insert(0, RecordingMiddleware(Watch(recorder, server)))
    if facade is not server and hasattr(facade, "call_tool"):
        with suppress(AttributeError, TypeError, ValueError):  # of what cannot be set: no class
            tap(facade, "call_tool", server)


class RecordingMiddleware:
    """Records each ``tools/call``, and lets it pass as it is."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        """What records the calls."""

    def __call__(self, context: RequestContext, call_next: CallNext) -> Awaitable[object]:
        """Handle a message."""
        if context.method != "tools/call" or context.request_id is None:
            return call_next(context)
        return self._call(context, call_next)

    async def _call(self, context: RequestContext, call_next: CallNext) -> object:
        call = self.watch.begin(_read, context)
        if call is None:
            return await call_next(context)
        try:
            result = await call_next(context)
        except BaseException as fault:
            self.watch.end(call, partial(_of_exception, context), fault)
            raise
        self.watch.end(call, _of_result, result)
        return result


def _read(context: RequestContext) -> Request | None:
    params = context.params or {}
    tool = params.get("name")
    if not isinstance(tool, str):
        return None
    meta = params.get("_meta")
    given = cast("Mapping[str, object]", meta) if isinstance(meta, dict) else {}
    state = params.get("requestState")
    answers = "inputResponses" in params or state is not None
    return Request(
        tool,
        params.get("arguments"),
        _caller(context, given),
        answers=answers,
        state=state if isinstance(state, str) else None,
        id=context.request_id,
        channel=_channel(context),
    )


def _channel(context: RequestContext) -> object:
    """Return the stream to which a server writes its answers, or what it has instead."""
    outbound = getattr(context.session, "_request_outbound", None)
    outbound = getattr(outbound, "_inner", outbound)  # around which `STATELESS` has another
    dispatcher = getattr(outbound, "_dispatcher", None)
    if dispatcher is None:
        return outbound
    stream = getattr(dispatcher, "_write_stream", None)
    return getattr(stream, "_inner", stream)


def _caller(context: RequestContext, meta: Mapping[str, object]) -> Caller:
    client = context.session.client_params
    connection = getattr(context.session, "_connection", None)
    lasting = None
    if getattr(connection, "has_standalone_channel", False):
        # a connection has one of these; since `STATELESS` all else is made for each request
        lasting = getattr(connection, "outbound", None)
    if client is not None:
        name, version = client.client_info.name, client.client_info.version
        return Caller(name, version, meta, lasting, context.request)
    return Caller(*_client_info(meta), meta, lasting, context.request)


def _client_info(meta: Mapping[str, object]) -> tuple[str | None, str | None]:
    info = meta.get(CLIENT_INFO)
    if not isinstance(info, dict):
        return None, None
    name, version = info.get("name"), info.get("version")
    return (
        name if isinstance(name, str) else None,
        version if isinstance(version, str) else None,
    )


def _of_exception(context: RequestContext, call: Watched, fault: BaseException) -> Ending:
    late = context.protocol_version >= STATELESS
    return exception(call.request.tool, fault, INTERNAL_ERROR if late else OTHER_ERROR)


def _of_result(call: Watched, result: object) -> Ending:
    fields = fields_of(result)
    if fields.get("resultType") == "input_required":
        state = fields.get("requestState")
        return Ending(Outcome(), asks=True, state=state if isinstance(state, str) else None)
    content = cast("Sequence[object]", fields.get("content") or ())
    # what another middleware answers with may still be a model
    if fields.get("isError", fields.get("is_error")) is not True:
        return success(result, content)
    text = str(fields_of(content[0]).get("text", "")) if content else ""
    return error_result(call.request.tool, text, call.running.fault, result, content)
