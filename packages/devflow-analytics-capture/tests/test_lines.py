"""Lines are found in whatever pieces a file is read, exactly as somebody simple would find them."""

from __future__ import annotations

import io
import json
import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_capture.logs import lines
from devflow_analytics_capture.logs.condense import Condenser
from devflow_analytics_capture.logs.lines import marked_lines

if TYPE_CHECKING:
    from pathlib import Path

MARK = re.compile(rb'"tool_(?:use|result)"')

Seen = list[tuple[int, int, bytes, bool]]

ROUNDS = 300

PARTS = (
    *(b'{"type":"tool_use"}', b'{"x":"tool_result"}', b'{"a":1}', b'{"a":"' + b"x" * 90 + b'"}'),
    *(
        b"",
        b"\r",
        b" \t",
        b"\0\0\0",
        b"\xef\xbb\xbf",
        b"{",
        b"}",
        b"{}",
        b'"tool_use"',
        b"\xff\xc3",
    ),
    *(b'{"tool_use":"' + b"y" * 200 + b'"}', b'"tool_', b'use"', b'{"t":"tool_use"}\r', b"\x1e"),
)


def read(path: Path, start: int = 0, end: int | None = None) -> tuple[Seen, int]:
    """Return the lines that are to be looked at, and how far the reading came."""
    seen, reached = [], start
    with io.FileIO(str(path)) as file:
        for line in marked_lines(file, start, path.stat().st_size if end is None else end, MARK):
            assert line.end >= reached
            reached = line.end
            if line.content is not None:
                seen.append((line.start, line.end, bytes(line.content), line.is_record))
    return seen, reached


def read_simply(content: bytes, longest: int) -> tuple[Seen, int]:
    """Return the same, as the docstrings of the module say it."""
    seen, at = [], 0
    for part in split(content):
        start, at = at, at + len(part)
        line = part[:-1]
        is_marked = MARK.search(line) is not None
        if len(part) > longest:
            condenser = Condenser()
            condenser.feed(line)
            line = condenser.result()
        line = line.strip(b"\0 \t\r").removeprefix(b"\xef\xbb\xbf")
        is_record = len(line) >= 2 and line.startswith(b"{") and line.endswith(b"}")
        if line and (is_marked or not is_record):
            seen.append((start, at, line, is_record))
    return seen, at


def split(content: bytes) -> list[bytes]:
    """Return the lines that have an end, with it."""
    return [part + b"\n" for part in content.split(b"\n")[:-1]]


@pytest.fixture(params=[(7, 40), (64, 16), (50, 10_000), (10_000, 10_000)])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Let files be read in small pieces, and short lines be long ones."""
    chunk, longest = request.param
    monkeypatch.setattr(lines, "CHUNK", chunk)
    monkeypatch.setattr(lines, "LONGEST", longest)
    monkeypatch.setattr(lines, "FEW", chunk % 3)  # both ways to look at lines
    return chunk, longest


def test_what_is_found_is_what_a_simple_reader_finds(
    small: tuple[int, int], tmp_path: Path
) -> None:
    chance = Random(1)
    chunk, longest = small
    path = tmp_path / "log"
    for number in range(ROUNDS):
        ends = chance.choice([(b"\n",), (b"\n", b"\r\n"), (b"\n", b"")])
        parts = chance.choices(PARTS[:4] if number % 3 else PARTS, k=chance.randint(0, 12))
        content = b"".join(part + chance.choice(ends) for part in parts)
        path.write_bytes(content)
        seen, reached = read(path)
        # a line is a long one if it does not end within so much of it
        expected, at = read_simply(content, 10**9 if longest > 1000 else longest + chunk)
        assert reached == at, content
        assert [one[:2] + one[3:] for one in seen] == [one[:2] + one[3:] for one in expected]
        for ours, theirs in zip(seen, expected, strict=True):
            if ours[1] - ours[0] <= longest:
                assert ours == theirs, content


@pytest.mark.usefixtures("small")
def test_reading_goes_on_wherever_it_ended(tmp_path: Path) -> None:
    chance = Random(2)
    path = tmp_path / "log"
    for _ in range(ROUNDS // 3):
        content = b"".join(part + b"\n" for part in chance.choices(PARTS, k=8)) + b'{"x'
        path.write_bytes(content)
        whole, end = read(path)
        assert end == len(content) - 3
        pieces, at = [], 0
        while at < end:
            more, at = read(path, at, at + chance.randint(1, len(content)))
            if more or at == end:
                pieces += more
            else:
                more, at = read(path, at)
                pieces += more
        assert pieces == whole


@pytest.mark.usefixtures("small")
def test_a_line_that_has_no_end_yet_is_none_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for length in (0, 1, 30, 100, 1000):
        path.write_bytes(b'{"tool_use"}\n' + b'"tool_use"' * length)
        assert read(path)[1] == 13
        assert len(read(path)[0]) == 1


@pytest.mark.usefixtures("small")
def test_no_more_is_read_than_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "log"
    line = b'{"tool_use":"' + b"x" * 100 + b'"}\n'
    path.write_bytes(line * 3)
    assert read(path, len(line), 2 * len(line))[1] == 2 * len(line)
    assert read(path, len(line), 2 * len(line) - 1) == ([], len(line))
    assert read(path, 3 * len(line), 3 * len(line)) == ([], 3 * len(line))
    assert read(path, 3 * len(line), 9 * len(line)) == ([], 3 * len(line))


def test_a_long_line_loses_its_long_texts_and_keeps_its_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CHUNK", 10)
    monkeypatch.setattr(lines, "LONGEST", 50)
    path = tmp_path / "log"
    record = {"type": "tool_use", "name": "Bash", "input": "x" * 5000}
    for text in (record, {**record, "type": "text"}):
        path.write_bytes(json.dumps(text).encode() + b"\n")
        seen, reached = read(path)
        assert reached == path.stat().st_size
        if text is record:
            assert json.loads(seen[0][2]) == {**record, "input": "x" * 512}
        else:
            assert seen == []
