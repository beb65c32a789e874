"""Every control of the page, and the address that keeps what they are set to."""

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
    "?since=2026-11-20&until=2026-11-25&tool=run_*&status=error&status=timeout&server=devtools"
    f"&client=c*&project=webshop&timeline={SESSION}&sort=p95"
)


@pytest.fixture
def visit(open_page: Callable[..., Page], made_up_served: Any) -> Callable[..., Page]:
    """Open the page of the made-up calls with a query in its address."""

    def open_(query: str = "", **options: Any) -> Page:
        return open_page(made_up_served.url.replace("/#", f"/{query}#"), **options)

    return open_


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """The page of the made-up calls, for this test alone."""
    return visit()


def query_is(page: Page, query: str) -> None:
    """Wait until the address of the page has this query, and all of it is drawn."""
    expect(page).to_have_url(re.compile(rf"^http://127\.0\.0\.1:\d+/{re.escape(query)}$"))
    expect(page.locator("body[data-ready]")).to_be_attached()


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


@pytest.mark.parametrize(
    ("since", "text", "range_", "each"),
    [
        ("24h", "24 h", "24 Nov 17:06", "hour"),
        ("30d", "30 d", "26 Oct 17:06", "day"),
        ("90d", "90 d", "27 Aug 17:06", "day"),
    ],
)
def test_a_button_chooses_the_period(
    page: Page, since: str, text: str, range_: str, each: str
) -> None:
    assert pressed(page.locator("#period")) == ["7 d"]
    page.get_by_role("button", name=text, exact=True).click()

    query_is(page, f"?since={since}")
    assert pressed(page.locator("#period")) == [text]
    expect(page.locator("#range")).to_have_text(re.compile(f"^{range_}"))
    expect(page.locator("#calls .sub")).to_have_text(f"each {each}")

    page.get_by_role("button", name="7 d", exact=True).click()
    query_is(page, "")  # the default is left out


def test_a_reload_and_a_second_tab_show_the_same(
    visit: Callable[..., Page], wait_ready: Callable[[Page], None]
) -> None:
    page = visit(EVERYTHING)
    shown = state(page)
    assert chips(page) == [
        *("tool run_*", "status error", "status timeout", "server devtools"),
        *("client c*", "project webshop"),
    ]
    expect(page.locator("#range")).to_have_text(re.compile("^20 Nov 00:00 . 26 Nov 00:00$"))

    page.reload()
    query_is(page, EVERYTHING)
    assert state(page) == shown

    other = page.context.new_page()
    other.goto(page.url)
    wait_ready(other)
    assert state(other) == shown
    assert other.url == page.url


def test_back_and_forward_go_through_what_was_shown(page: Page) -> None:
    queries = ["", "?since=30d", "?since=30d&status=error"]
    page.get_by_role("button", name="30 d").click()
    query_is(page, queries[1])
    page.get_by_role("button", name="Errors").click()
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


def test_sorting_makes_no_step_to_go_back_over(page: Page) -> None:
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


def test_a_period_that_the_address_misspells_is_explained(
    visit: Callable[..., Page], seen: Any
) -> None:
    seen.expected = ["400 (Bad Request)"]
    page = visit("?since=lately")

    expect(page.locator("#problem")).to_be_visible()
    expect(page.locator("#problem p")).to_contain_text("'lately'")
    expect(page.locator("#custom-since")).to_have_value("lately")
    expect(page.locator("#custom-since")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#custom-problem")).to_contain_text("'lately'")

    page.get_by_role("button", name="Show the last 7 days").click()
    query_is(page, "")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#cards .value").first).to_have_text("5,078")


@pytest.mark.parametrize(
    ("query", "status", "sentence"),
    [
        ("?status=bad", 400, "'bad'"),
        ("?session=nobody", 404, "nobody"),
        ("?timeline=nobody", 404, "nobody"),
    ],
)
def test_a_value_that_means_nothing_is_explained_and_can_be_left(
    visit: Callable[..., Page], seen: Any, query: str, status: int, sentence: str
) -> None:
    seen.expected = [f"status of {status}"]
    page = visit(query)
    expect(page.locator("#problem p")).to_contain_text(sentence)

    page.locator("#problem").get_by_role("button").first.click()
    query_is(page, "")
    expect(page.locator("#problem")).to_be_hidden()


def test_a_filter_that_no_call_matches_says_so(visit: Callable[..., Page]) -> None:
    page = visit("?tool=nothing_like_that")
    note = page.locator("#no-calls")

    expect(note).to_contain_text("No call of this period matches the filters. None ever did.")
    note.get_by_role("button", name="Remove the filters").click()
    query_is(page, "")
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_earlier_and_later_move_by_the_length_of_the_period(page: Page) -> None:
    earlier = page.get_by_role("button", name="One period earlier")
    later = page.get_by_role("button", name="One period later")
    expect(later).to_be_disabled()

    earlier.click()
    query_is(page, "?since=2026-11-11T17%3A06&until=2026-11-18T17%3A06")
    expect(page.locator("#range")).to_have_text(re.compile("^11 Nov 17:06 . 18 Nov 17:06$"))
    assert pressed(page.locator("#period")) == []
    earlier.click()
    query_is(page, "?since=2026-11-04T17%3A06&until=2026-11-11T17%3A06")
    later.click()
    query_is(page, "?since=2026-11-11T17%3A06&until=2026-11-18T17%3A06")
    later.click()
    query_is(page, "")
    expect(later).to_be_disabled()


def test_days_are_moved_by_the_calendar(visit: Callable[..., Page]) -> None:
    page = visit("?since=2026-10-25T00%3A00&until=2026-10-26T00%3A00")  # a day of 25 hours
    earlier = page.get_by_role("button", name="One period earlier")
    earlier.click()
    query_is(page, "?since=2026-10-24T00%3A00&until=2026-10-25T00%3A00")
    page.get_by_role("button", name="One period later").click()
    query_is(page, "?since=2026-10-25T00%3A00&until=2026-10-26T00%3A00")


def test_all_time_has_nothing_before_or_after_it(visit: Callable[..., Page]) -> None:
    page = visit("?since=all")

    expect(page.get_by_role("button", name="One period earlier")).to_be_disabled()
    expect(page.get_by_role("button", name="One period later")).to_be_disabled()


def test_any_period_can_be_typed(page: Page) -> None:
    custom = page.get_by_role("button", name="Custom")
    form = page.locator("#custom-form")
    expect(form).to_be_hidden()
    custom.click()
    expect(custom).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_label("From")).to_be_focused()
    expect(page.get_by_label("From")).to_have_value("7d")

    page.get_by_label("From").fill("2026-11-20")
    page.get_by_label("until", exact=True).fill("2026-11-21")
    page.get_by_label("until", exact=True).press("Enter")
    query_is(page, "?since=2026-11-20&until=2026-11-21")
    expect(page.locator("#range")).to_have_text(re.compile("^20 Nov 00:00 . 22 Nov 00:00$"))
    expect(form).to_be_hidden()
    expect(custom).to_be_focused()
    assert pressed(page.locator("#period")) == []


def test_a_period_that_means_nothing_is_explained_beside_its_field(page: Page, seen: Any) -> None:
    seen.expected = ["400 (Bad Request)"]
    page.get_by_role("button", name="Custom").click()
    since, until = page.get_by_label("From"), page.get_by_label("until", exact=True)
    since.fill("someday")
    page.get_by_role("button", name="Show", exact=True).click()

    expect(page.locator("#custom-problem")).to_contain_text("'someday'")
    expect(since).to_have_attribute("aria-invalid", "true")
    expect(until).to_have_attribute("aria-invalid", "false")

    since.fill("2026-11-20")
    until.fill("never")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("#custom-problem")).to_contain_text("'never'")
    expect(until).to_have_attribute("aria-invalid", "true")
    expect(since).to_have_attribute("aria-invalid", "false")
    query_is(page, "")  # what is shown stays

    until.press("Escape")
    expect(page.locator("#custom-form")).to_be_hidden()
    expect(page.locator("#custom-problem")).to_be_empty()
    expect(page.get_by_role("button", name="Custom")).to_be_focused()


def test_cancel_leaves_the_period_as_it_was(page: Page) -> None:
    page.get_by_role("button", name="Custom").click()
    page.get_by_label("From").fill("yesterday")
    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#custom-form")).to_be_hidden()
    query_is(page, "")


@pytest.mark.parametrize("chart", ["calls", "latency"])
def test_a_bar_that_is_clicked_becomes_the_period(page: Page, chart: str) -> None:
    svg = page.locator(f"#{chart} .chart svg")
    box = svg.bounding_box()
    assert box is not None
    svg.click(position={"x": box["width"] - 20, "y": box["height"] / 2})

    query_is(page, "?since=2026-11-25T15%3A00&until=2026-11-25T17%3A06%3A11")


def test_enter_shows_only_the_time_of_a_bar(page: Page) -> None:
    page.locator("#calls .chart svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")

    query_is(page, "?since=2026-11-25T12%3A00&until=2026-11-25T15%3A00")


def test_one_tool_is_chosen_from_all_that_were_ever_called(page: Page) -> None:
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


def test_one_status_is_chosen(page: Page) -> None:
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
    page: Page, panel: str, name: str, filter_: str, query: str
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


def test_a_chip_removes_its_filter(visit: Callable[..., Page]) -> None:
    page = visit("?tool=run_tests&tool=lint&status=error&server=devtools")
    assert chips(page) == ["tool run_tests", "tool lint", "status error", "server devtools"]
    expect(page.locator("#tool")).to_have_value("")

    page.get_by_role("button", name="Remove the filter: tool lint").click()
    query_is(page, "?tool=run_tests&status=error&server=devtools")
    expect(page.locator("#filters .chip").first).to_be_focused()
    page.get_by_role("button", name="Remove all").click()
    query_is(page, "")
    expect(page.locator("#filters")).to_be_hidden()


def test_the_colours_follow_the_system_or_the_reader(visit: Callable[..., Page]) -> None:
    page = visit(color_scheme="dark")
    theme = page.locator("#theme")
    colour = "getComputedStyle(document.body).backgroundColor"
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
