"""A call while it runs: when it began, and which exception its tool raised."""

from __future__ import annotations

import functools
import sys
import time
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_current: ContextVar[RunningCall | None] = ContextVar("devflow_analytics_call", default=None)


class RunningCall:
    """A call that a client made, while the server runs it."""

    __slots__ = ("_around", "_began", "_token", "fault", "running", "server", "started_ms")

    def __init__(self, server: object) -> None:
        self.server = server
        """The low-level server that runs it."""
        self.fault: BaseException | None = None
        """The exception from which the framework makes a result that says ``isError``."""
        self.running = True
        self.started_ms = time.time_ns() // 1_000_000
        """When it began, in milliseconds of Unix time."""
        self._around: BaseException | None = sys.exception()
        self._token = _current.set(self)
        self._began = time.perf_counter()

    def end(self) -> float:
        """End it; return how long it ran, in milliseconds."""
        duration_ms = (time.perf_counter() - self._began) * 1_000
        self.running = False
        with suppress(ValueError):  # given up by a loop that ended, in another context
            _current.reset(self._token)
        return duration_ms

    def forget(self) -> None:
        """Let go of what was raised: a task that the tool left behind may keep this."""
        self.fault = self._around = None

    def note(self, fault: BaseException | None) -> None:
        """Remember what the tool raised, unless it was being handled before the call began."""
        if fault is None or fault is not self._around:
            self.fault = fault


def within_another() -> bool:
    """Return whether a call would be part of another that runs.

    A proxy or a mounted server hands calls on within the process; the client made only the first.
    """
    outer = _current.get()
    return outer is not None and outer.running


def current(server: object) -> RunningCall | None:
    """Return the call that a server runs here; None if it runs none for a client."""
    call = _current.get()
    return call if call is not None and call.running and call.server is server else None


def tap(owner: object, name: str, server: object) -> None:
    """Note what a method of an object raises, while a server runs a call.

    The method is replaced on this one object. It returns and raises what it did before.

    Args:
        owner: the object.
        name: the name of a coroutine function of it.
        server: the low-level server whose calls run through it.
    """
    method: Callable[..., Awaitable[object]] = getattr(owner, name)

    @functools.wraps(method)
    async def tapped(*args: object, **kwargs: object) -> object:
        try:
            result = await method(*args, **kwargs)
        except BaseException as fault:
            _note(server, fault)
            raise
        _note(server, None)
        return result

    setattr(owner, name, tapped)


def tap_handled(owner: object, name: str, server: object) -> None:
    """Note which exception is handled where a method of an object is called.

    Args:
        owner: the object.
        name: the name of a function of it that makes a result from a message.
        server: the low-level server whose calls run through it.
    """
    method: Callable[..., object] = getattr(owner, name)

    @functools.wraps(method)
    def tapped(*args: object, **kwargs: object) -> object:
        _note(server, sys.exception())
        return method(*args, **kwargs)

    setattr(owner, name, tapped)


def _note(server: object, fault: BaseException | None) -> None:
    with suppress(Exception):  # the tool comes first
        call = current(server)
        if call is not None:
            call.note(fault)
