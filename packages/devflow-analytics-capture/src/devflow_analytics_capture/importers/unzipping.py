"""Reads logs that are compressed with Zstandard, in bounded memory, where this Python can."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from devflow_analytics_capture.importers.importer import UnreadableLogError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator


class _Stream(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


BACK = 2**20
"""How far back a reader may go, in bytes."""


class _Rewindable:
    """A stream in which a reader may go back a little."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._kept = b""
        """The last bytes that were read."""
        self._left = 0
        """How many of them are to be read again."""
        self._position = 0

    def seek(self, position: int) -> int:
        """Go back to a position, or stay."""
        self._left += self._position - position
        assert 0 <= self._left <= len(self._kept)  # noqa: S101  a reader of lines goes no further
        self._position = position
        return position

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most so many."""
        if self._left:
            start = len(self._kept) - self._left
            piece = self._kept[start : start + size]
            self._left -= len(piece)
        else:
            piece = self._stream.read(min(size, BACK))
            self._kept = (self._kept + piece)[-BACK:]
        self._position += len(piece)
        return piece

    def readinto(self, buffer: memoryview) -> int:
        """Read into a buffer, and return how many bytes."""
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


@contextmanager
def unzipped(file: io.FileIO) -> Iterator[io.FileIO]:
    """Give what is in a compressed file, as if it was not.

    Args:
        file: the file, at its start.

    Raises:
        UnreadableLogError: this Python cannot, or the file is damaged.
    """
    opener, fault = _zstandard()
    file.seek(0)
    try:
        # all that a reader of lines asks of a file
        yield cast("io.FileIO", _Rewindable(opener(file)))
    except (fault, EOFError):
        raise UnreadableLogError("it is compressed, and damaged or not yet whole") from None


def _zstandard() -> tuple[Any, type[Exception]]:
    """Return what opens a file that is compressed, and what that raises if it is damaged.

    Raises:
        UnreadableLogError: no module for it is installed.
    """
    for name in ("compression.zstd", "backports.zstd"):  # the first from Python 3.14 on
        try:
            module = import_module(name)
        except ImportError:
            continue
        return module.ZstdFile, module.ZstdError
    raise UnreadableLogError(
        "it is compressed: reading it needs Python 3.14, or the package backports.zstd"
    )
