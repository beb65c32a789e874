"""Makes a JSON document of any size small, so that it can be read: without its long texts.

Reading a line of 100 MB as it is takes some hundred megabytes more. What an importer wants of it
are a few short names near its top.
"""

from __future__ import annotations

import re

LONGEST_TEXT = 512
"""How many bytes of a string are kept."""

DEEPEST = 5
"""How deep objects and lists are kept; what is deeper becomes null."""

MOST = 4 * 2**20
"""How many bytes are kept in all; a document that is longer even so is given up. Results that are
lists of files may have tens of thousands of short texts near the top."""

_ESCAPE = 12
"""The longest escape in a string, two halves of a character, in bytes."""

MOST_DEPTH = 100_000
"""How deep a document may be; a deeper one is given up."""

_IN_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""Up to the end of a string, of a piece, or to an escape of which only the backslash is there."""

_FIRST_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
"""The first of two escapes that are one character."""

_OUTSIDE = re.compile(rb'["{}\[\]]')


def _values(nested: int) -> bytes:
    """Return a pattern of values and what is between them, so many lists in each other at most."""
    inner = rb"|\{%b\}|\[%b\]" % ((_values(nested - 1),) * 2) if nested else b""
    return rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+"%b)*+' % inner


_DEEP = re.compile(_values(3), re.DOTALL)
"""What is left out at once."""


class Condenser:
    """Takes a JSON document piece by piece, and returns what is left of it at the end."""

    def __init__(self) -> None:
        self.is_given_up = False
        """Whether it is no JSON, too deep, or too large even so; then nothing more is needed."""
        self._kept = bytearray()
        self._depth = 0
        self._text: bytearray | None = None
        """The string that is being read, as far as it is kept; None outside of strings."""
        self._is_escaped = False
        """Whether the next byte is the second one of an escape."""

    def feed(self, piece: bytes) -> None:
        """Take in the next piece."""
        at = 0
        while at < len(piece) and not self.is_given_up:
            at = self._string(piece, at) if self._text is not None else self._outside(piece, at)

    def result(self) -> bytes:
        """Return the document. It is no JSON if what was fed is none, or if it is given up."""
        return bytes(self._kept)

    def _keep(self, part: bytes) -> None:
        if not self._depth:
            part = part.strip(b"\0 \t\r")
        if self._depth <= DEEPEST:
            self._kept += part
            self.is_given_up = self.is_given_up or len(self._kept) > MOST

    def _outside(self, piece: bytes, at: int) -> int:
        if self._depth > DEEPEST:
            found_deep = _DEEP.match(piece, at)
            at = found_deep.end() if found_deep else at
        found = _OUTSIDE.search(piece, at)
        if found is None:
            self._keep(piece[at:])
            return len(piece)
        self._keep(piece[at : found.start()])
        sign = found.group()
        if sign == b'"':
            self._text = bytearray()
        elif sign in b"{[":
            if self._depth == DEEPEST:
                self._keep(b"null")
            self._depth += 1
            self._keep(sign)
            self.is_given_up = self.is_given_up or self._depth > MOST_DEPTH
        else:
            self._keep(sign)
            self._depth -= 1
            self.is_given_up = self.is_given_up or self._depth < 0
        return found.end()

    def _string(self, piece: bytes, at: int) -> int:
        text = self._text
        assert text is not None  # noqa: S101  for type checkers
        if self._is_escaped:
            self._is_escaped = False
            text += piece[at : at + 1]
            at += 1
        found = _IN_STRING.match(piece, at)
        stop = found.end() if found else at  # it matches nothing, too
        if len(text) <= LONGEST_TEXT:
            text += piece[at : min(stop, at + LONGEST_TEXT + 1)]
        if piece[stop : stop + 1] == b"\\":  # the last byte of the piece
            text += b"\\"
            self._is_escaped = True
            return stop + 1
        if stop < len(piece):
            self._keep(b'"%b"' % _shortened(bytes(text)))
            self._text = None
        return stop + 1


def _shortened(text: bytes) -> bytes:
    """Return so much of a string as is kept, without half of an escape or of a character."""
    if len(text) <= LONGEST_TEXT:
        return text
    text = text[:LONGEST_TEXT]
    escape = text.find(b"\\", LONGEST_TEXT - _ESCAPE)
    if escape >= 0:
        text = _FIRST_HALF.sub(b"", text[:escape])
    return text.rstrip(b"\\").decode(errors="ignore").encode()
