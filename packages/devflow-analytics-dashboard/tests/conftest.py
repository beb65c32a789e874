from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_dashboard import Dashboard
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

signal.signal(signal.SIGINT, signal.default_int_handler)  # CI systems may ignore it

NOW = 1_795_622_770
"""Wednesday, 25 November 2026, 16:06:10 UTC."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one, nor a browser."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """The database of this home, without rows."""
    create_analytics_db().close()
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def insert(file: Path) -> Callable[..., None]:
    """Insert rows as given, whichever columns they have, and leave the file as if long ago."""

    def run(table: str, *rows: dict[str, object]) -> None:
        with closing(sqlite3.connect(file)) as connection, connection:
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(
                    f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", [*row.values()]
                )
        settle(file)

    return run


@pytest.fixture
def add(insert: Callable[..., None]) -> Callable[..., None]:
    """Insert calls, and their sessions if need be; only what matters of a call is named."""
    number = 0

    def add(*calls: dict[str, object]) -> None:
        nonlocal number
        rows: list[dict[str, object]] = []
        for call in calls:
            number += 1
            row = {"id": f"c{number}", "tool_name": "t", "duration_ms": 1.0, "status": "success"}
            rows.append(row | {"timestamp": NOW, "session_id": "s", **call})
        insert(
            "sessions",
            *({"id": row["session_id"], "started_at": row["timestamp"]} for row in rows),
        )
        insert("tool_calls", *rows)

    return add


def settle(file: Path) -> None:
    """Let a file look as if it had not been changed for an hour."""
    for path in (file, file.with_name(f"{file.name}-wal")):
        if path.exists():
            os.utime(path, (time.time() - 3600,) * 2)


@pytest.fixture(name="settle")
def settle_fixture() -> Callable[[Path], None]:
    """Let a file look as if it had not been changed for an hour."""
    return settle


@dataclass
class Reply:
    """What a server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """What the body says."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, kind and sentence of an error, which has nothing else."""
        content = self.json
        assert list(content) == ["error", "kind"]
        return self.status, content["kind"], content["error"]


@dataclass
class Client:
    """Asks a server, each time through a connection of its own."""

    port: int
    key: str
    host: str = "127.0.0.1"

    def get(self, path: str, *, method: str = "GET", key: str | None = "", **headers: str) -> Reply:
        """Send a request with the key of the server, another one, or none; ``_`` is ``-``."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            fields.setdefault("Authorization", f"Bearer {key or self.key}")
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=30)) as connection:
            connection.request(method, path, headers=fields)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, answered, response.read())

    def connect(self) -> socket.socket:
        """Return a connection through which nothing was sent yet."""
        return socket.create_connection((self.host, self.port), timeout=30)

    def raw(self, request: bytes) -> bytes:
        """Send bytes, and return all that comes until the server hangs up."""
        with self.connect() as connection:
            connection.sendall(request)
            received = b""
            while some := connection.recv(65_536):
                received += some
            return received


@contextmanager
def serving(path: Path | str | None, **options: Any) -> Iterator[Client]:
    """Serve a database in a thread while the block runs; gives a client of the server."""
    dashboard = Dashboard(path, port=0, **({"clock": lambda: NOW} | options))
    thread = threading.Thread(target=dashboard.run)
    thread.start()
    try:
        yield Client(dashboard.port, dashboard.key, dashboard.host)
    finally:
        dashboard.close()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def serve() -> Iterator[Callable[..., Client]]:
    """Serve a database in a thread until the end of the test; gives a client of the server."""
    with ExitStack() as running:
        yield lambda path=None, **options: running.enter_context(serving(path, **options))


@pytest.fixture(scope="session")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of a server that many tests share, as they change nothing; it has no rows."""
    file = tmp_path_factory.mktemp("shared") / "calls.db"
    create_analytics_db(file).close()
    settle(file)
    with serving(file) as client:
        yield client


@pytest.fixture
def client(file: Path, serve: Callable[..., Client]) -> Client:
    """A client of a server of the database of this home."""
    settle(file)
    return serve()


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a new Python process."""

    def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


SERVER = """
import signal, sys
from devflow_analytics_dashboard import Dashboard

dashboard = Dashboard(port=0, **eval(sys.argv[1]))
print(dashboard.port, dashboard.key, flush=True)
dashboard.run()
print("returned", flush=True)
"""


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[str]
    client: Client

    def end(self, number: int) -> tuple[float, int, str, str]:
        """Send a signal; return after how many seconds it ended, its status, and what it wrote."""
        began = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return time.monotonic() - began, self.process.returncode, out, err


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    """Serve the database of this home in a process of its own."""
    started = []

    def start(before: str = "", **options: object) -> Server:
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(before) + SERVER, repr(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout
        words = process.stdout.readline().split()
        assert len(words) == 2, process.communicate()
        return Server(process, Client(int(words[0]), words[1]))

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()
