"""What waits to be written: lines that were recorded, in files of this process.

Appending is one ``write(2)``, so a recorded call outlives whatever becomes of the process, and
what waits takes no memory. The lines are in a spool beside the database; where none can be made or
written to, they are in memory, as far as there is room for them.
"""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING

from devflow_analytics_db import AnalyticsDbError, make_spool

if TYPE_CHECKING:
    from devflow_analytics_db import Spool

MOST_WAITING = 256_000_000
"""In bytes, about a million calls: what comes on top of that is dropped."""

MOST_IN_MEMORY = 4_000_000
"""In bytes, about 15,000 calls, while there is no spool."""

LONGEST_SPOOL = 16_000_000
"""In bytes. A spool that is never read to its end is left for a new one, and then removed."""

MOST_PARTS = 8


class Part:
    """A spool with lines from `offset` to `size`."""

    is_memory = False

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.size = 0
        """Where the last whole line ends."""
        self.offset = 0
        """Where the first line begins that waits."""
        self._is_torn = False
        """Whether half a line follows the last, so that no other can."""

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it."""
        if self._is_torn:
            return False
        try:
            written = os.write(self.spool.descriptor, line)
        except OSError:
            return False
        if written < len(line):
            self._is_torn = True
            return False
        self.size += written
        return True

    def read(self, most: int) -> bytes:
        """Return the first whole lines that wait, of no more than ``most`` bytes together.

        Raises:
            OSError: they cannot be read.
        """
        found = os.pread(self.spool.descriptor, min(most, self.size - self.offset), self.offset)
        return found[: found.rfind(b"\n") + 1]

    def empty(self) -> None:
        """Begin anew, where all was read.

        Raises:
            OSError: the file cannot be emptied.
        """
        os.ftruncate(self.spool.descriptor, 0)
        self.size = self.offset = 0
        self._is_torn = False

    def is_in_place(self) -> bool:
        """Tell whether the next process would find what waits here."""
        return self.spool.is_in_place()

    def remove(self) -> None:
        """Remove the spool, where all was read."""
        self.spool.remove()

    def leave(self) -> None:
        """Leave the spool to the next process."""
        self.spool.close()


class MemoryPart:
    """As much as `Part`, in memory, where there can be no spool."""

    is_memory = True

    def __init__(self) -> None:
        self.size = 0
        self.offset = 0
        self._lines = bytearray()

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it."""
        if self.size + len(line) > MOST_IN_MEMORY:
            return False
        self._lines += line
        self.size += len(line)
        return True

    def read(self, most: int) -> bytes:
        """Return the first whole lines that wait, of no more than ``most`` bytes together."""
        found = bytes(self._lines[self.offset : min(self.size, self.offset + most)])
        return found[: found.rfind(b"\n") + 1]

    def empty(self) -> None:
        """Begin anew, where all was read."""
        self._lines.clear()
        self.size = self.offset = 0

    def is_in_place(self) -> bool:
        """Tell that the next process would not find what waits here."""
        return False

    def remove(self) -> None:
        """Give the memory back."""
        self._lines.clear()

    leave = remove


class Outbox:
    """The lines of this process that wait for one database; safe to use from any thread.

    The lock is held for no longer than a write or an emptying of a file takes. It may be taken
    again by whoever has it: a signal handler may record as well.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        """The database."""
        self._begin()

    def _begin(self) -> None:
        self.lock = RLock()
        self.waiting = 0
        """Bytes."""
        self.appended = 0
        """Bytes, of all lines since the process began."""
        self.written = 0
        """Bytes of those that do not wait any more."""
        self._parts: list[Part | MemoryPart] = []
        """The oldest first; the last is appended to."""

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it, or nowhere to put it."""
        with self.lock:
            if self.waiting > MOST_WAITING:
                return False
            if not self._parts:
                self._parts.append(self._make_part())
            if not self._parts[-1].append(line):
                if self._parts[-1].is_memory or len(self._parts) >= MOST_PARTS:
                    return False
                self._parts.append(MemoryPart())  # as the disk is full
                if not self._parts[-1].append(line):
                    return False
            self.waiting += len(line)
            self.appended += len(line)
            return True

    def read(self, most: int) -> bytes:
        """Return the first lines that wait, of no more than ``most`` bytes together.

        For one thread alone, which then calls `done`.

        Raises:
            OSError: they cannot be read.
        """
        with self.lock:
            if not self.waiting:
                return b""
            part = self._parts[0]
        return part.read(most)

    def done(self, lines: bytes) -> None:
        """Let go of what `read` returned, and of what held it, if that was the last of it.

        Raises:
            OSError: the file cannot be emptied or removed.
        """
        part = self._parts[0]
        with self.lock:
            part.offset += len(lines)
            self.waiting -= len(lines)
            self.written += len(lines)
            if part.offset < part.size:
                return
            if part is self._parts[-1]:
                part.empty()
                return
            del self._parts[0]
        part.remove()

    def renew(self) -> None:
        """Go on in a new spool, if the present one is too long, or gone, or only memory."""
        with self.lock:
            if not self._parts or len(self._parts) >= MOST_PARTS:
                return
            part = self._parts[-1]
        if part.offset < LONGEST_SPOOL and part.is_in_place():
            return
        try:
            new = Part(make_spool(self.path))
        except (AnalyticsDbError, OSError):
            return
        with self.lock:
            self._parts.append(new)
            if part.offset < part.size or part is not self._parts[0]:
                return
            del self._parts[0]
        part.remove()

    def close(self) -> None:
        """Remove the files, or leave those to the next process in which lines wait."""
        with self.lock:
            for part in self._parts:
                if part.offset < part.size:
                    part.leave()
                else:
                    part.remove()
            self._parts.clear()
            self.waiting = 0

    def forget(self) -> None:
        """Let go of all, in a forked child: it is the parent's."""
        for part in self._parts:
            part.leave()
        self._begin()

    def _make_part(self) -> Part | MemoryPart:
        try:
            return Part(make_spool(self.path))
        except (AnalyticsDbError, OSError):
            return MemoryPart()

