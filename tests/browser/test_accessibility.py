"""Everyone can use the page: by keyboard, by ear, small, large, in print, without motion."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WIDTHS = (320, 1280, 1920)
SCHEMES = ("light", "dark")

AXE = Axe()

DRAWN = """
async () => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}
"""
"""Waits until charts have been drawn anew after a change of the width."""

SEEN_FOCUS = """
() => {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
}
"""

NEXT = """
() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  element.scrollIntoView({ block: "nearest" });
  const list = [...document.querySelectorAll("*")];
  return list.indexOf(element);
}
"""

REACHABLE = """
() => [...document.querySelectorAll("a[href], button, select, input, summary, [tabindex='0']")]
  .filter((element) => element.checkVisibility() && !element.disabled)
  .map((element) => [...document.querySelectorAll("*")].indexOf(element))
"""


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong: the rule, and where."""
    found = AXE.run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for rule in found
        for node in rule["nodes"]
    ]


def expect_no_violation(page: Page) -> None:
    """Expect none at any width, in either scheme; and nothing to scroll to the side."""
    for width, scheme in itertools.product(WIDTHS, SCHEMES):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  one of two
        page.evaluate(DRAWN)
        expect_no_scrolling(page)
        assert violations(page) == [], f"{width} px, {scheme}"


def expect_no_scrolling(page: Page) -> None:
    sizes = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert sizes[0] == sizes[1]


def at(url: str, query: str) -> str:
    return url.replace("/#", f"/?{query}#")


@pytest.fixture
def open_still(open_page: Callable[..., Page]) -> Callable[..., Page]:
    """Open an address where nothing moves, so that colours are what they are to be."""
    return lambda url, **options: open_page(url, reduced_motion="reduce", **options)


def test_axe_finds_nothing_in_the_overview(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path
) -> None:
    expect_no_violation(open_still(serve(made_up).url))


def test_axe_finds_nothing_in_one_session_with_filters_and_all_that_opens_open(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path
) -> None:
    query = "since=30d&session=d3b2a997&timeline=d3b2a997&status=error&tool=run_*&sort=-p95"
    page = open_still(at(serve(made_up).url, query))
    for summary in page.locator("summary").all():
        summary.click()
    page.locator("#custom").click()
    expect_no_violation(page)


def test_axe_finds_nothing_in_the_list_of_keys(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path
) -> None:
    page = open_still(serve(made_up).url)
    page.locator("#keys").click()
    expect(page.locator("#keys-dialog")).to_be_visible()
    expect_no_violation(page)


def test_axe_finds_nothing_in_a_period_that_is_wrong(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append("status of 400")
    page = open_still(at(serve(made_up).url, "since=nonsense"))
    expect(page.locator("#custom-problem")).to_contain_text("nonsense")
    expect_no_violation(page)


def test_axe_finds_nothing_where_there_are_no_calls(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path
) -> None:
    page = open_still(at(serve(made_up).url, "since=2020-01-01&until=2020-01-02"))
    expect_no_violation(page)


def test_axe_finds_nothing_in_the_page_for_beginners(
    serve: Callable[..., Any], open_still: Callable[..., Page], tmp_path: Path, seen: Any
) -> None:
    seen.expected.append("status of 503")
    page = open_still(serve(tmp_path / "none.db").url)
    expect(page.locator("#first-run")).to_be_visible()
    expect_no_violation(page)


def test_axe_finds_nothing_in_the_page_without_a_key(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append("status of 401")
    page = open_still(serve(made_up).origin)
    expect(page.locator("#problem")).to_contain_text("needs a key")
    expect_no_violation(page)


def test_axe_finds_nothing_where_the_server_is_gone(
    serve: Callable[..., Any], open_still: Callable[..., Page], made_up: Path, seen: Any
) -> None:
    seen.expected.append("net::ERR_CONNECTION_REFUSED")
    dashboard = serve(made_up)
    page = open_still(dashboard.url)
    dashboard.stop()
    expect(page.locator("#problem")).to_contain_text("does not answer")
    expect_no_violation(page)


def test_nothing_is_scrolled_to_the_side_at_any_width(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    query = "tool=*&server=*&client=*&project=*&status=success&status=error&status=timeout"
    page = open_page(at(serve(made_up).url, query))
    page.locator("#custom").click()
    for width in (320, 360, 420, 520, 600, 761, 900, 1000, 1101, 1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(DRAWN)
        expect_no_scrolling(page)


def test_tab_reaches_all_that_can_be_used_in_the_order_in_which_it_is_there(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
) -> None:
    page = open_page(at(serve(made_up).url, "since=24h&tool=*&status=error&status=timeout"))
    page.locator("#live").click()  # so that the page stays as it is
    page.reload()  # so that Tab begins at its top
    wait_ready(page)
    reachable = page.evaluate(REACHABLE)
    reached = []
    for _ in range(len(reachable)):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(NEXT))
        assert page.evaluate(SEEN_FOCUS), f"the focus is not seen on number {reached[-1]}"
    assert reached == reachable


def test_the_first_tab_leads_past_the_controls(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the figures")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#calls .choice button").first).to_be_focused()


def test_charts_are_read_with_the_arrow_keys_and_said_aloud(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
) -> None:
    page = open_page(serve(made_up).url)
    said = page.locator("#say")
    page.locator("#calls svg[role=img]").focus()
    page.keyboard.press("End")
    expect(said).to_have_text(
        "Wed 25 Nov 15:00 – 17:06: Calls 635 so far, Errors 31, Timeouts 0, Failing 4.9 %,"  # noqa: RUF001  as written
        " Period before 67"
    )
    page.keyboard.press("ArrowLeft")
    expect(said).to_have_text(
        "Wed 25 Nov 12:00 – 15:00: Calls 71, Errors 7, Timeouts 0, Failing 9.9 %, Period before 43"  # noqa: RUF001  as written
    )
    page.locator("#latency svg[role=img]").focus()
    page.keyboard.press("Home")
    expect(said).to_have_text(
        "Wed 18 Nov 17:06 – 18:00: Calls 334, Median 19 ms, 95th percentile 3.21 s"  # noqa: RUF001  as written
    )
    expect(page.locator("#tip")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#tip")).to_be_hidden()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    wait_ready(page)
    assert page.url.endswith("/?since=2026-11-25T15:00&until=2026-11-25T17:06:11")


def test_what_is_sorted_and_pressed_is_told(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url)
    heads = page.locator("#tools th[aria-sort]")
    expect(heads).to_have_count(1)
    expect(heads).to_have_attribute("aria-sort", "descending")
    page.locator("#tools [data-sort=tool]").click()
    expect(heads).to_have_count(1)
    expect(heads).to_have_attribute("aria-sort", "ascending")
    expect(heads).to_contain_text("Tool")
    for group, button in (("period", "[data-since='24h']"), ("status", "[data-status=error]")):
        page.locator(f"#{group} {button}").click()
        expect(page.locator(f"#{group} [aria-pressed=true]")).to_have_count(1)
        expect(page.locator(f"#{group} {button}")).to_have_attribute("aria-pressed", "true")
    page.locator("#live").click()
    expect(page.locator("#live")).to_have_attribute("aria-pressed", "false")


def test_the_dialog_returns_the_focus_to_where_it_was(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url)
    page.locator("#keys").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#keys-dialog")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('dialog')?.id") == "keys-dialog"
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    expect(page.locator("#keys")).to_be_focused()


def test_nothing_moves_for_those_who_want_that(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    moving, still = (
        open_page(serve(made_up_copy).url, reduced_motion=motion)
        for motion in ("no-preference", "reduce")
    )
    observe(made_up_copy, {"tool_name": "new"})
    names = "document.getAnimations().map(({ animationName }) => animationName)"
    for page in (moving, still):
        expect(page.locator("#latest tr.arrived")).to_have_count(1)
    assert "pulse" in moving.evaluate(names)
    assert still.evaluate(names) == []


def test_in_forced_colours_what_is_chosen_is_still_seen(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url, forced_colors="active")
    chosen, other = (
        page.locator(f"#period [data-since='{since}']").evaluate(
            "(button) => getComputedStyle(button).outlineStyle"
        )
        for since in ("7d", "24h")
    )
    assert (chosen, other) == ("solid", "none")
    fills = page.evaluate(
        """() => ["success", "error", "timeout"].map((status) => {
          return getComputedStyle(document.querySelector(`#calls .fill.${status}`)).fill;
        })"""
    )
    assert len(set(fills)) == 3
    assert violations(page) == []


def test_printed_the_page_has_all_panels_and_no_controls(
    serve: Callable[..., Any], open_page: Callable[..., Page], made_up: Path
) -> None:
    page = open_page(serve(made_up).url, color_scheme="dark")
    page.emulate_media(media="print")
    for panel in ("cards", "calls", "errors", "latency", "slowest", "tools", "sessions"):
        expect(page.locator(f"#{panel}")).to_be_visible()
    for panel in ("timeline", "latest"):
        expect(page.locator(f"#{panel}")).to_be_visible()
    expect(page.locator("#range")).to_be_visible()
    shown = (
        "(all) => all.filter((one) => one.checkVisibility()).map((one) => one.id || one.className)"
    )
    controls = "#period, #earlier, #later, #tool, #status, #live, #theme, #keys, .actions, .more"
    assert page.locator(controls).evaluate_all(shown) == []
    ground = page.locator("body").evaluate("(body) => getComputedStyle(body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 10_000
