"""What the results of all functions have in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


class Result:
    """What a function found in a database, or did to it."""

    __slots__ = ()

    file: str
    """The database file: absolute, and symbolic links followed."""

    @property
    def path(self) -> Path:
        """The same file as a `Path`."""
        from pathlib import Path  # noqa: PLC0415  docs/decisions/0003-imports.md

        return Path(self.file)
