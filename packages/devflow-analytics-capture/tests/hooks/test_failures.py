"""That a failed call is the same row, whether the hook saw it first or the log."""

from __future__ import annotations

import json

import msgspec
import pytest

from devflow_analytics_capture.importers import claude_code
from devflow_analytics_capture.noting.failures import DENIED, failure_of

FAILURES = {
    "": ("error", "tool", None, None),
    "It rains.": ("error", "tool", None, None),
    "Error: It rains.": ("error", "tool", None, None),
    "MCP error -32001: Request timed out": ("timeout", "protocol", "McpError", -32001),
    "Error: MCP error -32001: Request timed out": ("timeout", "protocol", "McpError", -32001),
    "MCP error -320010: x": ("error", "protocol", "McpError", -320010),
    "MCP error -32000: Connection closed": ("error", "transport", "McpError", None),
    "MCP error -32000: Connection closed_x": ("error", "transport", "McpError", None),
    "MCP error -32000: x": ("error", "protocol", "McpError", -32000),
    "MCP error -32602: Invalid arguments": ("error", "arguments", "McpError", -32602),
    "MCP error -32603": ("error", "protocol", "McpError", -32603),
    "MCP error 404_": ("error", "tool", None, None),
    "MCP error 12345678: x": ("error", "tool", None, None),
    "MCP error 404: x": ("error", "protocol", "McpError", 404),
    "MCP error : x": ("error", "tool", None, None),
    "MCP error -: x": ("error", "tool", None, None),
    "MCP error x": ("error", "tool", None, None),
    "The operation timed out.": ("timeout", "tool", "Timeout", None),
    "Command timed out after 2m 0s": ("timeout", "tool", "Timeout", None),
    "<tool_use_error>InputValidationError: x": ("error", "arguments", "InputValidationError", None),
    "InputValidationErrors: x": ("error", "tool", None, None),
    "<tool_use_error>Error: No such tool available: X</tool_use_error>": (
        "error",
        "not_found",
        "NoSuchTool",
        None,
    ),
    "No such tool available: X": ("error", "not_found", "NoSuchTool", None),
    "No such tool availables": ("error", "tool", None, None),
    "Exit code 1\nIt rains.": ("error", "tool", "ExitStatus", None),
    "Exit code x": ("error", "tool", None, None),
    "PreToolUse:Bash hook error: x": None,
    "PreToolUse:Bash [x]: x": None,
    "PreToolUse: hook blocked": None,
    "PreToolUse:Bash it rains": ("error", "tool", None, None),
    "PreToolUse:": ("error", "tool", None, None),
    " \n Exit code 1": ("error", "tool", "ExitStatus", None),
}
"""How what an agent says is understood: status, kind, type and code; None if there was no call."""

TEXTS = [
    *FAILURES,
    *DENIED,
    *(f"Error: {text} x" for text in DENIED),
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_hook_finds_what_the_importer_finds(text: str) -> None:
    said = {"message": {"content": [{"type": "tool_result", "is_error": True, "content": text}]}}
    record = msgspec.json.decode(json.dumps(said), type=claude_code._Line)  # noqa: SLF001
    assert record.message
    (block,) = record.message.content or ()
    assert not isinstance(block, str)
    outcome = claude_code._outcome(block, record)  # noqa: SLF001
    found = failure_of(text)
    assert found == (
        outcome and (outcome.status, outcome.error_kind, outcome.error_type, outcome.error_code)
    )


def test_what_was_denied_is_no_failure() -> None:
    assert [failure_of(f"Error: {text}, it says") for text in DENIED] == [None] * len(DENIED)


@pytest.mark.parametrize("text", FAILURES)
def test_a_failure_is_understood_by_how_it_begins(text: str) -> None:
    assert failure_of(text) == FAILURES[text]
