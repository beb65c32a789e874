"""Rows as typed dictionaries, under the names that the entities use.

A ``...Row`` is what an entity's ``to_dict()`` returns; a ``New...`` is what its constructor takes,
as in ``ToolCall(**new_call)``. In SQL one column has another name: ``session`` is ``session_id``.
"""

import sys
from typing import Literal, NotRequired, TypeAlias

from devflow_analytics_schema.kinds import CallSource, DurationKind, ErrorKind
from devflow_analytics_schema.status import ToolCallStatus

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict  # pydantic and FastAPI refuse the other one

StatusLike: TypeAlias = ToolCallStatus | Literal["success", "error", "timeout"]
"""A status as the enum's member or as its string; they compare equal with ``==``.

What is read from a database is the string: ``is`` finds it different from the member.
"""

SourceLike: TypeAlias = CallSource | Literal["recorder", "proxy", "hook", "import"]
"""Who saw a call, as the enum's member or as its string."""

ErrorKindLike: TypeAlias = (
    ErrorKind | Literal["tool", "arguments", "not_found", "protocol", "cancelled", "transport"]
)
"""How a call failed, as the enum's member or as its string."""

DurationKindLike: TypeAlias = DurationKind | Literal["run", "wall"]
"""What a duration is the time of, as the enum's member or as its string."""


class SessionRow(TypedDict):
    """One session as it was read."""

    id: str
    """UUID; version 7 where this package made it, version 4 where DevFlow's server did."""
    started_at: int
    """Unix time, seconds."""
    ended_at: int | None
    """Unix time, seconds: the end of the last call so far.

    DevFlow's server sets it when the session ends: ``None`` while it runs, or if it never ended
    cleanly.
    """
    tool_count: int
    """Tool calls in the session so far, counted in the transaction of each.

    DevFlow's server sets it when the session ends: 0 until then.
    """
    client: str | None
    """The agent's program, as it names itself: ``claude-code``, ``cursor``, ``codex``."""
    client_version: str | None
    """The version of that program, as it gives it."""
    project: str | None
    """The last part of the directory that the agent works in, if the user wants that recorded."""


class NewSession(TypedDict):
    """One session to insert; what may be left out has a default."""

    id: NotRequired[str]
    started_at: int
    ended_at: NotRequired[int | None]
    tool_count: NotRequired[int]
    client: NotRequired[str | None]
    client_version: NotRequired[str | None]
    project: NotRequired[str | None]


class ToolCallRow(TypedDict):
    """One tool call as it was read."""

    id: str
    """UUID; version 7 where this package made it, version 4 where DevFlow's server did."""
    tool_name: str
    """The MCP tool's name."""
    duration_ms: float
    """Milliseconds, with fractions: many tools answer in less than one."""
    status: StatusLike
    error_type: str | None
    """The class of the exception, where there was one; never a message."""
    timestamp: int
    """When it was recorded: Unix time, seconds."""
    session: str
    """The key of its session; the column is ``session_id``."""
    server: str | None
    """The MCP server's name; ``None`` if the tool is built into the agent, or it is not known."""
    agent: str | None
    """The type of the subagent that called; ``None`` if it was the main agent."""
    source: SourceLike | None
    """Who saw the call; ``None`` if it was DevFlow's server."""
    error_kind: ErrorKindLike | None
    """How the call failed; ``None`` if it succeeded, or it is not known."""
    error_code: int | None
    """The code of the JSON-RPC error or the HTTP status, where there was one."""
    request_bytes: int | None
    """How large the arguments were, in bytes of JSON."""
    result_bytes: int | None
    """How large the result was, in bytes of JSON."""
    started_ms: int | None
    """When the call began: Unix time, milliseconds."""
    duration_kind: DurationKindLike | None
    """What ``duration_ms`` is the time of; ``None`` means ``run``, in rows from before."""


class NewToolCall(TypedDict):
    """One tool call to insert; what may be left out has a default."""

    id: NotRequired[str]
    tool_name: str
    duration_ms: float
    status: StatusLike
    error_type: NotRequired[str | None]
    timestamp: int
    session: str
    server: NotRequired[str | None]
    agent: NotRequired[str | None]
    source: NotRequired[SourceLike | None]
    error_kind: NotRequired[ErrorKindLike | None]
    error_code: NotRequired[int | None]
    request_bytes: NotRequired[int | None]
    result_bytes: NotRequired[int | None]
    started_ms: NotRequired[int | None]
    duration_kind: NotRequired[DurationKindLike | None]
