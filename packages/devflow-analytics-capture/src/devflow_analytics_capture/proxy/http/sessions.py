"""Which session a call belongs to that comes over HTTP."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING

from devflow_analytics_capture.noting.line import LONGEST_NAME, new_id
from devflow_analytics_capture.proxy.sessions import Session, of_conversation
from devflow_analytics_recorder import conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_capture.proxy.calls import Caller

IDLE_SECONDS = 30 * 60
"""After how long without a call a client that has no session begins a new one."""

MOST = 256
"""How many clients are kept in mind that have no session."""


class HttpSessions:
    """Finds the session of each call: the first of these that is known.

    1. The agent's conversation, if the request names it.
    2. What the server has made: its HTTP session, or the stream of its first transport.
    3. The client's name and version, until `IDLE_SECONDS` pass without a call.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        """Begin.

        Args:
            clock: gives the time by which clients are idle, in seconds.
        """
        self._clock = clock
        self._idle: dict[tuple[str | None, str | None], tuple[Session, float]] = {}

    def of_client(self, caller: Caller) -> Session:
        """Return the session of a call that stands alone."""
        named = _of_conversation(caller)
        if named is not None:
            return named
        client, version = who = _cut(caller.client), _cut(caller.version)
        now = self._clock()
        session, last = self._idle.pop(who, (None, now))
        if session is None or now - last > IDLE_SECONDS:
            session = Session(new_id(), int(time()), client, version)
        self._idle[who] = session, now  # at the end: the first is the one idle for longest
        if len(self._idle) > MOST:
            del self._idle[next(iter(self._idle))]
        return session


class ServerSession:
    """A session that the server has made; its calls are one, but for conversations they name."""

    def __init__(self, key: str) -> None:
        """Begin.

        Args:
            key: its key in the database.
        """
        self._key = key
        self._started_at = int(time())

    def __call__(self, caller: Caller) -> Session:
        """Return the session of a call."""
        named = _of_conversation(caller)
        if named is not None:
            return named
        return Session(self._key, self._started_at, caller.client, caller.version)


def _of_conversation(caller: Caller) -> Session | None:
    named = conversation(caller.meta, caller.client) if caller.meta else None
    return None if named is None else of_conversation(named, caller)


def _cut(name: str | None) -> str | None:
    """Return a name no longer than the database keeps it: a client may send names of any length."""
    return name and name[:LONGEST_NAME]
