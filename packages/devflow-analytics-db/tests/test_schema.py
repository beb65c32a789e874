"""What the migrations make, as ``sqlite_master`` tells it and as SQLite enforces it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import create_analytics_db, migrate
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.schema.structure import structure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SESSION = {"id": "s", "started_at": 1}
CALL = {
    "id": "c",
    "tool_name": "git-log",
    "duration_ms": 1.5,
    "status": "success",
    "error_type": None,
    "timestamp": 1,
    "session_id": "s",
}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        yield connection


@pytest.fixture
def at_2(file: Path) -> Iterator[sqlite3.Connection]:
    """A file of version 2, of which all is told here; what came later stands in ``schema.sql``."""
    create_analytics_db().close()
    migrate(to=2, allow_down=True)
    with closing(sqlite3.connect(file)) as connection:
        yield connection


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


def test_the_file_holds_these_tables_and_indexes(at_2: sqlite3.Connection) -> None:
    objects = at_2.execute(
        "SELECT type, name, tbl_name FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    ).fetchall()
    assert objects == [
        ("index", "session_id_idx", "tool_calls"),
        ("index", "timestamp_idx", "tool_calls"),
        ("index", "timestamp_tool_name_idx", "tool_calls"),
        ("index", "tool_name_idx", "tool_calls"),
        ("table", "__drizzle_migrations", "__drizzle_migrations"),
        ("table", "devflow_migrations", "devflow_migrations"),
        ("table", "sessions", "sessions"),
        ("table", "tool_calls", "tool_calls"),
    ]


def test_the_parts_of_the_tables_are_those_of_the_design(at_2: sqlite3.Connection) -> None:
    assert [
        f"{part}: {definition}"
        for part, definition in structure(at_2, "sessions", "tool_calls").items()
    ] == [
        "table sessions: STRICT",
        "column sessions.id: TEXT NOT NULL PRIMARY KEY 1",
        "column sessions.started_at: INTEGER NOT NULL",
        "column sessions.ended_at: INTEGER",
        "column sessions.tool_count: INTEGER NOT NULL DEFAULT 0",
        "constraint tool_count_not_negative of sessions: CHECK (tool_count >= 0)",
        "table tool_calls: STRICT",
        "column tool_calls.id: TEXT NOT NULL PRIMARY KEY 1",
        "column tool_calls.tool_name: TEXT NOT NULL",
        "column tool_calls.duration_ms: REAL NOT NULL",
        "column tool_calls.status: TEXT NOT NULL",
        "column tool_calls.error_type: TEXT",
        "column tool_calls.timestamp: INTEGER NOT NULL",
        "column tool_calls.session_id: TEXT NOT NULL",
        "foreign key tool_calls.session_id: to sessions.id ON UPDATE NO ACTION ON DELETE CASCADE",
        (
            "constraint duration_not_negative_or_infinite of tool_calls:"
            " CHECK (duration_ms >= 0 AND duration_ms < 9e999)"
        ),
        "constraint status_known of tool_calls: CHECK (status IN ('success', 'error', 'timeout'))",
        "index tool_name_idx: ON tool_calls (tool_name)",
        "index timestamp_idx: ON tool_calls (timestamp)",
        "index timestamp_tool_name_idx: ON tool_calls (timestamp, tool_name)",
        "index session_id_idx: ON tool_calls (session_id)",
    ]


def test_all_tables_but_the_servers_ledger_are_strict(connection: sqlite3.Connection) -> None:
    tables = "FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
    lax = connection.execute(f"SELECT name {tables} AND NOT strict").fetchall()
    assert lax == [("__drizzle_migrations",)]


def test_the_header_marks_the_file_as_ours(connection: sqlite3.Connection, file: Path) -> None:
    assert connection.execute("PRAGMA user_version").fetchone() == (latest_version(),)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert file.read_bytes()[68:72] == b"DFAn"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "cancelled"}, "CHECK constraint failed: status_known"),
        ({"status": "SUCCESS"}, "CHECK constraint failed: status_known"),
        ({"status": None}, "NOT NULL constraint failed: tool_calls.status"),
        ({"duration_ms": -1}, "CHECK constraint failed: duration_not_negative_or_infinite"),
        ({"duration_ms": float("inf")}, "CHECK constraint failed: duration_not_negative"),
        ({"duration_ms": float("nan")}, "NOT NULL constraint failed: tool_calls.duration_ms"),
        ({"duration_ms": "fast"}, "cannot store TEXT value in REAL column tool_calls.duration_ms"),
        ({"timestamp": 1.5}, "cannot store REAL value in INTEGER column tool_calls.timestamp"),
        ({"session_id": "none"}, "FOREIGN KEY constraint failed"),
        ({"session_id": None}, "NOT NULL constraint failed: tool_calls.session_id"),
        ({"tool_name": b"git"}, "cannot store BLOB value in TEXT column tool_calls.tool_name"),
        ({"id": None}, "NOT NULL constraint failed: tool_calls.id"),
    ],
    ids=str,
)
def test_the_database_refuses_what_is_no_tool_call(
    connection: sqlite3.Connection, change: dict[str, Any], fault: str
) -> None:
    insert(connection, "sessions", SESSION)
    with pytest.raises(sqlite3.IntegrityError, match=fault):
        insert(connection, "tool_calls", CALL | change)
    assert connection.execute("SELECT count(*) FROM tool_calls").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"tool_count": -1}, "CHECK constraint failed: tool_count_not_negative"),
        ({"started_at": "now"}, "cannot store TEXT value in INTEGER column sessions.started_at"),
        ({"id": None}, "NOT NULL constraint failed: sessions.id"),
    ],
    ids=str,
)
def test_the_database_refuses_what_is_no_session(
    connection: sqlite3.Connection, change: dict[str, Any], fault: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=fault):
        insert(connection, "sessions", SESSION | change)


def test_deleting_a_session_with_sql_deletes_its_calls(connection: sqlite3.Connection) -> None:
    for session in ("s", "other"):
        insert(connection, "sessions", SESSION | {"id": session})
        insert(connection, "tool_calls", CALL | {"id": f"of {session}", "session_id": session})
    connection.execute("DELETE FROM sessions WHERE id = 's'")
    assert connection.execute("SELECT id FROM tool_calls").fetchall() == [("of other",)]


def test_a_sessions_calls_are_found_by_an_index(connection: sqlite3.Connection) -> None:
    plan = connection.execute(
        "EXPLAIN QUERY PLAN SELECT * FROM tool_calls WHERE session_id = 's'"
    ).fetchall()
    assert [step[3] for step in plan] == [
        "SEARCH tool_calls USING INDEX session_id_idx (session_id=?)"
    ]
