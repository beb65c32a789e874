"""How a call ended, as the answer on the wire says it. Of its texts nothing is kept."""

from devflow_analytics_capture.noting.line import SUCCESS
from devflow_analytics_capture.proxy.messages import ends_as_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_capture.noting.line import Outcome
    from devflow_analytics_capture.proxy.lines import Line
    from devflow_analytics_capture.proxy.messages import Message


INVALID_PARAMS = -32602
"""JSON-RPC's code for parameters that a method cannot take."""

REQUEST_TIMEOUT = -32001
"""The code with which the SDKs say that a request took too long."""

TRANSPORT: "Outcome" = ("error", "transport", None, None)
"""The connection ended before an answer came."""

CANCELLED: "Outcome" = ("error", "cancelled", None, None)
"""The client gave it up."""

TIMED_OUT: "Outcome" = ("timeout", "cancelled", None, None)
"""The client gave it up because it took too long."""

_TOOL: "Outcome" = ("error", "tool", None, None)
_ARGUMENTS: "Outcome" = ("error", "arguments", None, None)
_NOT_FOUND: "Outcome" = ("error", "not_found", None, None)

_LOOKED_AT = 500
"""How much of a text is looked at, in characters."""


def ending(tool: str, message: "Message", line: "Line") -> "Outcome":
    """Return how a call ended.

    Args:
        tool: the name that was called.
        message: the answer, or its outline.
        line: the line that it came in.
    """
    if "error" in message:
        return _of_error(tool, message["error"])
    result = message.get("result")
    if isinstance(result, dict) and result.get("isError") is True:
        return _of_text(tool, _first_text(result.get("content")))
    return _TOOL if ends_as_error(line.tail) else SUCCESS


def code_of(error: object) -> int | None:
    """Return the code of a JSON-RPC error; None if it has none, or one that no row can hold."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if type(code) is int and -(2**63) <= code < 2**63 else None  # true is no number


def _of_error(tool: str, error: object) -> "Outcome":
    text = error.get("message") if isinstance(error, dict) else None
    number = code_of(error)
    if isinstance(text, str) and _is_unknown(tool, text[:_LOOKED_AT]):
        return ("error", "not_found", None, number)
    if number == REQUEST_TIMEOUT:
        return ("timeout", "protocol", None, number)
    return ("error", "arguments" if number == INVALID_PARAMS else "protocol", None, number)


def _of_text(tool: str, text: str) -> "Outcome":
    if _is_unknown(tool, text):
        return _NOT_FOUND
    return _ARGUMENTS if _refuses_arguments(text) else _TOOL


def _first_text(content: object) -> str:
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    return text[:_LOOKED_AT] if isinstance(text, str) else ""


def _is_unknown(tool: str, text: str) -> bool:
    """Tell whether a text is what one of the SDKs says of a tool that there is not."""
    text = text.removeprefix(f"MCP error {INVALID_PARAMS}: ")
    return text in {
        f"Unknown tool: {tool}",
        f"Unknown tool: {tool!r}",
        f"Tool {tool} not found",
        f"Tool '{tool}' not found",
    }


def _refuses_arguments(text: str) -> bool:
    """Tell whether a text begins as one of the SDKs begins when a tool cannot take its arguments.

    The TypeScript SDK gives the code, the low-level server of Python's says so in words, and its
    FastMCP names pydantic's model of the arguments, after the function and not the tool.
    """
    if text.startswith((f"MCP error {INVALID_PARAMS}: ", "Input validation error: ")):
        return True
    model = text.partition(" validation error")[2].partition(" for ")[2].partition("\n")[0]
    return model.endswith("Arguments") or model.startswith("call[")
