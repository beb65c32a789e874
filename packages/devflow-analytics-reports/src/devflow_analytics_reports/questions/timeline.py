"""What happened in a session, tool by tool, and when?"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, floor, fsum
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import Filters
from devflow_analytics_reports.period import FIRST, LAST, Range
from devflow_analytics_reports.questions.sessions import Session, session
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.totals import nearest_rank, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LEAST_GAP_MS = 60_000
"""A gap between calls is squeezed only if it is longer, in milliseconds."""

LEAST_MEDIANS = 10
"""A gap between calls is squeezed only if it is longer than so many times the median gap."""

GAP_COLUMNS = 0.01
"""The share of all columns that a squeezed gap takes."""

MOST_GAP_COLUMNS = 0.25
"""The share of all columns that all squeezed gaps take at most."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a session without a gap that is squeezed; time passes evenly in all of them."""

    since_ms: int
    """When its first call began, in Unix milliseconds."""
    until_ms: int
    """When the last of its calls ended, in Unix milliseconds."""
    column: float
    """Where it begins, in columns from the left."""
    columns: float
    """How wide it is, in columns; 0 if it has no length beside the others."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Calls of one tool that began in the same column and ended in the same way."""

    column: float
    """Where the first of them begins, in columns from the left."""
    columns: float
    """How wide they are together, in columns; 0 if they took no time."""
    status: str
    """``success``, ``error`` or ``timeout``."""
    calls: int
    """Number of calls."""


@dataclass(frozen=True, slots=True)
class Lane:
    """The calls of one tool in a session."""

    server: str | None
    """The MCP server that has the tool; None if it is built into the agent, or not known."""
    tool: str
    calls: int
    """Number of its calls."""
    failed: int
    """Number of those that did not succeed."""
    total_ms: float
    """How long all of them took together, in milliseconds; at most the greatest float."""
    bars: tuple[Bar, ...]
    """Its calls, in the order of columns; where two begin alike, failures come last."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session, drawn over so many columns."""

    session: Session
    """The session, with all its calls."""
    columns: int
    """How many columns there are."""
    stretches: tuple[Stretch, ...]
    """What is between its long gaps, in order; none without calls."""
    lanes: tuple[Lane, ...]
    """The tools that took most time, that with the most first."""
    more_tools: int
    """Number of tools that are left out."""


@decodes_fast
def timeline(
    connection: Connection, session_id: str, *, now: int, columns: int = 600, lanes: int = 12
) -> Timeline:
    """Return what happened in a session, laid out to be drawn.

    A gap in which no call runs is squeezed if it is longer than a minute and than ten times the
    median gap. All squeezed gaps are equally wide.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        session_id: its whole id, as from `find_session`.
        now: the time, in Unix seconds.
        columns: how many columns there are to draw on.
        lanes: how many tools at most.

    Raises:
        SessionNotFoundError: there is no such session.
    """
    found = session(connection, session_id, now=now)
    calls = Calls(connection, Range(FIRST, LAST), Filters(sessions=(session_id,)))
    spans = sorted(map(_Span._make, calls.spans()), key=attrgetter("began"))
    parts = _parts(spans, columns)
    by_tool: defaultdict[tuple[str | None, str], list[_Span]] = defaultdict(list)
    for span in spans:
        by_tool[span.server, span.tool].append(span)
    tools = sorted(
        ((together([span.duration_ms for span in some]), *key) for key, some in by_tool.items()),
        key=lambda tool: (-tool[0], tool[2], tool[1] or ""),
    )
    shown = tuple(
        _lane(by_tool[server, name], total_ms, parts, columns)
        for total_ms, server, name in tools[:lanes]
    )
    stretches = tuple(part.stretch() for part in parts)
    return Timeline(found, columns, stretches, shown, len(tools) - len(shown))


class _Span(NamedTuple):
    """From when to when a call ran, in Unix milliseconds."""

    began: float
    ended: float
    server: str | None
    tool: str
    status: str
    duration_ms: float
    """How long it took; times may have been moved to years that clocks show."""


class _Part(NamedTuple):
    """A stretch, and how its times are laid out."""

    since: float
    until: float
    column: float
    """Where it begins."""
    every: float
    """How many milliseconds all stretches have together."""
    width: float
    """How many columns all stretches have together."""

    def place(self, time: float) -> float:
        """Return in which column a time of it is."""
        return self.column + (time - self.since) / self.every * self.width

    def stretch(self) -> Stretch:
        """Return it as it is shown."""
        columns = self.place(self.until) - self.column
        return Stretch(
            floor(self.since), ceil(self.until), _rounded(self.column), _rounded(columns)
        )


def _parts(spans: Sequence[_Span], columns: int) -> list[_Part]:
    """Return what is between the long gaps of calls, which are in the order of their beginning."""
    latest = list(accumulate((span.ended for span in spans), max))
    gaps = [span.began - ended for span, ended in zip(spans[1:], latest, strict=False)]
    longest = max(LEAST_GAP_MS, LEAST_MEDIANS * (nearest_rank(sorted(gaps), 50) or 0.0))
    cuts = [number for number, gap in enumerate(gaps, 1) if gap > longest]
    bounds = [
        (spans[first].began, latest[end - 1])
        for first, end in pairwise([0, *cuts, len(spans)])
        if spans
    ]
    gap_columns = min(GAP_COLUMNS, MOST_GAP_COLUMNS / max(len(cuts), 1)) * columns
    width = columns - gap_columns * len(cuts)
    every = fsum(until - since for since, until in bounds) or 1.0
    found = []
    column = 0.0
    for since, until in bounds:
        part = _Part(since, until, column, every, width)
        found.append(part)
        column = part.place(until) + gap_columns
    return found


def _lane(spans: Sequence[_Span], total_ms: float, parts: Iterable[_Part], columns: int) -> Lane:
    """Return the lane of the calls of one tool, which are in the order of their beginning."""
    following = iter(parts)
    part = next(following)
    places: dict[tuple[int, str], tuple[float, float, int]] = {}
    for span in spans:
        while span.began > part.until:
            part = next(following)
        left, right = part.place(span.began), part.place(span.ended)
        key = min(int(left), columns - 1), span.status
        first, last, calls = places.get(key, (left, right, 0))
        places[key] = first, max(last, right), calls + 1
    bars = [
        Bar(_rounded(left), _rounded(right - left), status, calls)
        for (_, status), (left, right, calls) in places.items()
    ]
    bars.sort(key=lambda bar: (bar.column, bar.status != "success", bar.status))
    failed = sum(span.status != "success" for span in spans)
    return Lane(spans[0].server, spans[0].tool, len(spans), failed, total_ms, tuple(bars))


def _rounded(columns: float) -> float:
    """Return columns as exactly as they can be drawn."""
    return round(columns, 3)
