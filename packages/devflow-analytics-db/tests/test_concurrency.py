"""Many processes and one file."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import create_analytics_db, database
from devflow_analytics_db.connection import connect, enable_wal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        print(json.dumps([db.opening.created, db.opening.adopted, db.opening.applied]), flush=True)
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
    [("missing", [True, False, [1, 2]]), ("made by the server", [False, True, [2]])],
)
def test_processes_that_open_one_file_at_once_all_succeed_and_one_does_the_work(
    start: str,
    work: list[object],
    processes: list[subprocess.Popen[str]],
    tmp_path: Path,
    server_file: Path,
) -> None:
    idle = [[False, False, []]] * (PROCESSES - 1)
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
            assert versions == [(1,), (2,)]
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def test_the_switch_to_wal_is_tried_again_while_another_connection_writes(file: Path) -> None:
    file.parent.mkdir()
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    writer.execute("CREATE TABLE t (x)")
    writer.execute("BEGIN IMMEDIATE")
    refused = threading.Event()

    class Watched:
        """The connection, telling when it was refused."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection

        def execute(self, statement: str) -> sqlite3.Cursor:
            try:
                return self.connection.execute(statement)
            except sqlite3.OperationalError:
                refused.set()
                raise

    def release() -> None:
        assert refused.wait(timeout=30)
        writer.execute("COMMIT")

    releasing = threading.Thread(target=release)
    releasing.start()
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        enable_wal(Watched(connection), 30_000)  # type: ignore[arg-type]  # it has what is needed
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
    monkeypatch.setattr(database, "glance", lambda _: sqlite3.connect(mixture))
    assert create_analytics_db().opening.schema_version == 2


def test_a_connection_that_cannot_be_configured_is_closed(file: Path) -> None:
    file.parent.mkdir()
    file.write_text("no database")
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        connect(str(file), 0)


def test_where_wal_is_impossible_the_journal_mode_stays(caplog: pytest.LogCaptureFixture) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        enable_wal(connection, 0)
    assert caplog.messages == ["WAL is not possible here; the journal mode stays memory"]
