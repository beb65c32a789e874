from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import migrations
from devflow_analytics_db.migrations import migration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of the test's own; nothing here ever sees the real one."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith("DEVFLOW_ANALYTICS_")]:
        monkeypatch.delenv(name)
    return home


@pytest.fixture
def file(home: Path) -> Path:
    """Where the database of this home belongs; not made yet."""
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def sql() -> Callable[..., Rows]:
    """Run one statement on a file through a connection that is none of ours."""

    def run(file: Path, statement: str, *values: object) -> Rows:
        with closing(sqlite3.connect(file)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return run


@pytest.fixture
def add_call(sql: Callable[..., Rows]) -> Callable[..., None]:
    """Insert a call of session 's', as a stranger would; only what matters about it is named."""
    usual = {"id": "c", "tool_name": "t", "duration_ms": 1, "status": "error", "timestamp": 1}

    def add(file: Path, **values: object) -> None:
        call = {**usual, "session_id": "s", **values}
        columns, marks = ", ".join(call), ", ".join("?" * len(call))
        sql(file, f"INSERT INTO tool_calls ({columns}) VALUES ({marks})", *call.values())

    return add


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


HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement).fetchall()
print("holding", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holding() -> Callable[..., AbstractContextManager[int]]:
    """Another process that has executed statements on a file, and has it open until the end."""

    @contextmanager
    def hold(file: Path, *statements: str) -> Iterator[int]:
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, file, *statements],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdin
            assert child.stdout
            assert child.stdout.readline() == "holding\n"
            try:
                yield child.pid
            finally:
                child.stdin.close()

    return hold


SPOOL = """
import os, sys
from devflow_analytics_db import make_spool
os.write(make_spool().descriptor, sys.argv[1].encode())
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def spooling() -> Callable[[bytes], AbstractContextManager[subprocess.Popen[bytes]]]:
    """Another process that holds a spool with these lines."""

    @contextmanager
    def hold(lines: bytes) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            [sys.executable, "-c", SPOOL, lines],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process

    return hold


@pytest.fixture
def add_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put one more migration after the released ones, as the next release will; or take it away."""
    directory = tmp_path / "migrations"
    shutil.copytree(migrations.DIRECTORY, directory, ignore=shutil.ignore_patterns("*.py*", "__*"))
    monkeypatch.setattr(migrations, "DIRECTORY", str(directory))
    following = directory / f"{migrations.latest_version() + 1:04}_next.sql"

    def forget() -> None:
        migrations.latest_version.cache_clear()
        migration.load_migrations.cache_clear()

    def add(up: str | None, down: str = "SELECT 1;", header: str = "") -> None:
        if up is None:
            following.unlink()
        else:
            following.write_text(f"{header}\n-- migrate:up\n{up}\n-- migrate:down\n{down}\n")
        forget()

    forget()
    yield add
    monkeypatch.undo()
    forget()


BUILT_LIKE_THE_SERVER = """
    CREATE TABLE IF NOT EXISTS "__drizzle_migrations" (
        id SERIAL PRIMARY KEY,
        hash text NOT NULL,
        created_at numeric
    );
    CREATE TABLE `sessions` (
        `id` text PRIMARY KEY NOT NULL,
        `started_at` integer NOT NULL,
        `ended_at` integer,
        `tool_count` integer DEFAULT 0 NOT NULL
    );
    CREATE TABLE `tool_calls` (
        `id` text PRIMARY KEY NOT NULL,
        `tool_name` text NOT NULL,
        `duration_ms` integer NOT NULL,
        `status` text NOT NULL,
        `error_type` text,
        `timestamp` integer NOT NULL,
        `session_id` text NOT NULL,
        FOREIGN KEY (`session_id`) REFERENCES `sessions`(`id`)
            ON UPDATE no action ON DELETE no action
    );
    CREATE INDEX `tool_name_idx` ON `tool_calls` (`tool_name`);
    CREATE INDEX `timestamp_idx` ON `tool_calls` (`timestamp`);
    CREATE INDEX `timestamp_tool_name_idx` ON `tool_calls` (`timestamp`,`tool_name`);
    INSERT INTO __drizzle_migrations (hash, created_at) VALUES (
        '56b3ffdc582338e061624085c8a02fa6aa6abf9c187ecfd61e185999faa10c24', 1764959568117);
    INSERT INTO sessions (id, started_at, ended_at, tool_count)
        VALUES ('ended', 1795415730, 1795415760, 3);
    INSERT INTO sessions (id, started_at) VALUES ('running', 1795415750);
    INSERT INTO tool_calls
        (id, tool_name, duration_ms, status, error_type, timestamp, session_id)
    VALUES
        ('1', 'memory-get', 12, 'success', NULL, 1795415731, 'ended'),
        ('2', 'memory-get', 0.12345678901234567, 'error', 'TypeError', 1795415732, 'ended'),
        ('3', 'git-log', 30000, 'timeout', NULL, 1795415733, 'ended');
"""


@pytest.fixture
def server_file(file: Path) -> Path:
    """A database in its place, with the shape and the kind of rows of DevFlow's own server."""
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(BUILT_LIKE_THE_SERVER)
    return file
