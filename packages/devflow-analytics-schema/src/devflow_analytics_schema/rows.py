"""Rows as typed dictionaries, under the names that the entities use.

A ``...Row`` is what an entity's ``to_dict()`` returns; a ``New...`` is what its constructor takes,
as in ``ToolCall(**new_call)``. In SQL one column has another name: ``session`` is ``session_id``.
"""

import sys
from typing import Literal, NotRequired, TypeAlias

from devflow_analytics_schema.status import ToolCallStatus

if sys.version_info >= (3, 12):
    from typing import TypedDict
else:
    from typing_extensions import TypedDict  # pydantic and FastAPI refuse the other one

StatusLike: TypeAlias = ToolCallStatus | Literal["success", "error", "timeout"]
"""A status as the enum's member or as its string; they compare equal with ``==``.

What is read from a database is the string: ``is`` finds it different from the member.
"""


class SessionRow(TypedDict):
    """One session as it was read."""

    id: str
    """UUID; version 7 where this package made it, version 4 where DevFlow's server did."""
    started_at: int
    """Unix time, seconds."""
    ended_at: int | None
    """Unix time, seconds; ``None`` while the session runs, or if it never ended cleanly."""
    tool_count: int
    """Tool calls in the session, as its writer counted them when it ended; 0 until then."""


class NewSession(TypedDict):
    """One session to insert; what may be left out has a default."""

    id: NotRequired[str]
    started_at: int
    ended_at: NotRequired[int | None]
    tool_count: NotRequired[int]


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
    """The class of the exception, where there was one."""
    timestamp: int
    """When it was recorded: Unix time, seconds."""
    session: str
    """The key of its session; the column is ``session_id``."""


class NewToolCall(TypedDict):
    """One tool call to insert; what may be left out has a default."""

    id: NotRequired[str]
    tool_name: str
    duration_ms: float
    status: StatusLike
    error_type: NotRequired[str | None]
    timestamp: int
    session: str
