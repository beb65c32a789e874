"""What somebody else has put into the file beside ours is kept, and not in the way."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    CorruptDatabaseError,
    MigrationError,
    backup,
    check,
    create_analytics_db,
    diagnose,
    migrate,
    plan_migration,
    restore,
)
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def older(file: Path) -> Path:
    """A database at version 1."""
    create_analytics_db().close()
    migrate(to=1, allow_down=True)
    for copy in (file.parent / "backups").iterdir():
        copy.unlink()
    return file


def contents(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def on_ledger(when: str, deed: str) -> str:
    return f"CREATE TRIGGER mine {when} ON devflow_migrations BEGIN {deed}; END"


@pytest.mark.parametrize(
    "trigger",
    [
        on_ledger("BEFORE INSERT", "SELECT RAISE(IGNORE)"),
        on_ledger("BEFORE INSERT", "SELECT RAISE(ABORT, 'no')"),
        on_ledger("BEFORE INSERT", "SELECT RAISE(ROLLBACK, 'no')"),
        on_ledger("AFTER INSERT", "DELETE FROM devflow_migrations WHERE version = new.version"),
        on_ledger("AFTER INSERT", "UPDATE devflow_migrations SET checksum = 'mine'"),
        on_ledger("AFTER INSERT", "SELECT no_such_function()"),
        "CREATE UNIQUE INDEX mine ON devflow_migrations (applied_by)",
    ],
)
def test_a_ledger_that_cannot_be_kept_stops_the_way_up(trigger: str, older: Path, sql: Sql) -> None:
    sql(older, trigger)
    before = contents(older)
    with pytest.raises(MigrationError, match=r"ledger of .* cannot be kept .*Nothing was done"):
        create_analytics_db()
    assert contents(older) == before
    assert os.listdir(older.parent / "backups") == []


def test_a_ledger_that_cannot_be_kept_stops_the_way_down(file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    sql(file, on_ledger("BEFORE DELETE", "SELECT RAISE(IGNORE)"))
    before = contents(file)
    with pytest.raises(MigrationError, match="cannot be kept"):
        migrate(to=1, allow_down=True)
    assert contents(file) == before


ALIKE = "version, name, checksum, compatible_with, applied_at, duration_ms, applied_by"


@pytest.mark.parametrize(
    "in_the_way",
    [
        "CREATE TABLE devflow_migrations (x)",
        f"CREATE TABLE devflow_migrations ({ALIKE})",
        "CREATE VIEW devflow_migrations AS SELECT 1 AS version",
        "CREATE INDEX devflow_migrations ON sessions (ended_at)",
    ],
    ids=["a table", "a table like it", "a view", "an index"],
)
def test_what_has_the_name_of_the_ledger_stops_the_taking_over(
    in_the_way: str, server_file: Path, sql: Sql
) -> None:
    sql(server_file, in_the_way)
    before = contents(server_file)
    with pytest.raises(MigrationError, match=r"ledger of .* cannot be kept"):
        create_analytics_db(server_file)
    assert contents(server_file) == before
    assert os.listdir(server_file.parent / "backups") == []


def test_a_plan_finds_what_has_the_name_of_the_ledger(server_file: Path, sql: Sql) -> None:
    sql(server_file, "CREATE INDEX devflow_migrations ON sessions (ended_at)")
    with pytest.raises(MigrationError, match=r"ledger of .* cannot be kept"):
        plan_migration(server_file)


def test_a_table_by_a_name_that_is_no_utf_8_is_left_alone(older: Path, sql: Sql) -> None:
    sql(older, "CREATE TABLE placeholderx (a)")
    sql(older, "INSERT INTO placeholderx VALUES ('mine')")
    sql(older, "PRAGMA journal_mode = DELETE")
    older.write_bytes(older.read_bytes().replace(b"placeholderx", b"placeh\xff\xfederx"))
    assert create_analytics_db().changes.schema_version == latest_version()
    assert [difference.subject for difference in check().findings] == [
        "table placeh\ufffd\ufffdderx"
    ]
    with closing(sqlite3.connect(older)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = 'a', tbl_name = 'a', sql = 'CREATE TABLE a (a)'"
            " WHERE hex(name) GLOB '*FFFE*'"
        )
        connection.commit()
    assert sql(older, "SELECT a FROM a") == [("mine",)]


def with_collation(file: Path) -> None:
    """Give the file indexes and an order that need a collation which only another program has."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.create_collation("their_own", lambda a, b: (a < b) - (a > b))
        connection.execute("CREATE TABLE theirs (a TEXT COLLATE their_own)")
        connection.execute("CREATE INDEX theirs_idx ON theirs (a)")
        connection.execute("INSERT INTO theirs VALUES ('b'), ('a')")
        connection.execute("CREATE TABLE ordered (a COLLATE their_own PRIMARY KEY) WITHOUT ROWID")
        connection.execute("INSERT INTO ordered VALUES ('b'), ('a')")
        connection.execute("CREATE INDEX error_idx ON tool_calls (error_type COLLATE their_own)")


def with_function(file: Path) -> None:
    """Give the file a table whose constraint needs a function that only another program has."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.create_function("their_own", 1, lambda _: 1, deterministic=True)
        connection.execute("CREATE TABLE theirs (a TEXT CHECK (their_own(a)))")
        connection.execute("INSERT INTO theirs VALUES ('b'), ('a')")


@pytest.mark.parametrize("prepare", [with_collation, with_function])
def test_what_only_another_program_can_check_is_copied_and_told(
    prepare: Callable[[Path], None], file: Path, sql: Sql, caplog: pytest.LogCaptureFixture
) -> None:
    create_analytics_db().close()
    prepare(file)
    copy = backup()
    assert f"not all of {file} could be checked for damage: " in caplog.text
    assert restore(copy).replaced
    assert sql(file, "SELECT a FROM theirs NOT INDEXED") == [("b",), ("a",)]
    (integrity,) = [one for one in diagnose().findings if one.subject == "integrity"]
    assert integrity.severity == "warn"
    assert "their_own" in integrity.message


def test_a_constraint_that_only_another_program_can_check_is_not_in_the_way(
    older: Path, sql: Sql
) -> None:
    with_function(older)
    assert create_analytics_db().changes.schema_version == latest_version()
    assert sql(older, "SELECT a FROM theirs") == [("b",), ("a",)]


def test_an_index_that_only_another_program_can_use_is_named(older: Path) -> None:
    with_collation(older)  # SQLite renames no table of a schema that it does not understand
    before = older.read_bytes()
    with pytest.raises(MigrationError, match=r"in the way of migration 2 .*_idx.*their_own"):
        create_analytics_db()
    assert older.read_bytes() == before
    assert os.listdir(older.parent / "backups") == []


@pytest.mark.parametrize("what", ["a table", "the free list"])
def test_damage_is_found_beside_what_only_another_program_can_check(
    what: str, file: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    sql(file, "CREATE TABLE gone (a)")
    sql(file, "INSERT INTO gone VALUES (zeroblob(20000))")
    sql(file, "DROP TABLE gone")
    with_collation(file)
    sql(file, "PRAGMA journal_mode = DELETE")
    ((size,),) = sql(file, "PRAGMA page_size")
    ((page,),) = sql(file, "SELECT rootpage FROM sqlite_schema WHERE name = 'tool_calls'")
    with file.open("r+b") as bytes_of_it:
        if what == "a table":
            bytes_of_it.seek((page - 1) * size)
            bytes_of_it.write(b"\xff" * size)
        else:
            bytes_of_it.seek(32)  # where the header names the first page that is free
            bytes_of_it.write(page.to_bytes(4))
    (integrity,) = [one for one in diagnose().findings if one.subject == "integrity"]
    assert integrity.severity == "fail"
    assert "is damaged" in integrity.message
    with pytest.raises(CorruptDatabaseError, match="is damaged"):
        backup()


def test_parentheses_in_names_and_strings_are_none_in_a_check(file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    sql(file, """CREATE TABLE mine ("(" CHECK ("(" > 0 AND "(" <> ')'), "check" TEXT)""")
    assert [difference.subject for difference in check().findings] == ["table mine"]
