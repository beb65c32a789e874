from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest
from pony.orm import db_session, flush

from devflow_analytics_schema import (
    CallSource,
    DurationKind,
    DurationKindLike,
    ErrorKind,
    ErrorKindLike,
    NewSession,
    NewToolCall,
    SessionRow,
    SourceLike,
    StatusLike,
    ToolCallRow,
    ToolCallStatus,
)

if TYPE_CHECKING:
    from enum import StrEnum

    from devflow_analytics_schema import Entities


@pytest.mark.parametrize(
    ("like", "enum", "values"),
    [
        (SourceLike, CallSource, ["recorder", "proxy", "hook", "import"]),
        (
            ErrorKindLike,
            ErrorKind,
            ["tool", "arguments", "not_found", "protocol", "cancelled", "transport"],
        ),
        (DurationKindLike, DurationKind, ["run", "wall"]),
        (StatusLike, ToolCallStatus, ["success", "error", "timeout"]),
    ],
)
def test_a_closed_list_has_the_values_that_the_database_takes(
    like: object, enum: type[StrEnum], values: list[str]
) -> None:
    member, strings = get_args(like)
    assert (member, list(get_args(strings))) == (enum, values)
    assert [str(value) for value in enum] == values


def test_a_new_row_is_what_the_constructor_takes_and_a_row_what_to_dict_returns(
    entities: Entities,
) -> None:
    new_session: NewSession = {"started_at": 1}
    with db_session:
        session = entities.Session(**new_session)
        new_call: NewToolCall = {
            "tool_name": "git-log",
            "duration_ms": 3,
            "status": ToolCallStatus.ERROR,
            "timestamp": 2,
            "session": session.id,
        }
        call = entities.ToolCall(**new_call)
        flush()
        session_row: SessionRow = session.to_dict()
        call_row: ToolCallRow = call.to_dict()
    assert list(session_row) == list(SessionRow.__annotations__)
    assert list(call_row) == list(ToolCallRow.__annotations__)
    expected = {**new_call, "id": call.id, "error_type": None}
    assert expected.items() <= call_row.items()


@pytest.mark.parametrize(("new", "row"), [(NewSession, SessionRow), (NewToolCall, ToolCallRow)])
def test_a_new_row_has_the_columns_of_a_row(new: type, row: type) -> None:
    assert list(new.__annotations__) == list(row.__annotations__)
