"""Measures two ways of doing the same, turn by turn.

A machine is never quiet, and figures taken one after the other differ by what else it did. So both
ways run in each round, one right after the other and each first in every other round; what is
quoted is the median of the ratios of the rounds, with their quartiles.
"""

from __future__ import annotations

import sys
from statistics import median, quantiles
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Timed = Callable[[], float]
    """Does something once, and returns how many seconds the part that counts took."""


class Spread(NamedTuple):
    """The median of some figures, and their quartiles."""

    low: float
    middle: float
    high: float


class Line(NamedTuple):
    """One line of the table."""

    what: str
    floor: str
    ratio: Spread
    of: str
    """What the ratio is of: time, or rows a second."""
    aim: str
    reached: bool | None
    """None where nothing was aimed at."""
    ours_s: float
    floor_s: float


Pairs = list[tuple[float, float]]
"""The seconds that ours and the floor took, round by round."""


def compare(ours: Timed, floor: Timed, rounds: int) -> Pairs:
    """Run both in turn, and once before that for nothing."""
    ours()
    floor()
    pairs = []
    for number in range(rounds):
        if number % 2:
            mine, least = ours(), floor()
        else:
            least, mine = floor(), ours()
        pairs.append((mine, least))
    return pairs


def time_ratio(what: str, floor: str, pairs: Pairs, *, at_most: float | None = None) -> Line:
    """Return the line for how many times the floor's time ours takes."""
    line = _line(what, floor, pairs)
    if at_most is None:
        return line
    return line._replace(aim=f"at most {at_most}", reached=line.ratio.middle <= at_most)


def throughput_ratio(what: str, floor: str, pairs: Pairs, *, at_least: float | None = None) -> Line:
    """Return the line for how many times the floor's rows ours writes in the same time."""
    line = _line(what, floor, pairs, of="rows/s")
    if at_least is None:
        return line
    return line._replace(aim=f"at least {at_least}", reached=line.ratio.middle >= at_least)


def absolute(what: str, floor: str, pairs: Pairs, *, under_ms: float) -> Line:
    """Return the line for a time that is to stay under a limit, whatever the floor takes."""
    line = _line(what, floor, pairs)
    return line._replace(aim=f"under {under_ms} ms", reached=1000 * line.ours_s < under_ms)


def _line(what: str, floor: str, pairs: Pairs, of: str = "time") -> Line:
    ratios = [mine / least if of == "time" else least / mine for mine, least in pairs]
    ratio = Spread(*quantiles(ratios, n=4, method="inclusive"))
    ours_s, floor_s = (median(side) for side in zip(*pairs, strict=True))
    print(f"{ratio.middle:6.2f}  {what}", file=sys.stderr)  # minutes pass until the page is there
    return Line(what, floor, ratio, of, "", None, ours_s, floor_s)
