"""Which session a call belongs to that comes over the standard input of a process."""

from time import time

from devflow_analytics_recorder import conversation, conversation_of_process, named_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from devflow_analytics_capture.proxy.calls import Caller

    SessionOf: TypeAlias = Callable[[Caller], "Session"]

MOST = 256
"""How many conversations are kept in mind."""


class Session:
    """What the lines of a session's calls say of it."""

    __slots__ = ("client", "id", "started_at", "version")

    def __init__(self, key: str, started_at: int, client: str | None, version: str | None) -> None:
        self.id = key
        """Its key in the database."""
        self.started_at = started_at
        """When it had begun at the latest, in Unix seconds."""
        self.client = client
        """The name of the client."""
        self.version = version
        """Its version."""


def of_conversation(named: tuple[str, str], caller: "Caller") -> Session:
    """Return the session of a conversation, by its kind and id."""
    return Session(named_id(*named), int(time()), caller.client, caller.version)


class ProcessSessions:
    """The sessions of a process: conversations that a client names, else the process itself."""

    def __init__(self, key: str) -> None:
        """Begin.

        Args:
            key: that of the session of the calls of which no conversation is known.
        """
        self._key = key
        self._started_at = int(time())
        self._sessions: dict[tuple[object, ...], Session] = {}

    def __call__(self, caller: "Caller") -> Session:
        """Return the session of a call."""
        named = conversation(caller.meta, caller.client) if caller.meta else None
        named = named or conversation_of_process(caller.client)
        key = (named, caller.client, caller.version)
        session = self._sessions.get(key)
        if session is None:
            if len(self._sessions) >= MOST:
                self._sessions.clear()  # what is asked for again is made again
            if named is not None:
                session = of_conversation(named, caller)
            else:
                session = Session(self._key, self._started_at, caller.client, caller.version)
            self._sessions[key] = session
        return session
