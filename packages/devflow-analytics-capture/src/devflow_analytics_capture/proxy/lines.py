"""Cuts a stream of bytes into the lines of which MCP's stdio transport makes its messages."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LONGEST: "Final" = 65_536
"""In bytes. Of a longer line only its beginning, as much as this, and its end are kept."""

TAIL: "Final" = 8_192
"""How much of the end of a longer line is kept, in bytes."""

_ERROR_KEY = b'"isError":'


class Line:
    """A line, or what is kept of a long one."""

    __slots__ = ("head", "size", "tail")

    def __init__(self, head: bytes, tail: bytes, size: int) -> None:
        self.head = head
        """All of it, or its first `LONGEST` bytes."""
        self.tail = tail
        """Its last `TAIL` bytes if it is longer, else nothing."""
        self.size = size
        """How long it is, in bytes, without its end."""

    @property
    def is_whole(self) -> bool:
        """Whether all of it is in `head`."""
        return len(self.head) == self.size

    @property
    def marks_error(self) -> bool:
        """Whether what is kept has ``"isError":true``, which no JSON string holds unescaped."""
        return bool(error_marks(self.head) or error_marks(self.tail))


class Lines:
    """Collects the lines of one stream, in little memory however long they are."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = b""
        self._size = 0

    def feed(self, data: bytes) -> list[Line]:
        """Return the lines that end in the next bytes of the stream. Empty ones are left out."""
        end = data.find(b"\n")
        if end < 0:
            self._add(data)
            return []
        if not self._size and end == len(data) - 1 and 0 < end <= LONGEST:  # as most come
            return [Line(data[:-1], b"", end)]
        *ended, rest = data.split(b"\n")
        found: list[Line] = []
        for piece in ended:
            self._add(piece)
            found += self._finish()
        self._add(rest)
        return found

    def skip(self, data: bytes) -> None:
        """Take in the next bytes of the stream, of which only a line that goes on matters."""
        end = data.rfind(b"\n")
        if end >= 0:
            self._finish()
        self._add(data[end + 1 :])

    def end(self) -> list[Line]:
        """Return the last line, if the stream ends without an end of line."""
        return self._finish()

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        room = LONGEST - len(self._head)
        if room >= len(piece):
            self._head += piece
            return
        self._head += piece[:room]
        before = self._tail or bytes(self._head[-TAIL:])
        self._tail = (before + piece[room:][-TAIL:])[-TAIL:]

    def _finish(self) -> list[Line]:
        if not self._size:
            return []
        line = Line(bytes(self._head), self._tail, self._size)
        self._head = bytearray()
        self._tail, self._size = b"", 0
        return [line]


def whole(data: bytes) -> Line:
    """Return a line of which all is there."""
    return Line(data, b"", len(data))


def error_marks(data: bytes) -> list[int]:
    """Return the position behind each ``"isError":true`` in a part of a line."""
    found = []
    start = data.find(_ERROR_KEY)
    while start >= 0:
        value = start + len(_ERROR_KEY)
        blanks = len(data[value : value + 8]) - len(data[value : value + 8].lstrip(b" "))
        if data.startswith(b"true", value + blanks):
            found.append(value + blanks + 4)
        start = data.find(_ERROR_KEY, value)
    return found
