"""What `check` finds, and that it finds nothing where nothing is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import Database, Optional, Required

from devflow_analytics_db import (
    DatabaseNotFoundError,
    Finding,
    NotAnAnalyticsDatabaseError,
    backup,
    check,
    create_analytics_db,
    migrate,
    restore,
)
from devflow_analytics_db.migrations.migration import build, latest_version
from devflow_analytics_db.schema.structure import structure
from devflow_analytics_schema import define_entities

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]
    Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def current(file: Path) -> Path:
    create_analytics_db().close()
    return file


def sentence(finding: Finding) -> str:
    return f"{finding.subject} {finding.message}"


def rewrite(file: Path, table: str, old: str, new: str) -> None:
    """Edit a table's definition in the file, as no ALTER TABLE can."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        changed = connection.execute(
            "UPDATE sqlite_schema SET sql = replace(sql, ?, ?)"
            " WHERE name = ? AND instr(sql, ?) RETURNING 1",
            (old, new, table, old),
        ).fetchall()
        assert changed
        (version,) = connection.execute("PRAGMA schema_version").fetchone()
        connection.execute(f"PRAGMA schema_version = {version + 1}")


@pytest.mark.parametrize("how", ["new", "taken over", "down and up", "restored"])
def test_a_file_that_only_this_package_touched_has_no_difference(
    how: str, file: Path, request: pytest.FixtureRequest
) -> None:
    if how == "taken over":
        request.getfixturevalue("server_file")
    create_analytics_db().close()
    if how == "down and up":
        migrate(to=1, allow_down=True)
        migrate()
    elif how == "restored":
        restore(backup())
    before = file.read_bytes()
    found = check()
    assert (found.path, found.findings, found.fixed, found.ok) == (file, (), (), True)
    assert str(found) == f"{file}: no findings"
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "differences"),
    [
        (
            "DROP INDEX session_id_idx",
            ["index session_id_idx is missing; it should be ON tool_calls (session_id)."],
        ),
        (
            "CREATE INDEX mine ON tool_calls (error_type)",
            ["index mine comes from no migration; it is ON tool_calls (error_type)."],
        ),
        (
            "ALTER TABLE sessions ADD COLUMN mood TEXT DEFAULT 'none'",
            ["column sessions.mood comes from no migration; it is TEXT DEFAULT 'none'."],
        ),
        (
            "ALTER TABLE sessions DROP COLUMN ended_at",
            ["column sessions.ended_at is missing; it should be INTEGER."],
        ),
        (
            "CREATE TRIGGER count_calls AFTER INSERT ON tool_calls BEGIN SELECT 1; END",
            [
                (
                    "trigger count_calls comes from no migration;"
                    " it is AFTER INSERT ON tool_calls BEGIN SELECT 1; END."
                )
            ],
        ),
        (
            "CREATE VIEW slow AS SELECT * FROM tool_calls WHERE duration_ms > 999",
            [
                (
                    "view slow comes from no migration;"
                    " it is AS SELECT * FROM tool_calls WHERE duration_ms > 999."
                )
            ],
        ),
        (
            "CREATE TABLE notes (id INTEGER PRIMARY KEY, n TEXT UNIQUE, CHECK (n <> ''))",
            ["table notes comes from no migration; it is not STRICT."],
        ),
        (
            "CREATE VIRTUAL TABLE search USING fts5(words, content='')",
            ["table search comes from no migration; it is USING fts5 (words, content = '')."],
        ),
        ("DROP TABLE __drizzle_migrations", ["table __drizzle_migrations is missing;"]),
        (
            "UPDATE devflow_migrations SET checksum = 'a' WHERE version = 2",
            ["ledger does not fit. Migration 2 harden was changed after it was applied:"],
        ),
        (
            "UPDATE devflow_migrations SET name = 'soften' WHERE version = 2",
            ["ledger does not fit. The ledger has migration 2 soften where this installation has"],
        ),
        ("DELETE FROM devflow_migrations", ["ledger does not fit: "]),
    ],
)
def test_a_difference_is_named(
    change: str, differences: list[str], current: Path, sql: Sql
) -> None:
    sql(current, change)
    found = [sentence(one) for one in check().findings]
    shown = [text for text in found if not text.startswith("table search_")]
    assert [text[: len(start)] for text, start in zip(shown, differences, strict=True)] == (
        differences
    )


@pytest.mark.parametrize(
    ("table", "old", "new", "differences"),
    [
        (
            "tool_calls",
            "duration_ms REAL NOT NULL",
            "duration_ms TEXT",
            ["column tool_calls.duration_ms is TEXT; it should be REAL NOT NULL."],
        ),
        (
            "tool_calls",
            "ON DELETE CASCADE",
            "",
            [
                (
                    "foreign key tool_calls.session_id is to sessions.id ON UPDATE NO ACTION"
                    " ON DELETE NO ACTION; it should be to sessions.id"
                    " ON UPDATE NO ACTION ON DELETE CASCADE."
                )
            ],
        ),
        (
            "tool_calls",
            "REFERENCES sessions (id) ON DELETE CASCADE",
            "",
            [
                (
                    "foreign key tool_calls.session_id is missing; it should be to sessions.id ON"
                    " UPDATE NO ACTION ON DELETE CASCADE."
                )
            ],
        ),
        (
            "tool_calls",
            "'timeout'",
            "'late'",
            [
                (
                    "constraint status_known of tool_calls is CHECK (status IN ('success', 'error',"
                    " 'late')); it should be CHECK (status IN ('success', 'error', 'timeout'))."
                )
            ],
        ),
        (
            "sessions",
            "CONSTRAINT tool_count_not_negative CHECK (tool_count >= 0)",
            "CHECK (tool_count >= 0), CHECK (started_at > (0)), UNIQUE (id, started_at)",
            [
                (
                    "constraint tool_count_not_negative of sessions is missing;"
                    " it should be CHECK (tool_count >= 0)."
                ),
                (
                    "constraint UNIQUE (id, started_at) of sessions comes from no migration;"
                    " it is UNIQUE."
                ),
                (
                    "constraint CHECK (tool_count >= 0) of sessions comes from no migration;"
                    " it is CHECK (tool_count >= 0)."
                ),
                (
                    "constraint CHECK (started_at > (0)) of sessions comes from no migration;"
                    " it is CHECK (started_at > (0))."
                ),
            ],
        ),
        (
            "sessions",
            ") STRICT",
            ")",
            ["table sessions is not STRICT; it should be STRICT."],
        ),
    ],
)
def test_a_difference_within_a_table_is_named(
    table: str, old: str, new: str, differences: list[str], current: Path
) -> None:
    if "UNIQUE" in new:  # brings an index of its own, which cannot be written into the schema
        with closing(sqlite3.connect(current, isolation_level=None)) as connection:
            (definition,) = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE name = 'sessions'"
            ).fetchone()
            connection.execute("DROP TABLE sessions")
            connection.execute(definition.replace(old, new))
    else:
        rewrite(current, table, old, new)
    assert [sentence(one) for one in check().findings] == differences


def test_an_older_version_is_a_difference(current: Path) -> None:
    migrate(to=1, allow_down=True)
    assert check().findings == (
        Finding(
            "schema version",
            "warn",
            f"is 1, and this release's is {latest_version()}.",
            "Run `migrate()`.",
        ),
    )
    assert current.exists()


def test_a_servers_file_differs_only_in_its_version(server_file: Path) -> None:
    before = server_file.read_bytes()
    assert [one.subject for one in check().findings] == ["schema version"]
    assert server_file.read_bytes() == before


def test_a_newer_file_cannot_be_compared(current: Path, add_migration: Callable[..., None]) -> None:
    known = latest_version()
    add_migration("CREATE TABLE a (b);", header=f"-- compatible-with: {known}")
    migrate(current)
    add_migration(None)
    assert check().findings == (
        Finding(
            "schema version",
            "warn",
            f"is {known + 1}, and this release knows only those up to {known}: its tables cannot be"
            " compared.",
            "Use the newer release.",
        ),
    )


def test_what_is_broken_has_advice_and_what_the_user_added_needs_none(
    current: Path, sql: Sql
) -> None:
    sql(current, "DROP INDEX session_id_idx")
    sql(current, "CREATE TABLE notes (text)")
    found = check()
    assert [(one.severity, one.advice) for one in found.findings] == [
        ("fail", "Put back a backup with `restore()`."),
        ("warn", None),
    ]
    assert not found.ok
    assert str(found).splitlines() == [
        str(current),
        (
            "FAIL  index session_id_idx: is missing; it should be ON tool_calls (session_id)."
            " Put back a backup with `restore()`."
        ),
        "WARN  table notes: comes from no migration; it is not STRICT.",
    ]


@pytest.mark.usefixtures("current")
@pytest.mark.parametrize("function", ["check", "diagnose"])
def test_pony_is_not_imported(function: str, python: Python) -> None:
    done = python(
        """
        import sys, devflow_analytics_db
        getattr(devflow_analytics_db, sys.argv[1])()
        print("pony" in sys.modules)
        """,
        function,
    )
    assert done.stdout == "False\n", done


def test_there_must_be_a_database_of_ours(file: Path) -> None:
    with pytest.raises(DatabaseNotFoundError):
        check()
    file.parent.mkdir()
    file.write_text("no database")
    with pytest.raises(NotAnAnalyticsDatabaseError):
        check()


def entities(change: Callable[[Any, Any, Any], object]) -> list[str]:
    """The differences once something is added to the entities."""
    from devflow_analytics_db.health.drift import describe, in_entities  # noqa: PLC0415  moves

    database = Database()
    session, call = define_entities(database)
    change(database, session, call)
    with closing(build(latest_version())) as connection:
        differences = in_entities(describe(database), structure(connection))
    return sorted(map(str, differences))


def test_the_entities_are_what_the_migrations_make() -> None:
    assert entities(lambda *_: None) == []


def test_a_table_of_the_entities_that_no_migration_makes_is_named() -> None:
    def add(database: Any, *_: Any) -> None:
        class Mood(database.Entity):
            _table_ = "moods"
            name = Required(str)
            note = Optional(str)

    assert entities(add) == ["table moods is there in the entities, and no migration makes it."]


def made_anew(*changes: tuple[str, str]) -> str:
    """What makes tool_calls anew as it is in the newest version, but for these changes."""
    with closing(build(latest_version())) as connection:
        made = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE tbl_name = 'tool_calls' AND sql IS NOT NULL"
        ).fetchall()
    text = "".join(f"{statement};\n" for (statement,) in made)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return f"DROP TABLE tool_calls;\n{text}"


@pytest.mark.parametrize(
    ("up", "differences"),
    [
        (
            "ALTER TABLE tool_calls DROP COLUMN error_type;",
            ["column tool_calls.error_type is TEXT in the entities, and no migration makes it."],
        ),
        (
            "ALTER TABLE sessions ADD COLUMN mood TEXT;",
            ["column sessions.mood is made by the migrations, and no entity has it."],
        ),
        (
            "DROP INDEX timestamp_tool_name_idx;",
            [
                (
                    "index ON tool_calls (timestamp, tool_name) is there in the entities, and no"
                    " migration makes it."
                )
            ],
        ),
        (
            made_anew(
                ("duration_ms REAL", "duration_ms INTEGER"),
                ("status TEXT NOT NULL", "status TEXT"),
                (" ON DELETE CASCADE", ""),
                ("_idx ON", "_of_another_name ON"),
            ),
            [
                (
                    "column tool_calls.duration_ms is REAL NOT NULL in the entities, and INTEGER"
                    " NOT NULL in what migrations make."
                ),
                (
                    "column tool_calls.status is TEXT NOT NULL in the entities, and TEXT in what"
                    " migrations make."
                ),
                (
                    "foreign key tool_calls.session_id is to sessions.id ON UPDATE NO ACTION"
                    " ON DELETE CASCADE in the entities, and to sessions.id ON UPDATE NO ACTION"
                    " ON DELETE NO ACTION in what migrations make."
                ),
            ],
        ),
    ],
)
def test_entities_that_are_not_what_the_migrations_make_are_named(
    up: str, differences: list[str], add_migration: Callable[..., None]
) -> None:
    add_migration(up)
    assert entities(lambda *_: None) == differences
