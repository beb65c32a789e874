"""How a call of Claude Code's failed, from the beginning of what it says. Nothing of that is kept.

Its hook and its importer both ask here, so that it does not matter which of them comes first.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_schema import ErrorKindLike, StatusLike

    Failure = tuple[StatusLike, ErrorKindLike, str | None, int | None]

DENIED = (
    "The user doesn't want to ",
    "User rejected tool use",
    "[Request interrupted by user",
    "Permission to use ",
    "Permission for this ",
    "Claude requested permissions to ",
    "This command requires approval",
    "The server-side auto mode classifier gave no verdict",
    "Sibling tool call errored",
    "Cancelled: parallel tool call",
)
"""How it begins if the call was denied or given up: then there was none."""

_BLOCKED = ("hook error", "hook blocked", "[")
"""How it goes on after the name of a hook that did not let the call begin."""

_FAILURES: "tuple[tuple[str, Failure], ...]" = (
    ("MCP error -32000: Connection closed", ("error", "transport", "McpError", None)),
    ("The operation timed out", ("timeout", "tool", "Timeout", None)),
    ("Command timed out", ("timeout", "tool", "Timeout", None)),
)
"""How it begins where more is known than that the call failed: status, kind, type and code."""

_WORDS: "tuple[tuple[str, Failure], ...]" = (
    ("InputValidationError", ("error", "arguments", "InputValidationError", None)),
    ("Error: No such tool available", ("error", "not_found", "NoSuchTool", None)),
    ("No such tool available", ("error", "not_found", "NoSuchTool", None)),
)
"""The same, of beginnings that end a word."""

_MCP_ERROR = "MCP error "
_MCP_CODES: "dict[int, tuple[StatusLike, ErrorKindLike]]" = {
    -32001: ("timeout", "protocol"),
    -32602: ("error", "arguments"),
}
_LONGEST_CODE = 6
_EXIT = "Exit code "


def failure_of(error: str) -> "Failure | None":
    """Return status, kind, type and code of the error that a text tells of.

    None if it tells that the call was denied or given up.
    """
    text = error[:300].lstrip().removeprefix("Error: ").removeprefix("<tool_use_error>")
    is_blocked = text.startswith("PreToolUse:") and text.partition(" ")[2].startswith(_BLOCKED)
    if is_blocked or text.startswith(DENIED):
        return None
    for beginning, failure in _FAILURES:
        if text.startswith(beginning):
            return failure
    for beginning, failure in _WORDS:
        if text.startswith(beginning) and _is_end_of_word(text, len(beginning)):
            return failure
    if text.startswith(_EXIT) and text[len(_EXIT) :][:1].isdecimal():
        return "error", "tool", "ExitStatus", None
    code = _mcp_code(text)
    if code is not None:
        return *_MCP_CODES.get(code, ("error", "protocol")), "McpError", code
    return "error", "tool", None, None


def _mcp_code(text: str) -> int | None:
    if not text.startswith(_MCP_ERROR):
        return None
    rest = text[len(_MCP_ERROR) :]
    sign = "-" if rest.startswith("-") else ""
    digits = rest[len(sign) :][: _LONGEST_CODE + 1]
    digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    if not 1 <= len(digits) <= _LONGEST_CODE or not _is_end_of_word(rest, len(sign + digits)):
        return None
    return int(sign + digits)


def _is_end_of_word(text: str, position: int) -> bool:
    following = text[position : position + 1]
    return not (following.isalnum() or following == "_")
