"""What is known of a tool call besides its status, where only a few values are possible.

Each member is the string that the database holds. The database refuses any other (the ``CHECK``
constraints of migration 3), so a new value is a migration, not only a new member here.
"""

from enum import StrEnum


class CallSource(StrEnum):
    """Who saw a tool call, and recorded it."""

    RECORDER = "recorder"
    """The MCP server itself."""

    PROXY = "proxy"
    """A program between the agent and the server."""

    HOOK = "hook"
    """A program that the agent starts at each call."""

    IMPORT = "import"
    """Nobody at the time: it was read later, from what the agent logs."""


class ErrorKind(StrEnum):
    """How a tool call failed. `ToolCall.error_type` and `ToolCall.error_code` may say more."""

    TOOL = "tool"
    """The tool ran, and its result says that it failed (``isError``)."""

    ARGUMENTS = "arguments"
    """The arguments were not those that the tool takes."""

    NOT_FOUND = "not_found"
    """The server has no tool of that name."""

    PROTOCOL = "protocol"
    """The server answered with any other JSON-RPC error."""

    CANCELLED = "cancelled"
    """The caller cancelled the call."""

    TRANSPORT = "transport"
    """The server died, or the connection to it ended."""


class DurationKind(StrEnum):
    """What the duration of a tool call is the time of."""

    RUN = "run"
    """The call itself, measured at the tool or where its messages pass."""

    WALL = "wall"
    """From request to result in a log, with whatever came between: an upper bound."""
