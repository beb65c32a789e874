"""Whose file is this, and at which schema version?"""

from __future__ import annotations

import sqlite3

from devflow_analytics_db import ledger
from devflow_analytics_db.errors import NotAnAnalyticsDatabaseError
from devflow_analytics_db.migration import load_migrations
from devflow_analytics_db.schema_reader import object_names, table_structure

APPLICATION_ID = int.from_bytes(b"DFAn", "big")
"""In the header of every file of ours: ``PRAGMA application_id``, and offset 68 for file(1)."""

SERVER_LEDGER = "__drizzle_migrations"
SERVER_TABLES = ("sessions", "tool_calls")


class Identity:
    """What a file is that is ours, is empty, or can be taken over."""

    __slots__ = ("servers", "version")

    def __init__(self, version: int, *, servers: bool = False) -> None:
        self.version = version
        """Its schema version; 0 for an empty file."""
        self.servers = servers
        """DevFlow's own server made it, and this package has not touched it yet."""


def identify(connection: sqlite3.Connection, file: str) -> Identity:
    """Tell what the file is: ours by its header and its ledger, or by what it holds.

    To be called inside a transaction: what another process commits between two of the reads would
    make the file look like nobody's.

    Raises:
        TamperedMigrationError: it is ours by its header, and its ledger says otherwise.
        NotAnAnalyticsDatabaseError: it is another program's.
    """
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id == APPLICATION_ID:
        ledger.require_complete(connection, file, version)
        return Identity(version)
    if application_id:
        raise _foreign(file, f"its application id is {application_id:#010x}")
    if version:
        raise _foreign(file, f"its user version is {version}, without our application id")
    names = object_names(connection)
    if not names:
        return Identity(0)
    if SERVER_LEDGER in names:
        return _identify_servers(connection, file, names)
    raise _foreign(file, f"it holds {', '.join(sorted(names)[:3])}")


def _identify_servers(connection: sqlite3.Connection, file: str, names: set[str]) -> Identity:
    """Tell whether DevFlow's server made the file, in a release that is known here."""
    baseline = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for statement in load_migrations()[0].up:
            baseline.execute(statement)
        differing = [
            table
            for table in (SERVER_LEDGER, *SERVER_TABLES)
            if table_structure(connection, table) != table_structure(baseline, table)
        ]
        known = _server_migrations(baseline)
    finally:
        baseline.close()
    if SERVER_LEDGER not in differing:
        applied = _server_migrations(connection)
        if not applied and names == {SERVER_LEDGER}:
            return Identity(0)  # the server was stopped before it made its tables
        if len(applied) > len(known):
            raise _foreign(file, "DevFlow's server made it, in a release newer than this one knows")
        if applied != known:
            differing.append(SERVER_LEDGER)
    if not differing:
        return Identity(1, servers=True)
    raise _foreign(file, f"it is like one of DevFlow's server, but not in {', '.join(differing)}")


def _server_migrations(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    query = f'SELECT hash, created_at FROM "{SERVER_LEDGER}" ORDER BY created_at'
    return connection.execute(query).fetchall()


def _foreign(file: str, sign: str) -> NotAnAnalyticsDatabaseError:
    return NotAnAnalyticsDatabaseError(
        f"{file} is an SQLite database of another program: {sign}. It was left as it is. Move it"
        " away, or name another file with DEVFLOW_ANALYTICS_DB_PATH."
    )
