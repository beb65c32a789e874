"""What is known of the types while a program runs: pydantic, FastAPI and MCP servers ask."""

from __future__ import annotations

import dataclasses
import inspect
from typing import TYPE_CHECKING, Any, get_type_hints

import pydantic
import pytest

import devflow_analytics_db
from devflow_analytics_db import backup, check, diagnose, status

if TYPE_CHECKING:
    from pathlib import Path

EXPORTED = {name: getattr(devflow_analytics_db, name) for name in devflow_analytics_db.__all__}
FUNCTIONS = [value for value in EXPORTED.values() if inspect.isfunction(value)]
AnalyticsDb = devflow_analytics_db.AnalyticsDb
METHODS = [AnalyticsDb.connect, AnalyticsDb.transaction, AnalyticsDb.close]
RESULTS = [value for value in EXPORTED.values() if dataclasses.is_dataclass(value)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_types_of_every_function_are_known_when_it_is_called(function: Any) -> None:
    hints = get_type_hints(function)
    assert list(hints) == [*inspect.signature(function).parameters, "return"]
    # as MCP servers do, so that an agent can call it
    described = pydantic.TypeAdapter(function).json_schema()
    assert list(described["properties"]) == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.__name__)
def test_the_types_of_every_field_are_known(result: Any) -> None:
    assert list(get_type_hints(result)) == [field.name for field in dataclasses.fields(result)]
    assert pydantic.TypeAdapter(result).json_schema(mode="serialization")


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_the_types_of_a_handles_methods_are_known(method: Any) -> None:
    _self, *parameters = inspect.signature(method).parameters
    assert list(get_type_hints(method)) == [*parameters, "return"]


def test_pydantic_calls_a_function_and_validates_what_it_returns(file: Path) -> None:
    ask = pydantic.validate_call(validate_return=True)
    assert not ask(status)(str(file)).exists
    devflow_analytics_db.create_analytics_db().close()
    assert ask(status)(str(file)) == ask(status)() == status()
    assert ask(check)().findings == ()
    assert ask(backup)(file, str(file.parent)).parent == file.parent
    assert ask(diagnose)(str(file)).ok
    with pytest.raises(pydantic.ValidationError, match="path"):
        ask(status)(3)
