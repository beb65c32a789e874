"""Cells of tables, and names in them, that several commands print in the same way."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from devflow_analytics_cli.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_cli.layout import Style
    from devflow_analytics_reports import Totals

FEW = 20
"""Percentiles of fewer calls say little, and are marked."""

FEW_MARK = "~"
"""The mark."""

FEWEST = 5
"""A median of fewer calls says nothing, and is left out."""

WORRYING = 0.1
"""The share of failing calls from which on it is shown in red."""


def median(totals: Totals) -> str:
    """Return the median of how long calls took, unless it says nothing."""
    return duration(totals.p50_ms if totals.calls >= FEWEST else None)


def percentile(totals: Totals, value: float | None) -> str:
    """Return a percentile of how long calls took, marked if it says little."""
    return f"{FEW_MARK if 0 < totals.calls < FEW else ''}{duration(value)}"


def worrying(failing: float | None) -> Style:
    """Return the style of a share of failing calls."""
    return "red" if failing and failing >= WORRYING else ""


def labels(tools: Sequence[tuple[str | None, str]]) -> list[str]:
    """Return what to call tools, given their servers and names: by both where names are equal."""
    servers = Counter(name for _, name in set(tools))
    return [f"{server}/{name}" if server and servers[name] > 1 else name for server, name in tools]


def short(session: str) -> str:
    """Return the end of a session's id, which tells it; all of one minute begin alike."""
    return session[-8:]
