"""How a call ended: from the answer that a server sends to what a row says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_recorder.integrations.causes import cause_of, package_of, timed_out
from devflow_analytics_recorder.outcome import Outcome, is_cancellation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_schema import ErrorKindLike

INVALID_PARAMS = -32602
"""JSON-RPC's code for parameters that a method cannot take."""

_SUCCESS = Outcome()

_REQUESTS = frozenset({"CallToolRequest", "CallToolRequestParams"})
"""The models by which a server validates the request itself."""


class Ending(NamedTuple):
    """How a call ended, and with what. Of the outcome, names and codes are kept, no messages."""

    outcome: Outcome
    code: int | None = None
    """The code of a JSON-RPC error."""
    result: object = None
    """The result, as a model or as the object that is sent; None for an error."""
    content: Sequence[object] = ()
    """The content blocks of the result."""
    asks: bool = False
    """Whether the result asks for input."""
    state: str | None = None
    """The ``requestState`` with which it asks."""


def success(result: object, content: Sequence[object] = ()) -> Ending:
    """Return how a call ended that did what it should."""
    return Ending(_SUCCESS, result=result, content=content)


def error_result(
    tool: str, text: str, fault: BaseException | None, result: object, content: Sequence[object]
) -> Ending:
    """Return how a call ended that was answered with a result that says ``isError``.

    Args:
        tool: the name that was called.
        text: the first text of the result; it decides the kind, and is not kept.
        fault: the exception from which the framework made the result, where it is known. Without
            one the tool said itself that it failed.
        result: the result.
        content: its content blocks.
    """
    kind: ErrorKindLike = "tool"
    if _names_unknown(tool, text):
        kind = "not_found"
    elif fault is not None and _refuses_arguments(fault, text):
        kind = "arguments"
    return Ending(_failed(kind, fault), result=result, content=content)


def exception(tool: str, fault: BaseException, code: int) -> Ending:
    """Return how a call ended that left the server's handler with an exception.

    Args:
        tool: the name that was called.
        fault: the exception.
        code: the code of the JSON-RPC error that is sent for an exception without one of its own.
    """
    if is_cancellation(fault):
        return Ending(Outcome("error", "cancelled", type(fault).__name__))
    error = getattr(fault, "error", None)
    own = getattr(error, "code", None)
    if isinstance(own, int):
        return protocol_error(tool, own, getattr(error, "message", None), fault)
    if type(fault).__name__ == "ValidationError" and package_of(fault) == "pydantic_core":
        refused = getattr(fault, "title", None) in _REQUESTS or _refuses_arguments(fault, "")
        return Ending(_failed("arguments" if refused else "protocol", fault), INVALID_PARAMS)
    return protocol_error(tool, code, fault.args[0] if fault.args else None, fault)


def protocol_error(
    tool: str, code: int, message: object, fault: BaseException | None = None
) -> Ending:
    """Return how a call ended that was answered with a JSON-RPC error."""
    unknown = isinstance(message, str) and _names_unknown(tool, message)
    return Ending(_failed("not_found" if unknown else "protocol", fault), code)


def _failed(kind: ErrorKindLike, fault: BaseException | None) -> Outcome:
    if fault is None:
        return Outcome("error", kind)
    return Outcome("timeout" if timed_out(fault) else "error", kind, type(cause_of(fault)).__name__)


def _names_unknown(tool: str, message: str) -> bool:
    """Return whether a message is the one that every framework has for a tool it does not know."""
    return message in {f"Unknown tool: {tool}", f"Unknown tool: {tool!r}"}


def _refuses_arguments(fault: BaseException, text: str) -> bool:
    """Return whether the framework refused the arguments, before the tool ran.

    A tool may raise the same classes about data of its own. What tells them apart is how the
    frameworks name the model of a tool's arguments: ``addArguments`` in mcp, ``call[add]`` in
    FastMCP. The low-level server, which validates by the JSON schema, says it in words.
    """
    refusal = fault
    if type(refusal).__name__ != "ValidationError" and fault.__cause__ is not None:
        refusal = fault.__cause__
    if type(refusal).__name__ != "ValidationError":
        return False
    package = package_of(refusal)
    if package == "pydantic_core":
        title = str(getattr(refusal, "title", ""))
        return title.endswith("Arguments") or title.startswith("call[")
    if package == "jsonschema":
        return text.startswith("Input validation error: ")
    return package == "fastmcp"
