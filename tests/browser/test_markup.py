"""What is recorded, or stands in the address, is text: it never becomes a part of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

MARKUP = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(2)</script>',
    "javascript:alert(3)//",
    "</td></table><svg><animate onbegin=alert(4) attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.alert(5)</script>'>",
    "' onfocus=alert(6) autofocus tabindex=1 x='",
)

INHERITED = ("__proto__", "constructor")
"""What every object of JavaScript has under these names already."""


@pytest.fixture
def named_as_markup(observe: Callable[..., None], tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A database in which all that can have a name is named so as to do harm."""
    file = tmp_path / "markup.db"
    calls = [
        {
            "tool_name": name,
            "duration_ms": 1000.0 if repeated == 0 else 12.0,  # the slowest 8 are shown, one each
            "server": name,
            "error_type": name,
            "agent": name,
            "client": name,
            "client_version": name,
            "project": name,
            "status": "error",
            "session_id": f"01a5c9b0-0000-8000-8000-0000000{number:05d}",
        }
        for number, name in enumerate(MARKUP + INHERITED)
        for repeated in range(5)
    ]
    observe(file, *calls)
    return file, MARKUP + INHERITED


def test_names_that_are_markup_stay_text_in_every_panel(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    named_as_markup: tuple[Path, tuple[str, ...]],
) -> None:
    file, names = named_as_markup
    dashboard = serve(file)
    page = open_page(dashboard.url, viewport={"width": 1920, "height": 1000})
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for _ in ("what fails", "what fails in a row"):
        page.locator("#errors").get_by_role("button", name="Show all").first.click()
    page.get_by_role("button", name="Show more").click()
    options = page.locator("#tool option").all_text_contents()
    assert sorted(options) == sorted(["All tools", *names])
    for name in names:
        for panel in ("errors", "slowest", "tools", "sessions", "latest"):
            found = page.locator(f"#{panel} bdi").get_by_text(name, exact=True)
            expect(found.first).to_be_visible()
    for number, name in enumerate(names):
        session = page.locator("#sessions tbody tr").filter(has_text=name).first
        session.get_by_role("button").first.click()
        expect(page.locator("#timeline .actions bdi")).to_have_text(
            [name, name, f"000{number:05d}"]
        )
        wait_ready(page)
    made = page.locator("main :is(img, script, iframe, animate, style, link, object, embed, a)")
    assert made.count() == 0
    assert page.locator("[onerror], [onfocus], [onbegin], [autofocus]").count() == 0
    assert dialogs == []


def test_an_address_with_markup_in_it_shows_it_as_text(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
    seen: Any,
) -> None:
    names = MARKUP + INHERITED
    kinds = ("tool", "server", "client", "project")
    filters = urlencode([(kind, name) for kind in kinds for name in names] + [("sort", names[0])])
    dashboard = serve(made_up)
    page = open_page(dashboard.url.replace("/#", f"/?{filters}#"))
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    expect(page.locator("#filters bdi")).to_have_text([*names] * 4)
    expect(page.locator("#no-calls")).to_contain_text("None ever did.")
    seen.expected.append("status of 40")
    for name in names:
        page.goto(f"{dashboard.origin}/?{urlencode({'since': name, 'timeline': name})}")
        wait_ready(page)
        expect(page.locator("#custom-problem")).to_contain_text(name)
        assert page.locator("main :is(img, script, iframe, animate)").count() == 0
    assert dialogs == []
