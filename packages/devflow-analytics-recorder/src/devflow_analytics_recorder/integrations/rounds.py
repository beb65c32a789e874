"""Calls that stop to ask the client for input, and are asked again with the answer.

Since revision 2026-07-28 a tool that needs something of the person ends with a result whose type is
``input_required``. The client sends the same call again, under a new id, with the answers and the
``requestState`` that it was given. For the person that is one call, so it is one row: the time of
all rounds, without the time in between.
"""

from __future__ import annotations

import atexit
import os
import time
from typing import TYPE_CHECKING, NamedTuple
from weakref import ref

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

PATIENCE_S = 30 * 60
"""For how many seconds an answer is waited for."""

MOST = 256
"""How many calls are kept in mind that wait for an answer."""


class Waiting(NamedTuple):
    """A call that waits for an answer."""

    duration_ms: float
    """How long its rounds ran until now."""
    started_ms: int
    """When the first began, in milliseconds of Unix time."""
    give_up: Callable[[float, int], None]
    """Called with both, if no answer comes."""
    since: float
    """When it began to wait, by the monotonic clock."""
    process: int
    """Where: what a forked child inherits is its parent's to give up."""


class Rounds:
    """Remembers what waits for an answer."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Hashable, Waiting]] = []
        """The oldest first. Calls that are asked alike have the same key."""
        # What nobody answers before the process ends is a call all the same.
        atexit.register(_give_up_all, ref(self))

    def wait(
        self,
        key: Hashable,
        duration_ms: float,
        started_ms: int,
        give_up: Callable[[float, int], None],
    ) -> None:
        """Remember a call that asked for input, and give up those that nobody answered.

        Args:
            key: what the client will send with the answer.
            duration_ms: how long its rounds ran until now.
            started_ms: when the first began.
            give_up: called with both, if no answer comes.
        """
        waiting = Waiting(duration_ms, started_ms, give_up, time.monotonic(), os.getpid())
        self._waiting.append((key, waiting))
        self.expire()

    def resume(self, key: Hashable) -> Waiting | None:
        """Return, and forget, the call that waited longest for an answer with this key."""
        for index, (waits_for, waiting) in enumerate(self._waiting):
            if waits_for == key:
                del self._waiting[index]
                return waiting
        return None

    def expire(self) -> None:
        """Give up what waited for too long, and the oldest of what is too many."""
        since = time.monotonic() - PATIENCE_S
        while self._waiting and (len(self._waiting) > MOST or self._waiting[0][1].since < since):
            self._give_up_first()

    def give_up_all(self) -> None:
        """Give up what waits."""
        while self._waiting:
            self._give_up_first()

    def _give_up_first(self) -> None:
        _, left = self._waiting.pop(0)
        if left.process == os.getpid():
            left.give_up(left.duration_ms, left.started_ms)


def _give_up_all(rounds: ref[Rounds]) -> None:
    found = rounds()
    if found is not None:
        found.give_up_all()
