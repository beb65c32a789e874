"""The messages in the bodies of requests and answers: one of JSON, or a stream of events.

A message becomes a line, as the stdio transport has it, in little memory however long it is.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Protocol

from devflow_analytics_capture.proxy.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from devflow_analytics_capture.proxy.lines import Line

_ENDS_OF_LINES = bytes.maketrans(b"\r\n", b"  ")
"""What they are in JSON outside of strings, where alone they can be: white space."""

_MOST_AT_ONCE = 65_536
"""How much is decoded at once: a few bytes may stand for any number."""

_PLAIN = frozenset((b"", b"identity"))
_ENCODINGS = frozenset((b"deflate", b"gzip", b"x-gzip"))

READABLE = _PLAIN | _ENCODINGS
"""The encodings of bodies that can be read here."""

_GZIP_OR_ZLIB = 47
"""The number by which zlib is told to find out which of the two it gets."""


class Body(Protocol):
    """What the messages of a body are read from."""

    @property
    def has_ids(self) -> bool:
        """Whether an event had an id, so that a client can ask for those that come after it."""
        ...

    @property
    def endpoint(self) -> bytes | None:
        """Where messages are to be sent, if an event of the first HTTP transport has said it."""
        ...

    def feed(self, data: bytes) -> list[Line]:
        """Return the messages that end in the next bytes."""
        ...

    def end(self) -> list[Line]:
        """Return the message that ends with the body."""
        ...


class NoMessages:
    """A body in which there are none."""

    has_ids = False
    endpoint = None

    def feed(self, _data: bytes) -> list[Line]:
        """Return none."""
        return []

    def end(self) -> list[Line]:
        """Return none."""
        return []


class JsonBody:
    """A body that is one message, or a batch of them."""

    has_ids = False
    endpoint = None

    def __init__(self) -> None:
        self._lines = Lines()

    def feed(self, data: bytes) -> list[Line]:
        """Return nothing: the message ends with the body."""
        return self._lines.feed(data.translate(_ENDS_OF_LINES))

    def end(self) -> list[Line]:
        """Return the message."""
        return self._lines.end()


class Events:
    """A body that is a stream of events, as HTML's standard has them (9.2.6)."""

    def __init__(self) -> None:
        self._lines = Lines()
        self._start = bytearray()
        """How the line begins that is being read, unless it is known to hold data."""
        self._is_in_data = False
        self._has_data = False
        self._is_first = False
        """Whether the next byte is the first of the data, which a space may come before."""
        self._kind = b""
        self._follows_cr = False
        self.has_ids = False
        self.endpoint: bytes | None = None

    def feed(self, data: bytes) -> list[Line]:
        """Return the messages whose events end in the next bytes."""
        if self._follows_cr:
            data = data.removeprefix(b"\n")
        self._follows_cr = data.endswith(b"\r")
        *ended, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        found: list[Line] = []
        for piece in ended:
            self._add(piece)
            found += self._end_line()
        self._add(rest)
        return found

    def end(self) -> list[Line]:
        """Return nothing: an event without its end is none."""
        return []

    def _add(self, piece: bytes) -> None:
        """Read a part of a line."""
        if not self._is_in_data:
            known = len(self._start)
            self._start += piece[: _LONGEST_FIELD - known]
            if not self._start.startswith(_DATA):
                return
            if self._has_data:
                self._lines.feed(b" ")
            self._is_in_data = self._has_data = self._is_first = True
            piece = piece[len(_DATA) - known :]
        if self._is_first and piece:
            self._is_first = False
            piece = piece.removeprefix(b" ")
        self._lines.feed(piece)

    def _end_line(self) -> list[Line]:
        line, self._start = bytes(self._start), bytearray()
        if self._is_in_data:
            self._is_in_data = False
            return []
        if line:
            name, _, value = line.removeprefix(b"\xef\xbb\xbf").partition(b":")
            if name == b"event":
                self._kind = value.strip()
            elif name == b"id":
                self.has_ids = True
            return []
        return self._end_event()

    def _end_event(self) -> list[Line]:
        found = self._lines.end()
        if self._kind == b"endpoint" and found and found[0].is_whole:
            self.endpoint = found[0].head.strip()
            found = []
        self._kind, self._has_data = b"", False
        return found


_DATA = b"data:"
_LONGEST_FIELD = 256
"""In bytes. What comes after that is of no interest in a field that is not data."""


class Decoded:
    """A body that is compressed, as gzip and deflate have it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)

    @property
    def has_ids(self) -> bool:
        """As of the body."""
        return self._body.has_ids

    @property
    def endpoint(self) -> bytes | None:
        """As of the body."""
        return self._body.endpoint

    def feed(self, data: bytes) -> list[Line]:
        """Return the messages that end in the next bytes.

        Raises:
            zlib.error: they are not what they should be.
        """
        return [line for piece in self._decode(data) for line in self._body.feed(piece)]

    def end(self) -> list[Line]:
        """Return the message that ends with the body."""
        return self._body.end()

    def _decode(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._decoder.decompress(data, _MOST_AT_ONCE)
            data = self._decoder.unconsumed_tail


def body_of(headers: Mapping[bytes, bytes]) -> Body | None:
    """Return what the messages of a body are read from; None if nobody here can read it.

    Args:
        headers: by names in lower case.
    """
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    encoding = headers.get(b"content-encoding", b"").strip().lower()
    body: Body
    if kind == b"text/event-stream":
        body = Events()
    elif kind.endswith(b"json"):
        body = JsonBody()
    else:
        body = NoMessages()
    if encoding in _PLAIN:
        return body
    return Decoded(body) if encoding in _ENCODINGS else None
