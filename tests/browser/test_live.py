"""The page follows what is recorded, and costs little while it does."""

from __future__ import annotations

import json
import os
import re
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, LocatorAssertions, Page, Request, Route

pytestmark = pytest.mark.browser

NOW = 1795622770

SOON = 4000
"""How long after its commit a call is shown at the latest, in milliseconds."""


class Tab:
    """A tab of a browser that nobody drives, so that it is hidden behind another as it would be.

    Playwright lets each of its pages think that it is in front.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser.new_browser_cdp_session()
        self._answers: dict[int, Any] = {}
        self._numbers = count(1)
        self._browser.on("Target.receivedMessageFromTarget", self._hear)
        self._target = self._browser.send("Target.createTarget", {"url": url})["targetId"]
        attached = {"targetId": self._target, "flatten": False}
        self._session = self._browser.send("Target.attachToTarget", attached)["sessionId"]

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, which may be a promise."""
        number = next(self._numbers)
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        message = {"id": number, "method": "Runtime.evaluate", "params": parameters}
        self._send(message)
        while number not in self._answers:
            self._browser.send("Browser.getVersion")  # lets answers come in
        return self._answers[number]["result"]["result"].get("value")

    def wait_until(self, condition: str) -> None:
        """Wait until an expression is true, which is asked again at each change of the page."""
        self.evaluate(
            f"""new Promise((resolve) => {{
              const look = () => {condition} && resolve();
              new MutationObserver(look).observe(document, {{
                attributes: true, characterData: true, childList: true, subtree: true,
              }});
              look();
            }})"""
        )

    def activate(self) -> None:
        """Put it in front of the others."""
        self._browser.send("Target.activateTarget", {"targetId": self._target})

    def _send(self, message: dict[str, Any]) -> None:
        sent = {"sessionId": self._session, "message": json.dumps(message)}
        self._browser.send("Target.sendMessageToTarget", sent)

    def _hear(self, event: dict[str, Any]) -> None:
        answer = json.loads(event["message"])
        if "id" in answer:
            self._answers[answer["id"]] = answer


@pytest.fixture
def open_tab(launch: Callable[..., Browser]) -> Iterator[Callable[[str], Tab]]:
    """Open an address in a tab in front of the others."""
    browser = launch()
    yield lambda url: Tab(browser, url)
    browser.close()


def expect_row(page: Page, tool: str) -> LocatorAssertions:
    """Expect something of the row of a tool's call among the latest."""
    return expect(page.locator("#latest tbody tr").filter(has_text=tool))


def expect_calls(page: Page, calls: str) -> None:
    expect(page.locator("#cards .value").first).to_have_text(calls)


def requests_of(page: Page, seen: Any) -> list[Request]:
    return [request for request in seen.requests if request.frame.page == page]


def wait_for_looks(page: Page, times: int) -> None:
    """Wait until a page has looked so many times whether the database changed."""
    for _ in range(times):
        with page.expect_response("**/api/version"):
            pass


def test_a_new_call_is_shown_within_4_seconds_of_its_commit(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    record: Callable[..., str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "analytics.db"
    record(file, "first", 20)
    page = open_page(serve(file, now=None).url)
    for tool in ("second", "third"):
        record(file, tool, 30, status="error", error_type="OSError")
        expect_row(page, tool).to_be_visible(timeout=SOON)
    expect(page.locator("#latest tbody tr")).to_have_count(3)
    expect_calls(page, "3")
    expect(page.locator("#errors .figure")).to_have_text(["1 100 %", "1 100 %"])


def test_a_call_of_hours_ago_that_is_imported_now_is_shown_in_its_place(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    tmp_path: Path,
) -> None:
    file = tmp_path / "analytics.db"
    observe(file, {"tool_name": "newest", "timestamp": NOW - 60})
    observe(file, {"tool_name": "oldest", "timestamp": NOW - 90_000})
    page = open_page(serve(file).url)
    observe(file, {"tool_name": "imported", "timestamp": NOW - 9000})
    expect_row(page, "imported").to_be_visible(timeout=SOON)
    names = page.locator("#latest tbody td:nth-child(2)")
    expect(names).to_have_text(["newest", "imported", "oldest"])
    expect_calls(page, "3")


def test_a_call_that_the_filters_leave_out_is_not_shown_when_it_comes(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    record: Callable[..., str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "analytics.db"
    record(file, "wanted")
    page = open_page(serve(file, now=None).url.replace("/#", "/?tool=wanted#"))
    record(file, "other")
    record(file, "wanted")
    expect_row(page, "wanted").to_have_count(2)
    expect_calls(page, "2")
    expect_row(page, "other").to_have_count(0)


def test_a_page_that_is_paused_asks_for_nothing_until_it_goes_on(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    record: Callable[..., str],
    tmp_path: Path,
    seen: Any,
) -> None:
    file = tmp_path / "analytics.db"
    record(file, "first")
    dashboard = serve(file, now=None)
    page, other = open_page(dashboard.url), open_page(dashboard.url)
    page.locator("#live").click()
    expect(page.locator("#live")).to_have_text("paused")
    page.wait_for_load_state("networkidle")
    asked = len(requests_of(page, seen))
    record(file, "second")
    expect_row(other, "second").to_be_visible()
    wait_for_looks(other, 2)
    assert [request.url for request in requests_of(page, seen)[asked:]] == []
    expect_row(page, "second").to_have_count(0)
    page.locator("#live").click()
    expect(page.locator("#live")).to_have_text("live")
    expect_row(page, "second").to_be_visible()


def test_a_tab_in_the_background_asks_for_nothing_and_catches_up(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    open_tab: Callable[[str], Tab],
    record: Callable[..., str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "analytics.db"
    record(file, "first")
    dashboard = serve(file, now=None)
    tab = open_tab(dashboard.url)
    tab.wait_until("document.body?.dataset.ready")
    open_tab("about:blank")
    tab.wait_until("document.hidden")
    other = open_page(dashboard.url)
    requests = "performance.getEntriesByType('resource').length"
    asked = tab.evaluate(requests)
    for tool in ("second", "third"):
        record(file, tool)
        expect_row(other, tool).to_be_visible()
    wait_for_looks(other, 2)
    assert tab.evaluate("document.visibilityState") == "hidden"
    assert tab.evaluate(requests) == asked
    tab.activate()
    tab.wait_until("document.getElementById('latest').textContent.includes('third')")
    tab.wait_until("document.querySelector('#cards .value').textContent === '3'")


def test_while_nothing_is_recorded_a_page_only_looks_whether_something_was(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up_copy: Path,
    seen: Any,
) -> None:
    long_ago = time.time() - 3600
    os.utime(made_up_copy, (long_ago, long_ago))
    page = open_page(serve(made_up_copy).url)
    asked = len(seen.requests)
    begun = time.monotonic()
    wait_for_looks(page, 4)
    took = time.monotonic() - begun
    paths = [request.url.partition("/api/")[2] for request in seen.requests[asked:]]
    assert set(paths) == {"version"}
    assert len(paths) <= 1 + took / 2 + 1


def test_eight_tabs_follow_a_writer_for_a_minute_and_the_server_stays_small(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    record: Callable[..., str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "analytics.db"
    record(file, "call_0")
    dashboard = serve(file, now=None)
    first = open_page(dashboard.url)
    outcomes: list[str] = []
    first.context.on(
        "requestfailed", lambda request: outcomes.append(f"{request.failure}: {request.url}")
    )
    first.context.on("response", lambda response: outcomes.append(f"{response.status}"))
    pages = [first, *(first.context.new_page() for _ in range(7))]
    for page in pages[1:]:
        page.goto(first.url)
        wait_ready(page)
    begun, used = time.monotonic(), cpu_seconds(dashboard.process.pid)
    last = 0
    while time.monotonic() - begun < 60:
        last += 1
        record(file, f"call_{last}")
        expect_row(pages[last % 8], f"call_{last}").to_be_visible()
        assert threads(dashboard.process.pid) <= 8
    for page in pages:
        expect_row(page, f"call_{last}").to_be_visible()
    part = (cpu_seconds(dashboard.process.pid) - used) / (time.monotonic() - begun)
    assert part < 0.5
    for page in pages:
        expect_calls(page, str(last + 1))
    given_up = "net::ERR_ABORTED"  # by the page: a refresh takes the place of what goes on
    fine = ("200", "304", given_up)
    assert [outcome for outcome in outcomes if not outcome.startswith(fine)] == []


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"^Threads:\s+(\d+)$", status, re.MULTILINE)
    assert found is not None
    return int(found[1])


def test_what_a_reader_does_survives_that_calls_come(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    page = open_page(serve(made_up_copy).url, viewport={"width": 420, "height": 800})
    page.locator("#calls summary").click()
    page.locator("#tools").get_by_role("button", name="Show all").click()
    scrolled = page.locator("#calls details .scroll")
    scrolled.evaluate("(element) => { element.scrollTop = 90; }")
    page.locator("#custom").click()
    page.locator("#custom-since").fill("2026-11-")
    page.locator("#custom-since").evaluate("(field) => field.setSelectionRange(2, 6)")
    page.mouse.wheel(0, 900)
    expect(page.locator("html")).to_have_js_property("scrollTop", 900)
    tools = page.locator("#tools tbody tr").count()

    observe(made_up_copy, {"tool_name": "read_file", "timestamp": NOW - 1})
    expect_calls(page, "5,079")

    assert page.evaluate("[scrollY, document.activeElement.id]") == [900, "custom-since"]
    assert page.locator("#custom-since").evaluate(
        "(field) => [field.value, field.selectionStart, field.selectionEnd]"
    ) == ["2026-11-", 2, 6]
    expect(page.locator("#calls details")).to_have_attribute("open", "")
    assert scrolled.evaluate("(element) => element.scrollTop") == 90
    assert page.locator("#tools tbody tr").count() == tools


def test_more_calls_are_shown_though_a_refresh_comes_while_they_are_asked_for(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    page = open_page(serve(made_up_copy).url)
    held: list[Route] = []
    refresh = re.compile(r"/api/calls\?.*&limit=20$")
    more = re.compile(r"/api/calls\?.*(&after=.*|&limit=70)$")
    for query in (refresh, more):
        page.route(query, lambda route: held.append(route))  # noqa: PLW0108  playwright marks it
    with page.expect_request(refresh):
        observe(made_up_copy, {"tool_name": "new", "timestamp": NOW - 1})
    with page.expect_request(more):
        page.get_by_role("button", name="Show more").click()
    with page.expect_response(refresh):
        held[0].continue_()
    expect_calls(page, "5,079")
    page.unroute(more)
    held[1].continue_()
    expect(page.locator("#latest tbody tr")).to_have_count(70)
    expect_row(page, "new").to_have_count(1)


def test_the_focus_stays_on_a_call_though_others_come_before_it(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    observe: Callable[..., None],
    made_up_copy: Path,
) -> None:
    page = open_page(serve(made_up_copy).url)
    third = page.locator("#latest tbody tr").nth(2)
    key = third.get_attribute("data-key")
    third.locator("button").first.focus()
    observe(made_up_copy, *[{"tool_name": "read_file", "timestamp": NOW - 1}] * 2)
    expect_calls(page, "5,080")
    fifth = page.locator("#latest tbody tr").nth(4)
    expect(fifth).to_have_attribute("data-key", key or "")
    expect(fifth.locator("button").first).to_be_focused()
