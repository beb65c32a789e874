from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_reports import (
    Bar,
    Lane,
    SessionNotFoundError,
    Stretch,
    Timeline,
    session,
    timeline,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = dict[str, object]

HOUR = 3600
NOW = 20_000 * 24 * HOUR
NOW_MS = NOW * 1000


def call(began: int, milliseconds: float, tool: str = "t", **more: object) -> Call:
    """A call that begins so many milliseconds after `NOW`."""
    ended = NOW + math.ceil((began + milliseconds) / 1000)
    return {
        "timestamp": ended,
        "started_ms": NOW_MS + began,
        "duration_ms": float(milliseconds),
        "tool_name": tool,
        **more,
    }


@pytest.fixture
def draw(ask: Callable[..., Any], add: Callable[..., None]) -> Callable[..., Timeline]:
    """Give the timeline of a session of some calls, a hundred columns wide."""

    def draw(*calls: Call, **options: Any) -> Timeline:
        add(*calls)
        found = ask(timeline, "s", now=NOW, **{"columns": 100, **options})
        assert isinstance(found, Timeline)
        return found

    return draw


def places(found: Timeline) -> list[tuple[float, float]]:
    return [(stretch.column, stretch.columns) for stretch in found.stretches]


def test_a_session_is_drawn_as_lanes_of_bars(
    draw: Callable[..., Timeline], ask: Callable[..., Any]
) -> None:
    found = draw(
        call(0, 10_000, "a", server="x"),
        call(10_000, 20_000, "b", status="error"),
        call(50_000, 30_000, "b", status="timeout"),
        call(80_000, 20_000, "b"),
    )
    assert found == Timeline(
        session=ask(session, "s", now=NOW),
        columns=100,
        stretches=(Stretch(NOW_MS, NOW_MS + 100_000, 0.0, 100.0),),
        lanes=(
            Lane(
                *(None, "b", 3, 2, 70_000.0),
                (
                    Bar(10.0, 20.0, "error", 1),
                    Bar(50.0, 30.0, "timeout", 1),
                    Bar(80.0, 20.0, "success", 1),
                ),
            ),
            Lane("x", "a", 1, 0, 10_000.0, (Bar(0.0, 10.0, "success", 1),)),
        ),
        more_tools=0,
    )


def test_a_session_without_calls_has_nothing_to_draw(
    ask: Callable[..., Any], insert: Callable[..., None]
) -> None:
    insert("sessions", {"id": "s", "started_at": 5})
    expected = Timeline(ask(session, "s", now=NOW), 600, (), (), 0)
    assert ask(timeline, "s", now=NOW) == expected


def test_a_session_that_is_not_there_is_told(ask: Callable[..., Any]) -> None:
    with pytest.raises(SessionNotFoundError, match=r"^No session has the id 'x'\.$"):
        ask(timeline, "x", now=NOW)


def test_a_call_without_its_beginning_began_its_duration_before_it_was_recorded(
    draw: Callable[..., Timeline],
) -> None:
    found = draw({"timestamp": NOW, "duration_ms": 1500.25}, call(-500, 500))
    assert found.stretches == (Stretch(NOW_MS - 1501, NOW_MS, 0.0, 100.0),)
    assert found.lanes[0].bars == (
        Bar(0.0, 100.0, "success", 1),
        Bar(66.672, 33.328, "success", 1),
    )


@pytest.mark.parametrize("count", [1, 3])
def test_calls_at_one_moment_begin_at_the_left(count: int, draw: Callable[..., Timeline]) -> None:
    found = draw(*[call(0, 0)] * count)
    assert found.stretches == (Stretch(NOW_MS, NOW_MS, 0.0, 0.0),)
    assert found.lanes[0].bars == (Bar(0.0, 0.0, "success", count),)


def test_one_call_takes_all_columns(draw: Callable[..., Timeline]) -> None:
    found = draw(call(0, 0.001))
    assert found.stretches == (Stretch(NOW_MS, NOW_MS + 1, 0.0, 100.0),)
    assert found.lanes[0].bars == (Bar(0.0, 100.0, "success", 1),)


def test_long_gaps_are_squeezed_to_one_width(draw: Callable[..., Timeline]) -> None:
    found = draw(
        call(0, 1000),
        call(2000, 1000),
        call(4000, 1000),
        call(1000 * HOUR, 1000),
        call(1000 * HOUR + 2000, 1000),
        call(9000 * HOUR, 1000),
        call(9000 * HOUR + 2000, 1000),
    )
    width = (100 - 2) / (5 + 3 + 3)
    assert [(one.since_ms - NOW_MS, one.until_ms - NOW_MS) for one in found.stretches] == [
        (0, 5000),
        (1000 * HOUR, 1000 * HOUR + 3000),
        (9000 * HOUR, 9000 * HOUR + 3000),
    ]
    expected = [(0, 5 * width), (5 * width + 1, 3 * width), (8 * width + 2, 3 * width)]
    for place, other in zip(places(found), expected, strict=True):
        assert place == pytest.approx(other, abs=0.001)
    columns = [bar.column for bar in found.lanes[0].bars]
    steps = (0, 2, 4, 5 + 1 / width, 7 + 1 / width, 8 + 2 / width, 10 + 2 / width)
    assert columns == pytest.approx([step * width for step in steps], abs=0.001)


@pytest.mark.parametrize(
    ("gaps", "squeezed"),
    [
        ((1, 1, 60), 0),
        ((1, 1, 61), 1),
        ((7, 7, 70), 0),
        ((7, 7, 71), 1),
        ((7200,), 0),  # it is the median
        ((1, 7200), 1),  # the lower one is
        ((1, 7200, 7200), 0),
        ((0, 0, 1, 61, 61), 2),
    ],
)
def test_a_gap_is_squeezed_if_it_is_longer_than_a_minute_and_ten_times_the_median(
    gaps: tuple[int, ...], squeezed: int, draw: Callable[..., Timeline]
) -> None:
    began, calls = 0, [call(0, 500)]
    for gap in gaps:
        began += 500 + gap * 1000
        calls.append(call(began, 500))
    assert len(draw(*calls).stretches) == squeezed + 1


def test_a_gap_begins_when_the_last_of_parallel_calls_ends(draw: Callable[..., Timeline]) -> None:
    calls = [call(0, 500_000), *(call(second * 1000, 100) for second in range(1, 9))]
    found = draw(*calls, call(560_000, 0), call(620_001, 0))
    assert [one.since_ms - NOW_MS for one in found.stretches] == [0, 620_001]


def test_gaps_take_a_quarter_of_the_columns_at_most(draw: Callable[..., Timeline]) -> None:
    calls = [call(hour * HOUR * 1000 + second, 1) for hour in range(300) for second in range(3)]
    found = draw(*calls)
    assert len(found.stretches) == 300
    assert sum(one.columns for one in found.stretches) == pytest.approx(75, abs=0.2)
    last = found.stretches[-1]
    assert last.column + last.columns == pytest.approx(100, abs=0.001)


def test_stretches_without_length_are_as_wide_as_a_gap_apart(draw: Callable[..., Timeline]) -> None:
    found = draw(*[call(0, 0)] * 3, *[call(HOUR * 1000, 0)] * 3)
    assert places(found) == [(0.0, 0.0), (1.0, 0.0)]
    assert [bar.column for bar in found.lanes[0].bars] == [0.0, 1.0]


def test_a_clock_that_is_set_back_moves_calls_and_nothing_else(
    draw: Callable[..., Timeline],
) -> None:
    found = draw(call(0, 10), call(20, 10), call(-HOUR * 1000, 10), call(20 - HOUR * 1000, 10))
    assert [one.since_ms - NOW_MS for one in found.stretches] == [-HOUR * 1000, 0]
    assert [bar.calls for bar in found.lanes[0].bars] == [1] * 4


def test_calls_in_one_column_are_a_bar_for_each_status(draw: Callable[..., Timeline]) -> None:
    found = draw(
        call(0, 100),
        call(100, 800, status="error"),
        call(150, 10, status="error"),
        call(200, 900),
        call(300, 100, status="timeout"),
        call(1000, 0),
        call(99_000, 1000),
        call(100_000, 0),  # at the right edge
        call(0, 100_000, "other"),  # so that no gap is squeezed
    )
    assert found.lanes[1].bars == (
        Bar(0.0, 1.1, "success", 2),
        Bar(0.1, 0.8, "error", 2),
        Bar(0.3, 0.1, "timeout", 1),
        Bar(1.0, 0.0, "success", 1),
        Bar(99.0, 1.0, "success", 2),
    )


def test_failures_come_after_what_begins_with_them(draw: Callable[..., Timeline]) -> None:
    calls = [call(0, 10, status=status) for status in ("timeout", "error", "success")]
    (lane,) = draw(*calls).lanes
    assert [bar.status for bar in lane.bars] == ["success", "error", "timeout"]


def test_the_tools_that_took_most_time_are_shown(draw: Callable[..., Timeline]) -> None:
    found = draw(
        call(0, 5, "b"),
        call(0, 5, "a", server="y"),
        call(0, 5, "a", server="x"),
        call(0, 4, "c"),
        call(0, 3, "c"),
        call(0, 1, "d"),
        lanes=4,
    )
    assert [(lane.server, lane.tool, lane.calls, lane.total_ms) for lane in found.lanes] == [
        (None, "c", 2, 7.0),
        ("x", "a", 1, 5.0),
        ("y", "a", 1, 5.0),
        (None, "b", 1, 5.0),
    ]
    assert found.more_tools == 1


def test_calls_of_other_sessions_are_not_drawn(
    draw: Callable[..., Timeline], add: Callable[..., None]
) -> None:
    add(call(5, 5, session_id="other"))
    assert [lane.calls for lane in draw(call(0, 5)).lanes] == [1]


def test_whatever_the_times_and_durations_are_they_are_drawn(
    draw: Callable[..., Timeline],
) -> None:
    found = draw(
        {"timestamp": NOW, "duration_ms": 1.7e308},
        {"timestamp": NOW, "duration_ms": 1.7e308},
        {"timestamp": -(2**63), "duration_ms": 5e-324},
        {"timestamp": 2**63 - 1, "started_ms": 2**63 - 1, "duration_ms": 1.7e308},
        {"timestamp": 0, "duration_ms": 0.0, "started_ms": -(2**63)},
    )
    (lane,) = found.lanes
    assert lane.calls == sum(bar.calls for bar in lane.bars) == 5
    for part in (*found.stretches, *lane.bars):
        assert 0 <= part.column <= part.column + part.columns <= 100
    first, last = -62_135_596_800_000, 253_402_300_799_999  # the years 1 and 9999
    assert found.stretches == (
        Stretch(first, NOW_MS, 0.0, 99.0),
        Stretch(last, last, 100.0, 0.0),
    )
    assert lane.total_ms == 1.7976931348623157e308


def test_fifty_thousand_calls_are_few_bars(
    draw: Callable[..., Timeline], insert: Callable[..., None], sql: Callable[..., Any], file: Any
) -> None:
    insert("sessions", {"id": "s", "started_at": NOW})
    sql(
        file,
        """
        WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 49999)
        INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)
        SELECT n, 't' || (n % 3), n % 1000, CASE n % 50 WHEN 7 THEN 'error' ELSE 'success' END,
            ? + n, 's' FROM n
        """,
        NOW,
    )
    found = draw(columns=600)
    assert [lane.calls for lane in found.lanes] == [16_667, 16_667, 16_666]
    for lane in found.lanes:
        assert len(lane.bars) <= 2 * 600
        assert sum(bar.calls for bar in lane.bars) == lane.calls
        assert sum(bar.calls for bar in lane.bars if bar.status != "success") == lane.failed > 300
