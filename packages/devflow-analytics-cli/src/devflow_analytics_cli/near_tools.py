"""Names of tools that are near to those that a filter asks for."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NEAR = 3
"""Names that are given at most."""


def any_matches(patterns: Iterable[str], names: Sequence[str]) -> bool:
    """Tell whether a name is one that some patterns ask for; a name also asks for itself."""
    return any(
        name == pattern or fnmatchcase(name, pattern) for pattern in patterns for name in names
    )


def near(patterns: Iterable[str], names: Sequence[str]) -> list[str]:
    """Return the names that are most like some patterns, the nearest of the first one first."""
    found = [name for pattern in patterns for name in get_close_matches(pattern.strip("*?"), names)]
    return list(dict.fromkeys(found))[:NEAR]
