"""What the page and its API cost at a million calls, beside a bare server and an empty page."""

from __future__ import annotations

import json
import time
from functools import partial
from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks.browsing import Tab, browser, chromium
from benchmarks.harness import Line, Spread, compare, time_ratio
from benchmarks.questions import forget
from benchmarks.served import Server, change, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from playwright.sync_api import Browser

PERIODS = ("24h", "7d", "30d", "90d")

ROUTES = (
    "/api/summary?since={}",
    "/api/tools?since={}",
    "/api/errors?since={}",
    "/api/calls?since={}",
    "/api/calls?order=slowest&since={}",
    "/api/sessions?since={}",
)

STARTS = 15
WARM = 7
COLD = 3
SMALL = 200
"""Small answers that are timed together."""

BARE = "a bare application of Starlette's"

TABS = 8
IDLE_S = 30

require_chromium = chromium


def measure(file: Path) -> tuple[list[Line], str, list[str]]:
    """Return lines for a table of ratios, tables of absolute times, and notes.

    Args:
        file: a database of a million calls until now.
    """
    lines = _starting(file)
    with Server.ours(file) as ours, Server.bare() as bare:
        lines.append(_unchanged(ours, bare, file))
        answers = _answers(ours, file)
    with browser() as chrome:
        lines += _drawing(chrome, file)
        pages = _pages(chrome, file)
        notes = [_moved(chrome, file), _memory(chrome, file), _idle(chrome, file)]
    return lines, f"{answers}\n{pages}", notes


def _starting(file: Path) -> list[Line]:
    """Measure from the start of the process to its first answer."""

    def start(server: Callable[[], Server], path: str) -> float:
        begin = time.perf_counter()
        started = server()
        started.ask(path)
        seconds = time.perf_counter() - begin
        started.stop()
        return seconds

    settle(file)
    bare = partial(start, Server.bare, "/")
    lines = []
    for path in ("/", "/api/version", "/api/summary?since=7d"):
        ours = partial(start, partial(Server.ours, file), path)
        what = f"`devflow-analytics dashboard`, from its start to the first answer of `{path}`"
        lines.append(time_ratio(what, f"{BARE}, of its page", compare(ours, bare, STARTS)))
    return lines


def _unchanged(ours: Server, bare: Server, file: Path) -> Line:
    settle(file)
    path = "/api/summary?since=7d"
    tag = ours.ask(path).tag

    def many(server: Server, path: str, known: str | None = None) -> float:
        server.connect()
        return sum(server.ask(path, known).seconds for _ in range(SMALL)) / SMALL

    pairs = compare(lambda: many(ours, path, tag), lambda: many(bare, "/"), STARTS)
    return time_ratio(f"304 of `{path}`, unchanged", f"200 of {BARE}", pairs)


def _answers(ours: Server, file: Path) -> str:
    """Return the table of routes and periods: computed anew, and cold in brackets."""
    settle(file)
    session = json.loads(ours.ask("/api/sessions?since=24h&limit=1").body)["sessions"][0]["id"]
    head = f"| answer, of a million calls | {' | '.join(PERIODS)} |\n"
    rows = [head, f"| --- |{' ---: |' * len(PERIODS)}\n"]
    for route in ROUTES:
        cells = [_cell(ours, route.format(period), file) for period in PERIODS]
        rows.append(f"| `{route.format('…')}` | {' | '.join(cells)} |\n")
    for name, path in (
        ("/api/sessions/{id}", f"/api/sessions/{session}"),
        ("/api/tools/names", "/api/tools/names"),
        ("/api/version", "/api/version"),
    ):
        rows.append(f"| `{name}` | {_cell(ours, path, file)} |{' |' * (len(PERIODS) - 1)}\n")
    return "".join(rows)


def _cell(ours: Server, path: str, file: Path) -> str:
    warm = [_computed(ours, path, file) for _ in range(WARM)]
    cold = [_cold(path, file) for _ in range(COLD)]
    text = f"{_spread(warm)} ({1000 * median(cold):,.0f})"
    print(f"{text:>40}  {path}")
    return text


def _computed(ours: Server, path: str, file: Path) -> float:
    change(file)
    ours.connect()
    return ours.ask(path).seconds


def _cold(path: str, file: Path) -> float:
    change(file)
    with Server.ours(file) as server:
        forget(file)
        server.connect()
        return server.ask(path).seconds


def _drawing(chrome: Browser, file: Path) -> list[Line]:
    """Compare our page with an empty one."""
    settle(file)
    lines = []
    with Server.ours(file) as ours, Server.bare() as bare:

        def empty() -> float:
            return _visit(chrome, bare.url, is_ours=False)[0]

        def page(number: int, query: str) -> float:
            return _visit(chrome, _url(ours, query))[number]

        for what, number in (("first paint", 0), ("all drawn", 1)):
            pairs = compare(partial(page, number, "7d"), empty, STARTS)
            words = f"the page of 7 days in Chromium, {what}; answers kept"
            lines.append(time_ratio(words, "an empty page, first paint", pairs))
    return lines


def _pages(chrome: Browser, file: Path) -> str:
    """Return the table of how long the page takes, by period and by what is there already."""
    rows = ["| the page in Chromium | first paint | all drawn |\n", "| --- | ---: | ---: |\n"]

    def add(what: str, visits: Iterable[tuple[float, float]]) -> None:
        painted, drawn = zip(*visits, strict=True)
        rows.append(f"| {what} | {_spread(painted)} | {_spread(drawn)} |\n")
        print(rows[-1], end="")

    for period in ("7d", "90d"):
        with Server.ours(file) as ours:
            url = _url(ours, period)
            settle(file)
            _visit(chrome, url)
            add(f"{period}, answers kept", [_visit(chrome, url) for _ in range(WARM)])
            add(f"{period}, answers computed", [_changed(chrome, url, file) for _ in range(WARM)])
        cold = [_cold_visit(chrome, period, file) for _ in range(COLD)]
        add(f"{period}, a new server, and nothing of the file in memory", cold)
    return "".join(rows)


def _visit(chrome: Browser, url: str, *, is_ours: bool = True) -> tuple[float, float]:
    tab = Tab(chrome)
    tab.open(url)
    drawn = tab.ready_s() if is_ours else 0
    painted = tab.painted_s()
    tab.close()
    return painted, drawn


def _changed(chrome: Browser, url: str, file: Path) -> tuple[float, float]:
    change(file)
    return _visit(chrome, url)


def _cold_visit(chrome: Browser, period: str, file: Path) -> tuple[float, float]:
    change(file)
    with Server.ours(file) as server:
        forget(file)
        return _visit(chrome, _url(server, period))


def _moved(chrome: Browser, file: Path) -> str:
    """Return what goes over the wire, in words."""
    settle(file)
    with Server.ours(file) as ours:
        tab = Tab(chrome)
        tab.open(_url(ours, "7d"))
        tab.ready_s()
        files, answers = tab.moved(of_api=False), tab.moved(of_api=True)
        tab.close()
    return (
        f"The page is {files.requests} files of {files.kilobytes:.0f} kB, heads included and not"
        f" compressed. Of 7 days it asks {answers.requests} times and gets"
        f" {answers.kilobytes:.0f} kB."
    )


def _memory(chrome: Browser, file: Path) -> str:
    """Return how much memory the server needs, in words."""
    change(file)
    with Server.ours(file) as ours:
        ours.ask("/")
        start = ours.memory_mib()
        after = []
        for period in ("7d", "90d"):
            _visit(chrome, _url(ours, period))
            after.append(ours.memory_mib())
        tabs = [Tab(chrome) for _ in range(TABS)]
        change(file)
        begin = time.perf_counter()
        for tab in tabs:
            tab.open(_url(ours, "90d"))
        for tab in tabs:
            tab.ready_s()
        seconds = time.perf_counter() - begin
        many = ours.memory_mib()
        for tab in tabs:
            tab.close()
    return (
        f"The server has at most {start:.0f} MiB of memory after its start, {after[0]:.0f} after a"
        f" page of 7 days, {after[1]:.0f} after one of 90 days, and {many:.0f} after {TABS} tabs"
        f" of 90 days at once, which are all drawn after {seconds:.1f} s."
    )


def _idle(chrome: Browser, file: Path) -> str:
    """Return what an open page costs while nothing happens, in words."""
    settle(file)
    with Server.ours(file) as ours:
        tab = Tab(chrome)
        tab.open(_url(ours, "7d"))
        tab.ready_s()
        tab.wait(3)
        before, moved_before = ours.cpu_s(), tab.moved(of_api=True)
        tab.wait(IDLE_S)
        used, moved = ours.cpu_s() - before, tab.moved(of_api=True)
        tab.close()
    polls = moved.requests - moved_before.requests
    size = 1000 * (moved.kilobytes - moved_before.kilobytes) / max(polls, 1)
    return (
        f"While nothing is recorded, an open page asks {polls} times in {IDLE_S} seconds and gets"
        f" {size:.0f} bytes each time; the server uses {1000 * used:.0f} ms of CPU for that."
    )


def _url(server: Server, period: str) -> str:
    return server.url.replace("/#", f"/?since={period}#")


def _spread(seconds: Iterable[float]) -> str:
    low, middle, high = Spread(*quantiles([1000 * one for one in seconds], n=4, method="inclusive"))
    digits = 1 if middle < 10 else 0  # noqa: PLR2004  small ones differ behind the point
    return f"{middle:,.{digits}f} [{low:,.{digits}f}, {high:,.{digits}f}] ms"
