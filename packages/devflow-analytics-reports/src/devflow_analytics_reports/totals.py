"""What calls amount to: how many, how they ended, how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from sys import float_info
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Totals:
    """What some calls amount to."""

    calls: int
    """Number of calls, however they ended."""
    errors: int
    """Number of those that failed with an error."""
    timeouts: int
    """Number of those that timed out."""
    total_ms: float
    """How long all of them took together, in milliseconds; at most the greatest float."""
    p50_ms: float | None
    """The median: half of them took at most so many milliseconds; None without calls."""
    p95_ms: float | None
    """What 95 of 100 took at most, in milliseconds; None without calls."""
    p99_ms: float | None
    """What 99 of 100 took at most, in milliseconds; None without calls."""
    percentile_error: float = 0.0
    """How far the percentiles may be off, as a share of them; 0 where every call was read."""

    @property
    def failing(self) -> float | None:
        """The share of calls that did not succeed, 0 to 1; None without calls."""
        return (self.errors + self.timeouts) / self.calls if self.calls else None

    @property
    def error_rate(self) -> float | None:
        """The share of calls that failed with an error, 0 to 1; None without calls."""
        return self.errors / self.calls if self.calls else None


def total(durations: Sequence[float], errors: int, timeouts: int) -> Totals:
    """Return what calls amount to.

    Args:
        durations: how long each took, in milliseconds.
        errors: how many of them failed with an error.
        timeouts: how many of them timed out.
    """
    ordered = sorted(durations)
    p50, p95, p99 = (nearest_rank(ordered, percent) for percent in (50, 95, 99))
    return Totals(len(ordered), errors, timeouts, together(ordered), p50, p95, p99)


def nearest_rank(ordered: Sequence[float], percent: int) -> float | None:
    """Return the least of some values that at least so many of 100 of them do not exceed.

    It is always one of the values: https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method.

    Args:
        ordered: the values, the least first.
        percent: from 1 to 100.
    """
    rank = -(-len(ordered) * percent // 100)  # rounded up, in whole numbers
    return ordered[rank - 1] if ordered else None


def together(durations: Sequence[float]) -> float:
    """Return how long some calls took together; at most the greatest float."""
    try:
        return fsum(durations)  # does not depend on their order
    except OverflowError:
        return float_info.max
