"""What the migrations make, as ``sqlite_master`` tells it and as SQLite enforces it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import Database

from devflow_analytics_db import create_analytics_db
from devflow_analytics_db.schema_reader import table_structure
from devflow_analytics_schema import define_entities

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


def insert(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))


def test_the_file_holds_these_tables_and_indexes(connection: sqlite3.Connection) -> None:
    objects = connection.execute(
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


def test_the_columns_indexes_and_foreign_key_are_those_of_the_design(
    connection: sqlite3.Connection,
) -> None:
    sessions = table_structure(connection, "sessions")
    assert sessions.columns == [
        ("id", "TEXT", True, None, 1),
        ("started_at", "INTEGER", True, None, 0),
        ("ended_at", "INTEGER", False, None, 0),
        ("tool_count", "INTEGER", True, "0", 0),
    ]
    assert (sessions.references, sessions.indexes) == (set(), set())
    calls = table_structure(connection, "tool_calls")
    assert calls.columns == [
        ("id", "TEXT", True, None, 1),
        ("tool_name", "TEXT", True, None, 0),
        ("duration_ms", "REAL", True, None, 0),
        ("status", "TEXT", True, None, 0),
        ("error_type", "TEXT", False, None, 0),
        ("timestamp", "INTEGER", True, None, 0),
        ("session_id", "TEXT", True, None, 0),
    ]
    assert calls.references == {("sessions", "id", "session_id", "NO ACTION", "CASCADE")}
    assert calls.indexes == {
        ("session_id_idx", False, ("session_id",)),
        ("timestamp_idx", False, ("timestamp",)),
        ("timestamp_tool_name_idx", False, ("timestamp", "tool_name")),
        ("tool_name_idx", False, ("tool_name",)),
    }


def test_the_entities_describe_the_tables_that_the_migrations_make(
    connection: sqlite3.Connection, tmp_path: Path
) -> None:
    file = tmp_path / "made by pony.db"
    database = Database(provider="sqlite", filename=str(file), create_db=True)
    define_entities(database)
    database.generate_mapping(create_tables=True)
    database.disconnect()
    with closing(sqlite3.connect(file)) as ponys:
        for table in ("sessions", "tool_calls"):
            described, made = table_structure(ponys, table), table_structure(connection, table)
            assert [column[:3] for column in described.columns] == [
                column[:3] for column in made.columns
            ]
            assert described.references == made.references
            # Pony lets no one name an index of two columns
            assert {index[1:] for index in described.indexes} == {
                index[1:] for index in made.indexes
            }


def test_the_tables_are_strict(connection: sqlite3.Connection) -> None:
    strict = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND strict ORDER BY name"
    ).fetchall()
    assert strict == [("devflow_migrations",), ("sessions",), ("tool_calls",)]


def test_the_header_marks_the_file_as_ours(connection: sqlite3.Connection, file: Path) -> None:
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
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
