"""Where the database is, and how it is opened."""

from __future__ import annotations

import os

BESIDE = ("-shm", "-wal", "-journal")
"""The endings of the files that SQLite keeps beside a database."""

SPOOL = "-spool"
"""The ending of the directory beside a database in which calls wait (see `spool`)."""

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


def is_writable(path: str) -> bool:
    """Tell whether the user may write a database and, as SQLite must, beside it."""
    directory = os.path.dirname(path)
    return os.access(path, os.R_OK | os.W_OK) and os.access(directory, os.W_OK | os.X_OK)
