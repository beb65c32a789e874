"""Several dashboards at once, and several runs of one, in the same browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def test_dashboards_on_several_ports_do_not_disturb_each_other(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    pages: list[Page] = []
    for name in ("first", "second", "third"):
        file = tmp_path / f"{name}.db"
        observe(file, {"tool_name": name})
        url = serve(file).url
        if not pages:
            pages.append(open_page(url))
            continue
        page = pages[0].context.new_page()
        page.goto(url)
        wait_ready(page)
        pages.append(page)
    assert len({page.url for page in pages}) == 3

    pages[0].keyboard.press("l")
    pages[1].keyboard.press("t")
    for page, name in zip(pages, ("first", "second", "third"), strict=True):
        page.reload()
        wait_ready(page)
        expect(page.locator("#tools tbody th")).to_have_text([name])
        expect(page.locator("#footer")).to_contain_text(f"{name}.db")
    for page, live, theme in zip(
        pages, ("paused", "live", "live"), ("system", "light", "system"), strict=True
    ):
        expect(page.locator("#live")).to_have_text(live)
        expect(page.locator("html")).to_have_attribute("data-theme", theme)


def test_the_key_of_a_new_run_reaches_the_tabs_of_the_run_before(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    observe: Callable[..., None],
    seen: Any,
    tmp_path: Path,
) -> None:
    seen.expected = ["401 (Unauthorized)", "ERR_CONNECTION_REFUSED"]
    file = tmp_path / "runs.db"
    observe(file, {"tool_name": "early"})
    served = serve(file)
    old = open_page(served.url)
    served.stop()
    again = serve(file, port=served.port)
    old.reload()
    expect(old.locator("#problem h2")).to_have_text("The key of this page is from an earlier run")

    new = old.context.new_page()
    new.goto(again.url)
    wait_ready(new)

    expect(old.locator("#problem")).to_be_hidden()
    expect(old.locator("#tools tbody th")).to_have_text(["early"])


def test_a_new_key_in_the_address_of_an_open_page_is_taken(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    seen: Any,
    tmp_path: Path,
) -> None:
    seen.expected = ["401 (Unauthorized)"]
    file = tmp_path / "typed.db"
    observe(file, {})
    served = serve(file)
    page = open_page(f"{served.origin}/?since=24h#key=wrong")
    expect(page.locator("#problem h2")).to_be_visible()

    page.goto(f"{served.origin}/?since=24h#key={served.key}")
    expect(page.locator("#problem")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/\?since=24h$"))
    expect(page.locator("#cards .value").first).to_have_text("1")
