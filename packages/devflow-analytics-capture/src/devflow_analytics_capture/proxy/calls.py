"""The tool calls of one connection: each from its request to its answer, whatever comes between."""

from time import time_ns

from devflow_analytics_capture.noting.line import line as line_of, new_id
from devflow_analytics_capture.proxy.endings import CANCELLED, TIMED_OUT, TRANSPORT, ending
from devflow_analytics_capture.proxy.messages import messages, outline, size_of_value
from devflow_analytics_recorder import call_id, named_id, native_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from devflow_analytics_capture.noting.line import Outcome
    from devflow_analytics_capture.proxy.lines import Line
    from devflow_analytics_capture.proxy.messages import Message
    from devflow_analytics_capture.proxy.notes import Notes
    from devflow_analytics_capture.proxy.sessions import Session, SessionOf

    RequestId: TypeAlias = str | int

SHORT = 2_048
"""In bytes. An answer that is longer, and no error, is not parsed."""

MOST_WAITING = 10_000
"""How many calls are kept in mind that are not answered; the oldest of more counts as lost."""

MOST_ASKED = 256
"""How many calls are kept in mind that wait for what their client was asked."""

MOST_USED = 1_024
"""How many keys of calls are kept in mind, so that an id that comes again is another call's."""

CLIENT_INFO = "io.modelcontextprotocol/clientInfo"
"""The key of ``_meta`` under which a client names itself in each request, since 2026-07-28."""

SERVER_INFO = "io.modelcontextprotocol/serverInfo"
"""The key of ``_meta`` under which a server names itself in each result, since then."""

_OF_CLIENT = (b"tools", b"initialize", b"discover", b"cancelled")
_ASKS = b'"input_required"'
_ENVELOPE = len('{"jsonrpc":"2.0","id":,"result":}')


class Caller:
    """Who makes a call, as far as the client says it."""

    __slots__ = ("client", "meta", "version")

    def __init__(self, client: str | None, version: str | None, meta: "Message") -> None:
        self.client = client
        """The name of the program."""
        self.version = version
        """Its version."""
        self.meta = meta
        """What came with the call as ``_meta``."""


class Waiting:
    """A call that is not answered yet."""

    __slots__ = ("began_ns", "call", "ran_ns", "request_bytes", "session", "started_ms", "tool")

    def __init__(
        self, call: str, tool: str, session: "Session", began_ns: int, request_bytes: int | None
    ) -> None:
        self.call = call
        """Its key in the database."""
        self.tool = tool
        self.session = session
        self.request_bytes = request_bytes
        """The size of its arguments."""
        self.began_ns = began_ns
        """When it passed, by the monotonic clock."""
        self.ran_ns = 0
        """How long it ran before that, up to where the client was asked for something."""
        self.started_ms = time_ns() // 1_000_000
        """When it passed first, in Unix milliseconds."""


class Conversation:
    """The calls of one connection. No method raises, and none changes what passes."""

    def __init__(  # noqa: PLR0913  what a connection is known by
        self,
        notes: "Notes",
        session_of: "SessionOf",
        *,
        connection: str | None = None,
        server: str | None = None,
        fallback: str | None = None,
        client: str | None = None,
        asked: "dict[tuple[str, str, str], Waiting] | None" = None,
    ) -> None:
        """Watch a connection.

        Args:
            notes: where calls are noted.
            session_of: returns the session of a call.
            connection: what tells its request ids from those of others, a UUID of version 7;
                without it each call has a new key.
            server: the server's name; without it the one that it gives itself.
            fallback: its name if it gives none.
            client: the client's name if it gives none.
            asked: where calls are kept whose client was asked for something, if they may go on in
                another conversation.
        """
        self._notes = notes
        self._session_of = session_of
        self._connection = connection
        self._server = server or fallback
        self._is_named = server is not None
        self._client: str | None = client
        self._version: str | None = None
        self._initialize: RequestId | None = None
        """The id of a request whose answer names the server, while it is not answered."""
        self._waiting: dict[RequestId, Waiting] = {}
        self._used: dict[str, None] = {}
        """The last keys that were made of ids of requests."""
        self._asked = {} if asked is None else asked
        """Calls whose client was asked for something, by session, tool and state."""

    @property
    def is_quiet(self) -> bool:
        """Whether nothing that the server can say now matters."""
        return not self._waiting and self._initialize is None

    @property
    def server(self) -> str | None:
        """The server's name, as far as it is known."""
        return self._server

    def from_client(self, line: "Line", ns: int) -> None:
        """Look at a line that the client sent.

        Args:
            line: the line.
            ns: when it passed, by the monotonic clock in nanoseconds.
        """
        head = line.head
        if line.is_whole and not any(word in head for word in _OF_CLIENT):
            return
        try:
            for message in messages(line):
                self._ask(message, line, ns)
        except Exception as fault:  # noqa: BLE001  what passes is more than what is noted
            self._notes.tell(fault)

    def from_server(self, line: "Line", ns: int) -> None:
        """Look at a line that the server sent; the arguments are as for `from_client`."""
        if self.is_quiet:
            return
        try:
            is_worth_it = line.size <= SHORT or line.marks_error or self._initialize is not None
            if is_worth_it or line.head[:1] == b"[" or _ASKS in line.head:
                found = messages(line)
            else:
                found = [outline(line)]
            for message in found:
                self._answer(message, line, ns)
        except Exception as fault:  # noqa: BLE001  as above
            self._notes.tell(fault)

    def cancel(self, request: object, ns: int, reason: object = None) -> None:
        """Note a call as given up by its client; if it was answered, nothing happens.

        Args:
            request: the id of the request.
            ns: when, by the monotonic clock.
            reason: what the client says. The TypeScript SDK says so if its time was up.
        """
        is_late = isinstance(reason, str) and "timed out" in reason
        self.fail(request, TIMED_OUT if is_late else CANCELLED, ns)

    def fail(self, request: object, outcome: "Outcome", ns: int) -> None:
        """Note a call as failed in a way that no answer tells; if it was answered, nothing happens.

        Args:
            request: the id of the request.
            outcome: how it failed.
            ns: when, by the monotonic clock.
        """
        try:
            waiting = self._waiting.pop(_id(request), None)  # type: ignore[arg-type]  # None is none
            if waiting is not None:
                self._note(waiting, outcome, ns)
        except Exception as fault:  # noqa: BLE001  as above
            self._notes.tell(fault)

    def forget(self, request: object) -> None:
        """Forget a call that is made again elsewhere; the argument is as for `cancel`."""
        self._waiting.pop(_id(request), None)  # type: ignore[arg-type]  # as above

    def end(self, ns: int) -> None:
        """Note what was not answered, as the connection is over: when, is as for `cancel`."""
        try:
            for waiting in self._waiting.values():
                self._note(waiting, TRANSPORT, ns)
            for waiting in self._asked.values():
                self._note(waiting, CANCELLED, waiting.began_ns)
        except Exception as fault:  # noqa: BLE001  as above
            self._notes.tell(fault)
        self._waiting.clear()
        self._asked.clear()

    def _ask(self, message: "Message", line: "Line", ns: int) -> None:
        method, params = message.get("method"), _object(message.get("params"))
        if method == "tools/call":
            self._begin(message.get("id"), params, line, ns)
        elif method == "notifications/cancelled":
            self.cancel(params.get("requestId"), ns, params.get("reason"))
        elif method in {"initialize", "server/discover"}:
            self._initialize = _id(message.get("id"))
            self._name_client(params.get("clientInfo"))

    def _begin(self, given: object, params: "Message", line: "Line", ns: int) -> None:
        request, tool = _id(given), params.get("name")
        if request is None or not isinstance(tool, str):
            return  # no call: nobody answers a notification, and no tool has no name
        meta = _object(params.get("_meta"))
        if CLIENT_INFO in meta:
            self._name_client(meta[CLIENT_INFO])
        session = self._session_of(Caller(self._client, self._version, meta))
        earlier = self._waiting.pop(request, None)
        if earlier is not None:  # nobody can tell whose answer will come
            self._note(earlier, TRANSPORT, ns)
        state = params.get("requestState")
        asked = self._asked.pop(_round(session, tool, state), None)
        if asked is not None and (state is not None or "inputResponses" in params):
            asked.began_ns = ns
            self._waiting[request] = asked
            return
        size = _size_of_arguments(line, params)
        self._waiting[request] = Waiting(self._key(request, meta), tool, session, ns, size)
        if len(self._waiting) > MOST_WAITING:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            self._note(oldest, TRANSPORT, ns)

    def _key(self, request: "RequestId", meta: "Message") -> str:
        native = native_id(meta)
        if native is not None:
            return named_id(self._client or "", native)
        if self._connection is None:
            return new_id()
        key = call_id(self._connection, request)
        if key in self._used:  # MCP forbids it, but simple clients give each request the same id
            return new_id()
        self._used[key] = None
        if len(self._used) > MOST_USED:
            del self._used[next(iter(self._used))]
        return key

    def _name_client(self, info: object) -> None:
        given = _object(info)
        name, version = given.get("name"), given.get("version")
        if isinstance(name, str) and name:
            self._client = name
            self._version = version if isinstance(version, str) else None

    def _name_server(self, info: object) -> None:
        name = _object(info).get("name")
        if not self._is_named and isinstance(name, str) and name:
            self._server = name

    def _answer(self, message: "Message", line: "Line", ns: int) -> None:
        if "method" in message:
            return  # the server asks or tells something
        request = _id(message.get("id"))
        if request is None:
            return
        result = _object(message.get("result"))
        if request == self._initialize:
            self._initialize = None
            self._name_server(result.get("serverInfo"))
            self._name_server(_object(result.get("_meta")).get(SERVER_INFO))
            return
        waiting = self._waiting.pop(request, None)
        if waiting is None:
            return  # of another request, or too late
        self._name_server(_object(result.get("_meta")).get(SERVER_INFO))
        if result.get("resultType") == "input_required":
            self._wait_for_input(waiting, result.get("requestState"), ns)
            return
        size = None if "error" in message else max(0, line.size - _ENVELOPE - len(str(request)))
        self._note(waiting, ending(waiting.tool, message, line), ns, size)

    def _wait_for_input(self, waiting: Waiting, state: object, ns: int) -> None:
        waiting.ran_ns += ns - waiting.began_ns
        waiting.began_ns = ns
        if len(self._asked) >= MOST_ASKED:
            oldest = self._asked.pop(next(iter(self._asked)))
            self._note(oldest, CANCELLED, oldest.began_ns)
        self._asked[_round(waiting.session, waiting.tool, state)] = waiting

    def _note(
        self, waiting: Waiting, outcome: "Outcome", ns: int, result_bytes: int | None = None
    ) -> None:
        duration_ms = (waiting.ran_ns + max(0, ns - waiting.began_ns)) / 1_000_000
        session = waiting.session
        self._notes.add(
            line_of(
                call=waiting.call,
                tool=waiting.tool,
                duration_ms=duration_ms,
                outcome=outcome,
                ended_ms=int(waiting.started_ms + duration_ms),
                started_ms=waiting.started_ms,
                session=session.id,
                session_started_at=session.started_at,
                source="proxy",
                request_bytes=waiting.request_bytes,
                result_bytes=result_bytes,
                server=self._server,
                client=session.client,
                client_version=session.version,
                project=self._notes.project,
            )
        )


def _object(value: object) -> "Message":
    return value if isinstance(value, dict) else {}


def _id(value: object) -> "RequestId | None":
    """Return the id of a request; None if it is none."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():  # to JavaScript 1.0 and 1 are the same
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _round(session: "Session", tool: str, state: object) -> tuple[str, str, str]:
    """Return what tells that a call goes on with one whose client was asked for something."""
    kept = named_id("requestState", state) if isinstance(state, str) else ""  # of any length
    return session.id, tool, kept


def _size_of_arguments(line: "Line", params: "Message") -> int | None:
    """Return the size of a call's arguments as they came, in bytes; None if that is not clear."""
    arguments = params.get("arguments")
    return size_of_value(line, "arguments", arguments) if "arguments" in params else 0
