"""How a call ended, by what the SDKs say on the wire."""

from __future__ import annotations

import json

import pytest

from devflow_analytics_capture.noting.line import SUCCESS
from devflow_analytics_capture.proxy.endings import ending
from devflow_analytics_capture.proxy.lines import Line, whole


def _result(text: object) -> dict[str, object]:
    return {"id": 1, "result": {"content": [{"type": "text", "text": text}], "isError": True}}


def _error(code: object, message: object) -> dict[str, object]:
    return {"id": 1, "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("answer", "status", "kind", "code"),
    [
        ({"id": 1, "result": {}}, "success", None, None),
        ({"id": 1, "result": None}, "success", None, None),
        ({"id": 1, "result": {"isError": False}}, "success", None, None),
        ({"id": 1, "result": {"isError": "true"}}, "success", None, None),
        ({"id": 1, "result": {"isError": True}}, "error", "tool", None),
        ({"id": 1, "result": {"isError": True, "content": "?"}}, "error", "tool", None),
        ({"id": 1, "result": {"isError": True, "content": [1]}}, "error", "tool", None),
        (_result(None), "error", "tool", None),
        (_result("Not today"), "error", "tool", None),
        # Python's SDK and FastMCP
        (_result("Unknown tool: add"), "error", "not_found", None),
        (_result("Unknown tool: 'add'"), "error", "not_found", None),
        (_result("Unknown tool: sub"), "error", "tool", None),
        (
            _result("Error executing tool add: 1 validation error for addArguments\na"),
            "error",
            "arguments",
            None,
        ),
        (_result("2 validation errors for call[add]\na"), "error", "arguments", None),
        (_result("1 validation error for add_upArguments\na"), "error", "arguments", None),
        (_result("1 validation error for Sum\na for addArguments"), "error", "tool", None),
        (_result("1 validation error for Order\nprice"), "error", "tool", None),
        (_result("Input validation error: 'a' is required"), "error", "arguments", None),
        # TypeScript's SDK
        (_result("MCP error -32602: Tool add not found"), "error", "not_found", None),
        (_result("MCP error -32602: Input validation error"), "error", "arguments", None),
        (_error(-32602, "MCP error -32602: Tool add not found"), "error", "not_found", -32602),
        (_error(-32602, "Unknown tool: add"), "error", "not_found", -32602),
        (_error(-32602, "Invalid params"), "error", "arguments", -32602),
        (_error(-32603, "boom"), "error", "protocol", -32603),
        (_error(-32001, "Request timed out"), "timeout", "protocol", -32001),
        (_error(0, None), "error", "protocol", 0),
        (_error("x", "boom"), "error", "protocol", None),
        (_error(True, "boom"), "error", "protocol", None),  # noqa: FBT003  it is a code here
        (_error(2**70, "boom"), "error", "protocol", None),
        ({"id": 1, "error": "boom"}, "error", "protocol", None),
    ],
)
def test_an_answer_tells_how_the_call_ended(
    answer: dict[str, object], status: str, kind: str | None, code: int | None
) -> None:
    assert ending("add", answer, whole(json.dumps(answer).encode())) == (status, kind, None, code)


def test_of_an_answer_that_is_too_long_its_ends_tell() -> None:
    head, tail = b'{"id":1,"result":{"content":["', b'"],"isError":true}}'
    assert ending("add", {"id": 1}, Line(head, tail, 10**6)) == ("error", "tool", None, None)
    assert ending("add", {"id": 1}, Line(head, b'"]}}', 10**6)) == SUCCESS
