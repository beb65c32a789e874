"""What is known of the types while a program runs: pydantic, FastAPI and MCP servers ask."""

from __future__ import annotations

import inspect
from typing import Any, get_type_hints

import pydantic
import pytest

import devflow_analytics_schema as schema

EXPORTED = [getattr(schema, name) for name in schema.__all__ if not name.startswith("_")]
WITH_HINTS = [one for one in EXPORTED if inspect.isfunction(one) or inspect.isclass(one)]

SESSION = {"id": "s", "started_at": 1, "ended_at": None, "tool_count": 0}
CALL = {
    "id": "c",
    "tool_name": "git-log",
    "duration_ms": 12.5,
    "status": "success",
    "error_type": None,
    "timestamp": 1,
    "session": "s",
}


@pytest.mark.parametrize("one", WITH_HINTS, ids=lambda one: one.__name__)
def test_the_types_of_everything_exported_are_known(one: Any) -> None:
    hints = get_type_hints(one)
    if inspect.isfunction(one):
        assert list(hints) == [*inspect.signature(one).parameters, "return"]


@pytest.mark.parametrize(
    ("row", "value", "may_be_left_out"),
    [
        (schema.SessionRow, SESSION, set()),
        (schema.NewSession, SESSION, {"id", "ended_at", "tool_count"}),
        (schema.ToolCallRow, CALL, set()),
        (schema.NewToolCall, CALL, {"id", "error_type"}),
    ],
)
def test_pydantic_validates_a_row_and_describes_it(
    row: type, value: dict[str, object], may_be_left_out: set[str]
) -> None:
    # what later versions add may be NULL, or belongs into the values above
    added = [name for name in row.__annotations__ if name not in value]
    value = value | dict.fromkeys(added)
    if may_be_left_out:
        may_be_left_out = may_be_left_out | set(added)
    adapter: pydantic.TypeAdapter[object] = pydantic.TypeAdapter(row)
    described = adapter.json_schema()
    assert list(described["properties"]) == list(value)
    assert set(described["required"]) == value.keys() - may_be_left_out
    assert adapter.validate_json(adapter.dump_json(value)) == value
    for name in value:
        less = {key: one for key, one in value.items() if key != name}
        if name in may_be_left_out:
            assert adapter.validate_python(less) == less
        else:
            with pytest.raises(pydantic.ValidationError, match=name):
                adapter.validate_python(less)


@pytest.mark.parametrize(
    ("column", "value"),
    [("source", "proxy"), ("error_kind", "not_found"), ("duration_kind", "wall")],
)
def test_pydantic_takes_a_value_of_a_closed_list_and_no_other(column: str, value: str) -> None:
    adapter: pydantic.TypeAdapter[schema.NewToolCall] = pydantic.TypeAdapter(schema.NewToolCall)
    assert adapter.validate_python({**CALL, column: value}) == {**CALL, column: value}
    with pytest.raises(pydantic.ValidationError, match=column):
        adapter.validate_python({**CALL, column: "rumour"})


@pytest.mark.parametrize("status", ["success", schema.ToolCallStatus.SUCCESS])
def test_pydantic_takes_a_status_as_a_string_or_a_member_and_no_other(status: str) -> None:
    adapter: pydantic.TypeAdapter[schema.ToolCallRow] = pydantic.TypeAdapter(schema.ToolCallRow)
    row = dict.fromkeys(schema.ToolCallRow.__annotations__) | CALL
    assert adapter.validate_python({**row, "status": status})["status"] == "success"
    with pytest.raises(pydantic.ValidationError, match="status"):
        adapter.validate_python({**row, "status": "cancelled"})
