"""The filters and the other controls, and the address that keeps what they are set to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

SESSION = "1fdefe4f-34fc-80fd-ad1a-9e2cd3b2a997"
"""The newest of the made-up ones."""

EVERYTHING = (
    "?since=2026-11-20&until=2026-11-24&tool=run_*&status=error&status=timeout&server=devtools"
    f"&client=c*&project=webshop&timeline={SESSION}&sort=p95"
)


def pressed(group: Locator) -> list[str]:
    """Return which buttons of a group are pressed."""
    return group.locator("[aria-pressed=true]").all_inner_texts()


def chips(page: Page) -> list[str]:
    """Return the filters that are shown as set."""
    return [
        f"{chip.locator('.kind').inner_text()} {chip.locator('bdi').inner_text()}"
        for chip in page.locator("#filters .chip").all()
    ]


def state(page: Page) -> list[str]:
    """Return what the page shows, but for how long ago something was."""
    panels = page.locator("#range, #period, #status, #filters, #cards, main > .panel")
    return [re.sub(r"now|\d+ (min|h) ago", "", text) for text in panels.all_inner_texts()]


def test_a_reload_and_a_second_tab_show_the_same(
    visit: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    query_is: Callable[[Page, str], None],
) -> None:
    page = visit(EVERYTHING)
    shown = state(page)
    assert chips(page) == [
        *("tool run_*", "status error", "status timeout", "server devtools"),
        *("client c*", "project webshop"),
    ]
    expect(page.locator("#range")).to_have_text(re.compile("^20 Nov . 24 Nov$"))

    page.reload()
    query_is(page, EVERYTHING)
    assert state(page) == shown

    other = page.context.new_page()
    other.goto(page.url)
    wait_ready(other)
    assert state(other) == shown
    assert other.url == page.url


def test_back_and_forward_go_through_what_was_shown(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    queries = ["", "?since=30d", "?since=30d&status=error"]
    page.get_by_role("button", name="30 d").click()
    query_is(page, queries[1])
    page.get_by_role("button", name="Errors", exact=True).click()
    query_is(page, queries[2])
    shown = {queries[2]: state(page)}

    page.go_back()
    query_is(page, queries[1])
    assert chips(page) == []
    assert pressed(page.locator("#status")) == ["All"]
    page.go_back()
    query_is(page, queries[0])
    assert pressed(page.locator("#period")) == ["7 d"]
    page.go_forward()
    page.go_forward()
    query_is(page, queries[2])
    assert state(page) == shown[queries[2]]


def test_sorting_makes_no_step_to_go_back_over(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    page.get_by_role("button", name="30 d").click()
    query_is(page, "?since=30d")
    page.locator("#tools [data-sort=p95]").click()
    query_is(page, "?since=30d&sort=-p95")
    page.go_back()

    query_is(page, "")


@pytest.mark.parametrize("query", ["?nothing=1&key=x&__proto__=y", "?sort=-constructor", "?tool="])
def test_what_an_address_says_for_nobody_is_passed_over(
    visit: Callable[..., Page], query: str
) -> None:
    page = visit(query)

    expect(page.locator("#cards .value").first).to_have_text("5,078")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#tools th[aria-sort]")).to_have_text(re.compile("^Calls"))


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [("?status=bad", "400 (Bad Request)", "'bad'"), ("?session=none", "404 (Not Found)", "none")],
)
def test_a_filter_that_means_nothing_is_explained_and_can_be_removed(
    visit: Callable[..., Page],
    seen: Any,
    query: str,
    status: str,
    word: str,
    query_is: Callable[[Page, str], None],
) -> None:
    seen.expected = [status]
    page = visit(query)
    expect(page.locator("#problem p")).to_contain_text(word)

    page.locator("#filters .chip").click()
    query_is(page, "")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_a_session_that_is_not_there_is_missing_only_in_its_panel(
    visit: Callable[..., Page], seen: Any
) -> None:
    seen.expected = ["404 (Not Found)"]
    page = visit("?timeline=none")

    expect(page.locator("#timeline .nothing")).to_contain_text("none")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_a_filter_that_no_call_matches_says_so(
    visit: Callable[..., Page], query_is: Callable[[Page, str], None]
) -> None:
    page = visit("?tool=nothing_like_that")
    note = page.locator("#no-calls")

    expect(note).to_contain_text(
        "No call of this period matches the filters. No recorded call does."
    )
    note.get_by_role("button", name="Remove the filters").click()
    query_is(page, "")
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_one_tool_is_chosen_from_all_that_were_ever_called(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    tools = page.get_by_label("Tool", exact=True)
    names = tools.locator("option").all_inner_texts()
    assert names[0] == "All tools"
    assert "jira_search" in names  # not called in this period
    assert names[1:] == sorted(names[1:])

    tools.select_option("git_log")
    query_is(page, "?tool=git_log")
    assert chips(page) == ["tool git_log"]
    expect(page.locator("#cards .value").first).to_have_text("174")
    expect(page.locator("#tools tbody tr")).to_have_count(1)

    tools.select_option("All tools")
    query_is(page, "")
    expect(page.locator("#filters")).to_be_hidden()


def test_one_status_is_chosen(page: Page, query_is: Callable[[Page, str], None]) -> None:
    page.get_by_role("button", name="Timeouts").click()
    query_is(page, "?status=timeout")
    assert pressed(page.locator("#status")) == ["Timeouts"]
    expect(page.locator("#cards .value").first).to_have_text("5")
    assert page.locator("#latest .pill").all_inner_texts() == ["timeout"] * 5

    page.locator("#status").get_by_role("button", name="All").click()
    query_is(page, "")


@pytest.mark.parametrize(
    ("panel", "name", "filter_", "query"),
    [
        ("tools", "read_file", "tool read_file", "?tool=read_file"),
        ("tools", "code-index", "server code-index", "?server=code-index"),
        ("timeline", "cursor", "client cursor", "?client=cursor"),
        ("timeline", "webshop", "project webshop", "?project=webshop"),
        ("timeline", "d3b2a997", f"session {SESSION}", f"?session={SESSION}"),
    ],
)
def test_a_name_that_is_clicked_becomes_a_filter_of_all_panels(
    page: Page,
    panel: str,
    name: str,
    filter_: str,
    query: str,
    query_is: Callable[[Page, str], None],
) -> None:
    button = page.locator(f"#{panel}").get_by_role("button", name=name, exact=True)
    button.first.click()
    query_is(page, query)
    assert chips(page) == [filter_]
    expect(button.first).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#cards .value").first).not_to_have_text("5,078")

    button.first.click()
    query_is(page, "")
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_a_chip_removes_its_filter(
    visit: Callable[..., Page], query_is: Callable[[Page, str], None]
) -> None:
    page = visit("?tool=run_tests&tool=lint&status=error&server=devtools")
    assert chips(page) == ["tool run_tests", "tool lint", "status error", "server devtools"]
    expect(page.locator("#tool")).to_have_value("")

    page.get_by_role("button", name="Remove the filter: tool lint").click()
    query_is(page, "?tool=run_tests&status=error&server=devtools")
    expect(page.locator("#filters .chip").first).to_be_focused()
    page.get_by_role("button", name="Remove all").click()
    query_is(page, "")
    expect(page.locator("#filters")).to_be_hidden()


def test_the_colours_follow_the_system_or_the_reader(
    visit: Callable[..., Page], query_is: Callable[[Page, str], None]
) -> None:
    page = visit(color_scheme="dark")
    theme = page.locator("#theme")
    colour = "getComputedStyle(document.body).color"
    dark = page.evaluate(colour)
    expect(theme).to_have_attribute("aria-label", "Colours: as the system has them")
    page.emulate_media(color_scheme="light")
    light = page.evaluate(colour)
    assert dark != light

    theme.click()
    page.emulate_media(color_scheme="dark")
    expect(theme).to_have_attribute("aria-label", "Colours: light")
    assert page.evaluate(colour) == light
    page.reload()
    query_is(page, "")
    expect(theme).to_have_attribute("aria-label", "Colours: light")
    assert page.evaluate(colour) == light

    theme.click()
    page.emulate_media(color_scheme="light")
    expect(theme).to_have_attribute("aria-label", "Colours: dark")
    assert page.evaluate(colour) == dark
    theme.click()
    expect(theme).to_have_attribute("aria-label", "Colours: as the system has them")
    assert page.evaluate(colour) == light


def test_following_can_be_paused(page: Page) -> None:
    live = page.locator("#live")
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(live).to_have_text("live")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "false")
    expect(live).to_have_text("paused")

    page.reload()
    expect(live).to_have_text("paused")
    live.click()
    expect(live).to_have_text("live")
