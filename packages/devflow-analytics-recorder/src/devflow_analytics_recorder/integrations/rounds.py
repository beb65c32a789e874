"""Calls that stop to ask the client for input, and are asked again with the answer.

Since revision 2026-07-28 a tool that needs something of the person ends with a result whose type is
``input_required``. The client sends the same call again, under a new id, with the answers and the
``requestState`` that it was given. For the person that is one call, so it is one row: the time of
all rounds, without the time in between.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

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


class Rounds:
    """Remembers what waits for an answer."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Waiting] = {}

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
        now = time.monotonic()
        self._waiting[key] = Waiting(duration_ms, started_ms, give_up, now)
        while self._waiting:
            oldest = next(iter(self._waiting))
            if len(self._waiting) <= MOST and now - self._waiting[oldest].since <= PATIENCE_S:
                break
            left = self._waiting.pop(oldest)
            left.give_up(left.duration_ms, left.started_ms)

    def resume(self, key: Hashable) -> Waiting | None:
        """Return, and forget, the call that waited for an answer which came with this key."""
        return self._waiting.pop(key, None)
