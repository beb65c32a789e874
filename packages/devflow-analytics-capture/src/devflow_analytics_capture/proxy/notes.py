"""Keeps the lines of calls, and brings them into the database in a thread of its own.

A line is appended to a spool beside the database, which takes one write, before anything else
happens; from then on the call is kept, however the process ends. The thread is there from the first
call on. What it does not get done, another process that records does, or the next import.
"""

import sys
from _thread import allocate_lock, start_new_thread

from devflow_analytics_capture.noting.spool import Spool
from devflow_analytics_capture.proxy.saying import say_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _thread import LockType
    from collections.abc import Callable

GATHER_SECONDS = 0.5
"""How long the thread waits for more calls before it writes. It opens the database each time."""

LONGEST_PAUSE = 30.0
"""In seconds, after the writing failed. Each pause is twice the one before, up to this."""

SWITCH_SECONDS = 0.0002
"""How long the thread may make the proxy wait; Python's own 5 ms are longer than most calls."""


LOCKED = 75
"""The exit status of the error that says that another process has the database locked."""


class Notes:
    """Where a proxy notes calls. No method raises."""

    def __init__(self, database: str, project: str | None = None) -> None:
        """Say where to note them. Nothing is opened, made or imported before the first.

        Args:
            database: the absolute path of the database.
            project: what is kept of the working directory, if anything is.
        """
        self.project = project
        """What is kept of the working directory, if anything is."""
        self._database = database
        self._spool = Spool(database)
        self._has_told = False
        self._fails = False
        """Whether the thread could not write what waits when it last tried."""
        self._is_started = False
        self._is_over = False
        self._waits = False
        """Whether the thread was told of what is in the spool."""
        self._bell, self._hurry, self._running = (allocate_lock() for _ in range(3))
        # The first two are released to wake the thread; the third is held while it runs.
        self._bell.acquire()
        self._hurry.acquire()

    def add(self, line: bytes) -> None:
        """Keep the line of a call."""
        try:
            self._spool.append(line)
        except Exception as fault:  # noqa: BLE001  what passes is more than what is noted
            self.tell(fault)
            return
        if not self._waits:
            self._waits = True
            self._start()
            _release(self._bell)

    def close(self, seconds: float) -> None:
        """Give the thread some time to write what waits, unless it cannot; the rest stays there."""
        self._is_over = True
        if self._is_started:
            _release(self._hurry)
            _release(self._bell)
            if not self._fails and self._running.acquire(timeout=seconds):
                self._running.release()
        self._spool.close()

    def tell(self, fault: BaseException) -> None:
        """Say on stderr, once, that calls are not recorded; never what was in them."""
        if self._has_told:
            return
        self._has_told = True
        say_none(fault)

    def _start(self) -> None:
        if self._is_started:
            return
        try:
            sys.setswitchinterval(SWITCH_SECONDS)
            self._running.acquire()
            start_new_thread(self._run, ())
            self._is_started = True
        except RuntimeError:  # there are too many threads; what waits, somebody else writes
            self._running.release()

    def _run(self) -> None:
        try:
            from devflow_analytics_recorder import drain  # noqa: PLC0415  takes 30 ms

            is_last = False
            while not is_last:
                self._bell.acquire()
                is_last = self._is_over
                if not is_last:
                    self._hurry.acquire(timeout=GATHER_SECONDS)
                self._waits = False
                self._write(drain)
        except BaseException as fault:  # noqa: BLE001  there is nobody to catch it
            self.tell(fault)
        finally:
            self._running.release()

    def _write(self, drain: "Callable[[str], object]") -> None:
        pause = GATHER_SECONDS
        while True:
            try:
                drain(self._database)
            except Exception as fault:  # noqa: BLE001  it may be better another time
                self._fails = True
                if getattr(fault, "exit_status", None) != LOCKED:
                    self.tell(fault)
            else:
                self._fails = False
                return
            if self._is_over:
                return
            self._hurry.acquire(timeout=pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def _release(lock: "LockType") -> None:
    if lock.locked():
        lock.release()
