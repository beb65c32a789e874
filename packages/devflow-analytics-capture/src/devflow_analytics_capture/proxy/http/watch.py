"""What is in requests and answers, for the conversations that they belong to."""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

from devflow_analytics_capture.proxy.endings import CANCELLED, TRANSPORT, code_of
from devflow_analytics_capture.proxy.http.bodies import JsonBody, NoMessages, body_of
from devflow_analytics_capture.proxy.http.conversations import Conversations
from devflow_analytics_capture.proxy.http.exchange import Exchange, SafeExchange
from devflow_analytics_capture.proxy.messages import messages

if TYPE_CHECKING:
    from devflow_analytics_capture.noting.line import Outcome
    from devflow_analytics_capture.proxy.calls import Conversation
    from devflow_analytics_capture.proxy.http.bodies import Body
    from devflow_analytics_capture.proxy.http.exchange import Headers
    from devflow_analytics_capture.proxy.lines import Line
    from devflow_analytics_capture.proxy.notes import Notes

SESSION = b"mcp-session-id"
PROTOCOL_VERSION = b"mcp-protocol-version"

CLOSING_CANCELS = b"2026-07-28"
"""Since this revision of MCP, a client cancels a request by closing the stream of its answer."""

ACCEPTED, REDIRECTED, REFUSED = 202, 300, 400


class Watch:
    """Notes the calls that pass between the clients of a local server and the server behind it."""

    def __init__(self, notes: Notes, *, server: str | None, client: str | None) -> None:
        """Begin; the arguments are those of `Conversations`."""
        self._tell = notes.tell
        self._conversations = Conversations(notes, server=server, client=client)

    def begin(self, method: bytes, target: bytes, headers: Headers) -> Exchange:
        """Begin a request; neither this nor what it returns ever raises.

        Args:
            method: of the request.
            target: its path, with its query.
            headers: names in lower case, and values.
        """
        kind = {b"POST": Asking, b"GET": Listening, b"DELETE": Ending}.get(method)
        if kind is None:
            return Exchange()
        return SafeExchange(lambda: kind(self._conversations, target, dict(headers)), self._tell)

    def end(self) -> None:
        """Note what was not answered, as no answers will pass any more."""
        self._conversations.end()


class Asking(Exchange):
    """A request with a message, and its answer, which may come with it or in another stream."""

    def __init__(
        self, conversations: Conversations, target: bytes, headers: dict[bytes, bytes]
    ) -> None:
        """Begin, with the head of the request."""
        self._conversations = conversations
        self._body = JsonBody()
        self._conversation: Conversation | None = None
        self._is_alone = self._is_elsewhere = False
        session = headers.get(SESSION)
        if session is not None:
            self._conversation = conversations.of_session(session)
        else:
            self._conversation = conversations.at_endpoint(target)
            self._is_elsewhere = self._conversation is not None
        self._closing_cancels = headers.get(PROTOCOL_VERSION, b"") >= CLOSING_CANCELS
        self._held: list[tuple[Line, int]] = []
        """What was asked before it is known in which conversation."""
        self._ids: list[object] = []
        """Of the requests that were asked."""
        self._status = 0
        self._is_lost = False
        """Whether no answer can be seen: the client asks elsewhere, or nobody here can read it."""
        self._answer: Body = NoMessages()
        self._error: int | None = None
        """The code of the error that a refusal holds."""

    def see_request(self, data: bytes) -> None:
        """See a part of the message."""
        self._body.feed(data)

    def end_request(self) -> None:
        """See the message."""
        if self._is_lost:  # which a server may say before it has read all
            return
        now = monotonic_ns()
        for line in self._body.end():
            self._ids += [each.get("id") for each in messages(line) if "method" in each]
            if self._conversation is None:
                self._held.append((line, now))
            else:
                self._conversation.from_client(line, now)

    def see_head(self, status: int, headers: Headers) -> None:
        """See whether there will be an answer, and in which conversation."""
        given = dict(headers)
        self._status = status
        body = body_of(given)
        if REDIRECTED <= status < REFUSED or (body is None and status < REDIRECTED):
            self._is_lost = True
            self._held.clear()
            for request in self._ids:
                if self._conversation is not None:
                    self._conversation.forget(request)
            return
        session = given.get(SESSION)
        if self._conversation is None and session is not None:
            self._enter(self._conversations.of_session(session))
        self._enter_own()
        self._answer = body or NoMessages()

    def see_answer(self, data: bytes) -> None:
        """See a part of the answer."""
        self._hear(self._answer.feed(data))

    def end_answer(self) -> None:
        """See the end of the answer."""
        self._hear(self._answer.end())
        self._end(by_client=False)

    def break_off(self, *, by_client: bool) -> None:
        """See that there will be no answer."""
        self._enter_own()
        self._end(by_client=by_client)

    def _enter_own(self) -> None:
        if self._conversation is None:
            self._is_alone = True
            self._enter(self._conversations.of_request())

    def _enter(self, conversation: Conversation) -> None:
        self._conversation = conversation
        for line, ns in self._held:
            conversation.from_client(line, ns)
        self._held.clear()

    def _hear(self, lines: list[Line]) -> None:
        conversation = self._conversation
        if conversation is None:
            return
        now = monotonic_ns()
        for line in lines:
            conversation.from_server(line, now)
            if self._status >= REFUSED:
                self._error = _code_of_error(line)
        if lines:
            self._conversations.learn_name(conversation)

    def _end(self, *, by_client: bool) -> None:
        """Note what was asked and not answered, unless the answer may still come."""
        conversation = self._conversation
        if conversation is None:
            return
        outcome: Outcome = TRANSPORT
        if self._status >= REFUSED:
            outcome = ("error", "transport", None, self._status)
            if self._error is not None:
                outcome = ("error", "protocol", None, self._error)
        elif by_client and self._closing_cancels:
            outcome = CANCELLED
        elif self._is_elsewhere or (
            not self._is_alone and (self._status == ACCEPTED or self._answer.has_ids)
        ):
            return
        now = monotonic_ns()
        for request in self._ids:
            conversation.fail(request, outcome, now)


class Listening(Exchange):
    """A request for a stream of what the server has to say."""

    def __init__(
        self, conversations: Conversations, target: bytes, headers: dict[bytes, bytes]
    ) -> None:
        """Begin, with the head of the request."""
        self._conversations = conversations
        self._target = target
        self._body: Body = NoMessages()
        session = headers.get(SESSION)
        self._is_own = session is None
        self._conversation = (
            conversations.of_stream() if session is None else conversations.of_session(session)
        )
        self._has_endpoint = False

    def see_head(self, status: int, headers: Headers) -> None:
        """See whether there will be messages."""
        if status < REDIRECTED:
            self._body = body_of(dict(headers)) or NoMessages()

    def see_answer(self, data: bytes) -> None:
        """See what the server says, and where it wants to be answered."""
        lines = self._body.feed(data)
        endpoint = self._body.endpoint
        if endpoint is not None and not self._has_endpoint:
            self._has_endpoint = True
            self._conversations.name_endpoint(self._conversation, self._target, endpoint)
        now = monotonic_ns()
        for line in lines:
            self._conversation.from_server(line, now)

    def end_answer(self) -> None:
        """See that the server has no more to say."""
        if self._is_own:
            self._conversations.end_stream(self._conversation)

    def break_off(self, *, by_client: bool) -> None:
        """See that the stream has ended, by whomever."""
        del by_client
        self.end_answer()


class Ending(Exchange):
    """A request to end a session."""

    def __init__(
        self, conversations: Conversations, target: bytes, headers: dict[bytes, bytes]
    ) -> None:
        """Begin, with the head of the request."""
        del target
        self._conversations = conversations
        self._session = headers.get(SESSION)

    def see_head(self, status: int, headers: Headers) -> None:
        """See whether the session has ended."""
        del headers
        if status < REDIRECTED and self._session is not None:
            self._conversations.end_session(self._session)


def _code_of_error(line: Line) -> int | None:
    """Return the code of the first JSON-RPC error that has one."""
    codes = (code_of(message.get("error")) for message in messages(line))
    return next((code for code in codes if code is not None), None)
