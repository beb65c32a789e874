"""Nobody else reads the figures, and the page runs and asks nothing that is not its own."""

from __future__ import annotations

import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

BLOCKED = "Content Security"
"""What Chromium says of what the page's policy does not allow."""

READ = """
async ([origin, key]) => {
  const url = `${origin}/api/summary`;
  const headers = { Authorization: `Bearer ${key}` };
  const outcome = (promise) => promise.then(async (response) => {
    return `${response.type} ${response.status} ${(await response.text()).length}`;
  }, (error) => error.name);
  const element = (tag, attributes) => new Promise((resolve) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.onload = () => resolve("loaded");
    made.onerror = () => resolve("error");
    document.body.append(made);
  });
  const events = new Promise((resolve) => {
    const source = new EventSource(url);
    source.onopen = () => resolve("opened");
    source.onerror = () => resolve(source.readyState === EventSource.CLOSED ? "closed" : "error");
  });
  const socket = new Promise((resolve) => {
    const made = new WebSocket(url.replace("http", "ws"));
    made.onopen = () => resolve("opened");
    made.onerror = () => resolve("error");
  });
  return {
    "fetch": await outcome(fetch(url)),
    "fetch with the key": await outcome(fetch(url, { headers })),
    "fetch with cookies": await outcome(fetch(url, { credentials: "include" })),
    "fetch without CORS": await outcome(fetch(url, { mode: "no-cors" })),
    "fetch of a file": await outcome(fetch(`${origin}/main.js`)),
    "img": await element("img", { src: `${origin}/icon.svg` }),
    "script": await element("script", { src: `${origin}/main.js` }),
    "module": await element("script", { src: `${origin}/main.js`, type: "module" }),
    "style": await element("link", { href: `${origin}/base.css`, rel: "stylesheet" }),
    "object": await element("object", { data: `${origin}/` }),
    "EventSource": await events,
    "WebSocket": await socket,
  };
}
"""

INJECT = """
async (elsewhere) => {
  const attempt = (action) => {
    try {
      action();
      return "done";
    } catch (error) {
      return error.name;
    }
  };
  const image = await new Promise((resolve) => {
    const made = new Image();
    made.onload = () => resolve("loaded");
    made.onerror = () => resolve("error");
    made.src = `${elsewhere}/x.png`;
  });
  const style = document.createElement("style");
  style.textContent = "body { margin-top: 77px !important }";
  document.head.append(style);
  const base = document.createElement("base");
  base.href = `${elsewhere}/`;
  document.head.append(base);
  return {
    "eval": attempt(() => eval("1")),
    "Function": attempt(() => new Function("return 1")),
    "timeout of text": attempt(() => setTimeout("alert(1)", 0)),
    "innerHTML": attempt(() => { document.createElement("p").innerHTML = "<b>x</b>"; }),
    "insertAdjacentHTML": attempt(() => document.body.insertAdjacentHTML("beforeend", "<b>x</b>")),
    "document.write": attempt(() => document.write("x")),
    "script of text": attempt(() => { document.createElement("script").text = "alert(1)"; }),
    "script elsewhere": attempt(() => { document.createElement("script").src = elsewhere; }),
    "handler of text": attempt(() => document.body.setAttribute("onclick", "alert(1)")),
    "policy": attempt(() => trustedTypes.createPolicy("mine", { createHTML: (text) => text })),
    "style": getComputedStyle(document.body).marginTop,
    "image elsewhere": image,
    "fetch elsewhere": await fetch(elsewhere).then(() => "done", (error) => error.name),
    "fetch by another name": await fetch(location.origin.replace("127.0.0.1", "localhost")).then(
      () => "done", (error) => error.name),
    "base": document.baseURI === location.href,
  };
}
"""


SEND = """
(elsewhere) => {
  const form = document.createElement("form");
  form.action = `${elsewhere}/form`;
  document.body.append(form);
  form.submit();
}
"""


class OtherSite(ThreadingHTTPServer):
    """A site of somebody else's on this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.html = "<!doctype html><title>other</title><body></body>"
        self.asked: list[str] = []
        self.origin = f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: OtherSite

    def do_GET(self) -> None:
        body = self.server.html.encode()
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the library's name

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""


@pytest.fixture
def other_site() -> Iterator[OtherSite]:
    """A page on another port; named before `open_page`, so that its tabs are closed first."""
    with OtherSite() as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_page_of_this_machine_reads_nothing_even_with_the_key(
    host: str,
    serve: Callable[..., Any],
    other_site: OtherSite,
    open_page: Callable[..., Page],
    made_up: Path,
    seen: Any,
) -> None:
    dashboard = serve(made_up)
    page = open_page(dashboard.url)
    seen.expected.append("")  # each attempt is complained of
    seen.hosts.add(host)
    other = page.context.new_page()
    other.goto(other_site.origin.replace("127.0.0.1", host))
    assert other.evaluate(READ, [dashboard.origin, dashboard.key]) == {
        "fetch": "TypeError",
        "fetch with the key": "TypeError",
        "fetch with cookies": "TypeError",
        "fetch without CORS": "TypeError",
        "fetch of a file": "TypeError",
        "img": "error",
        "script": "error",
        "module": "error",
        "style": "error",
        "object": "error",
        "EventSource": "closed",
        "WebSocket": "error",
    }


def test_a_foreign_name_that_leads_to_this_machine_reads_nothing(
    serve: Callable[..., Any], launch: Callable[..., Browser], made_up: Path
) -> None:
    dashboard = serve(made_up)
    browser = launch("--host-resolver-rules=MAP evil.example 127.0.0.1", "--no-proxy-server")
    try:
        page = browser.new_page()
        response = page.goto(dashboard.url.replace("127.0.0.1", "evil.example"))
        assert response is not None
        assert (response.status, response.json()["kind"]) == (421, "wrong_host")
        read = """async (key) => {
          const headers = { Authorization: `Bearer ${key}` };
          const response = await fetch("/api/summary", { headers });
          return [response.status, (await response.json()).kind];
        }"""
        assert page.evaluate(read, dashboard.key) == [421, "wrong_host"]
    finally:
        browser.close()


def test_the_page_is_shown_in_no_frame(
    serve: Callable[..., Any],
    other_site: OtherSite,
    open_page: Callable[..., Page],
    made_up: Path,
    seen: Any,
) -> None:
    dashboard = serve(made_up)
    page = open_page(dashboard.url)
    seen.expected += [BLOCKED, "status of 403"]
    other_site.html = f'<!doctype html><body><iframe src="{dashboard.origin}/"></iframe></body>'
    other = page.context.new_page()
    other.goto(other_site.origin)
    assert [frame.url for frame in other.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_whoever_opens_the_page_in_a_window_has_no_hold_of_it(
    serve: Callable[..., Any],
    other_site: OtherSite,
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
) -> None:
    dashboard = serve(made_up)
    other = open_page(other_site.origin, ready=False)
    with other.context.expect_page() as opened:
        other.evaluate("(url) => { window.opened = window.open(url); }", dashboard.url)
    page = opened.value
    wait_ready(page)
    assert page.evaluate("window.opener") is None
    assert other.evaluate("[opened.closed, opened.length]") == [True, 0]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_link_on_another_page_opens_the_page(
    host: str,
    serve: Callable[..., Any],
    other_site: OtherSite,
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
    seen: Any,
) -> None:
    dashboard = serve(made_up)
    other_site.html = f'<!doctype html><body><a href="{dashboard.url}">calls</a></body>'
    page = open_page(other_site.origin.replace("127.0.0.1", host), ready=False)
    seen.hosts.add(host)
    page.get_by_role("link", name="calls").click()
    wait_ready(page)
    expect(page.locator("#cards .value").first).to_have_text("5,078")


def test_the_command_opens_the_page_without_the_key_in_a_command_line(
    start: Callable[..., Any],
    open_page: Callable[..., Page],
    made_up: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seen: Any,
) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$*" > {told}\n')
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(script))
    dashboard = start("-m", "devflow_analytics_cli", "-q", "--db", str(made_up), "dashboard")
    given = told.read_text()  # once the browser is started
    assert dashboard.key not in given
    file = Path(given.removeprefix("file://"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    seen.hosts.add(None)
    page = open_page(given)
    assert page.url == f"{dashboard.origin}/"
    assert not file.exists()


def test_the_key_is_in_no_address_once_the_page_is_there(
    serve: Callable[..., Any],
    open_page: Callable[..., Page],
    wait_ready: Callable[[Page], None],
    made_up: Path,
    seen: Any,
) -> None:
    dashboard = serve(made_up)
    page = open_page(dashboard.url)
    page.locator("#period [data-since='24h']").click()
    wait_ready(page)
    assert page.url == f"{dashboard.origin}/?since=24h"
    history = page.context.new_cdp_session(page).send("Page.getNavigationHistory")
    shown = [entry["url"] for entry in history["entries"]]
    assert shown == ["about:blank", f"{dashboard.origin}/", f"{dashboard.origin}/?since=24h"]
    sent = [request.url.partition("#")[0] for request in seen.requests]
    assert [url for url in sent if dashboard.key in url] == []
    headers = [request.all_headers() for request in seen.requests]
    assert [each["referer"] for each in headers if "referer" in each] == []
    assert [each["cookie"] for each in headers if "cookie" in each] == []


def test_the_page_runs_no_text_and_asks_nobody_else(
    serve: Callable[..., Any],
    other_site: OtherSite,
    open_page: Callable[..., Page],
    made_up: Path,
    seen: Any,
) -> None:
    dashboard = serve(made_up)
    page = open_page(dashboard.url)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    seen.expected += [BLOCKED, "requires 'Trusted"]
    assert page.evaluate(INJECT, other_site.origin) == {
        "eval": "EvalError",
        "Function": "EvalError",
        "timeout of text": "TypeError",
        "innerHTML": "TypeError",
        "insertAdjacentHTML": "TypeError",
        "document.write": "TypeError",
        "script of text": "TypeError",
        "script elsewhere": "TypeError",
        "handler of text": "TypeError",
        "policy": "TypeError",
        "style": "0px",
        "image elsewhere": "error",
        "fetch elsewhere": "TypeError",
        "fetch by another name": "TypeError",
        "base": True,
    }
    with page.expect_console_message(lambda message: "form-action" in message.text):
        page.evaluate(SEND, other_site.origin)
    assert other_site.asked == []
    assert dialogs == []
    assert page.url == f"{dashboard.origin}/"
