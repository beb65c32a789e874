"""What waits to be written: lines that were recorded, in files of this process.

Appending is one ``write(2)``, so a recorded call outlives whatever becomes of the process, and
what waits takes no memory. The lines are in a spool beside the database; where none can be made or
written to, they are in memory, as far as there is room for them.
"""

from __future__ import annotations

import os
import tempfile
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
    """A spool, or as much memory, with lines from `offset` to `size`."""

    def __init__(self, spool: Spool | None = None) -> None:
        """Begin with a spool; without one, in memory.

        Raises:
            OSError: no memory, or no descriptor is free.
        """
        self.spool = spool
        self.descriptor = spool.descriptor if spool else _anonymous_file()
        self.size = 0
        """Where the last whole line ends."""
        self.offset = 0
        """Where the first line begins that waits."""
        self.is_torn = False
        """Whether half a line follows the last, so that no other can."""

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it."""
        if self.is_torn or (self.spool is None and self.size + len(line) > MOST_IN_MEMORY):
            return False
        try:
            written = os.write(self.descriptor, line)
        except OSError:
            return False
        if written < len(line):
            self.is_torn = True
            return False
        self.size += written
        return True

    def read(self, most: int) -> bytes:
        """Return the first whole lines that wait, of no more than ``most`` bytes together."""
        found = os.pread(self.descriptor, min(most, self.size - self.offset), self.offset)
        return found[: found.rfind(b"\n") + 1]

    def empty(self) -> None:
        """Begin anew, where all was read."""
        os.ftruncate(self.descriptor, 0)
        self.size = self.offset = 0
        self.is_torn = False

    def is_in_place(self) -> bool:
        """Tell whether the next process would find what waits here."""
        return self.spool is not None and self.spool.is_in_place()

    def remove(self) -> None:
        """Remove the spool, or give the memory back."""
        if self.spool is None:
            os.close(self.descriptor)
        else:
            self.spool.remove()

    def leave(self) -> None:
        """Leave the spool to the next process."""
        os.close(self.descriptor)


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
        self._parts: list[Part] = []
        """The oldest first; the last is appended to."""

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it, or nowhere to put it."""
        with self.lock:
            if self.waiting > MOST_WAITING:
                return False
            if not self._parts:
                self._parts.append(self._make_part())
            if not self._parts[-1].append(line):
                if self._parts[-1].spool is None or len(self._parts) >= MOST_PARTS:
                    return False
                self._parts.append(Part())  # as the disk is full
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

    def _make_part(self) -> Part:
        try:
            return Part(make_spool(self.path))
        except (AnalyticsDbError, OSError):
            return Part()


def _anonymous_file() -> int:
    """Return the descriptor of a file without a name: in memory, where the system has that."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("devflow-analytics")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
