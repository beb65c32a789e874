"""What `status` tells, and that it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pydantic
import pytest

from devflow_analytics_db import (
    NotAnAnalyticsDatabaseError,
    Status,
    TamperedMigrationError,
    create_analytics_db,
    migrate,
    readable_size,
    status,
)
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]
    Sql = Callable[..., list[tuple[Any, ...]]]

NEWEST = latest_version()
AFTER_1 = tuple(range(2, NEWEST + 1))


def without_tables(file: Path, *, exists: bool) -> Status:
    return Status(
        file=str(file),
        exists=exists,
        schema_version=None,
        latest_version=NEWEST,
        pending=(1, *AFTER_1),
        journal_mode=None,
        sessions=0,
        tool_calls=0,
        first_call=None,
        last_call=None,
        size_bytes=0,
        wal_size_bytes=0,
    )


def test_a_file_that_does_not_exist_is_not_made(file: Path, home: Path) -> None:
    assert status() == without_tables(file, exists=False)
    assert not status().is_current
    assert os.listdir(home) == []


def test_an_empty_file_holds_no_tables(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    assert status() == without_tables(file, exists=True)
    assert os.listdir(file.parent) == ["analytics.db"]


def test_a_file_with_rows_is_counted_from_the_first_call_to_the_last(
    file: Path, sql: Sql, add_call: Callable[..., None]
) -> None:
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1), ('t', 2)")
    for call, timestamp in (("a", 30), ("b", 10), ("c", 20)):
        add_call(file, id=call, timestamp=timestamp)
    before = file.read_bytes()
    found = status()
    assert found == Status(
        file=str(file),
        exists=True,
        schema_version=NEWEST,
        latest_version=NEWEST,
        pending=(),
        journal_mode="wal",
        sessions=2,
        tool_calls=3,
        first_call=10,
        last_call=30,
        size_bytes=len(before),
        wal_size_bytes=0,
    )
    assert found.is_current
    assert file.read_bytes() == before
    assert os.listdir(file.parent) == ["analytics.db"]


def test_what_others_are_writing_is_seen_as_any_reader_sees_it(file: Path) -> None:
    with create_analytics_db() as db, closing(db.connect()) as writer:
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('committed', 1)")
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO sessions (id, started_at) VALUES ('not yet', 1)")
        found = status()
        assert found.sessions == 1
        assert found.wal_size_bytes == (file.parent / "analytics.db-wal").stat().st_size > 0


def test_an_older_version_and_the_servers_file_are_not_current(
    file: Path, server_file: Path
) -> None:
    servers = status(server_file)
    assert (servers.schema_version, servers.pending, servers.is_current) == (1, AFTER_1, False)
    assert (servers.sessions, servers.tool_calls) == (2, 3)
    with closing(sqlite3.connect(server_file)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone() == (0,)
    create_analytics_db(file).close()
    migrate(file, to=1, allow_down=True)
    older = status(file)
    assert (older.schema_version, older.pending, older.is_current) == (1, AFTER_1, False)


def test_a_newer_version_that_allows_it_is_told_of(
    file: Path, add_migration: Callable[..., None]
) -> None:
    add_migration("CREATE TABLE a (b);", header=f"-- compatible-with: {NEWEST}")
    create_analytics_db(file).close()
    add_migration(None)
    found = status(file)
    assert (found.schema_version, found.latest_version, found.pending) == (NEWEST + 1, NEWEST, ())
    assert found.is_current


def test_another_programs_file_is_refused(file: Path, sql: Sql) -> None:
    file.parent.mkdir()
    sql(file, "CREATE TABLE bookmarks (url)")
    with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds bookmarks"):
        status()


@pytest.mark.parametrize("table", ["sessions", "tool_calls"])
def test_an_endless_view_in_the_place_of_a_table_is_not_counted(
    table: str, file: Path, sql: Sql
) -> None:
    create_analytics_db().close()
    sql(file, f"DROP TABLE {table}")
    endless = "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"
    sql(file, f"CREATE VIEW {table} AS {endless}")
    with pytest.raises(TamperedMigrationError, match=f"has no table {table}, though its ledger"):
        status()


def test_a_time_that_is_no_whole_number_is_not_told(
    file: Path, add_call: Callable[..., None]
) -> None:
    create_analytics_db().close()
    migrate(to=1, allow_down=True)
    for id_, timestamp in ("a", 7), ("b", b"\xff"):
        add_call(file, id=id_, timestamp=timestamp)
    found = status()
    assert (found.tool_calls, found.first_call, found.last_call) == (2, 7, None)


def test_a_file_on_a_read_only_file_system_is_read(
    file: Path, read_only_copy: Callable[[Path], Path]
) -> None:
    create_analytics_db().close()
    there = read_only_copy(file.parent) / file.name
    assert status(there) == replace(status(file), file=str(there), journal_mode=None)
    assert os.listdir(there.parent) == ["analytics.db"]


@pytest.fixture
def read_only_copy(tmp_path: Path) -> Any:
    """Mount a copy of a directory read-only; needs root."""
    mounted = tmp_path / "mounted"

    def mount(directory: Path) -> Path:
        shutil.copytree(directory, mounted)
        for options in (("--bind",), ("-o", "remount,bind,ro")):
            done = subprocess.run(
                ["mount", *options, mounted, mounted], check=False, capture_output=True, text=True
            )
            if done.returncode:
                pytest.skip(f"cannot mount here: {done.stderr.strip()}")
        return mounted

    yield mount
    subprocess.run(["umount", mounted], check=False, capture_output=True)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (61_440, "61.4 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (85_367_300_000, "85.4 GB"),
    ],
)
def test_a_size_is_written_to_be_read(size: int, text: str) -> None:
    assert readable_size(size) == text


def test_it_is_told_without_pony(file: Path) -> None:
    create_analytics_db(file).close()
    code = "import sys, devflow_analytics_db as d; d.status(); print('pony' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n"


def test_it_prints_what_a_person_asks_first(file: Path, sql: Sql) -> None:
    assert str(status()) == f"{file} does not exist."
    file.parent.mkdir()
    file.touch()
    assert str(status()) == f"{file} holds no tables yet."
    create_analytics_db().close()
    sql(file, "INSERT INTO sessions (id, started_at) VALUES ('s', 1)")
    sql(
        file,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000) INSERT INTO"
        " tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
        " SELECT 'c' || i, 't', 1, 'error', 1, 's' FROM n",
    )
    size = readable_size(file.stat().st_size)
    assert str(status()) == (
        f"{file}\n"
        f"  schema version  {NEWEST}, current\n"
        "  sessions        1\n"
        "  tool calls      1,000\n"
        f"  size            {size}"
    )
    assert str(replace(status(), wal_size_bytes=7)).endswith(
        f"  size            {size}, and 7 bytes not written back yet"
    )
    migrate(to=1, allow_down=True)
    pending = ", ".join(map(str, AFTER_1))
    assert f"  schema version  1, not current, pending migrations: {pending}\n" in str(status())
    assert "  schema version  9, newer than this release\n" in str(
        replace(status(), schema_version=9, pending=())
    )


def test_it_is_json_with_the_names_of_its_fields(file: Path) -> None:
    create_analytics_db().close()
    adapter = pydantic.TypeAdapter(Status)
    told = json.loads(adapter.dump_json(status()))
    assert (told["file"], told["pending"], told["tool_calls"]) == (str(file), [], 0)
    assert adapter.validate_python(told) == status()


def test_a_file_in_which_a_crash_left_nothing_holds_no_tables(file: Path, python: Python) -> None:
    file.parent.mkdir()
    crash = """
        import os, sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE a (b)")
        connection.execute("INSERT INTO a VALUES (zeroblob(100000))")
        os._exit(0)
    """
    assert python(crash, file).returncode == 0
    assert file.stat().st_size
    assert (file.parent / "analytics.db-journal").stat().st_size
    found = status()
    assert (found.exists, found.schema_version, found.size_bytes) == (
        True,
        None,
        file.stat().st_size,
    )
