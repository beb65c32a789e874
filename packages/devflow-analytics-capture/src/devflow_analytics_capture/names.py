"""The names that agents give to tools and to calls."""

from __future__ import annotations

import re

_COUNTED = re.compile(r"(?:call[_-]?|tool[_-]?|functions\.[\w.-]+:|[a-z]?)[0-9]{1,5}")


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
    return _COUNTED.fullmatch(native_id) is not None
