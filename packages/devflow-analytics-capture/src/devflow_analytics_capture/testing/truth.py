"""The truth about logs that were made up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SECRET = "correct-horse-battery-staple"  # noqa: S105  nobody's
"""What stands in everything private that a log is made up with: it must get nowhere."""


@dataclass
class Truth:
    """What an import must find in logs."""

    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """The rows of tool_calls that must be there after it, by conversation and native id of each
    call: all columns that the log determines, but for the keys."""
    refused: int = 0
    """How many calls were denied or interrupted."""
    unanswered: int = 0
    """How many have no result."""
    untimed: int = 0
    """How many have no time that can be."""
    copies: int = 0
    """How many stand in a log again, as in one that branched off."""
    malformed: int = 0
    """How many lines can't be read."""

    @property
    def found(self) -> int:
        """How many calls there are in all."""
        counted = self.refused + self.unanswered + self.untimed + self.copies
        return len(self.rows) + counted
