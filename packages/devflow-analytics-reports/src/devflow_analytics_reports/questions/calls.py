"""Which calls were there: the newest, the slowest, or those written last?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Period, Range
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.tables import CALL_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


COLUMNS = f"rowid, {', '.join(CALL_COLUMNS)}"
"""What `call_rows` takes."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a tool, as its row says; docs/schema.md tells more of each."""

    rowid: int
    """Its row: those of later rows are larger, until the file is made anew."""
    id: str
    tool: str
    duration_ms: float
    """How long it took, in milliseconds."""
    status: str
    """``success``, ``error`` or ``timeout``."""
    error_type: str | None
    """The exception's class or a code."""
    timestamp: int
    """When it was recorded, in Unix seconds."""
    session: str
    """Its session's id."""
    server: str | None
    """The MCP server; None if the tool is built into the agent, or it is not known."""
    agent: str | None
    """The type of the subagent that called; None for the main agent."""
    source: str | None
    """Who saw it: ``recorder``, ``proxy``, ``hook`` or ``import``; None for DevFlow's server."""
    error_kind: str | None
    """How it failed: ``tool``, ``arguments``, ``not_found``, ``protocol`` ..."""
    error_code: int | None
    """The code of the JSON-RPC error or the HTTP status."""
    request_bytes: int | None
    """Size of the arguments, in bytes."""
    result_bytes: int | None
    """Size of the result, in bytes."""
    started_ms: int | None
    """When it began, in Unix milliseconds."""
    duration_kind: str | None
    """``wall`` if the duration is an upper bound from a log; else ``run`` or None."""


class NewestAfter(NamedTuple):
    """Where a page of the newest calls goes on."""

    timestamp: int
    rowid: int


class SlowestAfter(NamedTuple):
    """Where a page of the slowest calls goes on."""

    duration_ms: float
    timestamp: int
    rowid: int


@decodes_fast
def newest_calls(
    connection: Connection,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    limit: int = 20,
    after: NewestAfter | None = None,
) -> tuple[Call, ...]:
    """Return the newest calls of a period, the newest first.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        limit: how many at most.
        after: the last call of the page before this one.
    """
    return call_rows(Calls(connection, period, filters).newest(COLUMNS, limit, after))


@decodes_fast
def slowest_calls(
    connection: Connection,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    limit: int = 20,
    after: SlowestAfter | None = None,
) -> tuple[Call, ...]:
    """Return the calls of a period that took longest, the slowest first, as `newest_calls` does."""
    return call_rows(Calls(connection, period, filters).slowest(COLUMNS, limit, after))


@decodes_fast
def calls_written_after(
    connection: Connection,
    call_id: str,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    limit: int = 20,
) -> tuple[Call, ...] | None:
    """Return the calls whose rows were written after that of a call, the last written first.

    It goes by rows, since a call may be written long after it was. Rows keep their order when the
    file is vacuumed. If the last rows are deleted, as by restoring a backup, the call may be gone.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        call_id: the whole id of the call, as from `last_written`; it may be of any period.
        period: the period in which the calls must be.
        filters: what they must be like.
        limit: how many at most.

    Returns:
        The calls; None if there is no call of this id any more.
    """
    calls = Calls(connection, period, filters)
    number = calls.row_number(call_id)
    return None if number is None else call_rows(calls.written_after(COLUMNS, number, limit))


@decodes_fast
def last_written(connection: Connection) -> str | None:
    """Return the id of the call whose row was written last, of any period; None without calls.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
    """
    return Calls(connection, Range(FIRST, LAST)).last_row()


def call_rows(rows: sqlite3.Cursor | Iterable[tuple[object, ...]]) -> tuple[Call, ...]:
    """Return calls of which `COLUMNS` were read."""
    return tuple(Call(*row) for row in rows)
