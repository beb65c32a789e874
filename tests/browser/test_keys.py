"""The page by its keys of one letter, and without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

QUERIES = {
    "1": "?since=24h",
    "3": "?since=30d",
    "4": "?since=90d",
    "2": "",
    "e": "?status=error",
    "o": "?status=timeout",
    "a": "",
    "[": "?since=2026-11-11T17:06&until=2026-11-18T17:06",
    "]": "",
}
"""What is in the address after each key, pressed one after the other."""


def test_keys_choose_what_is_shown(page: Page, query_is: Callable[[Page, str], None]) -> None:
    for key, query in QUERIES.items():
        page.keyboard.press(key)
        query_is(page, query)


def test_keys_reach_the_other_controls(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.get_by_label("From")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#custom-form")).to_be_hidden()

    page.keyboard.press("l")
    expect(page.locator("#live")).to_have_text("paused")
    page.keyboard.press("t")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("f")
    expect(page.locator("#tool")).to_be_focused()


def test_escape_removes_all_filters(page: Page, query_is: Callable[[Page, str], None]) -> None:
    page.get_by_label("Tool", exact=True).select_option("git_log")
    page.get_by_role("button", name="Errors", exact=True).click()
    query_is(page, "?tool=git_log&status=error")
    page.keyboard.press("Escape")

    query_is(page, "")


def test_a_question_mark_lists_the_keys(page: Page, query_is: Callable[[Page, str], None]) -> None:
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_hidden()
    page.keyboard.press("?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Close")).to_be_focused()
    listed = set(dialog.locator("kbd").all_inner_texts())
    assert set(QUERIES) | {"c", "f", "l", "t", "?", "Esc"} <= listed

    page.keyboard.press("3")  # means nothing in a dialog
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    query_is(page, "")

    page.get_by_role("button", name="Keys").click()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(page.locator("#keys")).to_be_focused()


def test_what_is_typed_into_a_field_is_no_key(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    page.keyboard.press("c")
    page.get_by_label("From").fill("")
    page.keyboard.type("1234e")

    expect(page.get_by_label("From")).to_have_value("1234e")
    query_is(page, "")


def test_keys_with_control_or_alt_are_left_to_the_browser(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    for held in ("Control", "Alt", "Meta"):
        page.keyboard.press(f"{held}+e")
    page.keyboard.press("o")

    query_is(page, "?status=timeout")
    page.go_back()
    query_is(page, "")  # so there was no step between


def test_keys_of_one_letter_can_be_switched_off(
    page: Page, query_is: Callable[[Page, str], None]
) -> None:
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys of one letter").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    query_is(page, "")

    page.keyboard.press("?")
    page.keyboard.press("l")
    page.keyboard.press("e")
    page.get_by_role("button", name="Timeouts").click()
    query_is(page, "?status=timeout")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    expect(page.locator("#live")).to_have_text("live")

    page.keyboard.press("Escape")  # is no letter
    query_is(page, "")
    expect(page.locator("#say")).to_have_text("All filters are removed.")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("Keys of one letter").check()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    query_is(page, "?status=error")
