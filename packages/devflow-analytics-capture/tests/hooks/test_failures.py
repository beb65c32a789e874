"""That a failed call is the same row, whether the hook saw it first or the log."""

from __future__ import annotations

import json

import msgspec
import pytest

from devflow_analytics_capture.importers import claude_code
from devflow_analytics_capture.noting.failures import DENIED, failure_of

TEXTS = [
    "",
    "It rains.",
    "Error: It rains.",
    "MCP error -32001: Request timed out",
    "Error: MCP error -32001: Request timed out",
    "MCP error -320010: x",
    "MCP error -32000: Connection closed",
    "MCP error -32000: x",
    "MCP error -32602: Invalid arguments",
    "MCP error -32603",
    "MCP error 404_",
    "MCP error 12345678: x",
    "MCP error 404: x",
    "MCP error : x",
    "MCP error -: x",
    "MCP error x",
    "The operation timed out.",
    "Command timed out after 2m 0s",
    "<tool_use_error>InputValidationError: x",
    "InputValidationErrors: x",
    "<tool_use_error>Error: No such tool available: X</tool_use_error>",
    "No such tool available: X",
    "No such tool availables",
    "Exit code 1\nIt rains.",
    "Exit code x",
    "PreToolUse:Bash hook error: x",
    "PreToolUse:Bash [x]: x",
    "PreToolUse: hook blocked",
    "PreToolUse:Bash it rains",
    "PreToolUse:",
    " \n Exit code 1",
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
