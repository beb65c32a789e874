"""Cuts a stream of bytes into the lines of which MCP's stdio transport makes its messages."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LONGEST: "Final" = 65_536
"""In bytes. Of a longer line only its beginning, as much as this, and its end are kept."""

TAIL: "Final" = 1_024
"""How much of the end of a longer line is kept, in bytes."""

_MARKS = (b'"isError":true', b'"isError": true')
_OVERLAP = max(map(len, _MARKS)) - 1
"""How much of a mark can be in the piece before."""


class Line:
    """A line, or what is kept of a long one."""

    __slots__ = ("head", "marks_error", "size", "tail")

    def __init__(self, head: bytes, tail: bytes, size: int, *, marks_error: bool) -> None:
        self.head = head
        """All of it, or its first `LONGEST` bytes."""
        self.tail = tail
        """Its last `TAIL` bytes if it is longer, else nothing."""
        self.size = size
        """How long it is, in bytes, without its end."""
        self.marks_error = marks_error
        """Whether it has ``"isError":true`` anywhere, which no JSON string can hold unescaped."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it is in `head`."""
        return len(self.head) == self.size


class Lines:
    """Collects the lines of one stream, in little memory however long they are."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = b""
        self._size = 0
        self._marks_error = False

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that end in the next bytes of the stream. Empty ones are left out."""
        if not self._size and data.find(b"\n") == len(data) - 1:  # as most come: one and whole
            return [whole(data[:-1])] if 1 < len(data) <= LONGEST else self._cut(data)
        return self._cut(data)

    def end(self) -> list[Line]:
        """Return the last line, if the stream ends without an end of line."""
        return self._finish()

    def _cut(self, data: bytes) -> list[Line]:
        *ended, rest = data.split(b"\n")
        found: list[Line] = []
        for piece in ended:
            if not self._size and len(piece) <= LONGEST:
                if piece:
                    found.append(whole(piece))
                continue
            self._add(piece)
            found += self._finish()
        if rest:
            self._add(rest)
        return found

    def _add(self, piece: bytes) -> None:
        if not self._marks_error:
            before = self._tail or self._head
            self._marks_error = marks_error(bytes(before[-_OVERLAP:]) + piece)
        self._size += len(piece)
        room = LONGEST - len(self._head)
        if room >= len(piece) and not self._tail:
            self._head += piece
            return
        if room > 0:
            self._head += piece[:room]
        if not self._tail:
            self._tail = bytes(self._head[-TAIL:]) + piece[max(room, 0) :][-TAIL:]
        else:
            self._tail += piece[-TAIL:]
        self._tail = self._tail[-TAIL:]

    def _finish(self) -> list[Line]:
        if not self._size:
            return []
        line = Line(bytes(self._head), self._tail, self._size, marks_error=self._marks_error)
        self._head.clear()
        self._tail, self._size, self._marks_error = b"", 0, False
        return [line]


def whole(data: bytes) -> Line:
    """Return a line of which all is there."""
    return Line(data, b"", len(data), marks_error=marks_error(data))


def marks_error(data: bytes) -> bool:
    """Tell whether some bytes hold a key ``isError`` whose value is true."""
    return any(mark in data for mark in _MARKS)
