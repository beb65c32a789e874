"""How a connection is opened: configured for use, or for reading alone, changing nothing."""

from __future__ import annotations

import os
import sqlite3
import time

from devflow_analytics_db.file import is_writable
from devflow_analytics_db.file.connection import Connection
from devflow_analytics_db.file.faults import is_busy, require_sqlite
from devflow_analytics_db.log import log
from devflow_analytics_db.settings import busy_timeout_ms

MIGRATION_TIMEOUT_MS = 30_000
"""The busy timeout for a file that must be made or migrated: others may be at just that."""


def open_existing(file: str, timeout_ms: int, *, check_same_thread: bool = True) -> Connection:
    """Open a file that exists, for reading and writing, in autocommit mode."""
    return _open(file, "mode=rw", timeout_ms, check_same_thread=check_same_thread)


def open_immutable(file: str) -> Connection:
    """Open a file for reading without a lock, a write, or a file made beside it.

    Only sound if there is no journal (`has_journal`), and even then another process may begin to
    write at any moment: what is seen here may be a mixture. Good news can be believed, as the
    header's first page is written whole; bad news asks for an `open_for_reading`.
    """
    return _open(file, "mode=ro&immutable=1", 0)


def open_for_reading(file: str, timeout_ms: int | None = None) -> Connection:
    """Open a file for reading as any reader does, changing no byte of it.

    It waits for others as long as the timeout says; without one, as the busy timeout.

    A journal that somebody left behind is read, but not written back into the file: the file may
    be another program's. Without one, the connection is an ordinary one, since only such a one
    removes in closing the empty ``-wal`` and ``-shm`` that opening makes. Where those cannot be
    made, as on a read-only file system, it is an `open_immutable`.
    """
    if _has_wal_alone(file):
        return _open_wal_alone(file)
    if timeout_ms is None:
        timeout_ms = busy_timeout_ms()
    if has_journal(file):
        return _open(file, "mode=ro", timeout_ms)
    return _open(file, "mode=rw", timeout_ms) if is_writable(file) else open_immutable(file)


def journal_mode(connection: Connection) -> str | None:
    """Return the journal mode, as `open_for_reading` shows it; None if it is hidden."""
    if not has_journal(connection.file) and not is_writable(connection.file):
        return None
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)


def has_journal(file: str) -> bool:
    """Tell whether a process is at work on the file, or left it without closing."""
    return os.path.exists(f"{file}-wal") or os.path.exists(f"{file}-journal")


def _has_wal_alone(file: str) -> bool:
    """Tell whether there is a ``-wal`` to read, and no ``-shm``, nor may one be made."""
    return (
        os.path.exists(f"{file}-wal")
        and not os.path.exists(f"{file}-shm")
        and not os.access(os.path.dirname(file), os.W_OK | os.X_OK)
    )


def _open_wal_alone(file: str) -> Connection:
    """Open a file and its ``-wal`` for reading where no ``-shm`` can be made.

    With an exclusive lock SQLite keeps in its own memory what the ``-shm`` would hold
    (https://www.sqlite.org/wal.html#noshm). A file that is open for reading only cannot be locked
    so, hence the VFS without locks. As no process can use the WAL without a ``-shm``, there is
    none to lock out; one that begins to write just now is the risk of an `open_immutable`, too.
    """
    connection = _open(file, "mode=ro&vfs=unix-none", 0)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def configure(connection: Connection) -> None:
    """Set what SQLite keeps per connection, and WAL, which it keeps in the file."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    enable_wal(connection)
    # Not before: until there is WAL, a power cut can damage the file with less than FULL.
    connection.execute("PRAGMA synchronous = NORMAL")


def enable_wal(connection: Connection) -> None:
    """Put the file into WAL mode, if it is not.

    While another connection writes, SQLite answers this one statement with BUSY at once, whatever
    the busy timeout; so it is tried again here until the timeout is over.

    Where the file system cannot hold WAL's shared memory, SQLite notices only once the file says
    that it is in WAL mode, and nobody could open it any more; so the file is put back.
    """
    (before,) = connection.execute("PRAGMA journal_mode").fetchone()
    if before == "wal":
        return
    deadline = time.monotonic() + connection.timeout_ms / 1000
    pause = 0.001
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            connection.execute("BEGIN IMMEDIATE")  # needs the shared memory
            connection.execute("ROLLBACK")
        except sqlite3.OperationalError as fault:
            if not is_busy(fault):
                connection.close()
                _leave_wal(connection.file)
                raise
            if time.monotonic() > deadline:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
        else:
            log("debug", "journal mode of %s is now %s", connection.file, mode)
            return


def _leave_wal(file: str) -> None:
    """Put a file back out of WAL mode, without the shared memory that cannot be had.

    With an exclusive lock SQLite needs none (https://www.sqlite.org/wal.html#noshm).
    """
    connection = open_existing(file, 0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as fault:  # the first fault is the one to report
        log("warning", "could not put %s back out of WAL mode: %s", file, fault)
    finally:
        connection.close()


def _open(file: str, query: str, timeout_ms: int, *, check_same_thread: bool = True) -> Connection:
    """Open an absolute path as it is, without ever making the file."""
    require_sqlite(file)
    connection = Connection(file, query, timeout_ms, check_same_thread=check_same_thread)
    connection.execute("PRAGMA trusted_schema = OFF")  # the file may be anybody's
    # Names in another program's file may be anything.
    connection.text_factory = lambda text: text.decode(errors="replace")
    return connection
