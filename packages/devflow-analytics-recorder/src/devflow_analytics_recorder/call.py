"""One tool call while it runs: measured by a ``with`` block around it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from devflow_analytics_recorder.outcome import Outcome, outcome_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from devflow_analytics_recorder.recorder import Session
    from devflow_analytics_schema import ErrorKindLike


class Call:
    """A tool call; `Session.call` makes it.

    It is recorded when its block ends, ``with`` or ``async with``: as a success, or as what the
    exception that leaves the block says. `TimeoutError` is a timeout; what cancels a task or ends
    the process is an error of kind ``cancelled``; all else is an error of kind ``tool``. The
    exception goes on as it would without us.
    """

    __slots__ = (
        "_agent",
        "_failed",
        "_native_id",
        "_session",
        "_start",
        "_started_ms",
        "goes_on",
        "request_bytes",
        "result_bytes",
        "tool",
    )

    def __init__(
        self, session: Session, tool: str, *, agent: str | None, native_id: str | None
    ) -> None:
        self.tool = tool
        """The name of the tool."""
        self.request_bytes: int | None = None
        """The size of the arguments, if it is to be recorded."""
        self.result_bytes: int | None = None
        """The size of the result, if it is to be recorded."""
        self._session = session
        self._agent = agent
        self._native_id = native_id
        self.goes_on = False
        """Whether the end of its block is not the end of the call."""
        self._failed: Outcome | None = None

    def fail(self, error_type: str | None = None, kind: ErrorKindLike = "tool") -> None:
        """Say that the call fails, though no exception leaves the block.

        Args:
            error_type: the name of a class or a code; never a message.
            kind: how it fails.
        """
        self._failed = Outcome("error", kind, error_type)

    def __enter__(self) -> Self:
        self._started_ms = time.time_ns() // 1_000_000
        self._start = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        duration_ms = (time.perf_counter() - self._start) * 1000
        if self.goes_on and error is None:
            return
        try:
            outcome = (self._failed if error is None else None) or outcome_of(error)
        except Exception:  # noqa: BLE001  a class may hide its name
            outcome = Outcome("error", "tool")
        self._session.record(
            self.tool,
            duration_ms,
            outcome.status,
            error_type=outcome.error_type,
            error_kind=outcome.error_kind,
            started_ms=self._started_ms,
            request_bytes=self.request_bytes,
            result_bytes=self.result_bytes,
            agent=self._agent,
            native_id=self._native_id,
        )

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)
