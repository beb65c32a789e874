"""How an answer is told: which kind of failure, of which cause, and no words of it."""

from __future__ import annotations

import asyncio
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs

from devflow_analytics_recorder.integrations.causes import cause_of, timed_out
from devflow_analytics_recorder.integrations.endings import (
    error_result,
    exception,
    protocol_error,
)


def of(package: str, name: str) -> type[Exception]:
    """Return an exception's class as a package defines it."""
    return type(name, (Exception,), {"__module__": f"{package}.exceptions"})


ToolError = of("mcp.server.fastmcp", "ToolError")
FastMCPToolError = of("fastmcp", "ToolError")
McpError = of("mcp", "McpError")
NotFoundError = of("fastmcp", "NotFoundError")


def raised(fault: BaseException, *, while_handling: BaseException | None = None) -> Any:
    """Return an exception as it is once it was raised while another was handled."""
    if while_handling is not None:
        try:
            raise while_handling  # noqa: TRY301  to be handled
        except BaseException:  # noqa: BLE001  whatever it is
            return raised(fault)
    try:
        raise fault  # noqa: TRY301  to be handled
    except BaseException as caught:  # noqa: BLE001  whatever it is
        return caught


def caused(fault: BaseException, cause: BaseException | None) -> BaseException:
    fault.__cause__ = cause
    return fault


def refused(title: str) -> ValidationError:
    """Return what pydantic raises for a model of a name."""
    model = type(title, (BaseModel,), {"__annotations__": {"a": int}})
    with pytest.raises(ValidationError) as caught:
        model.model_validate({})
    return caught.value


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (KeyError(), "KeyError"),
        (ToolError(), "ToolError"),
        (caused(ToolError(), KeyError()), "KeyError"),
        (caused(FastMCPToolError(), caused(McpError(), OSError())), "OSError"),
        (raised(ToolError(), while_handling=KeyError()), "KeyError"),
        (raised(ToolError(), while_handling=NotFoundError()), "ToolError"),
        (caused(of("mine", "ToolError")(), KeyError()), "ToolError"),
        (caused(KeyError(), OSError()), "KeyError"),
        (ExceptionGroup("one", [OSError()]), "OSError"),
        (ExceptionGroup("two", [OSError(), OSError()]), "ExceptionGroup"),
        (caused(ToolError(), ExceptionGroup("one", [OSError()])), "OSError"),
    ],
)
def test_the_cause_is_what_a_framework_has_wrapped(fault: BaseException, cause: str) -> None:
    assert type(cause_of(fault)).__name__ == cause


def test_a_ring_of_causes_ends() -> None:
    ring = ToolError()
    caused(ring, caused(ToolError(), ring))
    assert isinstance(cause_of(ring), ToolError)
    assert not timed_out(ring)


@pytest.mark.parametrize(
    "fault",
    [
        TimeoutError(),
        caused(ToolError(), TimeoutError()),
        caused(RuntimeError(), TimeoutError()),
        raised(RuntimeError(), while_handling=TimeoutError()),
        ExceptionGroup("one", [TimeoutError()]),
        subprocess.TimeoutExpired("a secret", 1),
        of("httpx", "TimeoutException")(),
        type("ReadTimeout", (of("requests", "Timeout"),), {})(),
    ],
)
def test_a_timeout_among_the_causes_is_a_timeout(fault: BaseException) -> None:
    assert timed_out(fault)
    assert error_result("a", "", fault, {}, ()).outcome.status == "timeout"


def test_a_timeout_that_was_put_aside_is_none() -> None:
    aside = raised(RuntimeError(), while_handling=TimeoutError())
    aside.__suppress_context__ = True
    assert not timed_out(aside)


def test_a_tool_that_fastmcp_gave_up_timed_out() -> None:
    given_up = raised(McpError(), while_handling=TimeoutError())
    given_up.__suppress_context__ = True
    outcome = error_result("a", "", caused(FastMCPToolError(), given_up), {}, ()).outcome
    assert outcome == ("timeout", "tool", "TimeoutError")


@pytest.mark.parametrize("text", ["Unknown tool: a", "Unknown tool: 'a'"])
def test_an_unknown_tool_is_not_found_however_it_is_answered(text: str) -> None:
    assert error_result("a", text, None, {}, ()).outcome.error_kind == "not_found"
    assert protocol_error("a", -32602, text).outcome.error_kind == "not_found"
    assert exception("a", ValueError(text), 0).outcome.error_kind == "not_found"


@pytest.mark.parametrize("text", ["Unknown tool: b", "Error: Unknown tool: a", ""])
def test_a_tool_that_says_something_like_it_is_found(text: str) -> None:
    assert error_result("a", text, None, {}, ()).outcome.error_kind == "tool"
    assert protocol_error("a", -32602, text).outcome.error_kind == "protocol"
    assert exception("a", ValueError(text), 0).outcome.error_kind == "protocol"


def refused_call() -> ValidationError:
    def add(a: int) -> int:
        return a

    with pytest.raises(ValidationError) as caught:
        TypeAdapter(add).validate_python(ArgsKwargs((), {}))
    return caught.value


JsonSchemaError = of("jsonschema", "ValidationError")
IN_WORDS = "Input validation error: a secret"


@pytest.mark.parametrize(
    ("fault", "text", "kind"),
    [
        (caused(ToolError(), refused("addArguments")), "", "arguments"),
        (refused_call(), "", "arguments"),
        (caused(of("fastmcp", "ValidationError")(), refused("any")), "", "arguments"),
        (JsonSchemaError(), IN_WORDS, "arguments"),
        (JsonSchemaError(), "Output validation error: a secret", "tool"),
        (caused(ToolError(), refused("Upstream")), "", "tool"),
        (caused(ToolError(), caused(ToolError(), refused("addArguments"))), "", "tool"),
        (of("mine", "ValidationError")(), IN_WORDS, "tool"),
        (KeyError(), IN_WORDS, "tool"),
    ],
)
def test_only_arguments_that_the_framework_refused_are_bad_arguments(
    fault: BaseException, text: str, kind: str
) -> None:
    assert error_result("add", text, fault, {}, ()).outcome.error_kind == kind


@pytest.mark.parametrize(
    ("title", "kind"),
    [("CallToolRequest", "arguments"), ("addArguments", "arguments"), ("Upstream", "protocol")],
)
def test_a_request_that_is_refused_has_the_code_of_invalid_parameters(
    title: str, kind: str
) -> None:
    ending = exception("a", refused(title), 0)
    assert (ending.outcome, ending.code) == (("error", kind, "ValidationError"), -32602)


def test_an_exception_with_a_code_of_its_own_is_told_with_it() -> None:
    fault = McpError()
    vars(fault)["error"] = SimpleNamespace(code=-32042, message="a secret")
    ending = exception("a", fault, 0)
    assert (ending.outcome, ending.code) == (("error", "protocol", "McpError"), -32042)


def test_a_cancelled_call_has_no_code() -> None:
    ending = exception("a", asyncio.CancelledError(), 0)
    assert (ending.outcome, ending.code) == (("error", "cancelled", "CancelledError"), None)
