from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest

from devflow_analytics_reports.histogram import histogram


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (0.0, -7),
        (5e-324, -7),
        (0.0884, -7),
        (0.125, -6),
        (0.99, -1),
        (1.0, 0),
        (math.nextafter(math.sqrt(2), 0), 0),
        (math.sqrt(2), 1),
        (2.0, 2),
        (1000.0, 19),
        (2.0**29.5, 59),
        (math.nextafter(2.0**30, 0), 59),
        (2.0**30, 60),
        (2.0**31, 60),
        (1.7e308, 60),
    ],
)
def test_a_duration_is_in_the_bin_of_its_half_octave(milliseconds: float, expected: int) -> None:
    assert histogram([milliseconds]) == ((expected, 1),)


def test_every_duration_is_in_one_bin_and_bins_are_in_order() -> None:
    random = Random(7)
    durations = sorted(random.lognormvariate(3, 4) for _ in range(10_000))
    found = histogram(durations)
    assert sum(calls for _, calls in found) == len(durations)
    assert all(one < other for (one, _), (other, _) in pairwise(found))
    expected = [min(max(math.floor(2 * math.log2(duration)), -7), 60) for duration in durations]
    assert found == tuple((number, expected.count(number)) for number in sorted({*expected}))


def test_no_durations_are_in_no_bin() -> None:
    assert histogram([]) == ()
