"""What a call changed in a database."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


class Changes:
    """What `create_analytics_db` or `migrate` found and did."""

    __slots__ = ("_file", "adopted", "applied", "backup", "created", "schema_version", "undone")

    def __init__(  # noqa: PLR0913  all that may have happened
        self,
        file: str,
        schema_version: int,
        *,
        created: bool = False,
        adopted: bool = False,
        applied: tuple[int, ...] = (),
        undone: tuple[int, ...] = (),
        backup: Path | None = None,
    ) -> None:
        self._file = file
        self.schema_version = schema_version
        """The schema version of the file now."""
        self.created = created
        """It was missing or empty, and this call made it."""
        self.adopted = adopted
        """DevFlow's server had made it, and this call took it over."""
        self.applied = applied
        """The versions whose way up this call took, in order."""
        self.undone = undone
        """The versions whose way down this call took, in order."""
        self.backup = backup
        """The copy of the file as it was before, where one was made."""

    @property
    def path(self) -> Path:
        """The database file, symbolic links followed."""
        from pathlib import Path  # noqa: PLC0415  docs/decisions/0003-imports.md

        return Path(self._file)
