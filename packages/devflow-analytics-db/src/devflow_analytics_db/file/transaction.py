"""A transaction that writes: it waits for the lock, and is committed whole or not at all."""

from __future__ import annotations

import sqlite3
import time

from devflow_analytics_db.file.faults import is_busy
from devflow_analytics_db.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from devflow_analytics_db.file.connection import Connection

ATTENTIVE_MS = 100
"""The longest that SQLite waits by itself where the whole wait may be long: no Ctrl-C ends it."""


class writing:  # noqa: N801  a context manager, and read as one
    """Hold the lock for writing in the ``with`` block; commit at its end, or roll back.

    What goes wrong is raised as it is.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def __enter__(self) -> Connection:
        begin(self.connection)
        return self.connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.connection, commit=fault is None)


def end(connection: Connection, *, commit: bool) -> None:
    """Commit, or roll back; also roll back if the commit fails."""
    try:
        if commit:
            connection.execute("COMMIT")
    finally:
        # SQLite may have rolled back by itself, as when the disk is full. What a ROLLBACK that
        # fails leaves is undone when the connection is closed; the first fault is to be told.
        if connection.in_transaction:
            try:  # noqa: SIM105  contextlib is one more to import
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                pass


def begin(connection: Connection) -> None:
    """Begin a transaction that will write. Ctrl-C ends the wait for another's.

    Raises:
        sqlite3.OperationalError: another connection wrote for longer than the busy timeout.
    """
    timeout_ms = connection.timeout_ms
    deadline = time.monotonic() + timeout_ms / 1000
    connection.execute(f"PRAGMA busy_timeout = {min(timeout_ms, ATTENTIVE_MS)}")
    waiting = False
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as fault:
                if not is_busy(fault) or time.monotonic() > deadline:
                    raise
                if not waiting:
                    log(
                        "info", "%s is locked: waiting for another process's write", connection.file
                    )
                    waiting = True
            else:
                return
    finally:
        connection.execute(f"PRAGMA busy_timeout = {timeout_ms}")
