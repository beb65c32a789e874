"""Up and down between schema versions, and the plan of it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    AnalyticsDbError,
    ConfigurationError,
    DatabaseNotFoundError,
    IncompatibleSchemaError,
    MigrationError,
    StorageError,
    create_analytics_db,
    migrate,
    plan_migration,
)
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.schema.structure import structure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]

NEWEST = latest_version()
NEXT = NEWEST + 1
AFTER_1 = tuple(range(2, NEWEST + 1))

LEDGER_WITHOUT_TIMES = (
    "SELECT version, name, checksum, compatible_with, applied_by FROM devflow_migrations"
)


def state_of(file: Path) -> dict[str, object]:
    """All that a migration may change, times aside."""
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute(
            "SELECT name, iif(wr, '*', 'rowid, *') FROM pragma_table_list"
            " WHERE schema = 'main' AND type = 'table' AND name NOT GLOB 'sqlite_*'"
        )
        return {
            "parts": structure(connection),
            "rows": {
                table: connection.execute(f"SELECT {columns} FROM {table}").fetchall()
                for table, columns in tables.fetchall()
                if table not in {"devflow_migrations", "__drizzle_migrations"}
            },
            "version": connection.execute("PRAGMA user_version").fetchone(),
            "id": connection.execute("PRAGMA application_id").fetchone(),
        }


@pytest.fixture
def with_rows(file: Path, sql: Sql, add_call: Callable[..., None]) -> Path:
    """A current file with a session, its calls, and things of the user's own."""
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, 2)")
    sql(file, "INSERT INTO sessions (id, started_at, ended_at) VALUES ('t', 2, 3)")
    add_call(file, id="1", tool_name="a", duration_ms=1.5, error_type="E", timestamp=2)
    add_call(file, id="2", tool_name="b", duration_ms=7, status="success", timestamp=3)
    sql(file, "CREATE INDEX mine ON tool_calls (error_type)")
    sql(
        file,
        "CREATE TRIGGER count_calls AFTER INSERT ON tool_calls BEGIN"
        " UPDATE sessions SET tool_count = tool_count + 1 WHERE id = NEW.session_id; END",
    )
    sql(file, "CREATE VIEW slow AS SELECT tool_name FROM tool_calls WHERE duration_ms > 999")
    sql(file, "CREATE TABLE notes (call TEXT REFERENCES tool_calls (id), note TEXT)")
    sql(file, "INSERT INTO notes VALUES ('1', 'why?')")
    return file


def test_down_and_up_again_keeps_every_row_and_every_part(with_rows: Path, sql: Sql) -> None:
    rows = (
        "SELECT rowid, id, started_at, ended_at, tool_count FROM sessions",
        (
            "SELECT rowid, id, tool_name, duration_ms, status, error_type, timestamp, session_id"
            " FROM tool_calls"
        ),
        "SELECT rowid, * FROM notes",
    )
    before = state_of(with_rows)
    kept = [sql(with_rows, query) for query in rows]
    down = migrate(to=1, allow_down=True)
    assert (down.schema_version, down.undone, down.applied) == (1, AFTER_1[::-1], ())
    assert sql(with_rows, "PRAGMA user_version") == [(1,)]
    assert [sql(with_rows, query) for query in rows] == kept
    assert all(kept)
    up = migrate()
    assert (up.schema_version, up.undone, up.applied) == (NEWEST, (), AFTER_1)
    assert (up.path, up.created, up.adopted) == (with_rows, False, False)
    assert state_of(with_rows) == before


def test_a_way_down_takes_all_that_its_way_up_brought(file: Path, server_file: Path) -> None:
    with closing(sqlite3.connect(server_file)) as connection:
        servers = structure(connection)
    create_analytics_db().close()
    migrate(to=1, allow_down=True)
    with closing(sqlite3.connect(file)) as connection:
        parts = structure(connection)
        entries = connection.execute("SELECT version FROM devflow_migrations").fetchall()
    assert {part: parts[part] for part in parts if part.table != "devflow_migrations"} == servers
    assert entries == [(1,)]


def test_several_versions_are_gone_up_and_down_at_once(
    with_rows: Path, add_migration: Callable[..., None], sql: Sql
) -> None:
    before = state_of(with_rows)
    add_migration("CREATE TABLE moods (id TEXT) STRICT;", "DROP TABLE moods;")
    migrate(to=1, allow_down=True)
    assert migrate().applied == (*AFTER_1, NEXT)
    assert migrate(to=1, allow_down=True).undone == (NEXT, *AFTER_1[::-1])
    assert migrate(to=NEWEST).applied == AFTER_1
    assert state_of(with_rows) == before
    entries = sql(with_rows, LEDGER_WITHOUT_TIMES)
    assert [entry[0] for entry in entries] == [1, *AFTER_1]


def test_at_the_version_already_nothing_is_changed(with_rows: Path) -> None:
    before = with_rows.read_bytes()
    changes = migrate(to=NEWEST)
    assert (changes.applied, changes.undone, changes.backup) == ((), (), None)
    assert with_rows.read_bytes() == before
    assert plan_migration(to=NEWEST).sql == ""


def test_a_way_down_that_was_not_allowed_is_refused(with_rows: Path) -> None:
    before = with_rows.read_bytes()
    with pytest.raises(MigrationError, match=r"to schema version 1 would undo migrations? .*\b2"):
        migrate(to=1)
    assert with_rows.read_bytes() == before
    assert os.listdir(with_rows.parent) == ["analytics.db"]


@pytest.mark.parametrize("version", [-1, 0, NEXT])
@pytest.mark.parametrize("function", [migrate, plan_migration])
def test_a_version_that_there_is_not_is_a_named_error(
    version: int, function: Callable[..., object], with_rows: Path
) -> None:
    before = with_rows.read_bytes()
    with pytest.raises(
        ConfigurationError, match=rf"no schema version {version}: .* knows 1 to {NEWEST}\."
    ):
        function(to=version)
    assert with_rows.read_bytes() == before


@pytest.mark.parametrize("function", [migrate, plan_migration])
def test_a_database_that_there_is_not_is_not_made(
    function: Callable[[], object], home: Path, file: Path
) -> None:
    with pytest.raises(DatabaseNotFoundError, match=r"does not exist: there is no database\."):
        function()
    assert os.listdir(home) == []
    file.parent.mkdir()
    file.touch()
    with pytest.raises(DatabaseNotFoundError, match=r"is empty: there is no database\."):
        function()
    assert file.stat().st_size == 0


def test_a_newer_file_stays_newer(add_migration: Callable[..., None]) -> None:
    add_migration("CREATE TABLE a (b);", header=f"-- compatible-with: {NEWEST}")
    create_analytics_db().close()
    add_migration(None)
    assert migrate().schema_version == NEXT
    assert plan_migration().sql == ""
    for function in (migrate, plan_migration):
        with pytest.raises(IncompatibleSchemaError, match=f"knows only those up to {NEWEST}"):
            function(to=NEWEST)


def test_a_servers_file_is_taken_over(server_file: Path, sql: Sql) -> None:
    assert (migrate(to=1).adopted, sql(server_file, "PRAGMA user_version")) == (False, [(0,)])
    changes = migrate()
    assert (changes.adopted, changes.applied) == (True, AFTER_1)


def test_a_column_of_the_users_that_would_be_lost_is_named(with_rows: Path, sql: Sql) -> None:
    sql(with_rows, "ALTER TABLE sessions ADD COLUMN mood TEXT")
    sql(with_rows, "UPDATE sessions SET mood = 'mine'")
    before = state_of(with_rows)
    for function in (lambda: migrate(to=1, allow_down=True), lambda: plan_migration(to=1)):
        with pytest.raises(MigrationError, match=r"would lose the column sessions\.mood"):
            function()
    assert state_of(with_rows) == before


def test_rows_that_do_not_fit_a_way_down_are_named(add_migration: Callable[..., None]) -> None:
    add_migration("CREATE TABLE a (b);", "INSERT INTO sessions (id) VALUES ('s');")
    create_analytics_db().close()
    with pytest.raises(
        MigrationError, match=rf"do not fit migration {NEXT} next \(down\): .*started_at"
    ):
        migrate(to=NEWEST, allow_down=True)
    assert create_analytics_db().schema_version == NEXT


@pytest.mark.parametrize(
    ("start", "to"), [("server", None), ("current", 1), ("at 1", None), ("current", NEXT)]
)
def test_a_plan_is_the_exact_sql_and_changes_nothing(
    start: str,
    to: int | None,
    with_rows: Path,
    tmp_path: Path,
    add_migration: Callable[..., None],
    request: pytest.FixtureRequest,
) -> None:
    file = with_rows
    if start == "server":
        file.unlink()
        file.parent.rmdir()
        file = request.getfixturevalue("server_file")
    if start == "at 1":
        migrate(to=1, allow_down=True)
    if to == NEXT:
        add_migration("-- why;\nALTER TABLE sessions ADD COLUMN mood TEXT;\nSELECT ';';")
    before, listed = file.read_bytes(), sorted(os.listdir(file.parent))
    plan = plan_migration(to=to)
    assert (file.read_bytes(), sorted(os.listdir(file.parent))) == (before, listed)

    by_hand = tmp_path / "by hand.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("VACUUM INTO ?", (str(by_hand),))
    with closing(sqlite3.connect(by_hand, isolation_level=None)) as connection:
        connection.executescript(plan.sql)
        entries = connection.execute(LEDGER_WITHOUT_TIMES).fetchall()
    changes = migrate(to=to, allow_down=True)
    assert (plan.path, plan.applied, plan.undone) == (file, changes.applied, changes.undone)
    assert (plan.target, plan.backs_up) == (changes.schema_version, changes.backup is not None)
    assert state_of(by_hand) == state_of(file)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute(LEDGER_WITHOUT_TIMES).fetchall() == entries


def test_a_plan_sees_what_is_in_the_way(server_file: Path, sql: Sql) -> None:
    sql(server_file, "CREATE TABLE sessions_new (x)")
    with pytest.raises(MigrationError, match=r"in the way of migration 2 harden: .*sessions_new"):
        plan_migration()


def test_a_plan_copes_with_virtual_tables(with_rows: Path, sql: Sql) -> None:
    sql(with_rows, "CREATE VIRTUAL TABLE search USING fts5(words)")
    plan = plan_migration(to=1)
    assert (plan.undone, "DROP TABLE tool_calls;" in plan.sql) == (AFTER_1[::-1], True)
    assert migrate(to=1, allow_down=True).undone == AFTER_1[::-1]


def test_a_crashed_write_is_named_by_a_plan_and_mended_by_migrating(
    file: Path, python: Callable[..., Any]
) -> None:
    create_analytics_db().close()
    done = python(
        """
        import os, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        for n in range(1000):
            connection.execute(
                "INSERT INTO sessions (id, started_at) VALUES (?, 1)", (f"{n:0100}",)
            )
        os.kill(os.getpid(), 9)
        """,
        file,
    )
    assert done.returncode == -9
    with pytest.raises(StorageError, match=r"A crash left .* Run `create_analytics_db\(\)` on it"):
        plan_migration(to=1)
    assert migrate().schema_version == NEWEST
    assert plan_migration(to=1).undone == AFTER_1[::-1]


def test_each_failure_is_logged(caplog: pytest.LogCaptureFixture, file: Path) -> None:
    for function in (migrate, plan_migration):
        with pytest.raises(AnalyticsDbError) as caught:
            function(file)
        assert caplog.records.pop().getMessage() == str(caught.value)


def test_what_is_the_users_own_survives_under_any_name(file: Path) -> None:
    create_analytics_db().close()
    migrate(to=1, allow_down=True)
    mine = "SELECT type, name, sql FROM sqlite_schema WHERE sql LIKE '%mine%' ORDER BY 1, 2"
    with closing(sqlite3.connect(file)) as connection, connection:
        for statement in (
            "CREATE INDEX by_tool ON tool_calls (status) -- mine",
            *(
                f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN SELECT 'mine'; END"
                for name, table in (
                    ("by_tool", "tool_calls"),
                    ("sessions", "sessions"),
                    ("session_id_idx", "tool_calls"),
                )
            ),
        ):
            connection.execute(statement)
        before = connection.execute(mine).fetchall()
    migrate()
    with closing(sqlite3.connect(file)) as connection:
        after = connection.execute(mine).fetchall()
    assert [row[:2] for row in after] == [row[:2] for row in before]
    assert len(after) == 4
