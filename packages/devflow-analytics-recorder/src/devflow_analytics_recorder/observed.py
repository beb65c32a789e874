"""A call that somebody else saw and has told of, such as the log of an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devflow_analytics_schema import DurationKindLike, ErrorKindLike, SourceLike, StatusLike


class ObservedCall(NamedTuple):
    """A call, with what is known of its session; for `write_calls`.

    What each is, the columns of the tables say: docs/schema.md.
    """

    id: str
    """Its key. Whoever else records the same call must have the same: see `named_id`."""
    tool_name: str
    duration_ms: float
    status: StatusLike
    timestamp: int
    session_id: str
    session_started_at: int
    """When its session had begun at the latest, in Unix seconds; the earliest of them counts."""
    source: SourceLike
    duration_kind: DurationKindLike
    error_type: str | None = None
    agent: str | None = None
    error_kind: ErrorKindLike | None = None
    error_code: int | None = None
    request_bytes: int | None = None
    result_bytes: int | None = None
    started_ms: int | None = None
    server: str | None = None
    client: str | None = None
    client_version: str | None = None
    project: str | None = None
