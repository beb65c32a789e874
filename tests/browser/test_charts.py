"""What the charts draw: calls over time, and how long they took."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from devflow_analytics_cli import words
from devflow_analytics_cli.words import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

BOXES = """(paths) => {
    const box = /M(-?[\\d.]+) (-?[\\d.]+)h(-?[\\d.]+)v(-?[\\d.]+)/g;
    return paths.flatMap((path) => [...path.getAttribute("d").matchAll(box)].map((found) => {
        return found.slice(1).map(Number);
    }));
}"""
"""The boxes of paths: left, top, width and height of each."""

POINTS = """(path) => [...path.getAttribute("d").matchAll(/[ML](-?[\\d.]+) (-?[\\d.]+)/g)]
    .map((found) => found.slice(1).map(Number))"""
"""The points of a path: left and top of each."""

MARKS = """(svg) => [...svg.querySelectorAll("text.mark")]
    .filter((mark) => mark.getAttribute("x") < 50)
    .map((mark) => [mark.textContent, Number(mark.getAttribute("y")) - 4])"""
"""What the marks beside a chart say, and where they stand."""

TIMES = """(svg) => {
    const marks = [...svg.querySelectorAll("text.mark")];
    const lowest = Math.max(...marks.map((mark) => Number(mark.getAttribute("y"))));
    const times = marks.filter((mark) => Number(mark.getAttribute("y")) === lowest);
    return times.map((mark) => [
        mark.getBoundingClientRect().left, mark.getBoundingClientRect().right,
    ]);
}"""
"""Where each time below a chart begins and ends."""

SINCE = "?since=2026-10-26"


def number(text: str) -> float:
    return float(text.replace(",", ""))


def percent(text: str) -> float:
    return 0 if text == UNKNOWN else float(text.removesuffix(" %")) / 100


def pairs_of(path: Locator) -> list[tuple[float, float]]:
    return [(left, top) for left, top in path.evaluate(POINTS)]


def heights(chart: Locator) -> list[float]:
    """Return how high the bars of a chart are together in each column that has some."""
    columns: dict[float, float] = {}
    for left, _, _, height in chart.locator("path.fill").evaluate_all(BOXES):
        columns[left] = columns.get(left, 0) + height
    return [columns[left] for left in sorted(columns)]


@pytest.fixture(scope="module")
def of_days(made_up_served: Any, overview: Page) -> Page:
    """The page of whole days, which the command can count too."""
    page = overview.context.new_page()
    page.goto(f"{made_up_served.origin}/{SINCE}")
    expect(page.locator("body[data-ready]")).to_be_attached()
    return page


@pytest.fixture(scope="module")
def days(command: Callable[..., str], made_up: Path) -> list[dict[str, Any]]:
    """The same days, as the command counts them."""
    told = command("devflow-analytics stats --by day --since 2026-10-26 --json", made_up)
    parts: list[dict[str, Any]] = json.loads(told)["parts"]
    return parts


def test_the_chart_of_calls_counts_each_day_as_the_command_does(
    of_days: Page, days: list[dict[str, Any]], rows_of: Callable[..., list[list[str]]]
) -> None:
    rows = rows_of(of_days.locator("#calls table"))

    assert [[number(cell) for cell in row[1:4]] for row in rows] == [
        [part["calls"], part["errors"], part["timeouts"]] for part in days
    ]
    failing = [
        (part["errors"] + part["timeouts"]) / part["calls"] if part["calls"] else None
        for part in days
    ]
    assert [row[4] for row in rows] == [words.share(share) for share in failing]
    assert [rows[0][0], rows[-1][0]] == ["Mon 26 Oct", "Wed 25 Nov"]


def test_each_bar_is_as_high_as_its_calls(of_days: Page, days: list[dict[str, Any]]) -> None:
    chart = of_days.locator("#calls .chart")
    calls = [part["calls"] for part in days if part["calls"]]
    scale = max(heights(chart)) / max(calls)

    assert heights(chart) == pytest.approx([scale * count for count in calls], abs=1.7)
    for status, key in (("error", "errors"), ("timeout", "timeouts")):
        boxes = chart.locator(f"path.fill.{status}").evaluate_all(BOXES)
        assert len(boxes) == sum(part[key] > 0 for part in days)


def test_failures_stand_at_the_base_of_their_bar(of_days: Page) -> None:
    chart = of_days.locator("#calls .chart")
    base = max(top + height for _, top, _, height in chart.locator("path.fill").evaluate_all(BOXES))
    errors = chart.locator("path.fill.error").evaluate_all(BOXES)

    assert errors
    assert [top + height for _, top, _, height in errors] == pytest.approx(
        [base] * len(errors), abs=0.8
    )


def test_the_period_before_is_a_dashed_line_at_its_calls(
    of_days: Page, rows_of: Callable[..., list[list[str]]]
) -> None:
    chart = of_days.locator("#calls .chart")
    line = chart.locator("path.before")
    texts = [row[5] for row in rows_of(of_days.locator("#calls table"))]
    before = [number(text) for text in texts if text != UNKNOWN]  # earlier nothing was recorded
    marks = {number(text): y for text, y in chart.locator("svg").evaluate(MARKS)}
    base, most = marks[0], max(marks)
    wanted = [base - (base - marks[most]) * count / most for count in before]

    assert [top for _, top in pairs_of(line)] == pytest.approx(wanted, abs=1)
    assert UNKNOWN in texts
    assert max(before) > 0
    expect(line).not_to_have_css("stroke-dasharray", "none")


def test_the_last_bar_of_an_open_period_is_marked_so_far(
    of_days: Page, visit: Callable[..., Page]
) -> None:
    expect(of_days.locator("#calls .chart")).to_contain_text("so far")
    so_far = of_days.locator("#calls path.so-far").evaluate_all(BOXES)
    every = of_days.locator("#calls path.fill").evaluate_all(BOXES)
    assert {box[0] for box in so_far} == {max(box[0] for box in every)}

    page = visit("?since=2026-11-01&until=2026-11-24")
    expect(page.locator("#calls .chart path.fill").first).to_be_attached()
    expect(page.locator("#calls .chart")).not_to_contain_text("so far")
    expect(page.locator("#calls path.so-far")).to_have_count(0)


def test_the_chart_of_calls_can_show_the_share_that_fails(
    visit: Callable[..., Page],
    days: list[dict[str, Any]],
) -> None:
    page = visit(SINCE)
    chart = page.locator("#calls .chart")
    button = page.get_by_role("button", name="Failing share")
    button.click()

    expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#calls .legend")).to_have_text("errortimeout")
    expect(chart.locator("path.before")).to_have_count(0)
    marks = {percent(text): y for text, y in chart.locator("svg").evaluate(MARKS) if "%" in text}
    base, most = marks[0], max(marks)
    failing = [(day["errors"] + day["timeouts"]) / day["calls"] for day in days if day["calls"]]
    wanted = [(base - marks[most]) * share / most for share in failing if share]
    assert heights(chart) == pytest.approx(wanted, abs=2)

    page.locator("#calls .choice").get_by_role("button", name="Calls").click()
    expect(page.locator("#calls .legend")).to_have_text("successerrortimeoutperiod before")


def test_the_latency_map_has_a_cell_for_each_duration_that_occurs(
    of_days: Page, made_up_served: Any
) -> None:
    answer = of_days.request.get(
        f"{made_up_served.origin}/api/summary{SINCE}&zone=Europe/Berlin",
        headers={"Authorization": f"Bearer {made_up_served.key}"},
    ).json()
    cells = [cell for bucket in answer["buckets"] for cell in bucket["histogram"]]
    chart = of_days.locator("#latency .chart")

    assert sum(calls for _, calls in cells) == answer["totals"]["calls"]
    assert len(chart.locator("path[class^=heat]").evaluate_all(BOXES)) == len(cells) > 100


@pytest.mark.parametrize(("line", "column", "fewest"), [("median", 2, 5), ("p95", 3, 20)])
def test_a_line_of_the_latency_map_runs_where_the_table_says(
    of_days: Page,
    rows_of: Callable[..., list[list[str]]],
    line: str,
    column: int,
    fewest: int,
) -> None:
    chart = of_days.locator("#latency .chart")
    marks = dict(chart.locator("svg").evaluate(MARKS))
    decade = (marks["1 ms"] - marks["10 s"]) / 4
    points = pairs_of(chart.locator(f"path.{line}"))
    drawn = [words.duration(10 ** ((marks["1 ms"] - top) / decade)) for _, top in points]
    rows = rows_of(of_days.locator("#latency table"))
    written = [row[column] for row in rows if number(row[1]) >= fewest]

    assert [milliseconds(text) for text in drawn] == pytest.approx(
        [milliseconds(text) for text in written], rel=0.06, abs=1
    )
    assert len(written) > 10


def milliseconds(text: str) -> float:
    value, unit = text.rsplit(" ", 1)
    return float(value) * {"ms": 1, "s": 1000}[unit]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    "query", ["?since=24h", "", SINCE, "?since=2020-01-01", "?since=2019-01-01&until=2019-02-01"]
)
def test_the_times_below_a_chart_do_not_overlap(
    visit: Callable[..., Page], query: str, width: int
) -> None:
    page = visit(query, viewport={"width": width, "height": 900})
    for chart in ("calls", "latency"):
        svg = page.locator(f"#{chart} .chart svg")
        times = svg.evaluate(TIMES)
        assert len(times) > 1
        ends = [right for _, right in times]
        assert all(right + 3 < left for right, (left, _) in zip(ends, times[1:], strict=False))
        box = svg.bounding_box()
        assert box is not None
        assert ends[-1] <= box["x"] + box["width"] + 1


def test_a_chart_opens_as_a_table(visit: Callable[..., Page]) -> None:
    page = visit()
    for panel in ("calls", "latency", "timeline"):
        table = page.locator(f"#{panel} details table")
        expect(table).not_to_be_visible()
        page.locator(f"#{panel} summary").click()
        expect(table).to_be_visible()
