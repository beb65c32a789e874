"""Opening for reading alone: one state, and nothing made or changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import (
    CorruptDatabaseError,
    DatabaseNotFoundError,
    NotAnAnalyticsDatabaseError,
    create_analytics_db,
    open_readonly,
)
from devflow_analytics_db.migrations import latest_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    Sql = Callable[..., list[tuple[Any, ...]]]
    Holding = Callable[..., AbstractContextManager[int]]

COUNT = "SELECT count(*) FROM sessions"
INSERT = "INSERT INTO sessions (id, started_at) VALUES (?, 1)"


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_database_that_does_not_exist_is_not_made(file: Path, home: Path) -> None:
    with pytest.raises(DatabaseNotFoundError) as raised, open_readonly():
        pytest.fail("there is none")
    assert (raised.value.path, list(home.iterdir())) == (str(file), [])
    assert raised.value.what == f"{file} does not exist: there is no database."
    assert raised.value.advice == (
        "Make it with `create_analytics_db()`, or name another file with `path` or"
        " DEVFLOW_ANALYTICS_DB_PATH."
    )


def test_it_sees_one_state_however_others_write(file: Path, sql: Sql) -> None:
    create_analytics_db().close()
    with closing(sqlite3.connect(file)) as other:  # keeps the log
        sql(file, INSERT, "a")
        with open_readonly() as connection:
            assert connection.execute(COUNT).fetchone() == (1,)
            sql(file, INSERT, "b")
            assert connection.execute(COUNT).fetchone() == (1,)
        with open_readonly() as connection:
            assert connection.execute(COUNT).fetchone() == (2,)
        assert other.execute(COUNT).fetchone() == (2,)


@pytest.mark.parametrize("use", ["idle", "in use"])
def test_no_byte_and_no_name_is_changed(use: str, file: Path, holding: Holding) -> None:
    create_analytics_db().close()

    def read() -> None:
        before = contents(file.parent)
        with open_readonly() as connection:
            assert connection.schema_version == latest_version()
            assert connection.execute(COUNT).fetchone() == (0,)
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute(INSERT, ("a",))
        after = contents(file.parent)
        # the -shm is memory that processes share: who reads is noted there
        assert {**after, "analytics.db-shm": b""} == {**before, "analytics.db-shm": b""} or (
            use == "idle" and after == before
        )

    if use == "in use":
        with holding(file, "SELECT * FROM sessions"):
            read()
    else:
        read()
        assert os.listdir(file.parent) == ["analytics.db"]


def test_a_file_of_devflows_server_is_read_as_it_is(server_file: Path) -> None:
    before = server_file.read_bytes()
    with open_readonly(server_file) as connection:
        assert connection.schema_version == 1
        assert connection.execute(COUNT).fetchone()[0] > 0
    assert server_file.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", DatabaseNotFoundError),
        (b"no database" * 100, NotAnAnalyticsDatabaseError),
    ],
)
def test_what_is_no_database_of_ours_is_named_and_left(
    content: bytes, error: type[Exception], file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with pytest.raises(error) as raised, open_readonly():
        pytest.fail("it is no database")
    assert contents(file.parent) == {"analytics.db": content}
    assert [record.getMessage() for record in caplog.records][-1] == str(raised.value)


def test_what_is_wrong_with_a_statement_is_told_as_sqlite_tells_it() -> None:
    create_analytics_db().close()
    with (
        pytest.raises(sqlite3.OperationalError, match="no such table: missing"),
        open_readonly() as connection,
    ):
        connection.execute("SELECT * FROM missing")


def test_damage_that_is_met_later_is_an_error_by_name(file: Path) -> None:
    with create_analytics_db() as db, db.transaction() as connection:
        connection.executemany(INSERT, [(f"{number:0200}",) for number in range(1000)])
    with file.open("r+b") as content:
        content.seek(8 * 4096)
        content.write(b"\xff" * (file.stat().st_size - 9 * 4096))
    with (
        pytest.raises(CorruptDatabaseError, match=r"analytics\.db is damaged"),
        open_readonly() as connection,
    ):
        connection.execute("SELECT sum(length(id)) FROM sessions").fetchone()
