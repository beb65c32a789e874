"""Files that DevFlow's own server made: taken over whole, and of use to it afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import db_session

from devflow_analytics_db import (
    MigrationError,
    NotAnAnalyticsDatabaseError,
    __version__,
    create_analytics_db,
)
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.schema.sql import normalise

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]

AFTER_1 = tuple(range(2, latest_version() + 1))

SERVER_TABLES = {
    "sessions": "id, started_at, ended_at, tool_count",
    "tool_calls": "id, tool_name, duration_ms, status, error_type, timestamp, session_id",
    "__drizzle_migrations": "id, hash, created_at",
}
"""Each with its columns; later versions may add to them."""


@pytest.fixture(params=["built here", "written by the server"])
def made_by_server(request: pytest.FixtureRequest, server_file: Path) -> Path:
    if request.param == "written by the server":
        real = os.environ.get("DEVFLOW_SERVER_DB")
        if real is None:
            pytest.skip("DEVFLOW_SERVER_DB names no file of DevFlow's server")
        shutil.copy(real, server_file)
    return server_file


def rows_of(sql: Sql, file: Path) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sql(file, f"SELECT rowid, {columns} FROM {table} ORDER BY rowid")
        for table, columns in SERVER_TABLES.items()
    }


def schema_of(sql: Sql, file: Path) -> set[tuple[str, str, str]]:
    objects = sql(file, "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {(kind, name, normalise(text)) for kind, name, text in objects}


def test_every_row_is_kept(made_by_server: Path, sql: Sql) -> None:
    before = rows_of(sql, made_by_server)
    with create_analytics_db() as db:
        changes = db.changes
    assert (changes.adopted, changes.created, changes.applied) == (True, False, AFTER_1)
    assert rows_of(sql, made_by_server) == before
    assert all(before.values())


def test_it_is_made_private(server_file: Path) -> None:
    server_file.chmod(0o644)
    server_file.parent.chmod(0o755)
    create_analytics_db().close()
    assert server_file.stat().st_mode & 0o777 == 0o600
    assert server_file.parent.stat().st_mode & 0o777 == 0o700


def test_the_schema_is_then_that_of_a_new_file(
    made_by_server: Path, tmp_path: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    new = tmp_path / "new.db"
    create_analytics_db(new).close()
    assert schema_of(sql, made_by_server) == schema_of(sql, new)
    ledger = "SELECT version, name, checksum, compatible_with FROM devflow_migrations"
    assert sql(made_by_server, ledger) == sql(new, ledger)
    for pragma in ("application_id", "user_version", "journal_mode"):
        assert sql(made_by_server, f"PRAGMA {pragma}") == sql(new, f"PRAGMA {pragma}")


def test_the_ledger_tells_who_applied_what(server_file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    assert sql(server_file, "SELECT version, applied_by FROM devflow_migrations") == [
        (1, "DevFlow server"),
        *((version, f"devflow-analytics-db {__version__}") for version in AFTER_1),
    ]


def test_a_new_file_has_the_servers_ledger_so_that_the_server_finds_nothing_to_do(
    server_file: Path, tmp_path: Path, sql: Sql
) -> None:
    new = tmp_path / "new.db"
    create_analytics_db(new).close()
    ledger = "SELECT * FROM __drizzle_migrations"
    assert sql(new, ledger) == sql(server_file, ledger)


def test_the_server_goes_on_writing_as_it_did(server_file: Path) -> None:
    with closing(sqlite3.connect(server_file, isolation_level=None)) as server:
        server.execute("PRAGMA foreign_keys = ON")
        server.execute("SELECT * FROM sessions").fetchall()
        with create_analytics_db() as db:
            # The server measures with performance.now(), so its durations have fractions.
            server.execute(
                "insert into `tool_calls` (`id`, `tool_name`, `duration_ms`, `status`,"
                " `error_type`, `timestamp`, `session_id`) values (?, ?, ?, ?, ?, ?, ?)",
                ("4", "git-log", 0.7300000190734863, "success", None, 1795415800, "running"),
            )
            server.execute("update `sessions` set `tool_count` = 1 where `id` = 'running'")
            with db_session:
                assert db.ToolCall["4"].duration_ms == 0.7300000190734863
                assert db.ToolCall["4"].source is None
                assert db.Session["running"].tool_count == 1


def test_a_server_stopped_at_its_first_step_is_no_obstacle(file: Path, sql: Sql) -> None:
    file.parent.mkdir()
    sql(
        file,
        'CREATE TABLE "__drizzle_migrations"'
        " (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at numeric)",
    )
    with create_analytics_db() as db:
        assert (db.changes.created, db.changes.applied) == (True, (1, *AFTER_1))
    assert len(sql(file, "SELECT * FROM __drizzle_migrations")) == 1


def test_calls_that_had_lost_their_session_are_kept(server_file: Path, sql: Sql) -> None:
    sql(server_file, "DELETE FROM sessions WHERE id = 'ended'")
    before = rows_of(sql, server_file)
    create_analytics_db().close()
    assert rows_of(sql, server_file) == before


def test_a_view_of_the_users_survives(server_file: Path, sql: Sql) -> None:
    sql(server_file, "CREATE VIEW slow AS SELECT tool_name FROM tool_calls WHERE duration_ms > 999")
    create_analytics_db().close()
    assert sql(server_file, "SELECT * FROM slow") == [("git-log",)]


def test_indexes_and_triggers_of_the_users_survive(
    server_file: Path, sql: Sql, add_call: Callable[..., None]
) -> None:
    sql(server_file, "CREATE INDEX status ON tool_calls (status)")
    sql(
        server_file,
        "CREATE TRIGGER count_calls AFTER INSERT ON tool_calls BEGIN"
        " UPDATE sessions SET tool_count = tool_count + 1 WHERE id = NEW.session_id; END",
    )
    create_analytics_db().close()
    mine = "SELECT name FROM sqlite_master WHERE name IN ('status', 'count_calls') ORDER BY name"
    assert sql(server_file, mine) == [("count_calls",), ("status",)]
    add_call(server_file, session_id="running")
    assert sql(server_file, "SELECT tool_count FROM sessions WHERE id = 'running'") == [(1,)]


def test_an_index_of_the_users_in_the_way_is_named(server_file: Path, sql: Sql) -> None:
    sql(server_file, "CREATE INDEX sessions_new ON tool_calls (error_type)")
    with pytest.raises(MigrationError, match=r"in the way of migration 2 harden: .*sessions_new"):
        create_analytics_db()


def test_tables_of_the_users_survive_even_with_references_that_cannot_hold(
    server_file: Path, sql: Sql
) -> None:
    sql(server_file, "CREATE TABLE notes (x REFERENCES tool_calls (tool_name))")
    sql(server_file, "INSERT INTO notes VALUES ('git-log')")
    create_analytics_db().close()
    assert sql(server_file, "SELECT * FROM notes") == [("git-log",)]


def test_a_table_in_the_way_is_named(server_file: Path, sql: Sql) -> None:
    sql(server_file, "CREATE TABLE sessions_new (x)")
    with pytest.raises(MigrationError, match=r"in the way of migration 2 harden: .*sessions_new"):
        create_analytics_db()


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE tool_calls SET status = 'cancelled' WHERE id = '2'", "status_known"),
        ("UPDATE tool_calls SET duration_ms = -1", "duration_not_negative_or_infinite"),
        ("UPDATE tool_calls SET duration_ms = 'fast'", "cannot store TEXT value in REAL column"),
    ],
)
def test_rows_that_do_not_fit_are_named_and_the_file_is_as_it_was(
    server_file: Path, sql: Sql, change: str, fault: str
) -> None:
    sql(server_file, change)
    before = server_file.read_bytes()
    with pytest.raises(MigrationError, match=fault):
        create_analytics_db()
    assert server_file.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ("ALTER TABLE tool_calls ADD COLUMN project text", "but not in tool_calls"),
        ("DROP INDEX tool_name_idx", "but not in tool_calls"),
        ("DROP TABLE tool_calls", "but not in tool_calls"),
        ("ALTER TABLE __drizzle_migrations RENAME hash TO h", "but not in __drizzle_migrations"),
        ("UPDATE __drizzle_migrations SET hash = 'x'", "but not in __drizzle_migrations"),
        (
            "INSERT INTO __drizzle_migrations VALUES (2, 'x', 1800000000000)",
            "does not know yet",
        ),
    ],
)
def test_a_file_of_another_release_of_the_server_is_refused_and_not_changed(
    server_file: Path, sql: Sql, change: str, sign: str
) -> None:
    sql(server_file, change)
    server_file.chmod(0o644)
    before = server_file.read_bytes()
    with pytest.raises(NotAnAnalyticsDatabaseError, match=sign):
        create_analytics_db()
    assert server_file.read_bytes() == before
    assert server_file.stat().st_mode & 0o777 == 0o644
