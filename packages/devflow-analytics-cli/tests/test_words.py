"""How numbers and times read; the examples are those of the terminal output that was agreed on."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, timezone
from itertools import pairwise
from math import inf, nextafter
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.words import (
    UNKNOWN,
    ago,
    change,
    change_in_points,
    clock,
    duration,
    lasted,
    moment,
    share,
    signed_change,
    size,
    sparkline,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

UNITS = {"ms": 1, "s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY, "%": 1}


def read(text: str) -> float:
    """Return what a text says, with what is below or above a limit just beside it."""
    total = 0.0
    for sign, number, unit in re.findall(r"([<>]?)([0-9.,]+) (ms|s|min|h|d|%)", text):
        value = float(number.replace(",", ""))
        total += value * UNITS[unit] * {"": 1, "<": 0.99, ">": 1.001}[sign]
    return total


def sweep(highest: float) -> Iterator[float]:
    """Yield ever larger numbers: in small steps, and on both sides of every place to round at."""
    numbers = {0.0, 5e-324, 1e-300, 1e300, inf}
    value = 1e-3
    while value < highest:
        value *= 1.004
        numbers.add(value)
    for unit in (1, SECOND, MINUTE, HOUR, DAY):
        for places in (
            0.05,
            0.9995,
            1,
            9.95,
            9.995,
            10,
            59.5,
            60,
            99.95,
            599.5,
            600,
            999.5,
            1439.5,
        ):
            at = unit * places
            numbers |= {at, nextafter(at, 0), nextafter(at, inf)}
    yield from sorted(numbers)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, UNKNOWN),
        (0, "0 ms"),
        (5e-324, "<0.1 ms"),
        (0.05, "0.1 ms"),
        (0.4, "0.4 ms"),
        (3.187, "3.2 ms"),
        (9.949, "9.9 ms"),
        (9.96, "10 ms"),
        (10.312, "10 ms"),
        (363.382, "363 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (8640, "8.64 s"),
        (9996, "10.0 s"),
        (60_000, "60.0 s"),
        (83_299.388, "83.3 s"),
        (99_940, "99.9 s"),
        (99_960, "1 min 40 s"),
        (103_000, "1 min 43 s"),
        (120_000, "2 min 0 s"),
        (599_999, "9 min 59 s"),
        (600_000, "10 min"),
        (3_599_000, "59 min"),
        (3_600_000, "1 h 0 min"),
        (3_889_393.329, "1 h 4 min"),
        (22 * HOUR + 43 * MINUTE, "22 h 43 min"),
        (DAY - 1, "23 h 59 min"),
        (DAY, "24.0 h"),
        (49.7 * HOUR, "49.7 h"),
        (99.94 * HOUR, "99.9 h"),
        (99.96 * HOUR, "4.2 d"),
        (12.3 * DAY, "12.3 d"),
        (99.96 * DAY, "100 d"),
        (1234 * DAY, "1,234 d"),
        (10_000 * DAY, ">9,999 d"),
        (1e300, ">9,999 d"),
        (inf, ">9,999 d"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_suits_it(ms: float | None, text: str) -> None:
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, UNKNOWN),
        (-5, "0 s"),
        (0, "0 s"),
        (0.2, "<1 s"),
        (35, "35 s"),
        (59.6, "59 s"),
        (60, "1 min"),
        (24 * 60 + 10, "24 min"),
        (5400, "1 h 30 min"),
        (86_400, "24.0 h"),
        (12.3 * 86_400, "12.3 d"),
        (1e300, ">9,999 d"),
    ],
)
def test_sessions_last_whole_seconds_minutes_or_hours(seconds: float | None, text: str) -> None:
    assert lasted(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, UNKNOWN),
        (-100, "now"),
        (0, "now"),
        (59.9, "now"),
        (60, "1 min ago"),
        (4 * 60 + 59, "4 min ago"),
        (70 * 60, "70 min ago"),
        (5399, "89 min ago"),
        (5400, "2 h ago"),
        (5 * 3600, "5 h ago"),
        (47.4 * 3600, "47 h ago"),
        (47.6 * 3600, "2 d ago"),
        (25 * 86_400, "25 d ago"),
        (1e300, ">9,999 d ago"),
    ],
)
def test_the_past_is_now_or_minutes_hours_or_days_ago(seconds: float | None, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (None, UNKNOWN),
        (0, "0 %"),
        (1e-9, "<0.1 %"),
        (0.0005, "0.1 %"),
        (0.005, "0.5 %"),
        (0.0461, "4.6 %"),
        (0.0996, "10 %"),
        (0.11, "11 %"),
        (0.99, "99 %"),
        (0.9999999, ">99 %"),
        (1, "100 %"),
    ],
)
def test_a_share_of_none_or_all_is_exactly_that(part: float | None, text: str) -> None:
    assert share(part) == text


@pytest.mark.parametrize(
    ("words", "unit"), [(duration, 1), (lasted, SECOND), (ago, SECOND), (share, None)]
)
def test_what_is_more_never_reads_as_less(
    words: Callable[[float], str], unit: float | None
) -> None:
    numbers = list(sweep(1e13 if unit else 1))
    if unit is None:
        numbers = [number for number in numbers if number <= 1]
    texts = [words(number / (unit or 1)) for number in numbers]
    assert len(set(texts)) > 100
    for (number, text), (more, longer) in pairwise(zip(numbers, texts, strict=True)):
        assert read(text) <= read(longer), (number, text, more, longer)


def test_what_is_read_is_what_was_meant() -> None:
    for ms in sweep(9000 * DAY):
        if 0.05 <= ms < 9000 * DAY:
            assert read(duration(ms)) == pytest.approx(ms, rel=0.1, abs=0.051)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (101_109, 119_415, "▼ 15 %"),
        (211, 216, "▼ 2.3 %"),
        (5.25, 4.91, "▲ 6.9 %"),
        (10_000, 10_001, "▼ <0.1 %"),
        (3, 1, "▲ 200 %"),
        (1e300, 5e-324, "▲ >9,999 %"),
        (0, 5, "▼ 100 %"),
        (5, 5, "same"),
        (0, 0, "same"),
        (5, 0, "new"),
        (5, None, ""),
        (None, 5, ""),
    ],
)
def test_a_change_of_a_figure_is_in_percent(
    now: float | None, before: float | None, text: str
) -> None:
    assert change(now, before) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (0.046, 0.043, "▲ 0.3 pp"),
        (0.02, 0.14, "▼ 12 pp"),
        (0.1, 0.09999, "▲ <0.1 pp"),
        (0.05, 0, "▲ 5.0 pp"),
        (0.5, 0.5, "same"),
        (0.5, None, ""),
        (None, 0.5, ""),
    ],
)
def test_a_change_of_a_share_is_in_points(
    now: float | None, before: float | None, text: str
) -> None:
    assert change_in_points(now, before) == text


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (98, 100, "\N{MINUS SIGN}2 %"),
        (167, 100, "+67 %"),
        (100.2, 100, "+0 %"),
        (99.8, 100, "+0 %"),
        (100, 100, "+0 %"),
        (0, 0, "+0 %"),
        (5, 0, "new"),
        (5, None, ""),
        (1e300, 5e-324, "+>9,999 %"),
    ],
)
def test_a_change_in_a_column_has_a_sign(
    now: float | None, before: float | None, text: str
) -> None:
    assert signed_change(now, before) == text


def test_what_is_unknown_is_a_dash() -> None:
    assert UNKNOWN == "\N{EN DASH}"


def test_bytes_are_said_as_in_status() -> None:
    assert [size(61_440), size(0), size(None)] == ["61.4 kB", "0 bytes", UNKNOWN]


NOW = 1_795_622_801  # 25 November 2026 16:06:41 in Greenwich
ZONE = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (1_795_622_770, "25 Nov 17:06"),
        (1_795_622_770 - 365 * 86_400, "25 Nov 2025 17:06"),
        (1_772_319_599.5, "28 Feb 23:59"),
        (0, "1 Jan 1970 01:00"),
        (10**18, "1000000000000000000"),
        (float("nan"), "nan"),
        (-1e300, "-1e+300"),
    ],
)
def test_a_moment_has_its_year_if_that_is_another(at: float, text: str) -> None:
    assert moment(at, ZONE, NOW) == text


def test_a_moment_of_a_call_has_its_second() -> None:
    assert moment(1_795_622_770, ZONE, NOW, seconds=True) == "25 Nov 17:06:10"
    assert clock(1_795_622_770, ZONE) == "17:06:10"
    assert clock(1_795_622_770, UTC) == "16:06:10"
    assert clock(10**18, UTC) == "1000000000000000000"


@pytest.mark.parametrize(
    ("values", "width", "text"),
    [
        ([1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇"),
        ([8, 0, None, 1e-9, 4], 8, "▇  ▁▄"),
        ([1, 1, 8, 8, None, 0, 4, None], 4, "▁▇ ▄"),
        ([5, 5, 5], 3, "▇▇▇"),
        ([1e300, 5e-324], 2, "▇▁"),
        ([0, None, float("nan")], 3, "   "),
        ([1, 2], 0, ""),
        ([], 9, ""),
    ],
)
def test_a_sparkline_begins_at_0_and_is_blank_without_calls(
    values: list[float | None], width: int, text: str
) -> None:
    assert sparkline(values, width) == text
