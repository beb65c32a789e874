"""A transaction of a handle: whole or not at all, and errors by name."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    AnalyticsDbError,
    CorruptDatabaseError,
    DatabaseGoneError,
    IncompatibleSchemaError,
    LockedError,
    StorageError,
    create_analytics_db,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from devflow_analytics_db import AnalyticsDb, Connection

    Python = Callable[..., subprocess.CompletedProcess[str]]
    Holding = Callable[..., AbstractContextManager[int]]

INSERT = "INSERT INTO sessions (id, started_at) VALUES (?, 1)"


@pytest.fixture
def db() -> Iterator[AnalyticsDb]:
    with create_analytics_db() as db:
        yield db


def ids(file: Path) -> list[str]:
    with closing(sqlite3.connect(file)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM sessions ORDER BY id")]


def test_what_is_written_is_there_for_others_at_the_end_and_not_before(
    db: AnalyticsDb, file: Path
) -> None:
    with db.transaction() as connection:
        assert connection.in_transaction
        connection.execute(INSERT, ("a",))
        assert ids(file) == []
    assert not connection.in_transaction
    assert ids(file) == ["a"]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_exception_takes_all_back_and_goes_on(
    kind: type[BaseException], db: AnalyticsDb, file: Path
) -> None:
    with pytest.raises(kind, match="mine"), db.transaction() as connection:  # noqa: PT012
        connection.execute(INSERT, ("a",))
        raise kind("mine")
    assert ids(file) == []
    with db.transaction() as connection:
        connection.execute(INSERT, ("b",))
    assert ids(file) == ["b"]


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("INSERT INTO sessions (id) VALUES ('b')", sqlite3.IntegrityError),
        ("INSERT INTO nothing VALUES (1)", sqlite3.OperationalError),
        ("not SQL", sqlite3.OperationalError),
    ],
)
def test_what_is_wrong_with_a_statement_is_told_as_sqlite_tells_it(
    statement: str, error: type[Exception], db: AnalyticsDb, file: Path
) -> None:
    with pytest.raises(error), db.transaction() as connection:  # noqa: PT012
        connection.execute(INSERT, ("a",))
        connection.execute(statement)
    assert ids(file) == []


def test_each_block_has_a_connection_of_its_own_and_the_log_is_kept(
    db: AnalyticsDb, file: Path
) -> None:
    wal = file.with_name("analytics.db-wal")
    with db.transaction() as first:
        first.row_factory, first.text_factory = sqlite3.Row, bytes
        first.execute("PRAGMA cache_size = 7")
        first.execute("CREATE TEMP TABLE sessions (id)")
    made = wal.stat().st_ino
    with db.transaction() as second:
        assert (second.row_factory, second.text_factory) == (None, str)
        assert second.execute("PRAGMA cache_size").fetchone() != (7,)
        second.execute(INSERT, ("a",))
    assert first.closed
    assert wal.stat().st_ino == made  # or each would write it back to the disk
    db.close()
    assert second.closed
    assert not wal.exists()
    assert ids(file) == ["a"]


def test_what_is_kept_of_one_block_is_not_in_the_way_of_the_next(
    db: AnalyticsDb, file: Path, sql: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "0")
    with db.transaction() as connection:
        connection.executemany(INSERT, [("a",), ("b",)])
    with db.transaction() as connection:
        cursor = connection.execute("SELECT id FROM sessions")
        assert cursor.fetchone() == ("a",)
    sql(file, INSERT, "c")
    with db.transaction() as connection:
        pass
    connection.execute("BEGIN IMMEDIATE")
    with db.transaction() as connection:
        connection.execute(INSERT, ("d",))
    connection.close()
    with db.transaction() as connection:
        connection.execute(INSERT, ("e",))
    assert ids(file) == [*"abcde"]


@pytest.mark.parametrize(
    "end",
    [
        lambda connection: connection.commit(),
        lambda connection: connection.execute("ROLLBACK"),
        lambda connection: connection.executescript("SELECT 1"),
        lambda connection: connection.close(),
    ],
    ids=["commit", "rollback", "script", "close"],
)
def test_a_transaction_that_was_ended_within_its_block_is_told(
    end: Callable[[Connection], object], db: AnalyticsDb
) -> None:
    with (
        pytest.raises(AnalyticsDbError, match="was ended within its block"),
        db.transaction() as connection,
    ):
        end(connection)
    with pytest.raises(ValueError, match="mine"), db.transaction() as connection:  # noqa: PT012
        end(connection)
        raise ValueError("mine")
    with db.transaction() as connection:
        connection.execute(INSERT, ("a",))


def test_one_transaction_cannot_be_begun_twice_at_once(db: AnalyticsDb, file: Path) -> None:
    transaction = db.transaction()
    with transaction as connection:
        connection.execute(INSERT, ("a",))
        with pytest.raises(RuntimeError, match="has begun already"), transaction:
            pytest.fail("it has begun")
    with transaction as connection:
        connection.execute(INSERT, ("b",))
    assert ids(file) == ["a", "b"]


def test_a_transaction_that_could_not_end_gives_up_the_lock(
    db: AnalyticsDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "0")
    transaction = db.transaction()
    connection = transaction.__enter__()
    connection.execute(INSERT, ("a",))
    del transaction  # as after a Ctrl-C on the way into its end
    with db.transaction() as another:
        assert another.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    assert connection.closed


def test_threads_have_each_a_transaction_and_wait_for_each_other(
    db: AnalyticsDb, file: Path
) -> None:
    def write(name: str) -> None:
        for number in range(20):
            with db.transaction() as connection:
                connection.execute(INSERT, (f"{name}{number:02}",))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ids(file) == [f"{name}{number:02}" for name in "abcd" for number in range(20)]


def test_who_waits_longer_than_the_timeout_is_told_so_and_writes_nothing(
    db: AnalyticsDb, file: Path, monkeypatch: pytest.MonkeyPatch, holding: Holding
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "150")
    with (
        holding(file, "BEGIN IMMEDIATE"),
        pytest.raises(LockedError, match="longer than the timeout"),
        db.transaction(),
    ):
        pytest.fail("it was locked")
    with db.transaction() as connection:
        connection.execute(INSERT, ("a",))
    assert ids(file) == ["a"]


def test_one_transaction_can_have_a_timeout_of_its_own(
    db: AnalyticsDb, file: Path, holding: Holding
) -> None:
    start = time.monotonic()
    with (
        holding(file, "BEGIN IMMEDIATE"),
        pytest.raises(LockedError),
        db.transaction(timeout_ms=50),
    ):
        pytest.fail("it was locked")
    assert time.monotonic() - start < 4  # of a timeout of 5 s


def test_ctrl_c_is_heard_while_it_waits(db: AnalyticsDb, file: Path, holding: Holding) -> None:
    start = time.monotonic()
    with holding(file, "BEGIN IMMEDIATE"):
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt), db.transaction():
            pytest.fail("it was locked")
        timer.join()
    assert time.monotonic() - start < 4  # of a timeout of 5 s


def test_a_file_that_was_deleted_gets_no_transaction(db: AnalyticsDb, file: Path) -> None:
    with db.transaction():
        pass
    for suffix in ("", "-wal", "-shm"):
        file.with_name(f"analytics.db{suffix}").unlink(missing_ok=True)
    with pytest.raises(DatabaseGoneError, match="is gone"), db.transaction():
        pytest.fail("there is no file")
    assert not file.exists()


def test_a_newer_schema_that_forbids_it_gets_no_transaction(
    db: AnalyticsDb, add_migration: Callable[..., None]
) -> None:
    with db.transaction():
        pass
    add_migration("CREATE TABLE more (x);")
    create_analytics_db().close()
    add_migration(None)
    with pytest.raises(IncompatibleSchemaError), db.transaction():
        pytest.fail("an older release may not write")


def test_a_newer_schema_that_allows_it_is_written_to(
    db: AnalyticsDb, add_migration: Callable[..., None], file: Path
) -> None:
    version = db.schema_version
    add_migration("CREATE TABLE more (x);", header=f"-- compatible-with: {version}")
    create_analytics_db().close()
    add_migration(None)
    with db.transaction() as connection:
        connection.execute(INSERT, ("a",))
        assert connection.schema_version == version + 1
    assert ids(file) == ["a"]


def full(connection: Connection) -> None:
    connection.execute("PRAGMA max_page_count = 1")
    connection.execute(INSERT, ("x" * 100_000,))


def damaged(connection: Connection) -> None:
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET rootpage = 999 WHERE name = 'sessions'")
    connection.execute("PRAGMA writable_schema = RESET")
    connection.execute(INSERT, ("a",))


@pytest.mark.parametrize(("use", "error"), [(full, StorageError), (damaged, CorruptDatabaseError)])
def test_what_goes_wrong_with_the_file_is_an_error_by_name_and_nothing_is_written(
    use: Callable[[Connection], None],
    error: type[Exception],
    db: AnalyticsDb,
    file: Path,
) -> None:
    with pytest.raises(error, match=r"analytics\.db") as raised, db.transaction() as connection:
        use(connection)
    assert isinstance(raised.value.__cause__, sqlite3.Error)
    db.close()
    assert ids(file) == []
    with db.transaction() as connection:
        connection.execute(INSERT, ("b",))
    assert ids(file) == ["b"]


def test_a_process_that_is_killed_in_a_transaction_leaves_nothing_and_no_lock(
    db: AnalyticsDb, file: Path, python: Python
) -> None:
    done = python(
        f"""
        import os
        from devflow_analytics_db import create_analytics_db
        db = create_analytics_db()
        with db.transaction() as connection:
            connection.execute({INSERT!r}, ("before",))
        with db.transaction() as connection:
            connection.execute({INSERT!r}, ("within",))
            os.kill(os.getpid(), 9)
        """
    )
    assert done.returncode == -9
    with db.transaction() as connection:
        connection.execute(INSERT, ("after",))
    assert ids(file) == ["after", "before"]
