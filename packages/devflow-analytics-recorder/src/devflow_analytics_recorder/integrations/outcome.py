"""How a call ended, in the words of a row."""

from __future__ import annotations

from typing import Literal, NamedTuple

from devflow_analytics_recorder.integrations.causes import cancelled, cause_of, origin, timed_out

Status = Literal["success", "error", "timeout"]
ErrorKind = Literal["tool", "arguments", "not_found", "protocol", "cancelled", "transport"]

INVALID_PARAMS = -32602
"""JSON-RPC's code for parameters that a method cannot take."""


class Outcome(NamedTuple):
    """What a row says of how a call ended. It holds names and codes, and never a message."""

    status: Status = "success"
    error_kind: ErrorKind | None = None
    error_type: str | None = None
    error_code: int | None = None


SUCCESS = Outcome()


def of_error_result(tool: str, text: str, fault: BaseException | None) -> Outcome:
    """Return how a call ended that was answered with a result that says ``isError``.

    Args:
        tool: the name that was called.
        text: the first text of the result; it decides the kind, and is not kept.
        fault: the exception from which the framework made the result, where it is known. Without
            one the tool said itself that it failed.
    """
    kind: ErrorKind = "tool"
    if _unknown_tool(tool, text):
        kind = "not_found"
    elif fault is not None and _bad_arguments(fault, text):
        kind = "arguments"
    return _failed(kind, fault, None)


def of_exception(tool: str, fault: BaseException, code: int | None) -> Outcome:
    """Return how a call ended that left the server's handler with an exception.

    Args:
        tool: the name that was called.
        fault: the exception.
        code: the code of the JSON-RPC error that is sent for an exception without one of its own.
    """
    if cancelled(fault):
        return Outcome("error", "cancelled", type(fault).__name__)
    error = getattr(fault, "error", None)
    own = getattr(error, "code", None)
    if isinstance(own, int):
        return of_protocol_error(tool, own, getattr(error, "message", None), fault)
    if type(fault).__name__ == "ValidationError" and origin(fault) == "pydantic_core":
        return _failed("arguments", fault, INVALID_PARAMS)
    return _failed("protocol", fault, code)


def of_protocol_error(
    tool: str, code: int, message: object, fault: BaseException | None = None
) -> Outcome:
    """Return how a call ended that was answered with a JSON-RPC error."""
    unknown = isinstance(message, str) and _unknown_tool(tool, message)
    return _failed("not_found" if unknown else "protocol", fault, code)


def _failed(kind: ErrorKind, fault: BaseException | None, code: int | None) -> Outcome:
    if fault is None:
        return Outcome("error", kind, None, code)
    status: Status = "timeout" if timed_out(fault) else "error"
    return Outcome(status, kind, type(cause_of(fault)).__name__, code)


def _unknown_tool(tool: str, message: str) -> bool:
    """Return whether a message is the one that every framework has for a tool it does not know."""
    return message in {f"Unknown tool: {tool}", f"Unknown tool: {tool!r}"}


def _bad_arguments(fault: BaseException, text: str) -> bool:
    """Return whether the framework refused the arguments, before the tool ran.

    A tool may raise the same classes about data of its own. What tells them apart is how the
    frameworks name the model of a tool's arguments: ``addArguments`` in mcp, ``call[add]`` in
    FastMCP. The low-level server, which validates by the JSON schema, says it in words.
    """
    refused = fault
    if type(refused).__name__ != "ValidationError" and fault.__cause__ is not None:
        refused = fault.__cause__
    if type(refused).__name__ != "ValidationError":
        return False
    source = origin(refused)
    if source == "pydantic_core":
        title = str(getattr(refused, "title", ""))
        return title.endswith("Arguments") or title.startswith("call[")
    if source == "jsonschema":
        return text.startswith("Input validation error: ")
    return source == "fastmcp"
