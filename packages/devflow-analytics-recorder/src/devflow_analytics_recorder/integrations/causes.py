"""What an exception comes from, when a framework has wrapped it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRAMEWORKS = frozenset({"mcp", "fastmcp"})

_WRAPPERS = frozenset(
    {
        "FastMCPError",
        "MCPError",
        "McpError",
        "ResourceError",
        "ToolError",
        "UnexpectedResourceError",
        "UnexpectedToolError",
        "_ToolBodyError",
    }
)
"""Classes of the frameworks that say only that a call failed."""

_TIMEOUTS = frozenset({"Timeout", "TimeoutException", "TimeoutExpired"})
"""Base classes of timeouts which are no `TimeoutError`: of requests, httpx, and subprocess."""

_DEEPEST = 16
"""How many exceptions are followed: a chain may be made a ring."""


def package_of(fault: BaseException) -> str:
    """Return the package in which the class of an exception is defined."""
    return type(fault).__module__.partition(".")[0]


def cause_of(fault: BaseException) -> BaseException:
    """Return what a framework's exception wraps, or the exception itself.

    A group with one exception counts as that exception. What a framework raises ``from None``, as
    FastMCP does when a tool takes too long, still has a context, and is followed.
    """
    for _ in range(_DEEPEST):
        inner = _only(fault) or (_wrapped(fault) if _wraps(fault) else None)
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


def _chain(fault: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = fault
    for _ in range(_DEEPEST):
        if each is None:
            return
        yield each
        inner = _only(each) or (_wrapped(each) if _wraps(each) else each.__cause__)
        if inner is None and not each.__suppress_context__:
            inner = each.__context__
        each = inner


def _only(fault: BaseException) -> BaseException | None:
    """Return the one exception in a group."""
    if isinstance(fault, BaseExceptionGroup) and len(fault.exceptions) == 1:
        only: BaseException = fault.exceptions[0]
        return only
    return None


def _wraps(fault: BaseException) -> bool:
    return type(fault).__name__ in _WRAPPERS and package_of(fault) in _FRAMEWORKS


def _wrapped(fault: BaseException) -> BaseException | None:
    """Return what a wrapper was raised from, or while it was handled.

    A framework may have looked for the tool elsewhere before; what it handled then is no cause.
    """
    if fault.__cause__ is not None:
        return fault.__cause__
    context = fault.__context__
    if context is None or (package_of(context) in _FRAMEWORKS and not _wraps(context)):
        return None
    return context
