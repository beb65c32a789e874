"""The session to which a call belongs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol
from weakref import WeakKeyDictionary

from devflow_analytics_recorder.conversations import (
    conversation,
    conversation_of_process,
)
from devflow_analytics_recorder.ids import named_id
from devflow_analytics_recorder.line import clean_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devflow_analytics_recorder.recorder import Recorder, Session

IDLE_S = 30 * 60
"""After how many seconds without a call a client that has no session begins a new one."""

MOST = 256
"""How many sessions are kept in mind that no connection holds."""

_SESSION_HEADER = "mcp-session-id"


class HttpRequest(Protocol):
    """What is used of Starlette's ``Request``."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Its headers, by names in any case."""
        ...


class Caller(NamedTuple):
    """Who makes a call, as far as the request says it."""

    client: str | None
    version: str | None
    meta: Mapping[str, object]
    connection: object | None
    """What lives as long as the client's connection; None if each request stands alone."""
    request: HttpRequest | None
    """The HTTP request; None over stdio and within a process."""


class Sessions:
    """Finds the session of each call of a server: the first of these that is known.

    1. The agent's conversation, by its name in the request or in the environment of the process.
    2. The session that an HTTP server made, by its ``Mcp-Session-Id``.
    3. The connection, over stdio and SSE.
    4. The client's name and version, until `IDLE_S` seconds pass without a call.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        # What a client sends may be of any length: kept are only names that were cut, and hashes.
        self._connections: WeakKeyDictionary[object, Session] = WeakKeyDictionary()
        self._keyed: dict[tuple[object, ...], Session] = {}
        self._idle: dict[tuple[str | None, str | None], tuple[Session, float]] = {}

    def of(self, caller: Caller) -> Session:
        """Return the session of a call."""
        if caller.meta:
            key = conversation(caller.meta, caller.client)
            if key is not None:
                return self._of_key(key, caller)
        if caller.connection is None:
            return self._of_request(caller)
        session = self._connections.get(caller.connection)
        if session is None:
            session = self._connections[caller.connection] = self._of_connection(caller)
        return session

    def _of_connection(self, caller: Caller) -> Session:
        if caller.request is not None:
            key = _session_of_http(caller.request)
        else:
            key = conversation_of_process(caller.client)
        return self._new(caller) if key is None else self._of_key(key, caller)

    def _of_request(self, caller: Caller) -> Session:
        if caller.request is not None:
            key = _session_of_http(caller.request)
            if key is not None:
                return self._of_key(key, caller)
        now = time.monotonic()
        client = (clean_name(caller.client), clean_name(caller.version))
        session, last = self._idle.pop(client, (None, now))
        if session is None or now - last > IDLE_S:
            session = self._new(caller)
        self._idle[client] = (session, now)
        if len(self._idle) > MOST:
            del self._idle[next(iter(self._idle))]
        return session

    def _of_key(self, key: tuple[str, str], caller: Caller) -> Session:
        full = (named_id(*key), clean_name(caller.client), clean_name(caller.version))
        session = self._keyed.pop(full, None)
        if session is None:
            session = self._new(caller, key)
        self._keyed[full] = session  # at the end: the first is the one unused for longest
        if len(self._keyed) > MOST:
            del self._keyed[next(iter(self._keyed))]
        return session

    def _new(self, caller: Caller, key: tuple[str, str] | None = None) -> Session:
        session = self._recorder.session(
            client=caller.client, client_version=caller.version, key=key
        )
        session._leaves = False  # noqa: SLF001  made for each other
        return session


def _session_of_http(request: HttpRequest) -> tuple[str, str] | None:
    # A credential: the recorder makes the session's id from its hash, and keeps nothing else.
    value = request.headers.get(_SESSION_HEADER)
    return (_SESSION_HEADER, value) if value else None
