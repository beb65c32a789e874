"""Reads those lines of a log that may matter, in little memory, however large it is.

A line is looked at only if it contains one of the importer's marks, such as ``"tool_use"``: a
search through bytes costs a tenth of reading JSON.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.logs.condense import Condenser

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

CHUNK = 2**20
"""How many bytes are read at a time."""

LONGEST = 4 * 2**20
"""The longest line that is taken as it is, in bytes; of a longer one, long texts are left out."""

SHORTEST_RECORD = 2
"""``{}``"""


_OPENING, _CLOSING = b"{}"


FEW = 1_000
"""How many lines of a block are looked at one by one, before one search looks at the others."""

_OPENING, _CLOSING = b"{}"

_BETWEEN_OTHERS = re.compile(rb"\n(?:(?<!\}\n)|(?!\{))")
"""An end of line that is not between two objects."""


class Line(NamedTuple):
    """A line that has a mark, or that is no JSON object; or only how far the reading came."""

    start: int
    """Where in the file it begins, in bytes."""
    end: int
    """Where the next one begins: from there the reading may go on another time."""
    content: bytes | memoryview | None
    """The line without its end; None if nothing is to be done there. It is overwritten when the
    next one is asked for."""
    is_record: bool = True
    """Whether it looks like a JSON object."""


def marked_lines(file: io.FileIO, start: int, end: int, marks: re.Pattern[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that have a mark, and those that are no JSON objects, in order.

    A last line without its end is not among them: it is being written. Empty lines are none, nor
    are those of NULs alone, which some file systems leave where a machine crashed.

    Args:
        file: an unbuffered file.
        start: where a line begins, in bytes.
        end: how far to read at most.
        marks: what to look for. It must not match an end of line.
    """
    file.seek(start)
    buffer = bytearray(min(CHUNK + LONGEST, max(0, end - start)))  # it is filled with zeros
    view = memoryview(buffer)
    position, kept = start, 0  # of the first byte in the buffer; of those that are there already
    while position + kept < end:
        got = file.readinto(view[kept : kept + min(CHUNK, end - position - kept)])
        if not got:
            return
        filled = kept + got
        whole = buffer.rfind(b"\n", kept, filled) + 1
        if whole:
            yield from _in_block(buffer, view, whole, position, marks)
            position += whole
            yield Line(position, position, None)
            kept = filled - whole
            view[:kept] = view[whole:filled]
        elif filled > LONGEST:
            line = _long_line(file, bytes(view[:filled]), position, end, marks)
            if line is None:
                return
            yield line
            position, kept = line.end, 0
            yield Line(position, position, None)
            file.seek(position)
        else:
            kept = filled


def _in_block(
    buffer: bytearray, view: memoryview, whole: int, position: int, marks: re.Pattern[bytes]
) -> Iterator[Line]:
    """Yield what is to be looked at in so many bytes of whole lines."""
    if not _are_records(buffer, whole):
        yield from _each(buffer, view, whole, position, marks)
        return
    at = 0
    while found := marks.search(buffer, at, whole):
        start = buffer.rfind(b"\n", 0, found.start()) + 1
        at = buffer.find(b"\n", found.start(), whole)
        yield Line(position + start, position + at + 1, view[start:at])


def _are_records(buffer: bytearray, whole: int) -> bool:
    """Tell whether each line begins and ends as a JSON object does, as nearly always."""
    start = 0
    for _ in range(FEW):  # for lines of a usual length, that is the fastest
        end = buffer.find(b"\n", start, whole)
        if buffer[start] != _OPENING or buffer[end - 1] != _CLOSING:
            return False
        start = end + 1
        if start == whole:
            return True
    return (
        buffer[start] == _OPENING
        and buffer.endswith(b"}\n", 0, whole)
        and not _BETWEEN_OTHERS.search(buffer, start, whole - 1)
    )


def _each(
    buffer: bytearray, view: memoryview, whole: int, position: int, marks: re.Pattern[bytes]
) -> Iterator[Line]:
    """Yield the same, looking at each line: some are empty, end in CRLF, or are no objects."""
    at = 0
    while at < whole:
        start, at = at, buffer.find(b"\n", at, whole) + 1
        content = bytes(view[start : at - 1]).strip(b"\0 \t\r").removeprefix(b"\xef\xbb\xbf")
        if not content:
            continue
        is_record = (
            len(content) >= SHORTEST_RECORD and content.startswith(b"{") and content.endswith(b"}")
        )
        if not is_record or marks.search(content):
            yield Line(position + start, position + at, content, is_record)


def _long_line(
    file: io.FileIO, begun: bytes, start: int, end: int, marks: re.Pattern[bytes]
) -> Line | None:
    """Return a long line without its long texts; None if it has no end yet.

    Args:
        file: where it goes on.
        begun: so much of it was read already.
        start: where it begins.
        end: how far to read at most.
        marks: what to look for.
    """
    condenser = Condenser()
    position, piece, is_marked, before = start, begun, False, b""
    while True:
        at = piece.find(b"\n")
        part = piece if at < 0 else piece[:at]
        if not condenser.is_given_up:
            seen = before + part
            is_marked = is_marked or bool(marks.search(seen))
            before = seen[-64:]
            condenser.feed(part)
        position += len(part)
        if at >= 0:
            break
        piece = file.read(min(CHUNK, max(0, end - position))) or b""
        if not piece:
            return None
    content = condenser.result().strip(b"\0 \t\r").removeprefix(b"\xef\xbb\xbf")
    is_record = not condenser.is_given_up and content.startswith(b"{") and content.endswith(b"}")
    if (is_record and not is_marked) or not (content or condenser.is_given_up):
        return Line(start, position + 1, None)
    return Line(start, position + 1, content, is_record)
