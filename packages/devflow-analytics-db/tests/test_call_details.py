"""Schema version 3: what else is known of a call and of its session."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import db_session

from devflow_analytics_db import check, create_analytics_db, diagnose, migrate
from devflow_analytics_schema import CallSource, DurationKind, ErrorKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]

CALL = "SELECT rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id"
CLIENT = {"client": "codex", "client_version": "0.9", "project": "devflow"}
DETAILS = {
    "server": "git",
    "agent": "Explore",
    "source": "import",
    "error_kind": "arguments",
    "error_code": -32602,
    "request_bytes": 0,
    "result_bytes": 2**40,
    "started_ms": 1_795_415_730_123,
    "duration_kind": "wall",
}


@pytest.fixture
def at_2(file: Path, sql: Sql, add_call: Callable[..., None]) -> Path:
    """A file of version 2 with a session and two calls."""
    create_analytics_db().close()
    migrate(to=2, allow_down=True)
    sql(file, "INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, 2)")
    add_call(file, id="a", duration_ms=0.5)
    add_call(file, id="b", status="success")
    for backup in file.parent.glob("backups/*"):
        backup.unlink()
    return file


@pytest.fixture
def connection(at_2: Path) -> Iterator[sqlite3.Connection]:
    migrate(at_2)
    with closing(sqlite3.connect(at_2)) as connection:
        yield connection


def test_on_the_way_up_every_row_stays_and_what_is_not_known_is_null(at_2: Path, sql: Sql) -> None:
    before = sql(at_2, f"{CALL} FROM tool_calls")
    assert migrate(to=3).backup is None
    assert sql(at_2, f"{CALL} FROM tool_calls") == before
    assert len(before) == 2
    assert sql(at_2, f"SELECT DISTINCT {', '.join(DETAILS)} FROM tool_calls") == [(None,) * 9]
    assert sql(at_2, f"SELECT {', '.join(CLIENT)} FROM sessions") == [(None,) * 3]


def test_on_the_way_down_every_row_stays_and_the_backup_has_what_was_dropped(
    at_2: Path, sql: Sql, add_call: Callable[..., None]
) -> None:
    migrate(to=3)
    add_call(at_2, id="c", **DETAILS)
    before = sql(at_2, f"{CALL} FROM tool_calls")
    down = migrate(to=2, allow_down=True)
    assert sql(at_2, f"{CALL} FROM tool_calls") == before
    assert len(sql(at_2, "SELECT * FROM tool_calls")[0]) == 7
    details = f"SELECT {', '.join(DETAILS)} FROM tool_calls WHERE id = 'c'"
    assert down.backup is not None
    assert sql(down.backup, details) == [tuple(DETAILS.values())]
    migrate(to=3)
    assert sql(at_2, details) == [(None,) * 9]


@pytest.mark.parametrize(
    ("column", "values"),
    [("source", CallSource), ("error_kind", ErrorKind), ("duration_kind", DurationKind)],
)
def test_the_database_takes_the_values_of_a_closed_list_and_no_other(
    connection: sqlite3.Connection, column: str, values: type[CallSource]
) -> None:
    update = f"UPDATE tool_calls SET {column} = ?"
    for value in (*values, None):
        connection.execute(update, (value,))
    for other in ("", "rumour", next(iter(values)).upper(), f"{next(iter(values))} "):
        with pytest.raises(sqlite3.IntegrityError, match=f"CHECK constraint failed: {column}_kno"):
            connection.execute(update, (other,))


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("request_bytes", -1, "CHECK constraint failed: request_bytes_not_negative"),
        ("result_bytes", -1, "CHECK constraint failed: result_bytes_not_negative"),
        ("request_bytes", 1.5, "cannot store REAL value in INTEGER column"),
        ("error_code", "EPIPE", "cannot store TEXT value in INTEGER column"),
        ("started_ms", "now", "cannot store TEXT value in INTEGER column"),
        ("server", b"git", "cannot store BLOB value in TEXT column"),
    ],
)
def test_the_database_refuses_what_is_no_size_code_time_or_name(
    connection: sqlite3.Connection, column: str, value: object, fault: str
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match=fault):
        connection.execute(f"UPDATE tool_calls SET {column} = ?", (value,))


def test_what_pony_writes_sql_reads_and_the_other_way_round(at_2: Path, sql: Sql) -> None:
    with create_analytics_db() as db:
        with db_session:
            session = db.Session(id="t", started_at=1, **CLIENT)
            db.ToolCall(
                id="c", tool_name="t", duration_ms=1, status="error", timestamp=1, session=session
            ).set(**DETAILS)
        assert sql(at_2, f"SELECT {', '.join(CLIENT)} FROM sessions WHERE id = 't'") == [
            tuple(CLIENT.values())
        ]
        details = f"SELECT {', '.join(DETAILS)} FROM tool_calls WHERE id = 'c'"
        assert sql(at_2, details) == [tuple(DETAILS.values())]
        sql(at_2, "UPDATE tool_calls SET source = 'hook', result_bytes = 7 WHERE id = 'b'")
        with db_session:
            call = db.ToolCall["b"]
            assert (call.source, call.result_bytes, call.server) == ("hook", 7, None)
            assert call.source == CallSource.HOOK


REBUILD = """
    CREATE TABLE tool_calls_new (
        id TEXT PRIMARY KEY NOT NULL, tool_name TEXT NOT NULL, duration_ms INTEGER NOT NULL,
        status TEXT NOT NULL, error_type TEXT, timestamp INTEGER NOT NULL,
        session_id TEXT NOT NULL REFERENCES sessions (id)
    );
    INSERT INTO tool_calls_new
        SELECT id, tool_name, duration_ms, status, error_type, timestamp, session_id
        FROM tool_calls;
    DROP TABLE tool_calls;
    ALTER TABLE tool_calls_new RENAME TO tool_calls;
"""
"""As a program does that knows seven columns, and alters one of them."""


def test_columns_that_another_program_lost_are_named_with_what_to_do(at_2: Path) -> None:
    migrate(to=3)
    with closing(sqlite3.connect(at_2)) as connection:
        connection.executescript(REBUILD)
    found = check()
    missing = [one for one in found.findings if one.subject.startswith("column ")]
    named = [one.subject for one in missing if one.message.startswith("is missing;")]
    assert named == [f"column tool_calls.{column}" for column in DETAILS]
    (schema,) = [one for one in diagnose().findings if one.subject == "schema"]
    assert schema.severity == "fail"
    assert schema.message == (
        "column tool_calls.server is missing; it should be TEXT."
        f" And {len(found.findings) - 1} more."
    )
    assert schema.advice == (
        "`check()` lists them all. Another program made the table anew, or dropped it. Put back a"
        " backup with `restore()`, which keeps a copy of the file as it is now."
    )
