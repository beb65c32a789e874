"""How many calls took how long, in bins that grow with the duration."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from math import ldexp, sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_BIN = -7
"""The bin of all durations under an eighth of a millisecond."""

GREATEST_BIN = 60
"""The bin of all durations from 2^30 ms on, which is more than twelve days."""

_BOUNDS = [
    ldexp(sqrt(2) if number % 2 else 1.0, number // 2)
    for number in range(LEAST_BIN + 1, GREATEST_BIN + 1)
]
"""The least duration of each bin but the first, in milliseconds."""


def histogram(ordered: Sequence[float]) -> tuple[tuple[int, int], ...]:
    """Return the bins that durations fall into, and how many fall into each, in order.

    Bin ``n`` has the durations from 2^(n/2) ms up to 2^((n+1)/2) ms: two bins double them. The
    first and the last bin also have what is beyond them.

    Args:
        ordered: the durations in milliseconds, the least first.
    """
    if not ordered:
        return ()
    places = [0, *(bisect_left(ordered, bound) for bound in _BOUNDS), len(ordered)]
    return tuple(
        (number, end - begin)
        for number, (begin, end) in enumerate(pairwise(places), LEAST_BIN)
        if end > begin
    )
