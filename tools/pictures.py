"""Take the pictures of the page that the docs show, of made-up calls at a fixed time.

Run by ``just pictures``; needs Chromium. Two runs on one machine give the same bytes. Other fonts
give other pictures.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from playwright.sync_api import expect, sync_playwright

from devflow_analytics_cli.made_up.calls import write_made_up_calls
from devflow_analytics_dashboard import Dashboard

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

DIRECTORY = Path(__file__).resolve().parent.parent / "docs/pictures"

NOW = 1795622770
"""2026-11-25T17:06:10+01:00, as in the answers that the docs show."""

ZONE = "Europe/Berlin"

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-partial-raster",
    "--disable-skia-runtime-opts",
    "--force-color-profile=srgb",
    "--disable-quic",
    "--disable-sync",
    "--font-render-hinting=none",
    "--no-first-run",
]

TALL = 4000
"""A height for which nothing has to be scrolled: the controls would cover it."""

DRAWN_MS = 20_000
"""How long the page may take."""


class Picture(NamedTuple):
    """What a picture shows."""

    name: str
    query: str = ""
    colours: Literal["light", "dark"] = "light"
    width: int = 1280
    height: int = 900
    panel: str = ""
    """The id of the one panel that is shown; none for the page from its top."""


PICTURES = (
    Picture("overview-light", height=1062),
    Picture("overview-dark", colours="dark", height=1062),
    Picture("tools", panel="tools", height=TALL),
    Picture("timeline", panel="timeline", height=TALL),
    Picture("one-tool", query="?tool=run_tests", height=900),
    Picture("narrow", width=390, height=1000),
)


def main() -> None:
    """Replace all pictures."""
    executable = shutil.which("chromium")
    if executable is None:
        sys.exit("There is no chromium. Run: apt-get install chromium fonts-dejavu-core")
    DIRECTORY.mkdir(exist_ok=True)
    for old in DIRECTORY.glob("*.png"):
        old.unlink()
    with _serving() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        for picture in PICTURES:
            file = DIRECTORY / f"{picture.name}.png"
            _take(browser, url, picture, file)
            print(f"{file.stat().st_size:9,} {file.name}")
        browser.close()


@contextmanager
def _serving() -> Iterator[str]:
    """Serve made-up calls as those of somebody's own home, and give the address."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        file = Path(home, ".devflow/analytics.db")
        write_made_up_calls(file, NOW)
        with Dashboard(file, port=0, clock=lambda: NOW) as dashboard:
            server = threading.Thread(target=dashboard.run)
            server.start()
            try:
                yield dashboard.url
            finally:
                dashboard.close()
                server.join()


def _take(browser: Browser, url: str, picture: Picture, file: Path) -> None:
    page = browser.new_page(
        color_scheme=picture.colours,
        locale="en-GB",
        reduced_motion="reduce",
        timezone_id=ZONE,
        viewport={"width": picture.width, "height": picture.height},
    )
    page.add_init_script("performance.now = () => 0")  # else "1 min ago" depends on the machine
    page.goto(url.replace("/#", f"/{picture.query}#"))
    expect(page.locator("body[data-ready]")).to_be_attached(timeout=DRAWN_MS)
    if picture.panel:
        page.locator(f"#{picture.panel}").screenshot(path=file, animations="disabled")
    else:
        page.screenshot(path=file, animations="disabled")
    page.context.close()


if __name__ == "__main__":
    main()
