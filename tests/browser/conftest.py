from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect, sync_playwright

from devflow_analytics_db import create_analytics_db
from devflow_analytics_recorder import ObservedCall, write_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request

NOW = 1795622770
"""2026-11-25T17:06:10+01:00, when the made-up calls end."""

expect.set_options(timeout=90_000)  # a busy machine is slow, and only a failure waits so long

FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]

SERVE = """
import sys
from devflow_analytics_dashboard import Dashboard

file, now, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Dashboard(file, port=port, clock=(lambda: now) if now else None) as dashboard:
    print(dashboard.url, flush=True)
    dashboard.run()
"""

RECORD = """
import json
import sys
from devflow_analytics_recorder import Recorder

sessions = {}
with Recorder(sys.argv[1], server="writing") as recorder:
    for line in sys.stdin:
        client, call = json.loads(line)
        session = sessions.setdefault(client, recorder.session(client=client))
        session.record(**call)
        print(session.id if recorder.flush(30) else "", flush=True)
"""

CALL = ObservedCall(
    id="01a5c9b0-0000-8000-8000-000000000001",
    tool_name="search",
    duration_ms=12.0,
    status="success",
    timestamp=NOW - 60,
    session_id="01a5c9b0-0000-8000-8000-00000000face",
    session_started_at=NOW - 600,
    source="import",
    duration_kind="run",
)


COMMAND = f"""\
#!{sys.executable}
import time
time.time = lambda: {NOW}
from devflow_analytics_cli.main import main
main()
"""
"""devflow-analytics, in whose time it is always `NOW`."""


class Served(NamedTuple):
    """A dashboard that runs in a process of its own."""

    url: str
    """The address with the key."""
    process: subprocess.Popen[str]

    @property
    def origin(self) -> str:
        return self.url.partition("/#")[0]

    @property
    def key(self) -> str:
        return self.url.partition("#key=")[2]

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    return home


@pytest.fixture(scope="session")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of made-up calls until `NOW`; tests that write take a copy."""
    directory = tmp_path_factory.mktemp("made-up")
    file = directory / "made-up.db"
    subprocess.run(
        [
            *(sys.executable, "-m", "devflow_analytics_cli", "-q", "demo"),
            *("--now", "2026-11-25T17:06:10+01:00", "--keep", str(file), "path"),
        ],
        check=True,
        capture_output=True,
        env=os.environ | {"HOME": str(directory)},
    )
    return file


@pytest.fixture
def made_up_copy(made_up: Path, tmp_path: Path) -> Path:
    """The same, for a test to write into."""
    return Path(shutil.copy(made_up, tmp_path / "copy.db"))


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Have a shell run a command line about a database at `NOW` in Berlin; gives what it prints."""
    directory = tmp_path_factory.mktemp("bin")
    program = directory / "devflow-analytics"
    program.write_text(COMMAND)
    program.chmod(0o700)

    def run(line: str, file: Path) -> str:
        environment = {
            "DEVFLOW_ANALYTICS_DB_PATH": str(file),
            "HOME": str(directory),
            "PATH": f"{directory}{os.pathsep}{os.environ['PATH']}",
            "TZ": "Europe/Berlin",
        }
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            check=True,
            env=os.environ | environment,
            text=True,
        )
        return done.stdout

    return run


@pytest.fixture
def start() -> Iterator[Callable[..., Served]]:
    """Start a process that prints the address of a page; it is ended with the test."""
    with ExitStack() as stack:

        def start(*words: str) -> Served:
            return _started(stack, *words)

        yield start


@pytest.fixture
def serve(start: Callable[..., Served]) -> Callable[..., Served]:
    """Serve a database: at a fixed time, or by the real clock if `now` is None."""

    def serve(file: Path, *, now: int | None = NOW, port: int = 0) -> Served:
        return start(*_serving(file, now, port))

    return serve


@pytest.fixture
def serve_by_command(start: Callable[..., Served]) -> Callable[[Path], Served]:
    """Serve a database by the command, as people do."""

    def serve(file: Path) -> Served:
        words = ("-q", "--db", str(file), "dashboard", "--no-browser")
        return start("-m", "devflow_analytics_cli", *words)

    return serve


@pytest.fixture
def record() -> Iterator[Callable[..., str]]:
    """Have another process record a call, and return its session's id once it is committed."""
    processes: dict[Path, subprocess.Popen[str]] = {}
    with ExitStack() as stack:

        def start(file: Path) -> subprocess.Popen[str]:
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", RECORD, str(file)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process

        def record(file: Path, tool: str, ms: float = 1, **fields: Any) -> str:
            if file not in processes:
                processes[file] = start(file)
            writing, told = processes[file].stdin, processes[file].stdout
            assert writing is not None
            assert told is not None
            client = fields.pop("client", None)
            writing.write(f"{json.dumps([client, {'tool': tool, 'duration_ms': ms, **fields}])}\n")
            writing.flush()
            session = told.readline().strip()
            assert session
            return session

        yield record


@pytest.fixture
def observe() -> Callable[..., None]:
    """Write calls that somebody else saw, as an import does; each is given by its fields."""
    numbers = count(1)

    def observe(file: Path, *calls: dict[str, Any]) -> None:
        ids = (f"01a5c9b0-0000-8000-8000-{number:012d}" for number in numbers)
        with create_analytics_db(file) as db, db.transaction() as connection:
            write_calls(connection, [CALL._replace(**{"id": next(ids)} | call) for call in calls])

    return observe


@pytest.fixture(scope="session")
def made_up_served(made_up: Path) -> Iterator[Served]:
    """The made-up calls at `NOW`, served to all tests that only read them."""
    with ExitStack() as stack:
        yield _started(stack, *_serving(made_up), HOME=str(made_up.parent))


def _serving(file: Path, now: int | None = NOW, port: int = 0) -> tuple[str, ...]:
    return ("-c", SERVE, str(file), str(now or 0), str(port))


def _started(stack: ExitStack, *words: str, **environment: str) -> Served:
    process = stack.enter_context(
        subprocess.Popen(
            [sys.executable, *words],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            text=True,
        )
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    return Served(process.stdout.readline().strip(), process)


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Start Debian's Chromium, with more flags if need be."""
    executable = shutil.which("chromium")
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("There is no chromium, and CI must have one.")
        pytest.skip("there is no chromium: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:

        def start(*flags: str) -> Browser:
            return playwright.chromium.launch(executable_path=executable, args=[*FLAGS, *flags])

        yield start


@pytest.fixture(scope="session")
def chromium(launch: Callable[..., Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


class Seen:
    """What pages asked for and complained of in one test."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.expected: list[str] = []
        """Parts of complaints that the test provokes."""
        self.hosts: set[str | None] = {"127.0.0.1"}
        """Whom pages may ask; None is for files."""

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108  playwright marks it
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    @property
    def unexpected(self) -> list[str]:
        return [
            complaint
            for complaint in self.complaints
            if not any(part in complaint for part in self.expected)
        ]

    def check(self) -> None:
        """Fail if a page complained, or asked elsewhere."""
        assert self.unexpected == []
        assert {urlsplit(request.url).hostname for request in self.requests} <= self.hosts


@pytest.fixture
def seen() -> Iterator[Seen]:
    """What the pages of this test ask for; it fails if one complains or asks elsewhere."""
    seen = Seen()
    yield seen
    seen.check()


@pytest.fixture
def open_page(chromium: Browser, seen: Seen) -> Iterator[Callable[..., Page]]:
    """Open an address in a tab of a browser without a past, and wait until all is drawn."""
    with ExitStack() as stack:

        def open_(url: str, *, ready: bool = True, **options: Any) -> Page:
            return _opened(stack, chromium, seen, url, ready=ready, **options)

        yield open_


@pytest.fixture
def visit(open_page: Callable[..., Page], made_up_served: Served) -> Callable[..., Page]:
    """Open the page of the made-up calls with a query in its address."""

    def visit(query: str = "", **options: Any) -> Page:
        return open_page(made_up_served.url.replace("/#", f"/{query}#"), **options)

    return visit


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """The page of the made-up calls, for one test alone."""
    return visit()


@pytest.fixture(scope="module")
def overview(chromium: Browser, made_up_served: Served) -> Iterator[Page]:
    """The page of the made-up calls, for tests that only look at it."""
    seen = Seen()
    with ExitStack() as stack:
        yield _opened(stack, chromium, seen, made_up_served.url)
    seen.check()


def _opened(
    stack: ExitStack,
    chromium: Browser,
    seen: Seen,
    url: str,
    *,
    ready: bool = True,
    **options: Any,
) -> Page:
    context = chromium.new_context(
        **{
            "locale": "en-GB",
            "timezone_id": "Europe/Berlin",
            "viewport": {"width": 1280, "height": 900},
            **options,
        }
    )
    stack.callback(context.close)
    context.on("page", seen.watch)
    page = context.new_page()
    page.goto(url)
    if ready:
        wait_ready(page)
    return page


def wait_ready(page: Page) -> None:
    """Wait until all is drawn."""
    expect(page.locator("body[data-ready]")).to_be_attached()


@pytest.fixture(name="wait_ready")
def _wait_ready() -> Callable[[Page], None]:
    return wait_ready


@pytest.fixture(scope="session")
def query_is() -> Callable[[Page, str], None]:
    """Wait until the address of a page has this query, and all of it is drawn."""

    def wait(page: Page, query: str) -> None:
        expect(page).to_have_url(re.compile(rf"^http://127\.0\.0\.1:\d+/{re.escape(query)}$"))
        wait_ready(page)

    return wait


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Locator], list[list[str]]]:
    """Give the texts in the body of a table, whether it is seen or not."""

    def read(table: Locator) -> list[list[str]]:
        rows: list[list[str]] = table.evaluate(
            "(table) => [...table.tBodies[0].rows].map("
            "(row) => [...row.cells].map((cell) => cell.textContent))"
        )
        return rows

    return read
