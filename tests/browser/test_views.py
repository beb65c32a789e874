"""What the cards and the table of tools show, beside what the command prints."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from devflow_analytics_cli import words
from devflow_analytics_cli.words import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

NOW = 1795622770
BERLIN = ZoneInfo("Europe/Berlin")

CARDS = {
    "Calls": "Calls",
    "Error rate": "Errors",
    "Timeouts": "Timeouts",
    "Median": "Median",
    "95th percentile": "95 of 100",
    "Time in tools": "In tools",
}
"""What each card is called, and the line of the command."""

SORTS = ("calls", "failing", "p50", "p95", "p99", "time", "results", "last")
"""The columns by which the command sorts just as the page does."""


def rows_of_tools(table: Locator, rows_of: Callable[..., list[list[str]]]) -> list[list[str]]:
    """Return the rows without the age of the last call, which grows while one looks."""
    return [row[:10] + row[11:] for row in rows_of(table)]


def cards(page: Page) -> list[list[str]]:
    parts = ("h3", ".value", ".change")
    return [
        [card.locator(part).inner_text() for part in parts]
        for card in page.locator("#cards .card").all()
    ]


def row(tool: dict[str, Any]) -> list[str]:
    """Return what the row of a tool has to say, by the words of the command, but for its age."""
    calls, failed = tool["calls"], tool["errors"] + tool["timeouts"]
    mark = "~" if calls < 20 else ""
    are_many = calls >= 20 and tool["calls_before"] >= 20 and tool["p95_before_ms"]
    return [
        tool["tool"],
        f"{calls:,}",
        "",  # a drawing
        words.share(failed / calls),
        words.duration(tool["p50_ms"] if calls >= 5 else None),
        mark + words.duration(tool["p95_ms"]),
        mark + words.duration(tool["p99_ms"]),
        "",  # a drawing
        words.signed_change(tool["p95_ms"], tool["p95_before_ms"]) if are_many else UNKNOWN,
        words.duration(tool["total_ms"]),
        tool["server"] or "",
        words.size(tool["result_bytes"]),
    ]


@pytest.fixture(scope="module")
def tools(command: Callable[..., str], made_up: Path) -> dict[str, Any]:
    """What the command knows of the tools of the last 7 days."""
    told: dict[str, Any] = json.loads(command("devflow-analytics tools --json", made_up))
    return told


def test_the_cards_say_what_stats_prints(
    overview: Page, command: Callable[..., str], made_up: Path
) -> None:
    lines = [
        re.split(r" {2,}", line)
        for line in command("devflow-analytics stats", made_up).splitlines()
    ]
    told = {line[0]: line[1:] for line in lines if len(line) == 4}

    assert cards(overview) == [
        [name, told[title][0], " ".join(told[title][1:])] for name, title in CARDS.items()
    ]


def test_cards_of_the_first_period_say_that_there_is_nothing_before(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    file = tmp_path / "few.db"
    ends = ({"duration_ms": 1.0}, {"duration_ms": 3.0, "status": "error"}, {"duration_ms": 9.5})
    observe(file, *ends)
    page = open_page(serve(file).url)

    assert cards(page) == [
        ["Calls", "3", "nothing before"],
        ["Error rate", "33 %", "nothing before"],
        ["Timeouts", "0", "nothing before"],
        ["Median", UNKNOWN, "nothing before"],  # of fewer than five calls
        ["95th percentile", "~9.5 ms", "nothing before"],
        ["Time in tools", "14 ms", "nothing before"],
    ]
    page.goto(f"{page.url}?since=all")
    expect(page.locator("#cards .change").first).to_have_text("all that is recorded")


def test_the_range_and_its_zone_are_named(overview: Page) -> None:
    expect(overview.locator("#range")).to_have_text(f"18 Nov 17:06 {UNKNOWN} now")
    expect(overview.locator("#footer")).to_contain_text("Times in Europe/Berlin")


def test_the_table_of_tools_says_what_the_command_knows(
    visit: Callable[..., Page],
    tools: dict[str, Any],
    rows_of: Callable[..., list[list[str]]],
) -> None:
    page = visit()
    table = page.locator("#tools table")

    assert rows_of_tools(table, rows_of) == [row(tool) for tool in tools["tools"][:25]]
    lasts = [words.moment(tool["last"], BERLIN, NOW, seconds=True) for tool in tools["tools"][:25]]
    titles = "(all) => all.map((last) => last.title)"
    assert table.locator("td:nth-child(11) span").evaluate_all(titles) == lasts
    expect(page.locator("#tools .note")).to_have_text("~ of fewer than 20 calls")

    page.get_by_role("button", name="Show all 29").click()
    expect(table.locator("tbody tr")).to_have_count(29)
    assert rows_of_tools(table, rows_of) == [row(tool) for tool in tools["tools"]]

    page.locator("#tools").get_by_role("button", name="Show fewer").click()
    expect(table.locator("tbody tr")).to_have_count(25)


def test_the_table_of_tools_is_sorted_by_any_column_as_the_command_sorts(
    visit: Callable[..., Page],
    made_up: Path,
    command: Callable[..., str],
    rows_of: Callable[..., list[list[str]]],
) -> None:
    page = visit(viewport={"width": 1920, "height": 900})
    page.get_by_role("button", name="Show all 29").click()
    table = page.locator("#tools table")
    for name in SORTS:
        button = table.locator(f"[data-sort={name}]")
        heading = table.locator(f"th:has([data-sort={name}])")
        if name != "calls":
            expect(heading).not_to_have_attribute("aria-sort", re.compile("."))
            button.click()
        expect(heading).to_have_attribute("aria-sort", "descending")
        told = json.loads(command(f"devflow-analytics tools --json --sort {name}", made_up))
        assert [row[0] for row in rows_of(table)] == [tool["tool"] for tool in told["tools"]], name
        shown = re.compile(r"/$" if name == "calls" else rf"\?sort=-{name}$")
        expect(page).to_have_url(shown)

    button.click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    lasts = {tool["tool"]: tool["last"] for tool in told["tools"]}
    assert [lasts[row[0]] for row in rows_of(table)] == sorted(lasts.values())


def test_the_table_of_tools_is_sorted_by_name_and_by_what_got_slower(
    visit: Callable[..., Page],
    tools: dict[str, Any],
    rows_of: Callable[..., list[list[str]]],
) -> None:
    page = visit()
    page.get_by_role("button", name="Show all 29").click()
    table = page.locator("#tools table")

    table.locator("[data-sort=tool]").click()
    expect(page).to_have_url(re.compile("sort=tool$"))
    names = [row[0] for row in rows_of(table)]
    assert names == sorted(tool["tool"] for tool in tools["tools"])

    table.locator("[data-sort=slower]").click()
    expect(page).to_have_url(re.compile("sort=-slower$"))
    times = {
        tool["tool"]: tool["p95_ms"] / tool["p95_before_ms"]
        for tool in tools["tools"]
        if tool["calls"] >= 20 and tool["calls_before"] >= 20
    }
    shown = [row[0] for row in rows_of(table)]
    assert shown[: len(times)] == sorted(times, key=lambda tool: -times[tool])


def test_the_tool_that_lost_most_time_is_named_as_slower(
    overview: Page, tools: dict[str, Any]
) -> None:
    slower = [
        tool
        for tool in tools["tools"]
        if tool["calls"] >= 20
        and tool["calls_before"] >= 20
        and tool["p95_ms"] >= 1.1 * tool["p95_before_ms"]
    ]
    most = max(slower, key=lambda tool: tool["calls"] * (tool["p95_ms"] - tool["p95_before_ms"]))
    change = words.signed_change(most["p95_ms"], most["p95_before_ms"])

    expect(overview.locator("#tools .sub")).to_have_text(
        re.compile(re.escape(f" · slower than before {most['tool']} {change}") + "$")
    )


@pytest.mark.parametrize(("width", "column"), [(390, "p95 change"), (1280, "Results")])
def test_the_table_of_tools_has_what_matters_without_scrolling(
    visit: Callable[..., Page], width: int, column: str
) -> None:
    page = visit(viewport={"width": width, "height": 900})
    table = page.locator("#tools .scroll")

    expect(table.get_by_role("columnheader", name=column)).to_be_visible()
    assert table.evaluate("(node) => node.scrollWidth - node.clientWidth") <= 0


def test_a_name_of_spaces_alone_is_seen(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    rows_of: Callable[..., list[list[str]]],
    tmp_path: Path,
) -> None:
    file = tmp_path / "spaces.db"
    observe(file, {"tool_name": "  "})

    assert rows_of(open_page(serve(file).url).locator("#tools table"))[0][0] == "␣␣"


def test_tools_that_were_not_called_are_named(overview: Page, tools: dict[str, Any]) -> None:
    lists = overview.locator("#tools .not-called")

    assert tools["not_called"]
    assert lists.locator("li").all_inner_texts() == [
        *(f"{tool['tool']} last {words.ago(NOW - tool['last'])}" for tool in tools["not_called"]),
        *tools["servers_not_called"],
    ]


def test_tools_with_one_name_are_told_apart_by_their_servers(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    rows_of: Callable[..., list[list[str]]],
    tmp_path: Path,
) -> None:
    file = tmp_path / "two.db"
    servers = ("web", "files", None)
    observe(file, *({"server": server} for server in servers), {"tool_name": "read"})
    page = open_page(serve(file).url)

    names = sorted(row[0] for row in rows_of(page.locator("#tools table")))
    assert names == ["files/search", "read", "search", "web/search"]
