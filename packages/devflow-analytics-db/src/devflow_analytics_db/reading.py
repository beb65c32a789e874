"""The door for a program that only reads."""

from __future__ import annotations

import os  # noqa: TC003  read by typing.get_type_hints()
from collections.abc import Iterator  # noqa: TC003  the same
from contextlib import contextmanager

from devflow_analytics_db.errors import AnalyticsDbError
from devflow_analytics_db.file import location
from devflow_analytics_db.file.connection import Connection  # noqa: TC001  the same
from devflow_analytics_db.log import log
from devflow_analytics_db.migrations.identity import reading


@contextmanager
def open_readonly(path: str | os.PathLike[str] | None = None) -> Iterator[Connection]:
    """Open the analytics database for reading alone; nothing is made, migrated or changed.

    ::

        with open_readonly() as connection:
            connection.execute("SELECT count(*) FROM tool_calls").fetchone()

    All that is read in the ``with`` block is one state of the database, however others write to
    it. They need not wait for it, but the WAL grows meanwhile, so the block should be short. A
    cursor that is kept after the block, and not read to its end, holds the state longer.

    The `Connection` has the ``schema_version`` that was found. An older one, or that of DevFlow's
    server, is read as it is; 0 means that there are no tables yet.

    Args:
        path: the database; without it the one of `default_path`.

    Raises:
        DatabaseNotFoundError: it is missing or empty.
        AnalyticsDbError: any other, as from `create_analytics_db`; also for what goes wrong with
            the file in the ``with`` block. What is wrong with a statement stays `sqlite3.Error`.
    """
    try:
        with reading(location.resolve(path)) as (connection, _):
            yield connection
    except AnalyticsDbError as error:
        log("error", "%s", error)
        raise
