"""A database that is not there yet, and that a command waits for."""

from __future__ import annotations

from devflow_analytics_db import resolve_path


def is_misnamed(path: str | None) -> bool:
    """Tell whether a path is given whose directory is missing: nobody writes a database there."""
    return path is not None and not resolve_path(path).parent.exists()
