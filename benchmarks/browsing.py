"""Opens pages in Chromium, and notes when they are drawn and what that moved over the wire."""

from __future__ import annotations

import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, CDPSession, Page

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
READY = "Number(document.body.dataset.ready)"

PATIENCE_MS = 120_000
STEP_MS = 10


class Moved(NamedTuple):
    """What answers had over the wire: heads and bodies, as nothing is compressed."""

    requests: int
    kilobytes: float


def chromium() -> str:
    """Return the path of Chromium; without one the program ends."""
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("There is no chromium. Run: apt-get install chromium")
    return executable


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield started
        started.close()


class Tab:
    """A tab of a browser that has never seen the page."""

    def __init__(self, browser: Browser) -> None:
        """Open an empty one."""
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self._page: Page = self._context.new_page()
        self._protocol: CDPSession = self._context.new_cdp_session(self._page)
        self._paths: dict[str, str] = {}
        self._moved: list[tuple[str, float]] = []
        self._protocol.on("Network.requestWillBeSent", self._note_request)
        self._protocol.on("Network.loadingFinished", self._note_end)
        self._protocol.send("Network.enable")

    def open(self, url: str) -> None:
        """Go to an address, and wait for nothing but its beginning."""
        self._page.goto(url, wait_until="commit")

    def painted_s(self) -> float:
        """Return when the first content was there, in seconds after the page was asked for."""
        while not (painted := self._value(PAINT)):
            self._page.wait_for_timeout(STEP_MS)
        return painted / 1000

    def ready_s(self) -> float:
        """Return when all was drawn."""
        expect(self._page.locator("body[data-ready]")).to_be_attached(timeout=PATIENCE_MS)
        return self._value(READY) / 1000

    def wait(self, seconds: float) -> None:
        """Leave the page alone."""
        self._page.wait_for_timeout(1000 * seconds)

    def moved(self, *, of_api: bool) -> Moved:
        """Return what was answered so far: of the API, or else of the page's files."""
        sizes = [size for path, size in self._moved if path.startswith("/api/") is of_api]
        return Moved(len(sizes), sum(sizes) / 1000)

    def close(self) -> None:
        """Close it."""
        self._context.close()

    def _value(self, expression: str) -> float:
        asked = {"expression": expression, "returnByValue": True}
        found: dict[str, Any] = self._protocol.send("Runtime.evaluate", asked)
        value: float = found["result"]["value"]
        return value

    def _note_request(self, event: dict[str, Any]) -> None:
        self._paths[event["requestId"]] = urlsplit(event["request"]["url"]).path

    def _note_end(self, event: dict[str, Any]) -> None:
        self._moved.append((self._paths[event["requestId"]], event["encodedDataLength"]))
