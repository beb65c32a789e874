"""What waits to be written: lines that were recorded, in files of this process.

Appending is one ``write(2)``, so a recorded call outlives whatever becomes of the process, and
what waits takes no memory. The lines are in a spool beside the database; where none can be made or
written to, they are in memory, as far as there is room for them.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING

from devflow_analytics_db import AnalyticsDbError, make_spool
from devflow_analytics_recorder.log import log

if TYPE_CHECKING:
    from devflow_analytics_db import Spool

MOST_IN_SPOOL = 128_000_000
"""In bytes, about 400,000 calls; of two spools at most. What comes on top of that is dropped."""

MOST_IN_MEMORY = 4_000_000
"""In bytes, about 15,000 calls, while there is no spool."""

LONGEST_SPOOL = 1_000_000
"""In bytes. One that is longer is left for a new one, and then removed.

To empty a large file takes milliseconds, and whoever records would wait for that.
"""

MOST_PARTS = 8
"""How many spools and parts in memory there are at once, at most."""

LOCK_SECONDS = 1.0
"""How long a call waits for the lock while the interpreter ends."""


class Part:
    """A spool with lines from `offset` to `size`."""

    is_memory = False

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self.size = 0
        """Where the last whole line ends, as far as is known."""
        self.offset = 0
        """Where the first line begins that waits."""
        self._file = _identity(spool.descriptor)
        self._is_torn = False
        """Whether half a line follows the last, so that no other can."""

    @property
    def is_ours(self) -> bool:
        """Whether the descriptor still is the spool's.

        Programs close every descriptor there is, as daemons do, and get the number for a file of
        their own, which nobody else may touch.
        """
        try:
            return _identity(self.spool.descriptor) == self._file
        except OSError:
            return False

    @property
    def is_full(self) -> bool:
        """Whether so much waits that nothing more can."""
        return self.size > MOST_IN_SPOOL

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it."""
        if self._is_torn:
            return False
        descriptor = self.spool.descriptor
        try:
            # Where the last line ended, that was our file; elsewhere it takes longer to tell.
            position = os.lseek(descriptor, 0, os.SEEK_CUR)
            if (position != self.size or not position) and not self.is_ours:
                return False
            if os.write(descriptor, line) < len(line):
                self._is_torn = True
                return False
            # Asked for, and not added up: a signal may have come in between, whose handler
            # recorded as well.
            self.size = os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError:
            return False
        return True

    def advance(self, length: int) -> None:
        """Let go of what was read first."""
        self.offset += length

    def refresh(self) -> None:
        """Find out the size, which a Ctrl-C may have kept from being noted.

        Raises:
            OSError: the file cannot be asked.
        """
        if not self._is_torn:
            self.size = os.fstat(self.spool.descriptor).st_size

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
        """Remove the spool, where all was read.

        Raises:
            OSError: it cannot be removed. It was closed.
        """
        self.spool.remove()

    def leave(self) -> None:
        """Leave the spool to the next process."""
        self.spool.close()


class MemoryPart:
    """As much as `Part`, in memory, where there can be no spool."""

    is_memory = True
    is_ours = True
    is_full = False

    offset = 0

    def __init__(self) -> None:
        self._lines = bytearray()

    @property
    def size(self) -> int:
        """Where the last line ends."""
        return len(self._lines)

    @property
    def waiting_lines(self) -> int:
        """How many lines wait."""
        return self._lines.count(b"\n")

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it."""
        if len(self._lines) + len(line) > MOST_IN_MEMORY:
            return False
        self._lines += line
        return True

    def advance(self, length: int) -> None:
        """Let go of what was read first, and give its memory back."""
        del self._lines[:length]

    def refresh(self) -> None:
        """Do nothing: the size is right."""

    def read(self, most: int) -> bytes:
        """Return the first whole lines that wait, of no more than ``most`` bytes together."""
        found = bytes(self._lines[:most])
        return found[: found.rfind(b"\n") + 1]

    def empty(self) -> None:
        """Do nothing: what was read is not there any more."""

    def is_in_place(self) -> bool:
        """Tell that the next process would not find what waits here."""
        return False

    def remove(self) -> None:
        """Do nothing: the memory is given back with the object."""

    leave = remove


class Outbox:
    """The lines of this process that wait for one database; safe to use from any thread.

    The lock is held for no longer than a write or the emptying of a file takes. It may be taken
    again by whoever has it: a signal handler may record as well.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        """The database."""
        self._begin()

    def _begin(self) -> None:
        self.lock = RLock()
        self.written = 0
        """How many bytes of lines do not wait any more, since the process began."""
        self._parts: list[Part | MemoryPart] = []
        """The oldest first; the last is appended to."""
        self._has_said_so = False
        self._reading: Part | MemoryPart | None = None

    @property
    def waiting(self) -> int:
        """How many bytes of lines wait."""
        return sum(part.size - part.offset for part in self._parts)

    @property
    def appended(self) -> int:
        """How many bytes of lines were appended, since the process began."""
        with self.lock:
            self._refresh()
            return self.written + self.waiting

    def append(self, line: bytes) -> bool:
        """Append a line; False if there is no room for it, or nowhere to put it."""
        if not sys.is_finalizing():
            with self.lock:  # in which a Ctrl-C leaves nothing locked, unlike with `acquire`
                return self._append(line)
        # A thread that is no more may hold it for ever.
        if not self.lock.acquire(timeout=LOCK_SECONDS):
            return False
        try:
            return self._append(line)
        finally:
            self.lock.release()

    def _append(self, line: bytes) -> bool:
        if not self._parts:
            self._parts.append(self._make_part())
        part = self._parts[-1]
        if part.is_full:
            return False
        if part.append(line):
            return True
        if part.is_memory or len(self._parts) >= MOST_PARTS:
            return False
        # where the descriptor was closed, another spool; where the disk is full, memory
        self._parts.append(MemoryPart() if part.is_ours else self._make_part())
        return self._parts[-1].append(line)

    def read(self, most: int) -> bytes:
        """Return the first lines that wait, of no more than ``most`` bytes together.

        For one thread alone, which then calls `done`.

        Raises:
            OSError: they cannot be read.
        """
        with self.lock:
            self._refresh()
            done = self._take_out_what_was_read()
            self._reading = self._parts[0] if self._parts else None
        _remove(done)
        return self._reading.read(most) if self._reading else b""

    def done(self, lines: bytes) -> None:
        """Let go of what `read` returned, and of what held it, if that was the last of it."""
        with self.lock:
            part = self._reading
            if part is None:
                return
            part.advance(len(lines))
            self.written += len(lines)
            self._refresh()
            done = self._take_out_what_was_read()
            is_read = self._parts[-1:] == [part] and part.offset == part.size
            if is_read and part.size < LONGEST_SPOOL:
                # If it cannot be emptied, it is the longer; what was read is not read again.
                with suppress(OSError):
                    part.empty()
        _remove(done)

    def renew(self) -> None:
        """Go on in a new spool, if the present one is too long, or gone, or only memory."""
        if not self._parts or len(self._parts) >= MOST_PARTS:
            return
        part = self._parts[-1]
        if part.offset < LONGEST_SPOOL and part.is_ours and part.is_in_place():
            return
        try:
            new = Part(make_spool(self.path))
        except (AnalyticsDbError, OSError):
            return
        with self.lock:
            self._parts.append(new)
            if part.is_ours and not part.is_in_place():
                _move(part, new)
            done = self._take_out_what_was_read()
        _remove(done)

    def close(self) -> int:
        """Remove the files, or leave those to the next process in which lines wait.

        Returns:
            how many lines are lost, as they wait in memory.
        """
        lost = 0
        with self.lock:
            with suppress(OSError):
                self._refresh()
            for part in self._parts:
                if isinstance(part, MemoryPart):
                    lost += part.waiting_lines
                elif part.is_ours:
                    with suppress(OSError):
                        _end(part)
            self._parts.clear()
        return lost

    def forget(self) -> None:
        """Let go of all, in a forked child: it is the parent's."""
        for part in self._parts:
            if part.is_ours:
                part.leave()
        self._begin()

    def _refresh(self) -> None:
        """Find out what waits, and forget of it what is not ours any more.

        That was left to whoever finds it, as its descriptor was closed.
        """
        self._parts = [part for part in self._parts if part.is_ours]
        for part in self._parts:
            part.refresh()

    def _take_out_what_was_read(self) -> list[Part | MemoryPart]:
        """Take out the first parts, as far as nothing waits in them, but for the last.

        They are removed without the lock: a large file takes its time.
        """
        taken = []
        while len(self._parts) > 1 and self._parts[0].offset == self._parts[0].size:
            taken.append(self._parts.pop(0))
        return taken

    def _make_part(self) -> Part | MemoryPart:
        try:
            return Part(make_spool(self.path))
        except (AnalyticsDbError, OSError) as error:
            if not self._has_said_so:
                self._has_said_so = True
                log("warning", "calls wait in memory, where a killed process loses them: %s", error)
            return MemoryPart()


def _move(part: Part | MemoryPart, new: Part) -> None:
    """Move lines that are in no file that anybody would find; if they are too many, they stay."""
    with suppress(OSError):
        part.refresh()
        lines = part.read(MOST_IN_MEMORY)
        if len(lines) == part.size - part.offset and new.append(lines):
            part.advance(len(lines))


def _remove(parts: list[Part | MemoryPart]) -> None:
    for part in parts:
        with suppress(OSError):  # the next process finds and removes it
            part.remove()


def _end(part: Part) -> None:
    if part.offset < part.size:
        part.leave()
    else:
        part.remove()


def _identity(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino
