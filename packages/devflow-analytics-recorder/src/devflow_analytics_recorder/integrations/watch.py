"""What all servers have in common: from a request to the row of its call."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from devflow_analytics_recorder.conversations import native_id
from devflow_analytics_recorder.ids import named_id
from devflow_analytics_recorder.integrations.additions import addition
from devflow_analytics_recorder.integrations.calls import RunningCall, within_another
from devflow_analytics_recorder.integrations.endings import Ending
from devflow_analytics_recorder.integrations.rounds import Rounds
from devflow_analytics_recorder.integrations.sessions import Sessions
from devflow_analytics_recorder.integrations.sizes import Sizes
from devflow_analytics_recorder.log import log_once
from devflow_analytics_recorder.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_recorder.integrations.sessions import Caller
    from devflow_analytics_recorder.recorder import Recorder, Session

T = TypeVar("T")

GIVEN_UP = Ending(Outcome("error", "cancelled"))
"""How a call ended that asked the client for input and never got it."""


class Request(NamedTuple):
    """A ``tools/call`` as it came."""

    tool: str
    arguments: object
    caller: Caller
    answers: bool = False
    """Whether it goes on with a call that asked for input."""
    state: str | None = None
    """The ``requestState`` that came with the answers."""
    id: object = None
    """Its JSON-RPC id; None if it has none."""
    channel: object = None
    """To what the server writes the answer, as far as that can be found."""


class Watched(NamedTuple):
    """A call that is watched."""

    running: RunningCall
    request: Request
    session: Session | None = None
    """None if a proxy records it."""
    request_bytes: int | None = None


class Watch:
    """Records the calls of one server. No method raises."""

    def __init__(self, recorder: Recorder, server: object) -> None:
        self.recorder = recorder
        """Where they are recorded."""
        self._server = server
        self._sessions = Sessions(recorder)
        self._sizes = Sizes()
        self._rounds = Rounds()

    def begin(self, read: Callable[[T], Request | None], source: T) -> Watched | None:
        """Begin a call.

        Args:
            read: reads the request; None if there is nothing to record.
            source: what it is read from.

        Returns:
            What `end` wants; None if the call is not to be recorded, or recorded already as what
            it is part of.
        """
        try:
            if within_another():
                return None
            self._rounds.expire()
            request = read(source)
            if request is None:
                return None
            if request.caller.request is None and self.recorder._proxy():  # noqa: SLF001  made for each other
                return Watched(RunningCall(self._server), request)
            size = self._sizes.arguments(request.arguments)
            session = self._sessions.of(request.caller)
            return Watched(RunningCall(self._server), request, session, size)
        except Exception as fault:  # noqa: BLE001  the server's call comes first
            _tell("begin", fault)
            return None

    def end(self, call: Watched, judge: Callable[[Watched, T], Ending], what: T) -> None:
        """End a call, and record it.

        Args:
            call: what `begin` returned.
            judge: says how it ended.
            what: the result or exception with which it ended.
        """
        try:
            duration_ms = call.running.end()
            ending = judge(call, what)
            call.running.forget()
            self._record(call, duration_ms, ending)
        except Exception as fault:  # noqa: BLE001  the server's answer comes first
            _tell("end", fault)

    def _record(self, call: Watched, duration_ms: float, ending: Ending) -> None:
        request, session = call.request, call.session
        started_ms = call.running.started_ms
        if session is None:
            self._add(request, duration_ms, started_ms, ending)
            return
        if request.answers:
            earlier = self._rounds.resume(_key(session, call, request.state))
            if earlier is not None:
                duration_ms += earlier.duration_ms
                started_ms = earlier.started_ms
        write = partial(
            _write,
            session=session,
            tool=request.tool,
            request_bytes=call.request_bytes,
            native_id=native_id(request.caller.meta),
        )
        if ending.asks:
            key = _key(session, call, ending.state)
            self._rounds.wait(key, duration_ms, started_ms, partial(write, ending=GIVEN_UP))
        else:
            result = ending.result
            size = None if result is None else self._sizes.result(result, ending.content)
            write(duration_ms, started_ms, ending=ending, result_bytes=size)

    def _add(self, request: Request, duration_ms: float, started_ms: int, ending: Ending) -> None:
        """Add to what the proxy records of a call."""
        proxy, writer = self.recorder._proxy(), self.recorder._writer  # noqa: SLF001  the same
        if proxy is None or writer is None:
            return
        line = addition(proxy, request, duration_ms, started_ms, ending)
        if line is not None:
            writer.append(line)


def _key(session: Session, call: Watched, state: str | None) -> tuple[object, ...]:
    """Return what tells that a call with answers goes on with one that asked.

    It is the same tool's, with arguments of the same size, in the same session, and with the state
    that the server sent, if it has something to remember.
    """
    kept = None if state is None else named_id("requestState", state)  # it may be of any length
    return (session.id, call.request.tool, call.request_bytes, kept)


def _write(  # noqa: PLR0913  one a column
    duration_ms: float,
    started_ms: int,
    *,
    session: Session,
    tool: str,
    request_bytes: int | None,
    native_id: str | None,
    ending: Ending,
    result_bytes: int | None = None,
) -> None:
    outcome = ending.outcome
    session.record(
        tool,
        duration_ms,
        outcome.status,
        error_type=outcome.error_type,
        error_kind=outcome.error_kind,
        error_code=ending.code,
        started_ms=started_ms,
        request_bytes=request_bytes,
        result_bytes=result_bytes,
        native_id=native_id,
    )


def _tell(where: str, fault: Exception) -> None:
    """Log a fault of ours, once for each class; its message may quote what a tool was given."""
    kind = type(fault).__name__
    log_once(f"{where} {kind}", "a call was not recorded, and others may not be: %s", kind)
