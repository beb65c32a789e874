"""What `check` finds, and that it finds nothing where nothing is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

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
from devflow_analytics_db.migrations import latest_version

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
