"""How the schema of a database changes: numbered SQL files, their names and their text."""

from __future__ import annotations

import os
from functools import cache

from devflow_analytics_db.errors import InstallationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# Not importlib.resources: the import alone takes as long as opening a database in a new process.
DIRECTORY = os.path.dirname(os.path.abspath(__file__))
"""Where the migration files are, unless the package is in an archive."""


def file_names() -> list[str]:
    """Return the names of the migration files, in the order of their versions.

    Raises:
        InstallationError: there are none.
    """
    try:
        names = os.listdir(DIRECTORY)
    except OSError:
        directory = _in_archive()
        names = [file.name for file in directory.iterdir()] if directory.is_dir() else []
    found = sorted(name for name in names if name.endswith(".sql"))
    if not found:
        raise _missing("*.sql", "not there")
    return found


def file_path(name: str) -> str:
    """Return the path of a migration file."""
    return os.path.join(DIRECTORY, name)


def read(name: str) -> str:
    """Return the text of a migration file.

    Raises:
        InstallationError: it cannot be read.
    """
    try:
        if os.path.isdir(DIRECTORY):
            with open(file_path(name), encoding="utf-8") as file:
                return file.read()
        return (_in_archive() / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise _missing(name, fault) from fault


@cache
def latest_version() -> int:
    """Return the newest schema version this package knows, from the names of its files alone.

    Raises:
        InstallationError: there are none.
    """
    return max(int(name.partition("_")[0]) for name in file_names())


def _in_archive() -> Traversable:
    """Return the same directory as whatever imported this package sees it: a zip file, say."""
    from importlib.resources import files  # noqa: PLC0415  seldom needed

    return files("devflow_analytics_db") / "migrations"


def _missing(name: str, reason: object) -> InstallationError:
    return InstallationError(
        f"{file_path(name)} cannot be read ({reason}): a file of devflow-analytics-db itself."
        " Nothing was changed.",
        file_path(name),
        "Reinstall the package; if this program has it built in, build the program with the"
        " package's .sql files.",
    )
