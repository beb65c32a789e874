"""What a running process pays: for opening, and for rows written and deleted."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

from pony.orm import db_session

from benchmarks.data import CALLS_A_SESSION, INSERT, calls, make, plain, version_4_id
from benchmarks.harness import Line, absolute, compare, throughput_ratio
from devflow_analytics_db import create_analytics_db, status
from devflow_analytics_schema import new_id

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.data import NewId
    from benchmarks.harness import Timed
    from devflow_analytics_db import AnalyticsDb

SINGLE_ROWS = 500
"""Written in each turn: enough for the WAL to be written back in about each."""

BATCH = 50
BATCHES = 20

NOW = 1_800_000_000


def opening(directory: Path) -> Line:
    """Measure opening a current file in a process that has done so before."""
    file = make(directory / "opening.db", CALLS_A_SESSION)

    def ours() -> float:
        start = time.perf_counter()
        create_analytics_db(file).close()
        return time.perf_counter() - start

    def floor() -> float:
        start = time.perf_counter()
        with closing(plain(file)) as connection:
            connection.execute("PRAGMA application_id").fetchone()
            connection.execute("PRAGMA user_version").fetchone()
        return time.perf_counter() - start

    return absolute(
        "a running process opens a current file",
        "plain `sqlite3`: connect, four settings, read the header, close",
        compare(ours, floor, 500),
        under_ms=1,
    )


def single_rows(directory: Path) -> list[Line]:
    """Measure transactions of one row each."""
    file = make(directory / "single.db", CALLS_A_SESSION)
    other = directory / "single-plain.db"
    shutil.copyfile(file, other)
    with (
        create_analytics_db(file) as db,
        closing(db.connect()) as ours,
        closing(plain(other)) as floor,
    ):
        plainly = _singly(floor)
        return [
            throughput_ratio(
                "rows written one a transaction, `AnalyticsDb.connect()`",
                "plain `sqlite3`, configured alike",
                compare(_singly(ours), plainly, 40),
                at_least=0.95,
            ),
            throughput_ratio(
                "the same through Pony entities, one a `db_session`",
                "plain `sqlite3`, configured alike",
                compare(_as_entities(db), plainly, 12),
            ),
        ]


def batches(sequential: Path, random: Path) -> Line:
    """Measure transactions of 50 rows, each into a file of many."""
    with closing(plain(sequential)) as ours, closing(plain(random)) as floor:
        return throughput_ratio(
            f"rows written {BATCH} a transaction into a million, keys of version 7",
            "the same into a million with keys of version 4",
            compare(_in_batches(ours, new_id), _in_batches(floor, version_4_id), 30),
            at_least=2,
        )


def deleting(file: Path) -> Line:
    """Measure deleting a session with its calls."""
    with create_analytics_db(file) as db, closing(db.connect()) as ours, closing(plain(file)) as by:
        sessions = iter(_sessions(by))

        def cascade() -> float:
            session = next(sessions)
            start = time.perf_counter()
            ours.execute("DELETE FROM sessions WHERE id = ?", session)
            return time.perf_counter() - start

        def by_hand() -> float:
            session = next(sessions)
            start = time.perf_counter()
            by.execute("BEGIN IMMEDIATE")
            by.execute("DELETE FROM tool_calls WHERE session_id = ?", session)
            by.execute("DELETE FROM sessions WHERE id = ?", session)
            by.execute("COMMIT")
            return time.perf_counter() - start

        return absolute(
            f"a session and its {CALLS_A_SESSION} calls deleted from a million rows",
            "plain `sqlite3`, its calls deleted first by the same index",
            compare(cascade, by_hand, 100),
            under_ms=50,
        )


def counting(file: Path) -> Line:
    """Measure what ``devflow-analytics status`` asks of a file."""

    def ours() -> float:
        start = time.perf_counter()
        status(file)
        return time.perf_counter() - start

    def floor() -> float:
        start = time.perf_counter()
        with closing(plain(file)) as connection:
            connection.execute("SELECT count(*) FROM sessions").fetchone()
            connection.execute("SELECT count(*) FROM tool_calls").fetchone()
            connection.execute("SELECT min(timestamp) FROM tool_calls").fetchone()
            connection.execute("SELECT max(timestamp) FROM tool_calls").fetchone()
        return time.perf_counter() - start

    return absolute(
        "`status()` of a million rows",
        "plain `sqlite3`, the four queries alone",
        compare(ours, floor, 40),
        under_ms=50,
    )


def _sessions(connection: sqlite3.Connection) -> list[tuple[str]]:
    return connection.execute("SELECT id FROM sessions ORDER BY started_at LIMIT 300").fetchall()


def _session(connection: sqlite3.Connection) -> str:
    session: str = _sessions(connection)[0][0]
    return session


def _ticks() -> Iterator[int]:
    return count(NOW)


def _singly(connection: sqlite3.Connection) -> Timed:
    session, ticks = _session(connection), _ticks()

    def run() -> float:
        rows = [calls(1, new_id, session, next(ticks))[0] for _ in range(SINGLE_ROWS)]
        start = time.perf_counter()
        for row in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(INSERT, row)
            connection.execute("COMMIT")
        return time.perf_counter() - start

    return run


def _as_entities(db: AnalyticsDb) -> Timed:
    ticks = _ticks()
    with closing(db.connect()) as connection:
        session = _session(connection)

    def run() -> float:
        start = time.perf_counter()
        for _ in range(SINGLE_ROWS):
            with db_session:
                db.ToolCall(
                    tool_name="git-log",
                    duration_ms=12.5,
                    status="success",
                    timestamp=next(ticks),
                    session=session,
                )
        return time.perf_counter() - start

    return run


def _in_batches(connection: sqlite3.Connection, new: NewId) -> Timed:
    session, ticks = _session(connection), _ticks()

    def run() -> float:
        rows = [calls(BATCH, new, session, BATCH * next(ticks)) for _ in range(BATCHES)]
        start = time.perf_counter()
        for batch in rows:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT, batch)
            connection.execute("COMMIT")
        return time.perf_counter() - start

    return run
