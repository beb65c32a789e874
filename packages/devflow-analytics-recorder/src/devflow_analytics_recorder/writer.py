"""Brings what was recorded into the database, in a thread of its own.

Whoever records appends a line to the `Outbox` and goes on. The thread follows, a moment later, with
all that has come together, and waits for the database as long as need be: while another process
has it, is short of room, or replaces it, lines wait in the outbox. What a process leaves there when
it ends, however it ends, the thread of another takes in.
"""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from _thread import start_new_thread
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import ClassVar

from devflow_analytics_db import LockedError
from devflow_analytics_recorder.adoption import BATCH_BYTES, Adoption
from devflow_analytics_recorder.log import log, log_once
from devflow_analytics_recorder.outbox import Outbox
from devflow_analytics_recorder.target import Target

GATHER_SECONDS = 0.05
"""How long the thread waits for more to come: the answer to a call is on its way meanwhile."""

AGAIN_SECONDS = 1.0
"""How long no thread is started after that failed, or after one was started."""

BEGIN_SECONDS = 0.001
"""How often a process that ends looks whether the thread has begun that it started."""

IDLE_SECONDS = 5.0
"""How long the thread stays, and the database open, while nothing is recorded."""

EXIT_SECONDS = 1.0
"""How long a process that ends waits for its lines to be written; then they stay in the spool."""

ADOPTION_AT_EXIT_SECONDS = 0.2
"""How long a process that ends goes on with what others left."""

MARGIN_SECONDS = 0.1
"""How much longer than that the end of the thread may take."""

LOCK_TIMEOUT_MS = 20
"""How long to wait for another process's write at a time; a fork waits for that to end.

Where threads are greenlets, as with gevent, all of them wait.
"""

FIRST_PAUSE = 0.05
LOCKED_PAUSE = 0.1
LONGEST_PAUSE = 30.0
"""In seconds, after the database was locked, or the writing failed in another way.

Each pause is twice the one before, until it is the longest of its kind.
"""

COUNT_SECONDS = 60.0
"""How often it is said how many calls were dropped, at most."""

PATIENCE_SECONDS = 10.0
"""How long the database may be locked before that is worth a word in the log."""


class Writer:
    """Writes what this process records in one database.

    What the program's own threads call takes no lock that a Ctrl-C could leave taken, and waits
    only in queues: `threading.Thread` and `threading.Event` hang if one comes in their midst.
    """

    forks: ClassVar[int] = 0
    """How many forks are about to be made; while there are any, no thread of ours runs."""
    living: ClassVar[set[Writer]] = set()
    """Those with a thread."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.outbox = Outbox(path)
        self.users = 0
        """How many recorders have it."""
        self._begin()

    def _begin(self) -> None:
        self.target = Target(self.path, LOCK_TIMEOUT_MS)
        self.dropped = 0
        """Calls that could not be recorded since that was last said."""
        self._is_dropping = False
        """Whether it was said that calls are dropped."""
        self._counted_at = -math.inf
        """When it was last said how many."""
        self._is_running = threading.Lock()
        """Held by the thread, and taken by nobody else: a Ctrl-C could come then."""
        self._ended: SimpleQueue[None] = SimpleQueue()
        """Tells one who waits for it that the thread has ended."""
        self._begins_by = 0.0
        """When a thread that was started has begun at the latest, or else never will."""
        self._starts_at = 0.0
        """When a thread may be started again, after that failed."""
        self._deadline: float | None = None
        """When the thread ends at the latest, as soon as it is to end at all."""
        self._adopts_until: float | None = None
        """Until when it then takes in what others left, once it has written its own."""
        self._is_idle = True
        self._is_in_a_hurry = False
        """Whether somebody waits for the thread."""
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._waiting: list[tuple[int, SimpleQueue[None]]] = []
        """Who waits until how many bytes are written, and where to say so."""
        self._adoption = Adoption(self.target)
        self._failing_since: float | None = None
        self._has_said_so = False

    def append(self, line: bytes) -> None:
        """Take a line in; once this has returned, no end of the process can lose it.

        If there is no room for it, or nowhere to put it, it is dropped and counted.
        """
        if not self.outbox.append(line):
            self.drop()
            return
        if not self._is_running.locked():
            self._start()
        elif self._is_idle:
            self._bell.put(None)

    def drop(self) -> None:
        """Count a call that cannot be recorded, and say so of the first."""
        self.dropped += 1
        if not self._is_dropping:
            self._is_dropping = True
            log("warning", "there is no room to record calls for %s: they are dropped", self.path)

    def flush(self, timeout: float) -> bool:
        """Wait until all that was recorded is in the database; False if that takes too long.

        Args:
            timeout: in seconds.
        """
        goal = self.outbox.appended
        if self.outbox.written >= goal:
            return True
        reached: SimpleQueue[None] = SimpleQueue()
        self._waiting.append((goal, reached))
        if self.outbox.written >= goal:  # by now
            return True
        latest = time.monotonic() + timeout
        while True:
            self._start()  # again, if a Ctrl-C came as it was started
            self._wake()
            left = latest - time.monotonic()
            with suppress(Empty):
                reached.get(timeout=max(0.0, min(left, AGAIN_SECONDS)))
            if self.outbox.written >= goal:
                return True
            if left <= 0:
                return False

    def end(self, timeout: float) -> None:
        """Let the thread write what waits, as far as there is time, and then end; the rest stays.

        Args:
            timeout: in seconds.
        """
        self._deadline = time.monotonic() + timeout
        if self.outbox.waiting:
            self._start()
        while not self._is_running.locked() and time.monotonic() < self._begins_by:
            time.sleep(BEGIN_SECONDS)
        if self._is_running.locked():
            self._wake()
        else:
            self._let_go()

    def wait_for_the_end(self, timeout: float) -> None:
        """Wait until the thread has ended, as it does after `end`, and while a process forks.

        Args:
            timeout: in seconds. What takes longer, it lets go of when it ends.
        """
        self._wake()
        latest = time.monotonic() + timeout
        while self._is_running.locked() and (left := latest - time.monotonic()) > 0:
            with suppress(Empty):  # somebody else may wait as well, and be told
                self._ended.get(timeout=min(left, MARGIN_SECONDS))

    def go_on(self) -> None:
        """Go on after the forks: with a new thread, if there is something to do for it."""
        if self._deadline is None and self.outbox.waiting:
            self._start()

    def begin_in_child(self) -> None:
        """Begin with nothing: what waits is the parent's, and the thread is not here."""
        self._adoption.leave()
        self.outbox.forget()
        self._begin()

    def _start(self) -> None:
        """Start the thread, if there is none; if none can be started, all waits in the spool."""
        now = time.monotonic()
        if Writer.forks or sys.is_finalizing() or now < max(self._starts_at, self._begins_by):
            return
        if self._is_running.locked():
            return
        # A Ctrl-C may come anywhere here: then the thread runs, or can be started in a moment. No
        # signal that the program waits for, or holds back, may go to our thread instead.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            self._begins_by = now + AGAIN_SECONDS
            start_new_thread(self._run, ())
        except RuntimeError as error:
            self._begins_by, self._starts_at = 0.0, now + AGAIN_SECONDS
            log_once("thread", "calls wait in %s: %s", self.path, error)  # as there are too many
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _wake(self) -> None:
        self._is_in_a_hurry = True
        self._bell.put(None)

    def _run(self) -> None:
        if not self._is_running.acquire(blocking=False):  # another one was started as well
            return
        self._begins_by = 0.0
        trace = threading.gettrace()
        if trace is not None:  # as every `threading.Thread` does for debuggers and coverage
            sys.settrace(trace)
        Writer.living.add(self)
        try:
            self._write_until_the_end()
            if self._deadline is not None:
                self._let_go()
        finally:
            Writer.living.discard(self)
            self._is_running.release()
            if self._ended.empty():
                self._ended.put(None)
            self.go_on()  # if there is something to do again, or the fork is over by now

    def _write_until_the_end(self) -> None:
        while not Writer.forks:
            self._is_idle = True
            # what came before that rang no bell
            if not self.outbox.waiting and self._deadline is None and not self._is_needed():
                self.target.close()
                return
            self._is_idle = False
            while not self._bell.empty():
                self._bell.get()
            self._wait(GATHER_SECONDS)
            is_all_written = self._write_all()
            # something may have come since
            if self._deadline is not None and not (is_all_written and self.outbox.waiting):
                return
            self._is_in_a_hurry = False

    def _is_needed(self) -> bool:
        """Wait until there is something to do; False if there is nothing for a while."""
        try:
            self._bell.get(timeout=IDLE_SECONDS)
        except Empty:
            return False
        return True

    def _wait(self, seconds: float) -> None:
        """Wait, unless somebody waits for this thread, or until somebody does."""
        if not self._is_in_a_hurry:
            with suppress(Empty):
                self._bell.get(timeout=seconds)

    def _write_all(self) -> bool:
        """Write until nothing waits; False if that has to wait until another time."""
        pause = FIRST_PAUSE
        while not Writer.forks and not self._is_too_late():
            start = time.monotonic()
            try:
                is_done = self._write_some()
            except Exception as error:  # noqa: BLE001  a thread that ends writes nothing more
                self._has_failed(error)
                self.outbox.renew()
                if self._deadline is not None and not isinstance(error, LockedError):
                    return False
                self._is_in_a_hurry = False  # who waits has to wait for somebody else
                self._wait(pause)
                longest = LOCKED_PAUSE if isinstance(error, LockedError) else LONGEST_PAUSE
                pause = min(2 * pause, longest)
                continue
            pause = FIRST_PAUSE
            self._has_succeeded()
            for waiting in self._waiting.copy():
                goal, reached = waiting
                if self.outbox.written >= goal:
                    reached.put(None)
                    self._waiting.remove(waiting)
            if is_done:
                return True
            self._wait(time.monotonic() - start)  # for others, who want to write as well
        return False

    def _is_too_late(self) -> bool:
        return self._deadline is not None and time.monotonic() > self._deadline

    def _let_go(self) -> None:
        self._adoption.leave()
        self._say_how_many(self.outbox.close())
        self.target.close()

    def _write_some(self) -> bool:
        """Write one batch: of our own lines, or else of those left; True if there is none."""
        lines = self.outbox.read(BATCH_BYTES)
        if lines:
            self.target.write(lines)
            self.outbox.done(lines)
            self.outbox.renew()
            return False
        if self._deadline is not None:
            if self._adopts_until is None:
                self._adopts_until = time.monotonic() + ADOPTION_AT_EXIT_SECONDS
            if time.monotonic() > self._adopts_until:
                return True
        return not self._adoption.go_on()

    def _has_failed(self, error: Exception) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
        is_patient = isinstance(error, LockedError) and now - self._failing_since < PATIENCE_SECONDS
        if not is_patient and not self._has_said_so:
            self._has_said_so = True
            log("warning", "calls wait to be written to %s: %s", self.path, error)

    def _has_succeeded(self) -> None:
        self._failing_since = None
        if self._has_said_so:
            self._has_said_so = False
            log("warning", "calls are written to %s again", self.path)
        if time.monotonic() - self._counted_at > COUNT_SECONDS:
            self._say_how_many()

    def _say_how_many(self, lost: int = 0) -> None:
        """Say how many calls were dropped or refused since that was last said."""
        lost += self.dropped
        self.dropped = 0
        self._is_dropping = False
        refused = self.target.newly_refused()
        if lost or refused:
            self._counted_at = time.monotonic()
        if lost:
            log("warning", "%d calls were dropped, and are not in %s", lost, self.path)
        if refused:
            log("warning", "%d calls were refused, and are not in %s", refused, self.path)
