"""Writers at work for a while, as they are on a developer's machine, and a maintainer beside them.

``just soak`` runs it for two minutes; DEVFLOW_SOAK_SECONDS says how long.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from devflow_analytics_db import (
    backup,
    check,
    create_analytics_db,
    diagnose,
    migrate,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = float(os.environ.get("DEVFLOW_SOAK_SECONDS", "20"))
WRITERS = 4

LARGEST_WAL = 16_000_000
"""SQLite writes the WAL back at 4 MB, or when the last reader lets it; doctor warns of this size.

Without being written back it would be gigabytes: each call makes it about 30 kB longer.
"""

MIGRATIONS_WAL = 6
"""What a migration down and one up may write besides, in sizes of the file.

Each is one transaction, all of which is in the WAL until it is committed: every table and index
anew, and pages more than once where they are more than SQLite's cache holds.
"""

# Opens the file once, then writes calls until it is told to stop, and prints each when it is
# committed.
WRITER = """
import sys, threading
from contextlib import closing
from pony.orm import db_session
from devflow_analytics_db import create_analytics_db

file, name = sys.argv[1:]
stopped = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
with create_analytics_db(file) as db:
    with db_session:
        db.Session(id=name, started_at=1)
    number = 0
    while not stopped.is_set():
        number += 1
        with db_session:
            db.ToolCall(
                id=f"{name} {number}", tool_name="git-log", duration_ms=1.5, status="success",
                timestamp=number, session=db.Session[name],
            )
        print(f"{name} {number}")
        stopped.wait(0.002)
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "analytics.db"
    create_analytics_db(file).close()
    return file


@pytest.fixture
def writers(file: Path, tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    with ExitStack() as stack:
        started = []
        for number in range(WRITERS):
            written = stack.enter_context((tmp_path / f"written {number}").open("w"))
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, file, f"writer {number}"],
                stdin=subprocess.PIPE,
                stdout=written,
                stderr=subprocess.PIPE,
                text=True,
            )
            started.append(stack.enter_context(writer))
            stack.callback(writer.kill)
        yield started


@pytest.mark.alone  # how long others write while one reads depends on how busy the machine is
def test_no_writer_meets_an_error_and_no_row_is_missing(
    file: Path, writers: list[subprocess.Popen[str]], tmp_path: Path, count: Callable[[int], None]
) -> None:
    largest_wal = rounds = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and all(writer.poll() is None for writer in writers):
        rounds += 1
        copy = backup(file)
        assert status(copy).tool_calls <= status(file).tool_calls
        copy.unlink()
        migrate(file, to=1, allow_down=True)
        migrate(file)
        assert check(file).findings == ()
        assert diagnose(file).ok
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        for _ in range(20):
            time.sleep(0.01)
            largest_wal = max(largest_wal, status(file).wal_size_bytes)
    said = [writer.communicate()[1] for writer in writers]
    assert [(writer.returncode, errors) for writer, errors in zip(writers, said, strict=True)] == [
        (0, "")
    ] * WRITERS
    written = {
        line
        for number in range(WRITERS)
        for line in (tmp_path / f"written {number}").read_text().splitlines()
    }
    with closing(sqlite3.connect(file)) as connection:
        there = {name for (name,) in connection.execute("SELECT id FROM tool_calls")}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert there == written
    assert check(file).findings == ()
    assert largest_wal < LARGEST_WAL + MIGRATIONS_WAL * status(file).size_bytes
    count(len(written))
