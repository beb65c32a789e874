"""The handle: its connections, its entities, and life beside other handles."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pony.orm import UnexpectedError, commit, db_session, flush
from pony.orm.dbproviders.sqlite import SQLiteProvider

from devflow_analytics_db import (
    ConfigurationError,
    DatabaseGoneError,
    IncompatibleSchemaError,
    NotAnAnalyticsDatabaseError,
    create_analytics_db,
    migrate,
)
from devflow_analytics_db.file.opening import configure, open_existing

if TYPE_CHECKING:
    import sqlite3
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devflow_analytics_db import AnalyticsDb

    Python = Callable[..., subprocess.CompletedProcess[str]]

CONFIGURED = {
    "foreign_keys": 1,
    "journal_mode": "wal",
    "synchronous": 1,  # NORMAL
    "trusted_schema": 0,
    "busy_timeout": 5_000,
}


def settings(execute: Callable[[str], sqlite3.Cursor]) -> dict[str, object]:
    return {name: execute(f"PRAGMA {name}").fetchone()[0] for name in CONFIGURED}


def test_a_plain_connection_is_configured() -> None:
    with create_analytics_db() as db, closing(db.connect()) as connection:
        assert settings(connection.execute) == CONFIGURED
        assert connection.isolation_level is None
        assert connection.text_factory is str


def test_ponys_connection_is_configured_alike() -> None:
    with create_analytics_db() as db, db_session:
        assert settings(db.database.execute) == CONFIGURED


def test_no_sync_is_spared_before_the_file_is_in_wal_mode(file: Path) -> None:
    """Until then a power cut could damage it; tests/faults/test_power_cut.py shows how."""
    create_analytics_db().close()
    statements: list[str] = []
    with closing(open_existing(str(file), 0)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.set_trace_callback(statements.append)
        configure(connection)
    switch, spared = map(
        statements.index, ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL")
    )
    assert switch < spared


def test_the_environment_sets_the_busy_timeout_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "250")
    with create_analytics_db() as db, closing(db.connect()) as connection, db_session:
        assert settings(connection.execute)["busy_timeout"] == 250
        assert settings(db.database.execute)["busy_timeout"] == 250


@pytest.mark.parametrize("value", ["soon", "-1", "1.5", "2147483648", "٣", " 5", "9" * 5000])
def test_a_bad_busy_timeout_is_a_named_error_with_the_value_in_it(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", value)
    with pytest.raises(ConfigurationError, match=r"DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS is") as caught:
        create_analytics_db()
    assert repr(value) in str(caught.value)


def test_two_databases_are_open_at_once_each_with_its_own_entities(tmp_path: Path) -> None:
    with (
        create_analytics_db(tmp_path / "one.db") as one,
        create_analytics_db(tmp_path / "two.db") as two,
    ):
        with db_session:
            one.Session(id="of one", started_at=1)
            two.Session(id="of two", started_at=2)
        with db_session:
            assert [session.id for session in one.Session.select()] == ["of one"]
            assert [session.id for session in two.Session.select()] == ["of two"]
        assert one.Session is not two.Session


def test_one_file_may_be_open_twice_in_a_process() -> None:
    with create_analytics_db() as writer, create_analytics_db() as reader:
        with db_session:
            writer.Session(id="s", started_at=1)
        with db_session:
            assert reader.Session["s"].started_at == 1


def test_threads_share_a_handle() -> None:
    threads_n, rows_n = 8, 20
    with create_analytics_db() as db:
        barrier = threading.Barrier(threads_n)

        def write() -> None:
            barrier.wait()
            for _ in range(rows_n):
                with db_session:
                    db.Session(started_at=1)
            db.close()

        threads = [threading.Thread(target=write) for _ in range(threads_n)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with db_session:
            assert db.Session.select().count() == threads_n * rows_n


def test_threads_may_use_it_first_while_one_of_them_still_imports_pony(
    python: Python,
) -> None:
    done = python(
        """
        import sys, threading
        from devflow_analytics_db import create_analytics_db

        db = create_analytics_db()
        importing, ended = threading.Event(), threading.Event()

        def waits_for_import():
            frame = sys._current_frames().get(second.ident)
            while frame and "importlib" not in frame.f_code.co_filename:
                frame = frame.f_back
            return frame is not None

        def pause(event, arguments):
            # in the middle of importing Pony's provider, until the other thread is there, too
            if event == "exec" and arguments[0].co_filename.endswith("dbproviders/sqlite.py"):
                importing.set()
                while not ended.wait(0.001) and not waits_for_import():
                    pass

        def use_second():
            importing.wait()
            try:
                db.Session
            finally:
                ended.set()

        sys.addaudithook(pause)
        second = threading.Thread(target=use_second)
        second.start()
        db.Session
        second.join()
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_uses_the_handle_of_its_parent() -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="parent", started_at=1)
        child = os.fork()
        if child == 0:
            try:
                with db_session:
                    db.Session(id="child", started_at=2)
            finally:
                os._exit(0)
        assert os.waitpid(child, 0) == (child, 0)
        with db_session:
            assert sorted(session.id for session in db.Session.select()) == ["child", "parent"]


def test_a_database_opened_inside_a_session_of_ponys_is_closed_without_a_fuss() -> None:
    with db_session, pytest.raises(KeyError), create_analytics_db() as db:  # noqa: PT012  a block
        db.Session(started_at=1)
        raise KeyError
    db.close()
    with db_session, create_analytics_db() as db:
        db.Session(started_at=1)
    with db_session:
        assert db.Session.select().count() == 2
    db.close()


def test_closing_leaves_only_the_database_behind(file: Path) -> None:
    with create_analytics_db() as db, db_session:
        db.Session(started_at=1)
    db.close()
    assert os.listdir(file.parent) == ["analytics.db"]


def test_a_file_that_was_deleted_is_not_made_again_behind_the_users_back(file: Path) -> None:
    with create_analytics_db() as db:
        file.unlink()
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"):
            db.connect()
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"):
            db.database  # noqa: B018  binds it
        assert not file.exists()


def test_a_session_does_not_write_into_a_file_that_was_deleted_meanwhile(file: Path) -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        file.unlink()
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"), db_session:
            db.Session(id="after", started_at=1)
        assert not file.exists()


def test_a_transaction_does_not_begin_in_a_file_that_was_deleted_in_the_session(
    file: Path,
) -> None:
    with create_analytics_db() as db:
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"), db_session:  # noqa: PT012
            assert db.Session.select().count() == 0
            file.unlink()
            db.Session(id="after", started_at=1)
        assert not file.exists()


def test_a_transaction_does_not_begin_in_a_file_that_was_deleted_while_it_waited(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = SQLiteProvider.set_transaction_mode

    def wait(provider: object, connection: object, cache: object) -> None:
        file.unlink(missing_ok=True)
        begin(provider, connection, cache)

    with create_analytics_db() as db:
        db.database  # noqa: B018  binds it
        monkeypatch.setattr(SQLiteProvider, "set_transaction_mode", wait)
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"), db_session:
            db.Session(id="after", started_at=1)


def test_a_session_of_a_generator_may_go_on_in_another_thread() -> None:
    with create_analytics_db() as db:

        @db_session
        def generate() -> Iterator[int]:
            yield db.Session.select().count()
            db.Session(id="of the generator", started_at=1)
            flush()
            begun.set()
            assert done.wait(timeout=30)
            commit()
            yield 1

        begun, done = threading.Event(), threading.Event()
        with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
            generator = generate()
            assert first.submit(next, generator).result() == 0
            going_on = second.submit(next, generator)
            assert begun.wait(timeout=30)
            count = db_session(lambda: db.Session.select().count())
            assert first.submit(count).result() == 0
            done.set()
            assert going_on.result() == 1
            assert second.submit(next, generator, None).result() is None  # the session ends


def replace(file: Path, other: Path) -> None:
    """Put another database in the place of a file, as is done by hand."""
    for old in file.parent.iterdir():
        old.unlink()
    other.replace(file)


def test_a_session_writes_into_the_file_that_was_put_in_the_place_of_the_old_one(
    file: Path, tmp_path: Path, sql: Callable[..., list[object]]
) -> None:
    other = tmp_path / "other.db"
    create_analytics_db(other).close()
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        replace(file, other)
        with db_session:
            db.Session(id="after", started_at=1)
    assert sql(file, "SELECT id FROM sessions") == [("after",)]


def test_another_programs_file_in_the_place_of_the_old_one_is_left_alone(
    file: Path, tmp_path: Path, sql: Callable[..., object]
) -> None:
    other = tmp_path / "other.db"
    sql(other, "CREATE TABLE theirs (x)")
    theirs = other.read_bytes()
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        replace(file, other)
        with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds theirs"):
            db.connect()
        with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds theirs"), db_session:
            db.Session(id="after", started_at=1)
    assert file.read_bytes() == theirs


@pytest.mark.parametrize("compatible", [True, False])
def test_an_open_handle_writes_into_a_newer_schema_only_if_that_allows_it(
    compatible: bool,  # noqa: FBT001  what is tested
    file: Path,
    add_migration: Callable[..., None],
    sql: Callable[..., list[object]],
) -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        version = db.schema_version
        add_migration(
            "ALTER TABLE sessions ADD COLUMN mood TEXT;",
            header=f"-- compatible-with: {version if compatible else version + 1}",
        )
        migrate(file)
        add_migration(None)  # the handle's release is older
        attempts: list[Callable[[], object]] = [
            lambda: db.connect().close(),
            db_session(lambda: db.Session(id="after", started_at=1)),
        ]
        for attempt in attempts:
            if compatible:
                attempt()
            else:
                with pytest.raises(IncompatibleSchemaError, match=f"version {version + 1}"):
                    attempt()
    rows = sql(file, "SELECT id FROM sessions ORDER BY rowid")
    assert rows == ([("before",), ("after",)] if compatible else [("before",)])


def test_an_open_handle_goes_on_in_a_schema_that_went_down(file: Path) -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        migrate(file, to=1, allow_down=True)
        db.connect().close()
        with db_session:
            db.Session(id="after", started_at=1)
    with create_analytics_db() as db, db_session:
        assert sorted(session.id for session in db.Session.select()) == ["after", "before"]


def test_an_open_handle_does_not_write_into_an_empty_file(file: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    empty.touch()
    with create_analytics_db() as db:
        replace(file, empty)
        with pytest.raises(DatabaseGoneError, match=r"analytics.db is gone"):
            db.connect()
        assert file.read_bytes() == b""


def open_in_another_process(db: AnalyticsDb) -> tuple[str, list[str]]:
    with db_session:
        db.Session(id="another process", started_at=1)
    with db_session:
        return os.fspath(db), sorted(session.id for session in db.Session.select())


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_handle_goes_to_another_process_whether_it_was_used_or_not(
    method: str, file: Path
) -> None:
    with create_analytics_db() as db:
        assert pickle.loads(pickle.dumps(db)).path == file
        with db_session:
            db.Session(id="here", started_at=1)
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(open_in_another_process, [db]) == (
                str(file),
                ["another process", "here"],
            )


def test_a_connection_lost_in_an_interrupted_session_does_not_hold_its_lock() -> None:
    with create_analytics_db() as db:
        with db_session:
            db.Session(id="before", started_at=1)
        provider = db.database.provider
        lost, _ = provider.connect()
        lost.writer = threading.get_ident()
        lost.execute("BEGIN IMMEDIATE")  # and a Ctrl-C came before Pony wrote down that it has it
        with db_session:
            db.Session(id="after", started_at=1)
        with db_session:
            assert db.Session.select().count() == 2


def test_a_thread_behind_anothers_session_is_told_that_the_database_is_locked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DEVFLOW_ANALYTICS_BUSY_TIMEOUT_MS", "50")
    with create_analytics_db() as db:
        told: list[str] = []

        def write() -> None:
            try:
                with db_session:
                    db.Session(id="behind", started_at=1)
            except UnexpectedError as error:
                told.append(str(error))

        with db_session:
            db.Session(id="before", started_at=1)
            flush()
            thread = threading.Thread(target=write, daemon=True)
            thread.start()
            thread.join(timeout=30)  # ends while the other's transaction goes on
            assert len(told) == 1
            assert told[0].endswith("OperationalError: database is locked")
        with db_session:
            assert [session.id for session in db.Session.select()] == ["before"]


def test_the_handle_tells_which_file_it_is(file: Path) -> None:
    db = create_analytics_db()
    assert (db.path, os.fspath(db), repr(db)) == (file, str(file), f"<AnalyticsDb {file}>")
