"""The ways to choose a period, and what is said of one that means nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser


def pressed(group: Locator) -> list[str]:
    """Return which buttons of a group are pressed."""
    return group.locator("[aria-pressed=true]").all_inner_texts()


@pytest.mark.parametrize(
    ("since", "text", "range_", "each"),
    [
        ("24h", "24 h", "24 Nov 17:06", "hour"),
        ("30d", "30 d", "26 Oct 17:06", "day"),
        ("90d", "90 d", "27 Aug 17:06", "day"),
    ],
)
def test_a_button_chooses_the_period(
    page: Page, since: str, text: str, range_: str, each: str, query_is: Callable[[Page, str], None]
) -> None:
    assert pressed(page.locator("#period")) == ["7 d"]
    page.get_by_role("button", name=text, exact=True).click()

    query_is(page, f"?since={since}")
    assert pressed(page.locator("#period")) == [text]
    expect(page.locator("#range")).to_have_text(re.compile(f"^{range_}"))
    expect(page.locator("#calls .sub")).to_have_text(
        re.compile(rf"^each {each} · most .+, [\d,]+$")
    )

    page.get_by_role("button", name="7 d", exact=True).click()
    query_is(page, "")  # the default is left out


def test_a_period_that_the_address_misspells_is_explained(
    visit: Callable[..., Page], seen: Any, query_is: Callable[[Page, str], None]
) -> None:
    seen.expected = ["400 (Bad Request)"]
    page = visit("?since=lately")

    expect(page.locator("#problem p")).to_have_text("There are no figures for this period.")
    expect(page.locator("#custom-since")).to_have_value("lately")
    expect(page.locator("#custom-since")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#custom-problem")).to_contain_text("'lately'")

    page.get_by_role("button", name="Show the last 7 days").click()
    query_is(page, "")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_earlier_and_later_move_by_the_length_of_the_period(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    earlier = page.get_by_role("button", name="One period earlier")
    later = page.get_by_role("button", name="One period later")
    expect(later).to_be_disabled()

    earlier.click()
    query_is(page, "?since=2026-11-11T17:06&until=2026-11-18T17:06")
    expect(page.locator("#range")).to_have_text(re.compile("^11 Nov 17:06 . 18 Nov 17:06$"))
    assert pressed(page.locator("#period")) == []
    earlier.click()
    query_is(page, "?since=2026-11-04T17:06&until=2026-11-11T17:06")
    later.click()
    query_is(page, "?since=2026-11-11T17:06&until=2026-11-18T17:06")
    later.click()
    query_is(page, "")
    expect(later).to_be_disabled()


def test_days_are_moved_by_the_calendar(
    visit: Callable[..., Page], query_is: Callable[[Page, str], None]
) -> None:
    page = visit("?since=2026-10-25&until=2026-10-25")  # a day of 25 hours
    earlier = page.get_by_role("button", name="One period earlier")
    earlier.click()
    query_is(page, "?since=2026-10-24&until=2026-10-24")
    page.get_by_role("button", name="One period later").click()
    query_is(page, "?since=2026-10-25&until=2026-10-25")


def test_all_time_has_nothing_before_or_after_it(visit: Callable[..., Page]) -> None:
    page = visit("?since=all")

    expect(page.get_by_role("button", name="One period earlier")).to_be_disabled()
    expect(page.get_by_role("button", name="One period later")).to_be_disabled()


def test_any_period_can_be_typed(page: Page, query_is: Callable[[Page, str], None]) -> None:
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
    expect(page.locator("#range")).to_have_text(re.compile("^20 Nov . 21 Nov$"))
    expect(form).to_be_hidden()
    expect(custom).to_be_focused()
    assert pressed(page.locator("#period")) == []


def test_a_period_that_means_nothing_is_explained_beside_its_field(
    page: Page, seen: Any, query_is: Callable[[Page, str], None]
) -> None:
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


def test_cancel_leaves_the_period_as_it_was(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    page.get_by_role("button", name="Custom").click()
    page.get_by_label("From").fill("yesterday")
    page.get_by_role("button", name="Cancel").click()

    expect(page.locator("#custom-form")).to_be_hidden()
    query_is(page, "")


@pytest.mark.parametrize("chart", ["calls", "latency"])
def test_a_bar_that_is_clicked_becomes_the_period(
    page: Page, chart: str, query_is: Callable[[Page, str], None]
) -> None:
    svg = page.locator(f"#{chart} .chart svg")
    box = svg.bounding_box()
    assert box is not None
    svg.click(position={"x": box["width"] - 4, "y": box["height"] / 2})

    query_is(page, "?since=2026-11-25T15:00&until=2026-11-25T17:06:11")


def test_enter_shows_only_the_time_of_a_bar(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    page.locator("#calls .chart svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")

    query_is(page, "?since=2026-11-25T12:00&until=2026-11-25T15:00")
