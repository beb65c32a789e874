"""Chance that falls the same way on every machine and every Python."""

from __future__ import annotations

from bisect import bisect
from itertools import accumulate
from math import cos, exp, log, pi, sin, sqrt
from random import Random
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class Weighted(Generic[T]):
    """Things of which some come more often than others."""

    def __init__(self, weights: Iterable[tuple[T, float]]) -> None:
        """Take each thing with its weight; only how these compare matters."""
        pairs = [(thing, weight) for thing, weight in weights if weight]
        self.things = [thing for thing, _ in pairs]
        self.ends = list(accumulate(weight for _, weight in pairs))
        """The sum of the weights up to each thing."""


class Chance:
    """Random numbers that a seed settles.

    Of Python's generator only ``random()`` is used: it is the one method of which Python promises
    the same numbers in every version.
    """

    def __init__(self, seed: int) -> None:
        self.random = Random(seed).random  # noqa: S311  nothing here is a secret
        """Return a number from 0 up to 1, without 1."""
        self._spare: float | None = None

    def below(self, end: int) -> int:
        """Return a whole number from 0 up to ``end``, without that."""
        return int(self.random() * end)

    def normal(self) -> float:
        """Return a normally distributed number, by the method of Box and Muller."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        radius = sqrt(-2 * log(1 - self.random()))
        angle = 2 * pi * self.random()
        self._spare = radius * sin(angle)
        return radius * cos(angle)

    def around(self, median: float, spread: float) -> float:
        """Return a number that is as often above the median as below it, and at times far above.

        Args:
            median: a positive number.
            spread: the standard deviation of its logarithm.
        """
        return median * exp(spread * self.normal())

    def one_of(self, weighted: Weighted[T]) -> T:
        """Return one of some things, each as often as its weight says."""
        return weighted.things[bisect(weighted.ends, self.random() * weighted.ends[-1])]
