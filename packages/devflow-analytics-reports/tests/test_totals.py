from __future__ import annotations

import math
import sys

import pytest

from devflow_analytics_reports import Filters, Part, Totals
from devflow_analytics_reports.totals import nearest_rank, total


def test_no_calls_amount_to_nothing_and_have_no_percentiles() -> None:
    totals = total([], 0, 0)
    assert totals == Totals(0, 0, 0, 0.0, None, None, None, 0.0)
    assert (totals.failing, totals.error_rate) == (None, None)


def test_totals_are_those_of_durations_in_any_order() -> None:
    durations = [float(number) for number in range(200, 0, -1)]
    assert total(durations, 3, 7) == Totals(200, 3, 7, 20_100.0, 100.0, 190.0, 198.0)
    assert durations[0] == 200  # they are left as they were


def test_shares_are_of_all_calls() -> None:
    totals = total([1.0] * 8, 1, 2)
    assert (totals.failing, totals.error_rate) == (0.375, 0.125)
    assert Part(0, 1, is_whole=True, calls=8, errors=1, timeouts=2).failing == 0.375
    assert Part(0, 1, is_whole=True, calls=0, errors=0, timeouts=0).failing is None


@pytest.mark.parametrize(
    ("count", "ranks"),
    [
        *((1, (1, 1, 1)), (2, (1, 2, 2)), (3, (2, 3, 3)), (20, (10, 19, 20))),
        *((21, (11, 20, 21)), (100, (50, 95, 99)), (101, (51, 96, 100)), (1000, (500, 950, 990))),
    ],
)
def test_a_percentile_is_the_value_of_the_nearest_rank(
    count: int, ranks: tuple[int, int, int]
) -> None:
    values = range(1, count + 1)
    assert tuple(nearest_rank(values, percent) for percent in (50, 95, 99)) == ranks
    for percent in range(1, 101):
        rank = nearest_rank(values, percent)
        assert rank is not None
        assert rank * 100 >= count * percent > (rank - 1) * 100


def test_the_sum_is_exact_and_never_infinite() -> None:
    assert total([0.1] * 10, 0, 0).total_ms == 1.0
    assert total([5e-324, 5e-324], 0, 0).total_ms == 1e-323
    assert total([1e300, 1.0, 1e300], 0, 0).total_ms == 2e300
    assert total([1e308, 1e308], 0, 0).total_ms == sys.float_info.max
    assert math.isfinite(total([sys.float_info.max] * 3, 0, 0).total_ms)


def test_filters_know_whether_they_ask_for_anything() -> None:
    assert not Filters()
    assert all(
        Filters(**{kind: ("x",)})
        for kind in ("tools", "statuses", "servers", "clients", "projects", "sessions")
    )


def test_filters_know_whether_they_are_of_tools_alone() -> None:
    assert Filters().are_of_tools
    assert Filters(tools=("x",)).are_of_tools
    assert not Filters(tools=("x",), servers=("y",)).are_of_tools
    both = Filters(tools=("x",), statuses=("error",))
    assert both.of_any_status() == Filters(tools=("x",))
