"""The numbered migration files, as far as their names tell."""

from __future__ import annotations

import os
from functools import cache

# Not importlib.resources: the import alone takes as long as opening a database in a new process.
DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "migrations")
"""Where the migration files are."""


def file_names() -> list[str]:
    """Return the names of the migration files, in the order of their versions."""
    return sorted(name for name in os.listdir(DIRECTORY) if name.endswith(".sql"))


def file_path(name: str) -> str:
    """Return the path of a migration file."""
    return os.path.join(DIRECTORY, name)


@cache
def latest_version() -> int:
    """Return the newest schema version this package knows, from the names of its files alone."""
    return max(int(name.partition("_")[0]) for name in file_names())
