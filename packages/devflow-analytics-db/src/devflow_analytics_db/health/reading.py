"""Opens a database for reading, and tells whose it is."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from devflow_analytics_db.errors import DatabaseNotFoundError
from devflow_analytics_db.file import disk
from devflow_analytics_db.file.faults import naming_faults
from devflow_analytics_db.file.opening import open_for_reading
from devflow_analytics_db.migrations.identity import identify, identify_file

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from devflow_analytics_db.migrations.identity import Identity


@contextmanager
def reading(file: str) -> Iterator[tuple[sqlite3.Connection, Identity]]:
    """Give a connection in a read transaction, so that all is read from one state, and identify it.

    Raises:
        DatabaseNotFoundError: there is no file, it is empty, or a crash left nothing in it.
        AnalyticsDbError: any other fault, in the ``with`` block too.
    """
    disk.require_database(file)
    with naming_faults(file):
        found = identify_file(file)
        if found.crashed and found.version == 0:
            raise DatabaseNotFoundError(
                f"{file} is empty: a crash interrupted the first write to it.",
                file,
                "Make it with `create_analytics_db()`.",
            )
        with closing(open_for_reading(file)) as connection:
            connection.execute("BEGIN")
            yield connection, identify(connection, file)
