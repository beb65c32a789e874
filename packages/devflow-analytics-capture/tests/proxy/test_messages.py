"""What a line says, parsed as a whole or known from its ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devflow_analytics_capture.proxy.lines import LONGEST, Lines, whole
from devflow_analytics_capture.proxy.messages import messages, outline, size_of_value

LONG = "x" * (LONGEST + 5_000)


def _line(value: object) -> Any:
    (line,) = Lines().feed(json.dumps(value, separators=(",", ":")).encode() + b"\n")
    return line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"id":1}', [{"id": 1}]),
        (b' {"id":1}\r', [{"id": 1}]),
        (b'[{"id":1},{"id":2},3]', [{"id": 1}, {"id": 2}]),
        (b'{"id":1}{"id":2}', []),
        (b"Listening on port 80", []),
        (b'{"id":', []),
        (b"[" * 60_000, []),
        (b'{"text":"\xff"}', [{"text": "\ufffd"}]),
        (b"1", []),
        (b"   ", []),
    ],
)
def test_a_line_is_a_message_a_batch_or_noise(text: bytes, expected: list[object]) -> None:
    assert messages(whole(text)) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"jsonrpc": "2.0", "id": 7, "result": {"content": [{"type": "text", "text": LONG}]}},
            {"jsonrpc": "2.0", "id": 7, "result": {"content": None}},
        ),
        (
            {"result": {"content": [{"type": "text", "text": LONG}]}, "jsonrpc": "2.0", "id": "a"},
            {"jsonrpc": "2.0", "id": "a", "result": {"content": None}},
        ),
        (
            {"jsonrpc": "2.0", "result": {"a": {"b": LONG}, "isError": False}, "id": 1},
            {"jsonrpc": "2.0", "id": 1, "result": {"a": {}}},
        ),
        (
            {"jsonrpc": "2.0", "error": {"code": -1, "message": LONG}, "id": 1},
            {"jsonrpc": "2.0", "id": 1, "error": {"code": -1}},
        ),
        (
            {"method": "tools/call", "params": {"name": "put", "arguments": {"a": LONG}}, "id": 5},
            {"method": "tools/call", "params": {"name": "put", "arguments": {}}, "id": 5},
        ),
        (
            {"params": {"arguments": {"a": LONG}, "name": "put"}, "method": "tools/call", "id": 5},
            {"params": {"arguments": {}, "name": "put"}, "method": "tools/call", "id": 5},
        ),
        (
            {
                "id": 5,
                "method": "tools/call",
                "params": {"_meta": {"a": 1}, "name": "put", "arguments": [LONG]},
            },
            {
                "id": 5,
                "method": "tools/call",
                "params": {"_meta": {"a": 1}, "name": "put", "arguments": None},
            },
        ),
        ([{"id": 1, "result": LONG}], {}),
        ({"id": LONG}, {}),
    ],
)
def test_a_long_line_is_known_from_its_ends(message: object, expected: object) -> None:
    line = _line(message)
    assert not line.is_whole
    assert messages(line) == [expected]


def test_the_outline_of_a_whole_line_has_what_is_outermost() -> None:
    inner = [{"id": number, "method": "no", "error": {}} for number in range(200)]
    line = _line({"jsonrpc": "2.0", "id": 12345, "result": {"content": inner}})
    assert line.is_whole
    assert outline(line) == {"jsonrpc": "2.0", "id": 12345, "result": {"content": None}}


@pytest.mark.parametrize("length", range(980, 1030))
def test_a_number_that_is_cut_off_is_not_taken_for_a_shorter_one(length: int) -> None:
    text = json.dumps({"note": "x" * length, "id": 123456789, "result": {"a": ["y" * 2_000]}})
    assert outline(whole(text.encode())).get("id", 123456789) == 123456789


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('{"params":{"name":"a","arguments":{"b":"é"}},"id":1}', len('{"b":"é"}'.encode())),
        ('{"params":{"name":"a","arguments": {"b": 1} },"id":1}', len('{"b": 1}')),
        ('{"params":{"arguments":{},"name":"a"}}', 2),
        ('{"arguments":{"c":1},"params":{"name":"a","arguments":{"b":1}}}', None),
        ('{"params":{"name":"a"}}', None),
    ],
)
def test_the_size_of_arguments_is_that_of_their_bytes(text: str, size: int | None) -> None:
    value = json.loads(text)["params"].get("arguments")
    assert size_of_value(whole(text.encode()), "arguments", value) == size


def test_the_size_of_long_arguments_is_told_by_where_they_begin_and_end() -> None:
    arguments = {"a": LONG, "b": [1, {"c": 2}]}
    line = _line(
        {"method": "tools/call", "params": {"name": "put", "arguments": arguments}, "id": 5}
    )
    expected = len(json.dumps(arguments, separators=(",", ":")))
    assert size_of_value(line, "arguments", None) == expected
