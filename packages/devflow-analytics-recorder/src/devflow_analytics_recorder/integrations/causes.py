"""What an exception comes from, when a framework has wrapped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRAPPERS = frozenset(
    {
        "FastMCPError",
        "MCPError",
        "McpError",
        "ResourceError",
        "ToolError",
        "UnexpectedResourceError",
        "UnexpectedToolError",
    }
)
"""Classes of `mcp` and `fastmcp` that say only that a call failed."""

_TIMEOUTS = frozenset({"Timeout", "TimeoutException", "TimeoutExpired"})
"""Base classes of timeouts which are no `TimeoutError`: of requests, httpx, and subprocess."""

_CANCELLATIONS = frozenset({"CancelledError", "Cancelled"})
"""How a call is cancelled: by asyncio, and by Trio."""

_DEEPEST = 16
"""How many exceptions are followed: a chain may be made a ring."""


def origin(fault: BaseException) -> str:
    """Return the package in which the class of an exception is defined."""
    return type(fault).__module__.partition(".")[0]


def cause_of(fault: BaseException) -> BaseException:
    """Return what a framework's exception wraps, or the exception itself.

    A group with one exception counts as that exception. What a framework raises ``from None``, as
    FastMCP does when a tool takes too long, still has a context, and is followed.
    """
    for _ in range(_DEEPEST):
        inner = _only(fault)
        if inner is None and _wraps(fault):
            inner = fault.__cause__ or fault.__context__
        if inner is None:
            break
        fault = inner
    return fault


def timed_out(fault: BaseException) -> bool:
    """Return whether a timeout is among what an exception comes from."""
    return any(
        isinstance(each, TimeoutError)
        or any(base.__name__ in _TIMEOUTS for base in type(each).__mro__)
        for each in _chain(fault)
    )


def cancelled(fault: BaseException) -> bool:
    """Return whether an exception says that the call was cancelled, or its task was given up."""
    return type(fault).__name__ in _CANCELLATIONS or isinstance(fault, GeneratorExit)


def _chain(fault: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = fault
    for _ in range(_DEEPEST):
        if each is None:
            return
        yield each
        context = each.__context__ if _wraps(each) or not each.__suppress_context__ else None
        each = _only(each) or each.__cause__ or context


def _only(fault: BaseException) -> BaseException | None:
    """Return the one exception in a group."""
    if isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        only: BaseException = fault.exceptions[0]
        return only
    return None


def _wraps(fault: BaseException) -> bool:
    return type(fault).__name__ in _WRAPPERS and origin(fault) in {"mcp", "fastmcp"}
