"""The migration files and how they are read."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from devflow_analytics_db import AnalyticsDbError, migrations
from devflow_analytics_db.migrations import DIRECTORY, latest_version
from devflow_analytics_db.migrations.identity import SERVER_TABLES
from devflow_analytics_db.migrations.migration import (
    Migration,
    build,
    load_migrations,
)
from devflow_analytics_db.schema.sql import normalise, split_statements
from devflow_analytics_db.schema.structure import structure

RELEASED = Path(__file__).with_name("golden").joinpath("migrations.sha256").read_text()
"""What ``sha256sum`` prints of the migration files; `just golden` adds a line for each."""

VALID = "-- migrate:up\nCREATE TABLE t (a);\n-- migrate:down\nDROP TABLE t;\n"


def test_a_released_migration_file_never_changes() -> None:
    files = sorted(Path(DIRECTORY).glob("*.sql"))
    digests = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" for file in files]
    assert digests == RELEASED.splitlines()


def test_the_versions_follow_each_other() -> None:
    versions = [migration.version for migration in load_migrations()]
    assert versions == [*range(1, latest_version() + 1)]
    assert latest_version() == len(RELEASED.splitlines())


@pytest.mark.parametrize("migration", load_migrations(), ids=str)
def test_each_way_down_undoes_its_way_up(migration: Migration) -> None:
    with closing(build(migration.version - 1)) as connection:
        before = structure(connection)
        for statement in migration.up:
            connection.execute(statement)
        assert structure(connection) != before
        for statement in migration.down:
            connection.execute(statement)
        assert structure(connection) == before


def test_the_way_down_from_version_2_keeps_every_row() -> None:
    baseline, harden = load_migrations()[:2]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:

        def rows() -> list[list[tuple[object, ...]]]:
            return [
                connection.execute(f"SELECT * FROM {table}").fetchall() for table in SERVER_TABLES
            ]

        for statement in (*baseline.up, *harden.up):
            connection.execute(statement)
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
        connection.execute(
            "INSERT INTO tool_calls"
            " (id, tool_name, duration_ms, status, error_type, timestamp, session_id)"
            " VALUES ('1', 'a', 1.5, 'error', 'E', 2, 's'),"
            " ('2', 'b', 7, 'success', NULL, 3, 's')"
        )
        before = rows()
        for statement in (*harden.down, *harden.up):
            connection.execute(statement)
        assert rows() == before


def test_a_migration_says_what_its_file_says() -> None:
    migration = Migration("0007_add_thing.sql", f"-- why\n-- compatible-with: 3\n{VALID}")
    assert (migration.version, migration.name, str(migration)) == (7, "add_thing", "7 add_thing")
    assert repr(migration) == "<Migration 7 add_thing>"
    assert migration.compatible_with == 3
    assert migration.up == ("CREATE TABLE t (a);",)
    assert migration.down == ("DROP TABLE t;",)


def test_without_a_word_in_the_header_no_older_code_may_write() -> None:
    assert Migration("0007_add_thing.sql", VALID).compatible_with == 7


@pytest.mark.parametrize(
    "same",
    [
        "CREATE TABLE t (a);",
        "\r\n\r\nCREATE  TABLE\tt\r\n(a);\r\n",
        "-- a licence; with a semicolon\nCREATE TABLE t (a);",
        "CREATE /* what\n; 'for' */ TABLE t (a);-- end",
    ],
)
def test_comments_line_ends_and_white_space_do_not_count(same: str) -> None:
    text = "-- migrate:up\n{}\n-- migrate:down\n"
    ours = Migration("0001_a.sql", text.format("CREATE TABLE t (a);"))
    assert Migration("0001_a.sql", text.format(same)).checksum == ours.checksum


@pytest.mark.parametrize(
    "other",
    [
        "CREATE TABLE t (b);",
        "CREATE TABLE t (a) STRICT;",
        "CREATE TABLE t (a, CHECK (a <> '-- x'));",
        "CREATE TABLE t (a, CHECK (a <> '--  x'));",
        'CREATE TABLE "t " (a);',
    ],
)
def test_anything_else_counts(other: str) -> None:
    text = "-- migrate:up\n{}\n-- migrate:down\n"
    checksums = {
        Migration("0001_a.sql", text.format(sql)).checksum
        for sql in ("CREATE TABLE t (a);", "CREATE TABLE t (a, CHECK (a <> '--   x'));", other)
    }
    assert len(checksums) == 3


def test_strings_and_quoted_names_are_normalised_to_themselves() -> None:
    quoted = """'a  -- b' "c  /* d */" `e  f` [g  h] 'it''s  so'"""
    assert normalise(f"  {quoted}  -- end\n") == quoted


def test_a_script_is_split_where_sqlite_says_that_a_statement_ends() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT ';'; SELECT 2; END;"
    script = f"-- first; the\nSELECT ';'; {trigger}\n/* ; */ SELECT 3;\n-- the end;\n"
    assert list(split_statements(script)) == [
        "-- first; the\nSELECT ';';",
        trigger,
        "/* ; */ SELECT 3;",
    ]


def test_an_unfinished_statement_is_refused() -> None:
    with pytest.raises(AnalyticsDbError, match="does not end with a semicolon: SELECT 2"):
        list(split_statements("SELECT 1; SELECT 2 -- here"))


@pytest.mark.parametrize(
    "statement",
    [
        "BEGIN",
        "commit",
        "END TRANSACTION",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "VACUUM",
        "ATTACH 'x' AS y",
        "DETACH y",
        "PRAGMA user_version = 9",
        "/* sly */ COMMIT",
    ],
)
@pytest.mark.parametrize("section", ["up", "down"])
def test_a_statement_that_would_escape_the_transaction_is_refused(
    statement: str, section: str
) -> None:
    text = VALID.replace(f"-- migrate:{section}\n", f"-- migrate:{section}\n{statement};\n")
    with pytest.raises(AnalyticsDbError, match=r"0003_a\.sql may not contain [A-Z]+:"):
        Migration("0003_a.sql", text)


@pytest.mark.parametrize("marker", ["-- migrate:up\n", "-- migrate:down\n"])
def test_a_file_without_both_sections_is_refused(marker: str) -> None:
    with pytest.raises(AnalyticsDbError, match=r"0003_a\.sql is not a migration"):
        Migration("0003_a.sql", VALID.replace(marker, ""))


@pytest.mark.parametrize("names", [("0001_a", "0003_b"), ("0001_a", "0001_b")])
def test_numbers_that_do_not_follow_each_other_are_refused(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        (tmp_path / f"{name}.sql").write_text(VALID)
    monkeypatch.setattr(migrations, "DIRECTORY", str(tmp_path))
    with pytest.raises(AnalyticsDbError, match=rf"{names[1]}\.sql should have the number 0002"):
        load_migrations.__wrapped__()
