"""Reads all logs of one agent that have something new, and commits what is in them bit by bit."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_capture.importers.importer import UnreadableLogError
from devflow_analytics_capture.ledger import Batch
from devflow_analytics_capture.logs.calls import Calls
from devflow_analytics_capture.logs.cursor import NEVER_NS, Cursor, hashes
from devflow_analytics_capture.logs.log import Resume, fingerprint
from devflow_analytics_capture.result import ClientImport, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from devflow_analytics_capture.importers.importer import Importer, Progress
    from devflow_analytics_capture.ledger import Ledger
    from devflow_analytics_capture.logs.log import Log
    from devflow_analytics_recorder import ObservedCall

BATCH_CALLS = 2_000
"""How many calls are committed at once: others who write wait for that long."""

BATCH_BYTES = 256_000_000
"""How much is read at most until the next commit."""

BATCH_LOGS = 500
"""How many logs are read at most until the next commit."""

MOST_PLACES = 20
"""How many places that could not be read are named."""

TELL_SECONDS = 0.1
"""How often it is told how far the reading came."""

_OF_A_LOG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an importer may stumble over; one log shall not keep the others from being read."""

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO would make it wait


class _ImporterError(UnreadableLogError):
    """An importer stumbled over a log."""


class Step(NamedTuple):
    """A log that is to be read."""

    log: Log
    cursor: Cursor | None
    """How far it was read; None to read all of it."""

    @property
    def to_read(self) -> int:
        """How many bytes, as far as that can be said before it is opened."""
        size = self.log.fingerprint.size
        if self.cursor is None or self.log.resume is not Resume.AT_POSITION:
            return size
        return size - self.cursor.position if size >= self.cursor.position else size


class Meter:
    """Tells somebody how far all the reading came."""

    def __init__(self, tell: Callable[[int, int], None] | None, total: int) -> None:
        """Begin.

        Args:
            tell: called with the bytes that were read, and those that there are to read in all.
            total: those.
        """
        self._tell = tell
        self._total = total
        self._done = 0
        self._told_at = 0.0

    def is_at(self, done: int, *, at_end: bool = False) -> None:
        """Say that of the log that is being read so many bytes are done."""
        if self._tell is None:
            return
        now = time.monotonic()
        if at_end or now - self._told_at >= TELL_SECONDS:
            self._told_at = now
            self._tell(min(self._done + done, self._total), self._total)
        if at_end:
            self._done += done


class Run:
    """An import of one agent's logs."""

    def __init__(self, importer: Importer, *, since: int, with_project: bool) -> None:
        """Begin.

        Args:
            importer: what reads the agent's logs.
            since: calls from before are passed over, in Unix seconds.
            with_project: keep the last part of working directories.
        """
        self.importer = importer
        self._since = since
        self._with_project = with_project
        self._counts: Counter[str] = Counter()
        self._places: list[Place] = []
        self._oldest: int | None = None
        self._calls: list[ObservedCall] = []
        self._cursors: list[Cursor] = []
        self._bytes = 0
        """How much was read since the last commit."""

    def plan(self, logs: Iterable[Log], ledger: Ledger, *, full: bool) -> list[Step]:
        """Return which logs are to be read.

        Args:
            logs: all that there are.
            ledger: what knows how far each was read.
            full: read all of each.
        """
        cursors = {} if full else ledger.cursors(self.importer.client)
        steps = []
        for log in logs:
            cursor = cursors.get(log.fingerprint[:2])
            if cursor is None or not cursor.is_current(log, self._since):
                steps.append(Step(log, cursor))
        return steps

    def read(self, steps: Iterable[Step], ledger: Ledger, meter: Meter) -> None:
        """Read logs, and commit what is in them.

        Raises:
            AnalyticsDbError: the database cannot be written. What was committed stays.
        """
        for step in steps:
            try:
                self._read_log(step, ledger, meter)
            except FileNotFoundError:
                pass  # deleted since it was found
            except UnreadableLogError as error:
                self._cannot_read(Place(step.log.path, reason=str(error)))
            except OSError as error:
                if error.filename is not None and error.filename != step.log.path:
                    raise
                self._cannot_read(Place(step.log.path, reason=error.strerror))
            if len(self._calls) >= BATCH_CALLS or len(self._cursors) >= BATCH_LOGS:
                self._commit(ledger)
        self._commit(ledger)

    def result(self, logs: Iterable[Log]) -> ClientImport:
        """Return what was found.

        Args:
            logs: all that there are.
        """
        counts = self._counts
        return ClientImport(
            client=self.importer.client,
            title=self.importer.title,
            files=len(list(logs)),
            read=counts["read"],
            read_bytes=counts["bytes"],
            added=counts["added"],
            known=counts["known"],
            recorded=counts["recorded"],
            excluded=counts["excluded"],
            too_old=counts["too_old"],
            refused=counts["refused"],
            unanswered=counts["unanswered"],
            untimed=counts["untimed"],
            malformed=counts["malformed"],
            places=tuple(self._places),
            oldest=None
            if self._oldest is None
            else datetime.fromtimestamp(self._oldest, UTC).date(),
            retention=self.importer.retention(),
        )

    def _read_log(self, step: Step, ledger: Ledger, meter: Meter) -> None:
        """Read a log; from its start, if what was remembered of it is of no use."""
        try:
            self._try_to_read(step, ledger, meter)
        except _ImporterError:
            if step.cursor is None:
                raise
            self._counts["read"] -= 1
            self._try_to_read(step._replace(cursor=None), ledger, meter)

    def _try_to_read(self, step: Step, ledger: Ledger, meter: Meter) -> None:
        log, cursor = step
        descriptor = os.open(log.path, _OPEN)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):  # another than was found
            os.close(descriptor)
            return
        with io.FileIO(descriptor) as file:
            if log.resume is not Resume.BY_STATE:  # it may have grown, or be another by now
                log = log._replace(fingerprint=fingerprint(found))
            state = None
            if cursor is not None and cursor.can_go_on(log, descriptor, self._since):
                saved = ledger.state(self.importer.client, cursor)
                state = cursor._replace(state=saved).loaded_state()
            position, since = 0, self._since
            if cursor is not None and state is not None:
                position, since = cursor.position, max(since, cursor.since)
            calls = Calls(self.importer.client, state, with_project=self._with_project)
            start = reached = position
            try:
                for reached, malformed_at in _steps(self.importer.read(log, file, position, calls)):
                    self._bytes += reached - position
                    position = reached
                    if malformed_at is not None:
                        if log.resume is Resume.BY_STATE:
                            self._cannot_read(Place(log.path, reason=f"row {malformed_at}"))
                        else:
                            self._cannot_read(Place(log.path, malformed_at))
                    meter.is_at(position - start)
                    is_many = len(self._calls) + len(calls.ready) >= BATCH_CALLS
                    if is_many or self._bytes >= BATCH_BYTES:
                        part = log.fingerprint._replace(size=position, modified_ns=NEVER_NS)
                        self._take(calls)
                        self._cursors.append(_cursor(part, descriptor, position, since, calls))
                        self._commit(ledger)
            finally:
                self._take(calls)
                self._counts["read"] += 1
                self._counts["bytes"] += position - start
                self._counts["unanswered"] += calls.unanswered
                self._counts.update(calls.counts)
                meter.is_at(step.to_read, at_end=True)
            self._cursors.append(_cursor(log.fingerprint, descriptor, position, since, calls))

    def _take(self, calls: Calls) -> None:
        """Take over the calls that were found."""
        for call in calls.ready:
            if self._oldest is None or call.timestamp < self._oldest:
                self._oldest = call.timestamp
        self._calls += calls.ready
        calls.ready.clear()

    def _commit(self, ledger: Ledger) -> None:
        if self._calls or self._cursors:
            importer = self.importer
            names = (importer.client, *importer.own_names)
            batch = Batch(importer.client, names, self._calls, self._cursors, importer.joins_names)
            try:
                self._counts += ledger.commit(batch)
            except (sqlite3.IntegrityError, sqlite3.DataError):
                self._commit_one_by_one(batch, ledger)
        self._calls, self._cursors, self._bytes = [], [], 0

    def _commit_one_by_one(self, batch: Batch, ledger: Ledger) -> None:
        """Commit what can be: a rule of the user's own may refuse a call."""
        parts = [batch._replace(calls=[call], cursors=[]) for call in batch.calls]
        for part in (*parts, batch._replace(calls=[])):
            try:
                self._counts += ledger.commit(part)
            except (sqlite3.IntegrityError, sqlite3.DataError) as error:
                self._cannot_read(Place(ledger.file, reason=f"it refuses a call: {error}"))

    def _cannot_read(self, place: Place) -> None:
        self._counts["malformed"] += 1
        if len(self._places) < MOST_PLACES:
            self._places.append(place)


def _steps(found: Iterator[Progress]) -> Iterator[Progress]:
    """Yield how far reading a log comes.

    Raises:
        _ImporterError: the importer stumbled.
    """
    while True:
        try:
            step = next(found)
        except StopIteration:
            return
        except _OF_A_LOG as error:
            raise _ImporterError(f"its importer failed: {type(error).__name__}") from error
        yield step


def _cursor(
    at: tuple[int, ...], descriptor: int, position: int, since: int, calls: Calls
) -> Cursor:
    """Return how far a log was read."""
    head, tail = hashes(descriptor, position)
    state = json.dumps(calls.state(), separators=(",", ":"))
    return Cursor(at, position, head, tail, since, calls.unanswered, state)  # type: ignore[arg-type]
