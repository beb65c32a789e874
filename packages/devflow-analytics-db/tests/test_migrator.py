"""The engine: what is pending is applied whole or not at all, and history must be ours."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    IncompatibleSchemaError,
    MigrationError,
    TamperedMigrationError,
    __version__,
    check,
    create_analytics_db,
    migrate,
    plan_migration,
    status,
)
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import load_migrations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]

NEWEST = latest_version()
NEXT = NEWEST + 1
AFTER_1 = tuple(range(2, NEWEST + 1))


def test_the_ledger_records_each_migration(file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    entries = sql(
        file, "SELECT version, name, checksum, compatible_with, applied_by FROM devflow_migrations"
    )
    assert entries == [
        (
            migration.version,
            migration.name,
            migration.checksum,
            migration.compatible_with,
            f"devflow-analytics-db {__version__}",
        )
        for migration in load_migrations()
    ]
    ((applied_at, now),) = sql(
        file, "SELECT max(applied_at), unixepoch() FROM devflow_migrations WHERE duration_ms >= 0"
    )
    assert now - 60 <= applied_at <= now


def test_an_older_file_gets_what_is_pending(
    file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_migration("ALTER TABLE sessions ADD COLUMN mood TEXT;")
    with create_analytics_db() as db:
        assert (db.changes.applied, db.schema_version) == ((NEXT,), NEXT)
        assert (db.changes.created, db.changes.adopted) == (False, False)
    assert sql(file, "SELECT id, mood FROM sessions") == [("s", None)]


def test_what_a_migration_drops_is_not_put_back_as_the_users(
    file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    create_analytics_db().close()
    add_migration("DROP INDEX tool_name_idx;")
    create_analytics_db().close()
    assert sql(file, "SELECT name FROM sqlite_master WHERE name = 'tool_name_idx'") == []


@pytest.mark.parametrize("start", ["an empty home", "an older file"])
def test_a_migration_that_fails_leaves_the_file_as_it_was(
    start: str, file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    if start == "an older file":
        create_analytics_db().close()
    add_migration(
        "ALTER TABLE sessions ADD COLUMN mood TEXT;\nINSERT INTO sessions (id) VALUES ('s');"
    )
    dump = "SELECT * FROM sqlite_master"
    before = sql(file, dump) if file.exists() else []
    with pytest.raises(
        MigrationError, match=rf"^Rows of .* do not fit migration {NEXT} next: .*started_at"
    ):
        create_analytics_db()
    assert sql(file, dump) == before


def test_a_migration_that_breaks_a_reference_is_taken_back(
    file: Path, sql: Sql, add_migration: Callable[..., None], add_call: Callable[..., None]
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_call(file)
    add_migration("UPDATE sessions SET id = 'z';")
    with pytest.raises(MigrationError, match=r"would leave rows \(1\) that refer to a row"):
        create_analytics_db()
    assert sql(file, "SELECT id FROM sessions") == [("s",)]


FORGETFUL_REBUILD = """
CREATE TABLE sessions_new
    (id TEXT PRIMARY KEY, started_at INTEGER, ended_at INTEGER, tool_count INTEGER);
DROP TABLE sessions;
ALTER TABLE sessions_new RENAME TO sessions;
"""
TIDYING_TRIGGER = """
CREATE TRIGGER tidy AFTER INSERT ON devflow_migrations BEGIN
    DELETE FROM sessions;
    DELETE FROM tool_calls WHERE id = 'b';
END
"""


@pytest.mark.parametrize(
    ("trigger", "migration"),
    [
        ("SELECT 1", "DELETE FROM tool_calls WHERE id = 'b';"),
        ("SELECT 1", FORGETFUL_REBUILD),
        (TIDYING_TRIGGER, "CREATE TABLE moods (id TEXT);"),
    ],
    ids=["by a DELETE", "in a rebuild", "by a trigger of the user's"],
)
def test_a_migration_that_would_lose_rows_is_taken_back(
    trigger: str,
    migration: str,
    file: Path,
    sql: Sql,
    add_migration: Callable[..., None],
    add_call: Callable[..., None],
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_call(file, id="a")
    add_call(file, id="b")
    sql(file, trigger)
    before = sql(file, "SELECT * FROM sqlite_master"), sql(file, "SELECT * FROM tool_calls")
    add_migration(migration)
    with pytest.raises(MigrationError, match=r"would lose rows of \w+: of \d there would be \d\."):
        create_analytics_db()
    assert (sql(file, "SELECT * FROM sqlite_master"), sql(file, "SELECT * FROM tool_calls")) == (
        before
    )
    assert sql(file, "SELECT id FROM sessions") == [("s",)]


def test_a_migration_may_drop_a_table_with_its_rows(
    file: Path, sql: Sql, add_migration: Callable[..., None], add_call: Callable[..., None]
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_call(file)
    add_migration("DROP TABLE tool_calls;")
    assert create_analytics_db().changes.applied == (NEXT,)


def test_a_virtual_table_whose_module_is_unknown_is_left_alone(file: Path) -> None:
    create_analytics_db().close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES ('table', 'found', 'found', 0,"
            " 'CREATE VIRTUAL TABLE found USING no_such_module(a)')"
        )
    assert migrate(to=1, allow_down=True).undone == AFTER_1[::-1]
    assert create_analytics_db().changes.applied == AFTER_1
    assert [difference.subject for difference in check().findings] == ["table found"]


def test_a_migration_changed_after_it_was_applied_is_named(
    file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    add_migration("CREATE TABLE a (b);")
    create_analytics_db().close()
    add_migration("CREATE TABLE a (c);")
    sql(file, f"PRAGMA user_version = {NEWEST}")
    sql(file, f"DELETE FROM devflow_migrations WHERE version = {NEXT}")
    sql(file, "UPDATE devflow_migrations SET checksum = 'edited' WHERE version = 2")
    before = file.read_bytes()
    with pytest.raises(TamperedMigrationError, match="Migration 2 harden was changed after"):
        create_analytics_db()
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "listed"),
    [
        ("DELETE FROM devflow_migrations WHERE version = 1", "ledger does not list migration 1"),
        ("DELETE FROM devflow_migrations", "list migration 1 and does not list migration 2"),
        (
            "UPDATE devflow_migrations SET version = 7 WHERE version = 2",
            "does not list migration 2 and also lists migration 7",
        ),
    ],
)
@pytest.mark.parametrize("state", ["current", "older"])
def test_a_ledger_with_a_gap_is_refused_and_nothing_is_applied(
    state: str, file: Path, sql: Sql, add_migration: Callable[..., None], change: str, listed: str
) -> None:
    create_analytics_db().close()
    sql(file, change)
    if state == "older":
        add_migration("CREATE TABLE a (b);")
    before = file.read_bytes()
    with pytest.raises(TamperedMigrationError, match=listed):
        create_analytics_db()
    assert file.read_bytes() == before


COLUMNS = "version, name, checksum, compatible_with"
STRICT_WITH_GAPS = "version INTEGER PRIMARY KEY, name TEXT, checksum TEXT, compatible_with INTEGER"
STRICT_OF_ANY_TYPES = "version INTEGER PRIMARY KEY, name ANY, checksum ANY, compatible_with ANY"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1",
        f"CREATE TABLE devflow_migrations ({COLUMNS})",
        f"CREATE TABLE devflow_migrations ({STRICT_WITH_GAPS}) STRICT",
        f"CREATE TABLE devflow_migrations ({STRICT_OF_ANY_TYPES}) STRICT",
        "CREATE VIEW devflow_migrations AS SELECT 1 AS version UNION SELECT 2",
    ],
    ids=["missing", "of no types", "with gaps", "of any types", "a view"],
)
@pytest.mark.parametrize("call", [create_analytics_db, migrate, plan_migration, status])
def test_a_ledger_that_is_not_like_ours_is_refused(
    call: Callable[[], object], statement: str, file: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    sql(file, "DROP TABLE devflow_migrations")
    sql(file, statement)
    with suppress(sqlite3.OperationalError):  # where it is missing, or a view
        sql(file, "INSERT INTO devflow_migrations VALUES (1, 'a', '0', 1), (2, 'b', '0', 1)")
    before = file.read_bytes()
    with pytest.raises(TamperedMigrationError, match="its ledger is missing, or the table"):
        call()
    assert file.read_bytes() == before


def test_a_ledger_may_have_more_than_is_read_from_it(file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    sql(file, "ALTER TABLE devflow_migrations ADD COLUMN applied_on TEXT")
    assert create_analytics_db().schema_version == NEWEST
    assert migrate(to=1, allow_down=True).undone == AFTER_1[::-1]
    assert migrate().applied == AFTER_1


def test_a_newer_file_that_older_code_may_write_is_opened_without_a_change(
    file: Path,
    sql: Sql,
    add_migration: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_migration("CREATE TABLE a (b);", header=f"-- compatible-with: {NEWEST}")
    create_analytics_db().close()
    add_migration(None)
    before = file.read_bytes()
    caplog.clear()
    with create_analytics_db() as db:
        assert (db.schema_version, db.changes) == (NEXT, None)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"{file} is newer than this release, which may still write to it"]
    assert file.read_bytes() == before
    assert sql(file, "SELECT max(version) FROM devflow_migrations") == [(NEXT,)]


def test_a_newer_file_that_older_code_may_not_write_is_refused_and_not_changed(
    file: Path, add_migration: Callable[..., None]
) -> None:
    add_migration("CREATE TABLE a (b);")
    create_analytics_db().close()
    add_migration(None)
    before = file.read_bytes()
    with pytest.raises(
        IncompatibleSchemaError, match=f"know version {NEXT}; this one knows {NEWEST}"
    ):
        create_analytics_db()
    assert file.read_bytes() == before


def test_an_interruption_takes_everything_back(
    file: Path, sql: Sql, add_migration: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration("CREATE TABLE a (b);")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("devflow_analytics_db.migrations.ledger.insert_sql", interrupt)
    with pytest.raises(KeyboardInterrupt):
        create_analytics_db()
    assert sql(file, "SELECT * FROM sqlite_master") == []
    assert sql(file, "PRAGMA user_version") == [(0,)]


def test_the_checksums_of_a_files_history_are_compared_before_a_way_down_too(
    file: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    sql(file, "UPDATE devflow_migrations SET checksum = 'other' WHERE version = 1")
    with pytest.raises(TamperedMigrationError, match="1 devflow_baseline was changed after it was"):
        migrate(to=1, allow_down=True)
    sql(file, "UPDATE devflow_migrations SET name = 'start' WHERE version = 1")
    with pytest.raises(
        TamperedMigrationError, match=r"has migration 1 start where .* has 1 devflow_baseline"
    ):
        migrate(to=1, allow_down=True)


BROKEN_RULE = """
    PRAGMA ignore_check_constraints = ON;
    INSERT INTO sessions (id, started_at, tool_count) VALUES ('s', 1, -1);
"""


@pytest.mark.parametrize(
    "column", ["mood TEXT", "mood TEXT CHECK (mood IN ('good', 'bad'))", "mood INTEGER"]
)
def test_a_column_of_nulls_is_added_without_reading_the_rows(
    column: str, file: Path, add_migration: Callable[..., None]
) -> None:
    """SQLite would stumble over a row that breaks another rule."""
    create_analytics_db().close()
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(BROKEN_RULE)
    add_migration(f"ALTER TABLE sessions ADD COLUMN {column};")
    assert migrate().applied == (NEXT,)


@pytest.mark.parametrize(
    "column",
    [
        "mood TEXT DEFAULT 'odd' CHECK (mood IN ('good', 'bad'))",
        "mood TEXT NOT NULL DEFAULT 'odd' CHECK (mood IN ('good', 'bad'))",
        "mood TEXT CHECK (mood IS NOT NULL)",
        "mood TEXT AS (id || '!') CHECK (mood IN ('good', 'bad'))",
    ],
)
def test_a_column_that_not_every_row_satisfies_is_refused(
    column: str, file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_migration(f"ALTER TABLE sessions ADD COLUMN {column};")
    with pytest.raises(MigrationError, match="constraint failed"):
        migrate()


def test_what_a_new_column_demands_holds_from_the_first_row_on(
    file: Path, sql: Sql, add_migration: Callable[..., None]
) -> None:
    create_analytics_db().close()
    add_migration("ALTER TABLE sessions ADD COLUMN mood TEXT CHECK (mood IN ('good', 'bad'));")
    migrate()
    with pytest.raises(sqlite3.IntegrityError, match="CHECK constraint failed"):
        sql(file, "INSERT INTO sessions (id, started_at, mood) VALUES ('s', 1, 'odd')")
