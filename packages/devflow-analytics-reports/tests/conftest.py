from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import create_analytics_db, open_readonly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
    """The database of this home, without rows."""
    create_analytics_db().close()
    return home / ".devflow" / "analytics.db"


@pytest.fixture
def sql() -> Callable[..., list[tuple[Any, ...]]]:
    """Run one statement on a file through a connection that is none of ours."""

    def run(file: Path, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(file)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return run


@pytest.fixture
def insert(file: Path) -> Iterator[Callable[..., None]]:
    """Insert rows as given, whichever columns they have."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:

        def run(table: str, *rows: dict[str, object]) -> None:
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                connection.execute(
                    f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", [*row.values()]
                )

        yield run


@pytest.fixture
def add(insert: Callable[..., None]) -> Callable[..., None]:
    """Insert calls, and their sessions if need be; only what matters of a call is named."""
    number = 0

    def add(*calls: dict[str, object]) -> None:
        nonlocal number
        for call in calls:
            number += 1
            row = {"id": f"c{number}", "tool_name": "t", "duration_ms": 1.0, "status": "success"}
            row |= {"timestamp": 0, "session_id": "s", **call}
            insert("sessions", {"id": row["session_id"], "started_at": row["timestamp"]})
            insert("tool_calls", row)

    return add


@pytest.fixture
def ask(file: Path) -> Callable[..., Any]:
    """Ask a question of the database of this home."""

    def ask(question: Callable[..., Any], *arguments: object, **options: object) -> Any:
        with open_readonly(file) as connection:
            return question(connection, *arguments, **options)

    return ask


@pytest.fixture
def system_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the zone of the system, for this process and until the end of the test."""

    def change(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield change
    monkeypatch.undo()
    time.tzset()


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
