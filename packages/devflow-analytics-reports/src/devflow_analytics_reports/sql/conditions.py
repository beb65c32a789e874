"""Conditions on names, however many and whatever is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = frozenset("*?[")
"""The letters that stand for others in a ``GLOB``."""


class Condition(NamedTuple):
    """What stands in a ``WHERE``, and the values for its question marks."""

    sql: str
    values: list[object]


def any_of(column: str, operator: str, patterns: Sequence[str]) -> Condition:
    """Return the condition that one of some patterns holds; a name is also meant as it is."""
    if not patterns:
        return Condition("", [])
    names = [unicode(pattern) for pattern in patterns]
    globs = [name for name in names if operator == "GLOB" and not _SPECIAL.isdisjoint(name)]
    terms = [f"{column} IN ({', '.join('?' * len(names))})", *[f"{column} GLOB ?"] * len(globs)]
    return Condition(_either(terms), [*names, *globs])


def _either(terms: Sequence[str]) -> str:
    """Join conditions in halves, as SQLite takes no more than 1,000 in a row."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_either(terms[:half])} OR {_either(terms[half:])})"


def unicode(text: str) -> str:
    """Return a text as SQLite can take it: arguments of a program may have bytes that are none."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
