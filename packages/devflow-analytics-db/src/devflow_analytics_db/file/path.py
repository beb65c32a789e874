"""Which file the database is, as a `Path` for callers; apart, for what its import costs."""

from __future__ import annotations

import os  # noqa: TC003  read by typing.get_type_hints()
from pathlib import Path

from devflow_analytics_db.file import location


def default_path() -> Path:
    """Return where the database is when nobody names a file.

    That is ``DEVFLOW_ANALYTICS_DB_PATH`` if it is set and not empty, else
    ``~/.devflow/analytics.db``. Looked up at each call; nothing is made or opened.

    Raises:
        CannotCreateError: the user has no home directory.
    """
    return Path(location.absolute(None))


def resolve_path(path: str | os.PathLike[str] | None = None) -> Path:
    """Return the file that is opened for a path: absolute, and symbolic links followed.

    Nothing is made or opened.

    Args:
        path: as for `create_analytics_db`.

    Raises:
        CannotCreateError: a symbolic link leads nowhere; or the user has no home directory.
        ConfigurationError: the path can be no file's.
    """
    return Path(location.resolve(path))
