"""What a forked child may do with what its parent had open; tests/faults/test_fork.py plays it."""

from __future__ import annotations

import errno
import gc
import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from pony.orm import db_session

from devflow_analytics_db import OpenedBeforeForkError, create_analytics_db, status
from devflow_analytics_db.file import connection as fork
from devflow_analytics_db.file.connection import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded:DeprecationWarning"
)


def in_child(*attempts: Callable[[], object]) -> list[str]:
    """Make attempts in a forked child, and return what came of each: ``done``, or an error."""
    hear, say = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            told = []
            for attempt in attempts:
                try:
                    attempt()
                except Exception as error:  # noqa: BLE001  told to the parent
                    told.append(type(error).__name__)
                else:
                    told.append("done")
            os.write(say, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(say)
    os.waitpid(child, 0)
    with os.fdopen(hear, "rb") as pipe:
        found: list[str] = json.loads(pipe.read() or b'["it failed"]')
    return found


def test_whatever_a_child_does_with_an_inherited_connection_is_refused() -> None:
    insert = "INSERT INTO sessions (id, started_at) VALUES (?, 1)"
    with closing(create_analytics_db().connect()) as connection, sqlite3.connect(":memory:") as new:
        attempts: list[Callable[[], object]] = [
            lambda: connection.execute(insert, ("child",)),
            lambda: connection.executemany(insert, [("child",)]),
            lambda: connection.executescript("DELETE FROM sessions"),
            lambda: connection.cursor(),  # noqa: PLW0108  looked up in the child
            lambda: connection.commit(),  # noqa: PLW0108
            lambda: connection.__enter__(),  # noqa: PLW0108
            lambda: connection(insert),
            lambda: connection.backup(new),
            lambda: connection.set_trace_callback(None),
            lambda: setattr(connection, "isolation_level", None),
        ]
        told = in_child(*attempts)
        assert told == ["OpenedBeforeForkError"] * len(attempts)
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)
    new.close()


def test_whatever_a_child_does_with_an_inherited_cursor_is_refused() -> None:
    with closing(create_analytics_db().connect()) as connection:
        for cursor in (connection.cursor(), connection.execute("SELECT 1 UNION SELECT 2")):
            attempts: list[Callable[[], object]] = [
                lambda cursor=cursor: cursor.execute("DELETE FROM sessions"),  # type: ignore[misc]
                lambda cursor=cursor: cursor.executemany("DELETE FROM sessions", [()]),  # type: ignore[misc]
                lambda cursor=cursor: cursor.fetchone(),  # type: ignore[misc]
                lambda cursor=cursor: cursor.fetchall(),  # type: ignore[misc]
                lambda cursor=cursor: next(cursor),  # type: ignore[misc]
                lambda cursor=cursor: list(cursor),  # type: ignore[misc]
            ]
            assert in_child(*attempts) == ["OpenedBeforeForkError"] * len(attempts)
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("freeze", [False, True])
def test_a_cursor_is_refused_that_the_collector_does_not_see(freeze: bool) -> None:  # noqa: FBT001
    class Mine(Cursor):
        pass

    with closing(create_analytics_db().connect()) as connection:
        cursor = connection.cursor(Mine)
        sql = "INSERT INTO sessions (id, started_at) VALUES ('s', 1)"
        if freeze:
            gc.freeze()
        told = in_child(lambda: cursor.execute(sql))
        gc.unfreeze()
        assert told == ["OpenedBeforeForkError"]


def test_a_cursor_of_another_class_cannot_be_made() -> None:
    with (
        closing(create_analytics_db().connect()) as connection,
        pytest.raises(TypeError, match="not a subclass of"),
    ):
        connection.cursor(sqlite3.Cursor)


def test_nothing_may_be_opened_while_it_is_not_known_what_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(_: object) -> list[object]:
        raise KeyboardInterrupt

    create_analytics_db().close()
    # as if a Ctrl-C had come in the hook, which Python reports and goes on from
    monkeypatch.setattr(fork, "_alive", interrupt)
    monkeypatch.setattr(fork, "_before", lambda: None)
    monkeypatch.setattr("sys.unraisablehook", lambda _: None)
    assert in_child(status, create_analytics_db) == ["OpenedBeforeForkError"] * 2


def test_without_a_descriptor_to_list_them_every_file_counts_as_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: str) -> list[str]:
        raise OSError(errno.EMFILE, "Too many open files")

    create_analytics_db().close()
    monkeypatch.setattr(fork.os, "listdir", fail)
    assert in_child(create_analytics_db) == ["OpenedBeforeForkError"]


def test_a_child_may_end_what_it_inherits_which_ends_nothing() -> None:
    with closing(create_analytics_db().connect()) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO sessions (id, started_at) VALUES ('parent', 1)")
        cursor = connection.cursor()

        def leave() -> None:
            connection.__exit__(None, None, None)

        told = in_child(
            lambda: connection.rollback(),  # noqa: PLW0108  looked up in the child
            lambda: cursor.close(),  # noqa: PLW0108
            leave,
            lambda: connection.close(),  # noqa: PLW0108
        )
        assert told == ["done"] * 4
        connection.execute("COMMIT")
        assert connection.execute("SELECT id FROM sessions").fetchall() == [("parent",)]


def test_a_child_that_is_forked_inside_a_session_has_sessions_of_its_own() -> None:
    def write() -> None:
        with db_session:
            db.Session(id="child", started_at=1)

    with create_analytics_db() as db:
        with db_session:
            db.Session(id="parent", started_at=1)
            assert in_child(lambda: db.Session(id="p", started_at=1), write) == [
                "OpenedBeforeForkError",
                "done",
            ]
        with db_session:
            assert sorted(session.id for session in db.Session.select()) == ["child", "parent"]


def test_the_error_says_which_file_and_what_to_do(file: Path) -> None:
    with closing(create_analytics_db().connect()):
        hear, say = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                status()
            except OpenedBeforeForkError as error:
                os.write(say, str(error).encode())
            finally:
                os._exit(0)
        os.close(say)
        os.waitpid(child, 0)
        with os.fdopen(hear, encoding="utf-8") as pipe:
            assert pipe.read() == (
                f"{file} was in use when this process was forked, so SQLite's locks on it do not"
                " work here and rows could be lost. Nothing was read or written. Open the database"
                " after the fork, or start processes by 'spawn'"
                " (multiprocessing.set_start_method)."
            )


def test_a_child_may_open_what_was_closed_before_the_fork() -> None:
    create_analytics_db().connect().close()
    assert in_child(status, create_analytics_db) == ["done", "done"]


def test_a_child_may_open_a_file_that_was_put_in_the_place_of_an_open_one(
    file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.db"
    create_analytics_db(other).close()
    with closing(create_analytics_db().connect()):
        assert in_child(status, lambda: other.replace(file), status) == [
            "OpenedBeforeForkError",
            "done",
            "done",
        ]


def test_where_open_files_cannot_be_listed_those_of_ours_are_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(_: str) -> list[str]:
        raise PermissionError

    create_analytics_db(tmp_path / "other.db").close()
    with closing(create_analytics_db().connect()):
        monkeypatch.setattr(fork.os, "listdir", fail)
        told = in_child(status, lambda: status(tmp_path / "other.db"))
    assert told == ["OpenedBeforeForkError", "done"]


INSERT = "INSERT INTO sessions (id, started_at) VALUES (?, 1)"


def test_a_child_writes_in_transactions_of_a_handle_that_its_parent_used(
    file: Path, python: Callable[..., object]
) -> None:
    with create_analytics_db() as db:

        def write(name: str) -> None:
            with db.transaction() as connection:
                connection.execute(INSERT, (name,))

        def others_come_and_go() -> None:  # the last to close the file removes the log
            python("from devflow_analytics_db import create_analytics_db as o; o().connect()")

        write("parent 1")
        told = in_child(
            lambda: write("child 1"), others_come_and_go, lambda: write("child 2"), os.getpid
        )
        others_come_and_go()
        write("parent 2")
    assert told == ["done"] * 4
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT id FROM sessions ORDER BY id").fetchall()
    assert rows == [("child 1",), ("child 2",), ("parent 1",), ("parent 2",)]


def test_a_child_that_is_forked_in_a_transaction_can_neither_go_on_nor_end_it(file: Path) -> None:
    with create_analytics_db() as db:
        transaction = db.transaction()
        with transaction as connection:
            connection.execute(INSERT, ("parent",))
            told = in_child(
                lambda: connection.execute(INSERT, ("child",)),
                lambda: transaction.__exit__(None, None, None),
                lambda: db.transaction().__enter__(),
                create_analytics_db,
            )
    assert told == ["OpenedBeforeForkError"] * 4
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT id FROM sessions").fetchall() == [("parent",)]
