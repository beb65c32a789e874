"""The conversations that are held with a server over HTTP, each of one request or of several."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from devflow_analytics_capture.noting.line import new_id
from devflow_analytics_capture.proxy.calls import Conversation
from devflow_analytics_capture.proxy.http.sessions import HttpSessions, ServerSession
from devflow_analytics_recorder import named_id

if TYPE_CHECKING:
    from devflow_analytics_capture.proxy.calls import Waiting
    from devflow_analytics_capture.proxy.notes import Notes
    from devflow_analytics_capture.proxy.sessions import SessionOf

MOST = 1_000
"""How many are kept in mind. Of the one unused for longest, what waits is given up."""


class Conversations:
    """The conversations with one server.

    A session that the server has made is one, whichever streams its answers come in. So is a stream
    of MCP's first HTTP transport, with the requests that are sent where it says. Without either, a
    request and its answer are one.
    """

    def __init__(self, notes: Notes, *, server: str | None, client: str | None) -> None:
        """Begin.

        Args:
            notes: where calls are noted.
            server: the server's name; without it the one that it gives itself.
            client: the client's name if it gives none.
        """
        self._notes = notes
        self._server = server
        self._client = client
        self._said_name: str | None = None
        """The name that the server has given itself."""
        self._sessions = HttpSessions()
        self._known: dict[str, Conversation] = {}
        self._asked: dict[tuple[str, str, str], Waiting] = {}
        """Calls without a session whose client was asked for something, and will ask again."""

    def of_session(self, value: bytes) -> Conversation:
        """Return the conversation of a session.

        Args:
            value: what the server calls it: a credential, of which nothing is kept but a hash, the
                same that the recorder in a server keeps.
        """
        key = named_id("mcp-session-id", value.decode("latin-1"))
        conversation = self._known.pop(key, None)
        if conversation is None:
            conversation = self._begun(ServerSession(key))
        self._keep(key, conversation)
        return conversation

    def end_session(self, value: bytes) -> None:
        """Forget a session that has ended."""
        conversation = self._known.pop(named_id("mcp-session-id", value.decode("latin-1")), None)
        if conversation is not None:
            conversation.end(monotonic_ns())

    def of_stream(self) -> Conversation:
        """Return the conversation of a stream of the first HTTP transport."""
        return self._begun(ServerSession(new_id()))

    def name_endpoint(self, conversation: Conversation, target: bytes, endpoint: bytes) -> None:
        """Remember where the requests of a stream's conversation are sent.

        Args:
            conversation: of the stream.
            target: the path at which the stream was asked for.
            endpoint: what it says, which counts from there.
        """
        address = urljoin(f"http://server{target.decode('latin-1')}", endpoint.decode("latin-1"))
        path = urlsplit(address)._replace(scheme="", netloc="", fragment="").geturl()
        self._keep(named_id("endpoint", path), conversation)

    def at_endpoint(self, target: bytes) -> Conversation | None:
        """Return the conversation whose requests are sent to a path."""
        return self._known.get(named_id("endpoint", target.decode("latin-1")))

    def end_stream(self, conversation: Conversation) -> None:
        """Forget the conversation of a stream that has ended."""
        conversation.end(monotonic_ns())
        for key in [key for key, known in self._known.items() if known is conversation]:
            del self._known[key]

    def of_request(self) -> Conversation:
        """Return the conversation of a request that stands alone."""
        return self._begun(self._sessions.of_client, self._asked)

    def learn_name(self, conversation: Conversation) -> None:
        """Remember what the server calls itself, for requests to which it does not say it."""
        self._said_name = conversation.server or self._said_name

    def end(self) -> None:
        """Note what was not answered, as no answers will pass any more."""
        for conversation in (*self._known.values(), self.of_request()):
            conversation.end(monotonic_ns())
        self._known.clear()

    def _begun(
        self, session_of: SessionOf, asked: dict[tuple[str, str, str], Waiting] | None = None
    ) -> Conversation:
        return Conversation(
            self._notes,
            session_of,
            server=self._server,
            fallback=self._said_name,
            client=self._client,
            asked=asked,
        )

    def _keep(self, key: str, conversation: Conversation) -> None:
        self._known[key] = conversation  # at the end: the first is the one unused for longest
        if len(self._known) > MOST:
            self._known.pop(next(iter(self._known))).end(monotonic_ns())
