"""The global options, as every command gets them."""

from __future__ import annotations


class Settings:
    """What was said before the command's name."""

    def __init__(self, path: str | None, *, quiet: bool) -> None:
        self.path = path
        """The database file; None for the default one."""
        self.quiet = quiet
        """Say nothing about what went well."""
