"""The page formats figures by the same rules as the command."""

from __future__ import annotations

from math import inf, nextafter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_cli import words

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

FUNCTIONS: dict[str, Callable[..., str]] = {
    "ago": words.ago,
    "change": words.change,
    "changeInPoints": words.change_in_points,
    "count": lambda number: f"{number:,.0f}",
    "duration": words.duration,
    "lasted": words.lasted,
    "share": words.share,
    "signedChange": words.signed_change,
    "size": words.size,
}
"""Those of format.js, and of the command what each has to equal."""

ALL_AT_ONCE = """async (calls) => {
    const format = await import("/format.js");
    return calls.map(([name, values]) => format[name](...values));
}"""

ROUNDED = (0.05, 0.5, 0.95, 1, 2.5, 9.95, 9.995, 10, 59.5, 60, 90, 99.95, 100, 599.5, 999.5, 9999.5)
UNITS = (1, 60, 1000, 3600, 60_000, 86_400, 3_600_000, 86_400_000)
"""Seconds and milliseconds of minutes, hours and days."""


def edges() -> list[float]:
    """Return the numbers at which the text changes, and those just beside them."""
    at = {unit * value for unit in UNITS for value in ROUNDED}
    near = {nextafter(value, to) for value in at for to in (0, inf)}
    return sorted({0.0, 5e-324, 1e-9, 1e15, *at, *near})


def parts_of_one() -> list[float]:
    at = {0.0, 0.0005, 0.046, 0.0995, 0.1, 0.5, 0.995, 0.9999, 1.0}
    near = {nextafter(value, to) for value in at for to in (0, 1)}
    return sorted(value for value in at | near if value >= 0)


def random_calls(count: int) -> list[tuple[str, list[float]]]:
    """Return calls with numbers of every size, as they come and rounded."""
    random = Random("figures")
    calls: list[tuple[str, list[float]]] = []
    for _ in range(count):
        number, other = (10 ** random.uniform(-3, 11) for _ in range(2))
        few = random.choice([number, round(number), round(number, 1), round(number, 2)])
        beside = random.choice([other, few * random.uniform(0.2, 5), round(other)])
        parts = [random.random(), round(random.random(), 3)]
        calls += [
            ("ago", [few]),
            ("change", [few, beside]),
            ("changeInPoints", parts),
            ("count", [round(few)]),
            ("duration", [few]),
            ("lasted", [few]),
            ("share", [random.choice(parts)]),
            ("signedChange", [few, beside]),
            ("size", [round(few)]),
        ]
    return calls


def differing(page: Page, calls: list[tuple[str, list[Any]]]) -> list[tuple[object, ...]]:
    """Return the calls to which the page and the command give two answers, with both."""
    texts = page.evaluate(ALL_AT_ONCE, calls)
    wanted = [FUNCTIONS[name](*values) for name, values in calls]
    assert len(texts) == len(calls) > 0
    return [
        (name, values, text, want)
        for (name, values), text, want in zip(calls, texts, wanted, strict=True)
        if text != want
    ]


def test_figures_at_which_the_text_changes_read_as_in_the_command(overview: Page) -> None:
    single = ("ago", "duration", "lasted")
    calls: list[tuple[str, list[Any]]] = [
        *((name, [value]) for name in single for value in edges()),
        *(("size", [round(value)]) for value in edges()),
        *(("count", [round(value)]) for value in edges()),
        *(("share", [value]) for value in parts_of_one()),
        *(("changeInPoints", [now, was]) for now in parts_of_one() for was in parts_of_one()),
        *(
            (name, [now, was])
            for name in ("change", "signedChange")
            for now in edges()[::7]
            for was in edges()[::11]
        ),
    ]

    assert differing(overview, calls) == []


def test_random_figures_read_as_in_the_command(overview: Page) -> None:
    assert differing(overview, random_calls(1000)) == []


def test_what_is_not_known_reads_as_in_the_command(overview: Page) -> None:
    single = ("ago", "duration", "lasted", "share", "size")
    double = ("change", "changeInPoints", "signedChange")
    pairs = [[None, None], [None, 1], [1, None]]
    calls: list[tuple[str, list[Any]]] = [
        *((name, [None]) for name in single),
        *((name, pair) for name in double for pair in pairs),
    ]

    assert differing(overview, calls) == []


def test_what_is_in_the_future_is_now(overview: Page) -> None:
    assert differing(overview, [("ago", [-1]), ("ago", [-1e9]), ("lasted", [-5])]) == []
