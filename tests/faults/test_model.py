"""Steps in an order that nobody thought of, beside a model of what must be in the file then."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, seed, settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pony.orm import db_session

from devflow_analytics_db import (
    AnalyticsDb,
    backup,
    check,
    create_analytics_db,
    migrate,
    restore,
    status,
)
from devflow_analytics_db.migrations import latest_version
from devflow_analytics_db.migrations.migration import build

if TYPE_CHECKING:
    from collections.abc import Callable

    Rows = dict[str, frozenset[str]]
    """The ids of the sessions, each with those of its calls."""

WORKERS = 4
"""So many searches, each from a seed of its own, so that they can go on side by side."""

SETTINGS = settings(
    max_examples=30,
    stateful_step_count=30,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# Commits one session, then writes another one to the disk without committing it, and waits.
WRITER = """
import sqlite3, sys, time
file, committed, lost = sys.argv[1:]
connection = sqlite3.connect(file, isolation_level=None)
connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (committed,))
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (lost,))
connection.executemany(
    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
    " VALUES (?, 'git-log', 1.5, 'success', 2, ?)",
    [(f"{lost} {number}", lost) for number in range(200)],
)
print("ready", flush=True)
time.sleep(60)
"""

NEWEST = latest_version()


def columns_at(version: int) -> list[tuple[str, str]]:
    with closing(build(version)) as connection:
        return connection.execute(
            "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
            " WHERE t.type = 'table' ORDER BY 1, 2"
        ).fetchall()


FOR_PONY = [
    version for version in range(1, NEWEST + 1) if columns_at(version) == columns_at(NEWEST)
]
"""The versions that have all that the entities ask for; Pony cannot read the others."""

CALL = (
    "INSERT INTO tool_calls (id, tool_name, duration_ms, status, timestamp, session_id)"
    " VALUES (?, 'git-log', 1.5, 'success', 2, ?)"
)


class Analytics(RuleBasedStateMachine):
    """A file that several handles of one process, and other processes, have open."""

    steps = 0

    backups = Bundle("backups")

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(mkdtemp())
        self.file = self.directory / ".devflow" / "analytics.db"
        self.handles: list[AnalyticsDb] = []
        self.rows: Rows = {}
        self.version = NEWEST
        self.named = 0

    def teardown(self) -> None:
        for handle in self.handles:
            handle.close()
        if self.handles:  # or it never began
            assert [found for found in check(self.file).findings if found.severity == "fail"] == []
        shutil.rmtree(self.directory)

    def _new(self) -> str:
        self.named += 1
        return f"session {self.named}"

    def _any_handle(self, number: int) -> AnalyticsDb:
        return self.handles[number % len(self.handles)]

    @initialize()
    def first(self) -> None:
        self.handles.append(create_analytics_db(self.file))

    @rule()
    def open(self) -> None:
        self.handles.append(create_analytics_db(self.file))
        self.version = NEWEST

    @precondition(lambda self: len(self.handles) > 1)
    @rule(number=st.integers(0, 9))
    def close(self, number: int) -> None:
        handle = self._any_handle(number)
        self.handles.remove(handle)
        handle.close()

    @rule(number=st.integers(0, 9), calls=st.integers(0, 3), commits=st.booleans())
    def insert(self, number: int, calls: int, *, commits: bool) -> None:
        session = self._new()
        ids = [f"{session} {call}" for call in range(calls)]
        with closing(self._any_handle(number).connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO sessions (id, started_at) VALUES (?, 1)", (session,))
            connection.executemany(CALL, [(call, session) for call in ids])
            connection.execute("COMMIT" if commits else "ROLLBACK")
        if commits:
            self.rows[session] = frozenset(ids)

    @precondition(lambda self: self.version in FOR_PONY)
    @rule(number=st.integers(0, 9), calls=st.integers(0, 3))
    def insert_with_pony(self, number: int, calls: int) -> None:
        db = self._any_handle(number)
        name = self._new()
        ids = [f"{name} {call}" for call in range(calls)]
        with db_session:
            session = db.Session(id=name, started_at=1)
            for call in ids:
                db.ToolCall(
                    id=call,
                    tool_name="git-log",
                    duration_ms=1.5,
                    status="error",
                    timestamp=2,
                    session=session,
                )
        self.rows[name] = frozenset(ids)

    @precondition(lambda self: self.rows)
    @rule(number=st.integers(0, 9), which=st.integers(0, 99), pony=st.booleans())
    def delete_a_session(self, number: int, which: int, *, pony: bool) -> None:
        db = self._any_handle(number)
        session = sorted(self.rows)[which % len(self.rows)]
        if pony and self.version in FOR_PONY:
            with db_session:
                db.Session[session].delete()
        else:
            with closing(db.connect()) as connection:
                if self.version == 1:  # where deleting one did not delete its calls
                    connection.execute("DELETE FROM tool_calls WHERE session_id = ?", (session,))
                connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
        del self.rows[session]

    @rule(to=st.integers(1, NEWEST))
    def migrate(self, to: int) -> None:
        assert migrate(self.file, to=to, allow_down=True).schema_version == to
        self.version = to

    @rule()
    def kill_a_writer(self) -> None:
        committed, lost = self._new(), self._new()
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, self.file, committed, lost],
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer:
            assert writer.stdout
            assert writer.stdout.readline() == "ready\n"
            writer.send_signal(signal.SIGKILL)
        self.rows[committed] = frozenset()

    @rule(target=backups)
    def back_up(self) -> tuple[Path, Rows, int]:
        return backup(self.file), self.rows.copy(), self.version

    @rule(kept=backups)
    def restore(self, kept: tuple[Path, Rows, int]) -> None:
        source, rows, version = kept
        assert restore(source, self.file).schema_version == version
        self.rows, self.version = rows.copy(), version

    @precondition(lambda self: self.version in FOR_PONY)
    @rule(number=st.integers(0, 9))
    def read_with_pony(self, number: int) -> None:
        db = self._any_handle(number)
        with db_session:
            calls = {session.id: set(session.tool_calls.id) for session in db.Session.select()}
        assert calls == self.rows

    @invariant()
    def the_rows_are_the_models(self) -> None:
        Analytics.steps += 1
        if not self.handles:
            return
        with closing(sqlite3.connect(self.file)) as connection:
            sessions = connection.execute("SELECT id FROM sessions").fetchall()
            calls = connection.execute("SELECT session_id, id FROM tool_calls").fetchall()
            assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA user_version").fetchone() == (self.version,)
        assert sorted(sessions) == sorted((session,) for session in self.rows)
        assert sorted(calls) == sorted(
            (session, call) for session, calls in self.rows.items() for call in calls
        )
        counted = status(self.file)
        assert (counted.sessions, counted.tool_calls) == (len(sessions), len(calls))


@pytest.mark.parametrize("worker", range(WORKERS))
def test_in_whatever_order_things_happen_the_rows_are_those_of_a_model(
    worker: int, count: Callable[[int], None]
) -> None:
    Analytics.steps = 0
    run_state_machine_as_test(seed(worker)(type("Search", (Analytics,), {})), settings=SETTINGS)
    count(Analytics.steps)
