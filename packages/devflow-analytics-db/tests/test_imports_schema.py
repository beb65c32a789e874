"""Version 4: what an import has to know the next time, and that what was deleted stays deleted."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from pony.orm import db_session

from devflow_analytics_db import (
    MigrationError,
    backup,
    check,
    create_analytics_db,
    diagnose,
    migrate,
    restore,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]
    AddCall = Callable[..., None]

OF_AN_AGENT = "5b0c4f2e-0d9a-8c11-9f6e-3a7d2c1b0e4f"
OF_OURS = "0199f3a8-5c00-7000-8000-00000000000a"
OF_DEVFLOWS_SERVER = "5b0c4f2e-0d9a-4c11-8f6e-3a7d2c1b0e4f"

EXCLUSIONS = "SELECT call_id, timestamp FROM import_exclusions ORDER BY call_id"
FLOOR = "SELECT id, not_before FROM import_floor"
CURSOR = (
    "INSERT INTO import_cursors (client, device, inode, size, modified_ns, position, head, tail,"
    " since, unanswered, seen_at, state)"
    " VALUES ('claude-code', ?, ?, 9, 1, 9, x'00ff', x'ff00', 0, 1, 1, '{}')"
)


@pytest.fixture
def current(file: Path, sql: Sql, add_call: AddCall) -> Path:
    """A file with three calls of a session: one that an agent knows too, and two that none does."""
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    add_call(file, id=OF_AN_AGENT, timestamp=100)
    add_call(file, id=OF_OURS, timestamp=101)
    add_call(file, id=OF_DEVFLOWS_SERVER, timestamp=102)
    return file


@pytest.fixture
def version_3(current: Path) -> Path:
    migrate(to=3, allow_down=True)
    shutil.rmtree(current.parent / "backups")
    return current


def with_foreign_keys(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(statement)


def by_a_connection_of_another_program(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        deleted = connection.execute("DELETE FROM tool_calls")
    assert deleted.rowcount == 3  # rows of the trigger do not count


def by_a_connection_that_trusts_no_schema(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("DELETE FROM tool_calls WHERE timestamp >= 0")


def by_sqlites_shell(file: Path) -> None:
    shell = shutil.which("sqlite3")
    if shell is None:
        pytest.skip("needs SQLite's shell")
    subprocess.run([shell, file, "DELETE FROM tool_calls"], check=True, timeout=60)


def with_their_session(file: Path) -> None:
    with_foreign_keys(file, "DELETE FROM sessions")


def by_a_trigger_of_the_users(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER mine AFTER UPDATE ON sessions BEGIN DELETE FROM tool_calls; END"
        )
        connection.execute("UPDATE sessions SET ended_at = 9")


def by_our_transaction(file: Path) -> None:
    with create_analytics_db(file) as db, db.transaction() as connection:
        connection.execute("DELETE FROM tool_calls")


def by_pony(file: Path) -> None:
    with create_analytics_db(file) as db, db_session:
        db.Session["s"].delete()


@pytest.mark.parametrize(
    "delete",
    [
        by_a_connection_of_another_program,
        by_a_connection_that_trusts_no_schema,
        by_sqlites_shell,
        with_their_session,
        by_a_trigger_of_the_users,
        by_our_transaction,
        by_pony,
    ],
)
def test_however_a_call_is_deleted_that_an_agent_knows_it_is_not_to_come_in_again(
    delete: Callable[[Path], None], current: Path, sql: Sql
) -> None:
    delete(current)
    assert sql(current, "SELECT id FROM tool_calls") == []
    assert sql(current, EXCLUSIONS) == [(OF_AN_AGENT, 100)]


def test_nothing_is_noted_of_a_deletion_that_is_rolled_back(current: Path, sql: Sql) -> None:
    with closing(sqlite3.connect(current)) as connection:
        connection.execute("DELETE FROM tool_calls")
        connection.rollback()
    assert sql(current, EXCLUSIONS) == []


def test_a_call_that_is_replaced_was_not_deleted(current: Path, sql: Sql) -> None:
    sql(
        current,
        "INSERT OR REPLACE INTO tool_calls"
        " (id, tool_name, duration_ms, status, timestamp, session_id)"
        " VALUES (?, 'again', 1, 'success', 100, 's')",
        OF_AN_AGENT,
    )
    assert sql(current, EXCLUSIONS) == []


def test_a_call_that_comes_and_goes_twice_is_noted_once(
    current: Path, sql: Sql, add_call: AddCall
) -> None:
    sql(current, "DELETE FROM tool_calls")
    add_call(current, id=OF_AN_AGENT, timestamp=200)
    sql(current, "DELETE FROM tool_calls")
    assert sql(current, EXCLUSIONS) == [(OF_AN_AGENT, 100)]


@pytest.mark.parametrize(("not_before", "noted"), [(99, 1), (100, 1), (101, 0)])
def test_a_call_from_before_the_floor_leaves_nothing(
    not_before: int, noted: int, current: Path, sql: Sql
) -> None:
    sql(current, "UPDATE import_floor SET not_before = ?", not_before)
    sql(current, "DELETE FROM tool_calls")
    assert len(sql(current, EXCLUSIONS)) == noted


def test_without_the_row_of_the_floor_every_deletion_is_noted(current: Path, sql: Sql) -> None:
    sql(current, "DELETE FROM import_floor")
    sql(current, "DELETE FROM tool_calls")
    assert sql(current, EXCLUSIONS) == [(OF_AN_AGENT, 100)]


def test_a_call_that_its_server_recorded_stays_out_when_that_row_is_deleted(
    current: Path, sql: Sql
) -> None:
    matched = "SELECT call_id, recorded_as FROM import_exclusions WHERE recorded_as = ?"
    sql(current, "INSERT INTO import_exclusions VALUES ('logged', 1, ?)", OF_OURS)
    sql(current, "DELETE FROM tool_calls")
    assert sql(current, matched, OF_OURS) == [("logged", OF_OURS)]
    ((*_, step),) = sql(current, f"EXPLAIN QUERY PLAN {matched}", OF_OURS)
    assert "USING COVERING INDEX import_exclusions_recorded_as" in step


def test_there_is_one_floor(current: Path, sql: Sql) -> None:
    assert sql(current, FLOOR) == [(1, 0)]
    with pytest.raises(sqlite3.IntegrityError, match="one_row"):
        sql(current, "INSERT INTO import_floor (id, not_before) VALUES (2, 0)")


def test_a_log_has_one_cursor_for_each_agent(current: Path, sql: Sql) -> None:
    for device, inode in ((1, 2), (1, 3), (-(2**63), 2**63 - 1)):
        sql(current, CURSOR, device, inode)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        sql(current, CURSOR, 1, 2)


def test_the_way_up_keeps_no_copy_and_needs_none(version_3: Path, sql: Sql) -> None:
    before = sql(version_3, "SELECT rowid, * FROM tool_calls")
    changes = migrate()
    assert (changes.applied[0], changes.backup) == (4, None)
    assert sql(version_3, "SELECT rowid, * FROM tool_calls") == before
    assert sql(version_3, FLOOR) == [(1, 0)]
    sql(version_3, "DELETE FROM tool_calls")
    assert sql(version_3, EXCLUSIONS) == [(OF_AN_AGENT, 100)]


def test_the_way_down_keeps_the_calls_and_a_copy_of_what_goes(current: Path, sql: Sql) -> None:
    sql(current, "DELETE FROM tool_calls WHERE id = ?", OF_AN_AGENT)
    sql(current, "UPDATE import_floor SET not_before = 50")
    sql(current, CURSOR, 1, 2)
    changes = migrate(to=3, allow_down=True)
    assert changes.backup
    assert sql(changes.backup, EXCLUSIONS) == [(OF_AN_AGENT, 100)]
    assert sql(current, "SELECT name FROM sqlite_schema WHERE name GLOB 'import*'") == []
    assert len(sql(current, "SELECT id FROM tool_calls")) == 2
    sql(current, "DELETE FROM tool_calls")  # nothing is in the way of it
    migrate()
    assert sql(current, EXCLUSIONS) == []
    restore(changes.backup)
    assert sql(current, EXCLUSIONS) == [(OF_AN_AGENT, 100)]
    assert sql(current, FLOOR) == [(1, 50)]


def test_a_backup_has_what_its_imports_knew(current: Path, sql: Sql) -> None:
    sql(current, CURSOR, 1, 2)
    copy = backup()
    sql(current, "UPDATE import_cursors SET position = 99")
    sql(current, "DELETE FROM tool_calls")
    restore(copy)
    assert sql(current, "SELECT position FROM import_cursors") == [(9,)]
    assert (sql(current, EXCLUSIONS), len(sql(current, "SELECT id FROM tool_calls"))) == ([], 3)


@pytest.fixture
def made_anew(current: Path, sql: Sql) -> Path:
    """A file whose calls another program has put into a table of its own making."""
    ((table,),) = sql(current, "SELECT sql FROM sqlite_schema WHERE name = 'tool_calls'")
    indexes = sql(
        current,
        "SELECT sql FROM sqlite_schema WHERE tbl_name = 'tool_calls' AND type = 'index'"
        " AND sql IS NOT NULL",
    )
    with closing(sqlite3.connect(current)) as connection, connection:
        connection.execute(table.replace("tool_calls", "made_anew", 1))
        connection.execute("INSERT INTO made_anew SELECT * FROM tool_calls")
        connection.execute("DROP TABLE tool_calls")
        connection.execute("ALTER TABLE made_anew RENAME TO tool_calls")
        for (index,) in indexes:
            connection.execute(index)
    return current


def test_making_the_table_anew_deletes_no_call_and_is_found(made_anew: Path, sql: Sql) -> None:
    assert sql(made_anew, EXCLUSIONS) == []
    (difference,) = check().findings
    assert (difference.subject, difference.severity) == ("trigger tool_calls_deleted", "fail")
    assert difference.message.startswith("is missing; it should be AFTER DELETE ON tool_calls")
    (schema,) = [one for one in diagnose().findings if one.subject == "schema"]
    assert schema.severity == "fail"
    assert "trigger tool_calls_deleted" in schema.message


def test_a_file_that_lost_the_trigger_goes_down_and_gets_it_again(
    made_anew: Path, sql: Sql
) -> None:
    migrate(to=3, allow_down=True)
    migrate()
    assert check().findings == ()
    sql(made_anew, "DELETE FROM tool_calls")
    assert sql(made_anew, EXCLUSIONS) == [(OF_AN_AGENT, 100)]


@pytest.mark.parametrize(
    "in_the_way",
    [
        "CREATE TRIGGER tool_calls_deleted AFTER DELETE ON tool_calls BEGIN SELECT 'mine'; END",
        "CREATE TABLE import_floor (mine)",
        "CREATE VIEW import_cursors AS SELECT 'mine' AS client",
    ],
)
def test_what_is_the_users_by_a_name_that_is_needed_is_named_and_kept(
    in_the_way: str, version_3: Path, sql: Sql
) -> None:
    sql(version_3, in_the_way)
    with closing(sqlite3.connect(version_3)) as connection:
        before = list(connection.iterdump())
    with pytest.raises(MigrationError, match=r"in the way of migration 4 .* already exists"):
        create_analytics_db()
    with closing(sqlite3.connect(version_3)) as connection:
        assert list(connection.iterdump()) == before
