"""Many processes and one file."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import pytest

from devflow_analytics_db import NotAnAnalyticsDatabaseError, create_analytics_db
from devflow_analytics_db.file import disk
from devflow_analytics_db.file.connection import Connection
from devflow_analytics_db.file.opening import enable_wal, open_immutable
from devflow_analytics_db.migrations import identity, latest_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Python = Callable[..., subprocess.CompletedProcess[str]]

AFTER_1 = [*range(2, latest_version() + 1)]

PROCESSES = 8
ROUNDS = 20

OPEN_EACH_NAMED_FILE = """
    import json, os, sys
    from contextlib import closing
    from devflow_analytics_db import create_analytics_db

    for line in sys.stdin:
        with create_analytics_db(line.strip()) as db, closing(db.connect()) as connection:
            connection.execute(
                "INSERT INTO sessions (id, started_at) VALUES (?, 1)", (f"process {os.getpid()}",)
            )
        did = db.changes
        print(json.dumps(did and [did.created, did.adopted, did.applied]), flush=True)
"""


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that each open the file whose name they are sent, and say what they found."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", textwrap.dedent(OPEN_EACH_NAMED_FILE)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    bufsize=1,
                )
            )
            for _ in range(PROCESSES)
        ]


@pytest.mark.parametrize(
    ("start", "work"),
    [("missing", [True, False, [1, *AFTER_1]]), ("made by the server", [False, True, AFTER_1])],
)
def test_processes_that_open_one_file_at_once_all_succeed_and_one_does_the_work(
    start: str,
    work: list[object],
    processes: list[subprocess.Popen[str]],
    tmp_path: Path,
    server_file: Path,
) -> None:
    idle = [None] * (PROCESSES - 1)
    for number in range(ROUNDS):
        file = tmp_path / f"{number}.db"
        if start != "missing":
            file.write_bytes(server_file.read_bytes())
        for process in processes:
            assert process.stdin
            process.stdin.write(f"{file}\n")
        said = [process.stdout.readline() for process in processes if process.stdout]
        found = [json.loads(line or '["it failed"]') for line in said]
        assert sorted(found, key=str) == sorted([*idle, work], key=str)
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT id FROM sessions WHERE id LIKE 'process %'")
            assert len(rows.fetchall()) == PROCESSES
            versions = connection.execute("SELECT version FROM devflow_migrations").fetchall()
            assert versions == [(1,), *((version,) for version in AFTER_1)]
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def test_the_switch_to_wal_is_tried_again_while_another_connection_writes(file: Path) -> None:
    file.parent.mkdir()
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE t (x)")
    writer.execute("BEGIN IMMEDIATE")
    refused = threading.Event()

    class Watched(Connection):
        """A connection that tells when it was refused."""

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            try:
                return super().execute(*arguments)
            except sqlite3.OperationalError:
                refused.set()
                raise

    def release() -> None:
        assert refused.wait(timeout=30)
        writer.execute("COMMIT")

    releasing = threading.Thread(target=release)
    releasing.start()
    with closing(Watched(str(file), "mode=rw", 30_000)) as connection:
        enable_wal(connection)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    releasing.join()
    writer.close()
    assert refused.is_set()


def test_a_glance_that_caught_a_writer_at_work_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_analytics_db().close()
    mixture = tmp_path / "mixture.db"
    with closing(sqlite3.connect(mixture)) as connection:
        connection.execute("CREATE TABLE half_of_it (x)")
    # No moment to do this in can be hit at will, so the glance is given what it would have seen.
    monkeypatch.setattr(identity, "open_immutable", lambda _: open_immutable(str(mixture)))
    assert create_analytics_db().schema_version == latest_version()


def test_threads_that_make_one_file_at_once_all_succeed(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        file = tmp_path / f"{number}.db"
        barrier = threading.Barrier(PROCESSES)
        openings: list[bool] = []

        def open_it(
            file: Path = file,
            barrier: threading.Barrier = barrier,
            openings: list[bool] = openings,
        ) -> None:
            barrier.wait()
            openings.append(create_analytics_db(file).changes is not None)

        threads = [threading.Thread(target=open_it) for _ in range(PROCESSES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(openings) == [False] * (PROCESSES - 1) + [True]


def test_a_file_that_gets_its_first_rows_while_it_is_looked_at_has_lost_none(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.parent.mkdir()
    file.touch()
    other = sqlite3.connect(file, isolation_level=None)
    stat = disk._stat  # noqa: SLF001  the moment after it is what this is about

    def stat_and_then_let_the_other_write(path: str) -> os.stat_result | None:
        found = stat(path)
        if path == str(file):
            other.execute("CREATE TABLE t (x)")
            other.execute("PRAGMA cache_size = 1")
            other.execute("BEGIN IMMEDIATE")
            other.execute("INSERT INTO t SELECT zeroblob(100000)")
        return found

    monkeypatch.setattr(disk, "_stat", stat_and_then_let_the_other_write)
    with closing(other):
        disk.make(str(file))
        assert disk.pages_before_crash(str(file))


def test_no_thread_finds_a_new_file_before_its_maker_has_closed_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing any descriptor of a file drops the locks that SQLite holds on it in this process."""
    file.parent.mkdir()
    made, found = threading.Event(), threading.Event()
    found_before_the_close: list[bool] = []
    close = os.close

    def slow_close(descriptor: int) -> None:
        made.set()
        found_before_the_close.append(found.wait(timeout=0.2))
        close(descriptor)

    def find() -> None:
        assert made.wait(timeout=30)
        disk.make(str(file))
        found.set()

    monkeypatch.setattr(os, "close", slow_close)
    finder = threading.Thread(target=find)
    finder.start()
    disk.make(str(file))
    finder.join()
    assert found_before_the_close == [False]


def test_a_fork_while_a_file_is_made_does_not_block_the_child(file: Path, python: Python) -> None:
    done = python(
        """
        import os
        from devflow_analytics_db import create_analytics_db
        from devflow_analytics_db.file import disk

        with disk._creation:
            child = os.fork()
            if not child:
                create_analytics_db()
                os._exit(0)
        print(os.waitpid(child, 0)[1])
        """
    )
    assert (done.stdout, file.exists()) == ("0\n", True), done


def test_a_file_that_another_program_makes_meanwhile_is_not_put_into_wal_mode(file: Path) -> None:
    file.parent.mkdir()
    theirs = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    theirs.execute("BEGIN IMMEDIATE")
    theirs.execute("CREATE TABLE theirs (x)")
    committing = threading.Timer(0.2, theirs.execute, ["COMMIT"])
    committing.start()
    with pytest.raises(NotAnAnalyticsDatabaseError, match="it holds theirs"):
        create_analytics_db()
    committing.join()
    assert theirs.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    theirs.close()


def test_a_file_that_devflows_server_makes_meanwhile_is_taken_over(
    server_file: Path, sql: Callable[..., object]
) -> None:
    sql(server_file, f"PRAGMA application_id = {identity.APPLICATION_ID}")  # claimed before that
    assert create_analytics_db().changes.adopted
