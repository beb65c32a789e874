"""What a type checker must see of the entities. Checked by ``just lint``, never run.

A line that must be refused carries an ignore; if it were accepted, the ignore would be unused,
which is an error too.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import assert_type

from devflow_analytics_schema import (
    CallSource,
    DurationKindLike,
    Entities,
    ErrorKindLike,
    NewToolCall,
    Query,
    Session,
    SessionRow,
    SourceLike,
    ToolCall,
    ToolCallRow,
    ToolCallStatus,
)


def attributes_have_the_types_of_their_columns(session: Session, call: ToolCall) -> None:
    assert_type(session.id, str)
    assert_type(session.started_at, int)
    assert_type(session.ended_at, int | None)
    assert_type(session.tool_count, int)
    assert_type([call for call in session.tool_calls], list[ToolCall])  # noqa: C416  iteration
    assert_type(call.tool_name, str)
    assert_type(call.duration_ms, float)
    assert_type(call.error_type, str | None)
    assert_type(session.client, str | None)
    assert_type(session.project, str | None)
    assert_type(call.server, str | None)
    assert_type(call.source, SourceLike | None)
    assert_type(call.error_kind, ErrorKindLike | None)
    assert_type(call.error_code, int | None)
    assert_type(call.result_bytes, int | None)
    assert_type(call.started_ms, int | None)
    assert_type(call.duration_kind, DurationKindLike | None)
    assert_type(call.session, Session)
    assert_type(call.session.started_at, int)
    assert_type(session.to_dict(), SessionRow)
    assert_type(call.to_dict(), ToolCallRow)
    call.statos  # type: ignore[attr-defined]  # noqa: B018


def rows_come_back_as_what_was_asked_for(entities: Entities) -> None:
    assert_type(entities.Session["key"], Session)
    assert_type(entities.Session.get(id="key"), Session | None)
    assert_type(entities.ToolCall.select(), Query[ToolCall])
    slow = entities.ToolCall.select(lambda call: call.duration_ms > 1)
    assert_type(slow.first(), ToolCall | None)
    assert_type(entities.ToolCall.select()[:10], Sequence[ToolCall])
    assert_type((call for call in entities.ToolCall), Generator[ToolCall, None, None])


def constructors_take_what_the_columns_need(entities: Entities, new: NewToolCall) -> None:
    session = entities.Session(started_at=1)
    entities.ToolCall(**new)
    entities.ToolCall(
        tool_name="git-log", duration_ms=1, status="error", timestamp=1, session=session
    )
    entities.ToolCall(
        tool_name="git-log",
        duration_ms=1.5,
        status=ToolCallStatus.ERROR,
        timestamp=1,
        session=session.id,
    )
    entities.ToolCall(
        tool_name="git-log",
        duration_ms=1,
        status="cancelled",  # type: ignore[arg-type]
        timestamp=1,
        session=session,
    )
    entities.ToolCall(
        tool_name="git-log",
        duration_ms=1,
        status="error",
        timestamp=1,
        session=session,
        source=CallSource.HOOK,
        error_kind="not_found",
        duration_kind="cpu",  # type: ignore[arg-type]
    )
    entities.Session()  # type: ignore[call-arg]
    entities.Session(started_at="now")  # type: ignore[arg-type]


def a_status_compares_with_the_enum_and_with_its_strings(call: ToolCall) -> bool:
    call.status = ToolCallStatus.TIMEOUT
    call.status = "timeout"
    call.status = "late"  # type: ignore[assignment]
    return call.status == ToolCallStatus.ERROR or call.status == "error"  # noqa: PLR1714
