"""Pages of calls: in which order they come, and where a page goes on.

Where it goes on is told as text that means nothing to others.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import partial
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import msgspec

from devflow_analytics_dashboard.errors import bad_request
from devflow_analytics_reports import NewestAfter, SlowestAfter, newest_calls, slowest_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from devflow_analytics_reports import Call

T = TypeVar("T")

Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer that SQLite takes."""


class Page(NamedTuple):
    """A page of calls in some order."""

    calls: Callable[..., tuple[Call, ...]]
    """Returns the calls: takes a connection, a period, filters and a limit."""
    after: Callable[[Call], str]
    """Returns the text for the page that begins after a call."""


def newest(after: str | None) -> Page:
    """Return a page of the newest calls.

    Args:
        after: the text of the page before; None for the first page.

    Raises:
        RequestError: the text is none of this order.
    """
    place = NewestAfter(*_values(after, tuple[Whole, Whole])) if after else None
    return Page(partial(newest_calls, after=place), lambda call: _text(call.timestamp, call.rowid))


def slowest(after: str | None) -> Page:
    """Return a page of the slowest calls, as `newest` does."""
    place = SlowestAfter(*_values(after, tuple[float, Whole, Whole])) if after else None
    return Page(
        partial(slowest_calls, after=place),
        lambda call: _text(call.duration_ms, call.timestamp, call.rowid),
    )


def _text(*values: float) -> str:
    return urlsafe_b64encode(msgspec.json.encode(values)).decode().rstrip("=")


def _values(text: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except ValueError:
        raise bad_request(
            f"after is {text!r}. Give the value of next of an answer with the same order."
        ) from None
