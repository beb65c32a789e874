"""What the exception that ends a call says of how the call ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from devflow_analytics_schema import ErrorKindLike, StatusLike

_CANCELLED = {"CancelledError", "Cancelled"}
"""What asyncio, concurrent.futures and trio call it; none of them is imported for that."""


class Outcome(NamedTuple):
    """How a call ended."""

    status: StatusLike = "success"
    error_kind: ErrorKindLike | None = None
    error_type: str | None = None
    """The name of the exception's class; never its message."""


def outcome_of(error: BaseException | None) -> Outcome:
    """Return how a call ended that an exception left; None left it as it should be."""
    if error is None:
        return Outcome()
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    name = type(error).__name__
    if is_cancellation(error):
        return Outcome("error", "cancelled", name)
    if isinstance(error, TimeoutError):
        return Outcome("timeout", "tool", name)
    return Outcome("error", "tool", name)


def is_cancellation(error: BaseException) -> bool:
    """Tell whether somebody ended the call from outside: its task, its thread or the process."""
    return not isinstance(error, Exception) or any(
        kind.__name__ in _CANCELLED for kind in type(error).__mro__
    )
