"""A stream is cut into lines, however it comes, in little memory."""

from __future__ import annotations

import random

import pytest

from devflow_analytics_capture.proxy.lines import LONGEST, TAIL, Line, Lines


def _cut(stream: bytes, sizes: list[int]) -> list[Line]:
    lines = Lines()
    found: list[Line] = []
    start = 0
    for size in sizes:
        found += lines.feed(stream[start : start + size])
        start += size
    if start < len(stream):
        found += lines.feed(stream[start:])
    return [*found, *lines.end()]


def _expected(line: bytes) -> tuple[bytes, bytes, int]:
    if len(line) <= LONGEST:
        return line, b"", len(line)
    return line[:LONGEST], line[-TAIL:], len(line)


@pytest.mark.parametrize("seed", range(40))
def test_lines_do_not_depend_on_the_pieces_in_which_they_come(seed: int) -> None:
    chance = random.Random(seed)
    lengths = [0, 1, 7, LONGEST - 1, LONGEST, LONGEST + 1, LONGEST + TAIL // 2, 3 * LONGEST]
    lines = [chance.randbytes(chance.choice(lengths)).replace(b"\n", b"x") for _ in range(6)]
    stream = b"\n".join(lines) + chance.choice([b"", b"\n"])
    sizes = [chance.choice([1, 2, 100, TAIL, LONGEST, 200_000]) for _ in range(40)]

    found = _cut(stream, sizes)

    assert [(each.head, each.tail, each.size) for each in found] == [
        _expected(line) for line in lines if line
    ]
    assert [each.is_whole for each in found] == [len(line) <= LONGEST for line in lines if line]


@pytest.mark.parametrize(
    ("text", "is_error"),
    [
        (b'{"result":{"content":[],"isError":true}}', True),
        (b'{"result":{"content":[],"isError": true}}', True),
        (b'{"isError":false,"structuredContent":{"isError":true}}', True),
        (b'{"isError":false}', False),
        (b'{"text":"{\\"isError\\":true}"}', False),
        (b"", False),
    ],
)
def test_a_line_tells_whether_an_error_is_marked_in_it(text: bytes, is_error: bool) -> None:  # noqa: FBT001
    assert Line(text, b"", len(text)).marks_error is is_error
    assert Line(b"{" * LONGEST, text, LONGEST + len(text)).marks_error is is_error
