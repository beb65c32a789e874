"""The row that a call leaves, where that is another one, and the rows that there are."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from matrix.cases import Case
    from matrix.flavours import Flavour
    from matrix.play import Play


@dataclass(frozen=True)
class Row:
    """What of a row depends on what became of the call."""

    status: str
    error_kind: str | None = None
    error_type: str | None = None
    error_code: int | None = None


class Unless:
    """Where the row is another one, and why."""

    def __init__(
        self, reason: str, where: Callable[[Flavour, str], bool], /, **changes: Any
    ) -> None:
        self.reason = reason
        self.where = where
        self.changes = changes
        """What is another, by column; nothing if there the client cannot even make the call."""


class Whole(NamedTuple):
    """A row, but for its id, its times, and its session."""

    status: str
    error_kind: str | None
    error_type: str | None
    error_code: int | None
    request_bytes: int | None
    result_bytes: int | None
    server: str | None
    agent: str | None
    source: str | None
    duration_kind: str | None


def can_be_made(case: Case, flavour: Flavour, way: str) -> bool:
    """Return whether that client can make the calls of a case."""
    return all(each.changes for each in case.unless if each.where(flavour, way))


def row_of(case: Case, flavour: Flavour, way: str) -> Row:
    """Return what a call of a case leaves there: the last of what differs counts."""
    row = case.row
    for each in case.unless:
        if each.where(flavour, way):
            row = replace(row, **each.changes)
    return row


def expected_rows(
    cases: list[Case], flavour: Flavour, play: Play, server: str, sizes: list[int]
) -> dict[str, dict[Whole, int]]:
    """Return how many rows of each kind there must be of each tool.

    Args:
        cases: the calls that were made, in their order.
        flavour: what made them.
        play: how.
        server: the name of the server.
        sizes: how large each result was that came over the wire, in the order of the calls.
    """
    rest = iter(sizes)
    expected: dict[str, dict[Whole, int]] = {}
    for case in cases:
        row = row_of(case, flavour, play.way)
        request = len(compact(case.arguments))
        answered = row.error_kind not in {"protocol", "cancelled"} and row.error_code is None
        counted = Counter(
            Whole(
                *astuple(row),
                request,
                next(rest) if answered else None,
                server,
                None,
                "recorder",
                "run",
            )
            for _ in range(play.crowd if case.in_crowd else 1)
        )
        expected[case.name] = dict(counted)
    assert list(rest) == []
    return expected


def differing(
    found: dict[str, dict[Whole, int]], expected: dict[str, dict[Whole, int]]
) -> dict[str, tuple[object, object]]:
    """Return what was found and what was expected, of the tools where that is not the same."""
    return {
        tool: (found.get(tool), expected.get(tool))
        for tool in {**expected, **found}
        if found.get(tool) != expected.get(tool)
    }


def found_rows(database: Path, session: str | None = None) -> dict[str, dict[Whole, int]]:
    """Return how many rows of each kind there are of each tool."""
    columns = ", ".join(Whole._fields)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            f"SELECT tool_name, {columns} FROM tool_calls"
            " WHERE session_id = coalesce(?, session_id) ORDER BY rowid",
            (session,),
        ).fetchall()
    found: dict[str, Counter[Whole]] = {}
    for tool, *rest in rows:
        found.setdefault(tool, Counter())[Whole(*rest)] += 1
    return {tool: dict(counted) for tool, counted in found.items()}


def compact(value: object) -> bytes:
    """Return JSON without spaces, in UTF-8, as it goes over the wire."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
