"""The names that agents give to tools and to calls; without imports, as the hook needs it."""

_BEFORE_COUNT = frozenset(("", "call", "call_", "call-", "tool", "tool_", "tool-"))
_LONGEST_COUNT = 5
_DIGITS = "0123456789"


def split_mcp_name(name: str) -> tuple[str | None, str]:
    """Return the server and the tool that ``mcp__SERVER__TOOL`` names; None for any other name.

    The server's name ends at the first ``__``, as Claude Code has it; the tool's may hold some.
    """
    prefix, _, rest = name.partition("__")
    server, separator, tool = rest.partition("__")
    return (server, tool) if prefix == "mcp" and server and separator and tool else (None, name)


def is_counted(native_id: str) -> bool:
    """Tell whether an agent's id of a call only counts, as ``call_0`` does.

    Some gateways to models make such. They name a call within one conversation only.
    """
    start = native_id.rstrip(_DIGITS)
    if not 1 <= len(native_id) - len(start) <= _LONGEST_COUNT:
        return False
    function = start.removeprefix("functions.").removesuffix(":")
    return (
        start in _BEFORE_COUNT
        or (len(start) == 1 and "a" <= start <= "z")
        or (
            start == f"functions.{function}:"
            and all(letter.isalnum() or letter in "_.-" for letter in function)
            and bool(function)
        )
    )
