"""Files of many rows to measure on."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

from devflow_analytics_db import create_analytics_db, migrate
from devflow_analytics_schema import new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    NewId = Callable[[], str]
    Call = tuple[str, str, float, str, str | None, int, str]

START = 1_790_000_000
"""When the first call was made, in Unix seconds; one follows each second."""

CALLS_A_SESSION = 100

INSERT = (
    "INSERT INTO tool_calls"
    " (id, tool_name, duration_ms, status, error_type, timestamp, session_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def version_4_id() -> str:
    """Return a key like those of DevFlow's server."""
    return str(uuid.uuid4())


def calls(count: int, new: NewId, session: str, start: int) -> list[Call]:
    """Return calls of one session, by forty tools; one of sixteen fails."""
    return [
        (
            new(),
            f"tool-{number * 7 % 40}",
            number % 900 + 0.25,
            "success" if number % 16 else "error",
            None if number % 16 else "TimeoutError",
            start + number,
            session,
        )
        for number in range(count)
    ]


def plain(file: Path) -> sqlite3.Connection:
    """Return a connection configured as ours are, by nobody but the standard library."""
    connection = sqlite3.connect(file, timeout=5, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    return connection


def make(file: Path, rows: int, new: NewId = new_id, version: int | None = None) -> Path:
    """Make a file of so many calls, in the order in which they would have come."""
    create_analytics_db(file).close()
    if version:
        migrate(file, version, allow_down=True)
    with closing(plain(file)) as connection:
        connection.execute("PRAGMA cache_size = -500000")  # in kB
        connection.execute("BEGIN IMMEDIATE")
        for session, start in _sessions(rows, new):
            connection.execute(
                "INSERT INTO sessions (id, started_at, ended_at, tool_count) VALUES (?, ?, ?, ?)",
                (session, start, start + CALLS_A_SESSION, CALLS_A_SESSION),
            )
            connection.executemany(INSERT, calls(CALLS_A_SESSION, new, session, start))
        connection.execute("COMMIT")
    return file


def _sessions(rows: int, new: NewId) -> Iterator[tuple[str, int]]:
    for start in range(START, START + rows, CALLS_A_SESSION):
        yield new(), start
