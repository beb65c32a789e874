"""What opening a database found and did."""

from __future__ import annotations


class Opening:
    """What `devflow_analytics_db.create_analytics_db` found and did."""

    __slots__ = ("adopted", "applied", "created", "schema_version")

    def __init__(
        self,
        schema_version: int,
        *,
        created: bool = False,
        adopted: bool = False,
        applied: tuple[int, ...] = (),
    ) -> None:
        self.schema_version = schema_version
        """The schema version of the file now."""
        self.created = created
        """It was missing or empty, and this call made it."""
        self.adopted = adopted
        """DevFlow's server had made it, and this call took it over."""
        self.applied = applied
        """The versions that this call applied, in order."""
