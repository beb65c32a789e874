from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_cli.main import main
from devflow_analytics_cli.output import Settings
from devflow_analytics_db import create_analytics_db

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

COMMAND = Path(sys.executable).with_name("devflow-analytics")

NOW = 1_795_622_770
"""Wednesday, 25 November 2026, 16:06:10 UTC."""

HOUR = 3600
DAY = 24 * HOUR

OF_CLIENTS = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "OPENCODE_CONFIG"),
    *("OPENCODE_CONFIG_DIR", "XDG_CONFIG_HOME"),
)
"""Variables that say where an MCP client keeps its settings."""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    for name in OF_CLIENTS:
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary directories are made, by this process and by those that it starts."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    monkeypatch.setenv("TMPDIR", str(directory))
    return directory


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in this process, from its entry point to its exit status.

    Whatever Python itself settles as it starts (locale, time zone, closed streams) needs `process`;
    so does a file that this process holds a lock on, which reading it here would drop.
    """

    def run(
        *arguments: str, encoding: str = "utf-8", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        written = io.BytesIO(), io.BytesIO()
        with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open() as stdin:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr("sys.argv", ["devflow-analytics", *arguments])
            patch.setattr("sys.stdin", stdin)
            streams = [io.TextIOWrapper(stream, encoding=encoding) for stream in written]
            for name, stream in zip(("sys.stdout", "sys.stderr"), streams, strict=True):
                patch.setattr(name, stream)
            with pytest.raises(SystemExit) as ended:
                main()
        status = ended.value.code
        assert isinstance(status, int)
        texts = [stream.getvalue().decode(encoding, "surrogateescape") for stream in written]
        return subprocess.CompletedProcess(arguments, status, *texts)

    return run


@pytest.fixture
def process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed command in a process of its own."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments],
            capture_output=True,
            check=False,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def require_start() -> Callable[..., None]:
    """Skip where Python itself does not start in an environment.

    Before 3.13 it reads the path of a clone in the locale's encoding, and fails if that lacks a
    letter of it.
    """

    def require(**environment: str) -> None:
        done = subprocess.run(
            [sys.executable, "-c", ""],
            capture_output=True,
            check=False,
            env=os.environ | environment,
            timeout=60,
        )
        if done.returncode:
            pytest.skip(f"with {environment} this Python cannot read the path of the clone")

    return require


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what a function writes to a stdout that is no terminal."""

    def write(function: Callable[[], object], encoding: str = "utf-8") -> str:
        stream = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr("sys.stdout", io.TextIOWrapper(stream, encoding=encoding))
            function()
            sys.stdout.flush()
            return stream.getvalue().decode(encoding)

    return write


@pytest.fixture
def now() -> int:
    """What `ask` and `asking` take for now: Wednesday, 25 November 2026, 16:06:10 UTC."""
    return NOW


@pytest.fixture
def record(file: Path) -> Callable[..., None]:
    """Write calls and sessions into the database; what is not said of one is usual, or null."""

    def write(
        calls: Iterable[Mapping[str, object]], sessions: Iterable[Mapping[str, object]] = ()
    ) -> None:
        create_analytics_db(file).close()
        usual = {"tool_name": "read_file", "duration_ms": 10.0, "status": "success"}
        usual |= {"timestamp": NOW - 60, "session_id": "session1"}
        with closing(sqlite3.connect(file)) as connection, connection:
            number = connection.execute("SELECT count(*) FROM tool_calls").fetchone()[0]
            rows = [
                {"id": f"call-{number}", **usual, **call}
                for number, call in enumerate(calls, number)
            ]
            for session in sessions:
                insert(connection, "sessions", {"started_at": NOW - HOUR, **session})
            for row in rows:
                connection.execute(
                    "INSERT OR IGNORE INTO sessions (id, started_at) VALUES (?, ?)",
                    (row["session_id"], row["timestamp"]),
                )
                insert(connection, "tool_calls", row)

    return write


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object]) -> None:
    connection.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        list(row.values()),
    )


@pytest.fixture
def ask(
    command: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., str]:
    """Ask a question in this process at `now`, with UTC's clocks, and return the answer."""
    monkeypatch.setattr(Settings, "clock", lambda _: NOW)

    def run(*arguments: str, **environment: str) -> str:
        done = command(*arguments, "--utc", **environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def refused(
    command: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Ask at `now` what cannot be answered; return the exit status and the last line of stderr."""
    monkeypatch.setattr(Settings, "clock", lambda _: NOW)

    def run(*arguments: str) -> tuple[int, str]:
        done = command(*arguments)
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr.splitlines()[-1]

    return run


@pytest.fixture
def run(asking: list[str]) -> Callable[..., bytes]:
    """Ask a question in a process of its own, at `now`, and return the answer, byte for byte."""

    def run(*arguments: str, **environment: str) -> bytes:
        done = subprocess.run(
            [*asking, *arguments],
            capture_output=True,
            check=False,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout

    return run


@pytest.fixture
def asking() -> list[str]:
    """The words that run the command in a process of its own, at `now`."""
    script = (
        "from devflow_analytics_cli.output import Settings;"
        f"Settings.clock = lambda self: {NOW};"
        "from devflow_analytics_cli.main import main; main()"
    )
    return [sys.executable, "-c", script]


def row(**columns: object) -> dict[str, object]:
    """Return a row by its columns."""
    return columns


@pytest.fixture
def week(record: Callable[..., None]) -> None:
    """Two weeks of calls: two servers have a tool of one name, and there is a loop."""
    running, done, killed, idle = (
        f"01a2135e-0000-7000-8000-0000{end}"
        for end in ("abb6e756", "570d3e31", "0afa9be8", "a8030906")
    )
    sessions = [
        row(id=running, started_at=NOW - HOUR // 2, client="claude-code", client_version="2.1"),
        row(id=done, started_at=NOW - 2 * DAY, ended_at=NOW - 46 * HOUR, client="codex"),
        row(id=killed, started_at=NOW - 9 * DAY),
        row(id=idle, started_at=NOW - DAY),
    ]
    sessions[0]["project"] = "webshop"
    read = [
        row(timestamp=NOW - HOUR // 2 + 60 * n, duration_ms=1.0 + n, session_id=running)
        for n in range(24)
    ]
    searches = [
        row(tool_name="search", server=server, duration_ms=300.0 + 10 * n, result_bytes=2000)
        | row(timestamp=NOW - 2 * DAY + 600 * n, session_id=done)
        for server, count in (("github", 6), ("jira", 3))
        for n in range(count)
    ]
    tests = row(tool_name="run_tests", server="devtools", duration_ms=8640.0, session_id=running)
    failing = [
        tests | row(status="error", error_type="TestFailure", agent="tester", timestamp=at)
        for at in range(NOW - 300, NOW - 296)
    ]
    slow = tests | row(duration_ms=60_000.0, status="timeout", session_id=done)
    slow["timestamp"] = NOW - 3 * DAY
    lost = row(status="error", error_type="OSError", timestamp=NOW - 4 * DAY, session_id=killed)
    before = [
        row(timestamp=NOW - 9 * DAY + 60 * n, duration_ms=2.0, session_id=killed) for n in range(20)
    ]
    gone = row(tool_name="fetch", server="web", timestamp=NOW - 10 * DAY)
    record([*read, *searches, *failing, slow, lost, *before, gone], sessions)
