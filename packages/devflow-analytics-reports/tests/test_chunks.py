"""Calls are read some at a time: it must not matter how many."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from devflow_analytics_reports import (
    Filters,
    failures,
    over_time,
    parse_period,
    sessions,
    sql,
    summary,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = 1_728_043_200
PERIODS = [
    parse_period(*words, now=NOW, zone=ZoneInfo("Europe/Berlin"))
    for words in (("all",), ("1h",), ("today", "all"), ("all", "today"), ("1d", "today"))
]
FILTERS = [Filters(), Filters(tools=("b",)), Filters(sessions=("s1", "s2")), Filters(("x",))]


def answers(connection: Any) -> list[object]:
    return [
        question(connection, period, *more, filters)
        for question, *more in ((summary,), (over_time, "hour"), (tools,), (failures,), (sessions,))
        for period in PERIODS
        for filters in FILTERS
    ]


@pytest.mark.parametrize("seed", range(3))
def test_answers_do_not_depend_on_how_many_calls_are_read_at_once(
    seed: int, ask: Callable[..., Any], add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = Random(seed)
    add(
        *(
            {
                # many of one second, so that a border lies within it
                "timestamp": NOW - random.choice([0, 0, 0, 1, 2, 3, 3600, 9000, 86_400, 90_000]),
                "tool_name": random.choice("abc"),
                "status": random.choice(["success", "success", "error", "timeout"]),
                "duration_ms": random.choice([0.0, 1.5, random.random()]),
                "session_id": f"s{random.randrange(4)}",
                "result_bytes": random.choice([None, 0, 7]),
            }
            for _ in range(60)
        )
    )
    expected = ask(answers)
    for size in (1, 2, 3, 7, 59, 60, 61):
        monkeypatch.setattr(sql, "CHUNK", size)
        assert ask(answers) == expected, size


def test_calls_are_read_in_pieces_of_about_the_size_that_is_set(
    ask: Callable[..., Any], add: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(*({"timestamp": time} for time in (1, 2, 2, 2, 2, 3, 4, 5, 5, 6)))
    monkeypatch.setattr(sql, "CHUNK", 2)

    def pieces(connection: Any) -> list[list[int]]:
        calls = sql.Calls(connection, sql.Range(1, 7))
        return [times for (times,) in calls.columns("timestamp")]

    assert ask(pieces) == [[1], [2, 2, 2, 2], [3, 4], [5, 5], [6]]
