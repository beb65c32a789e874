"""Which sessions were there, and what happened in one?"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from devflow_analytics_db import Connection
from devflow_analytics_reports.decoding import decodes_fast
from devflow_analytics_reports.errors import SessionNotFoundError
from devflow_analytics_reports.filters import NO_FILTERS, Filters
from devflow_analytics_reports.period import FIRST, LAST, Period, Range
from devflow_analytics_reports.sql.calls import Calls
from devflow_analytics_reports.sql.database import resolved
from devflow_analytics_reports.totals import together

if TYPE_CHECKING:
    from collections.abc import Iterator


RUNNING_SECONDS = 10 * 60
"""A session whose last call is not older is taken to run. Nothing says so for certain."""


@dataclass(frozen=True, slots=True)
class Session:
    """A run of an agent, and its calls in a period."""

    id: str
    started_at: int
    """When it started, in Unix seconds."""
    last_at: int
    """When its last call ended, in Unix seconds, in the period or not; else when it started."""
    is_running: bool
    """Whether that was at most `RUNNING_SECONDS` ago."""
    client: str | None
    """The agent's program, as it names itself."""
    client_version: str | None
    project: str | None
    """The last part of the directory it worked in, where that is recorded."""
    calls: int
    """Number of its calls in the period."""
    errors: int
    """Number of those that failed with an error."""
    timeouts: int
    """Number of those that timed out."""
    total_ms: float
    """How long they took together, in milliseconds."""
    tools: tuple[tuple[str, int], ...]
    """The tools and the number of calls of each, those with most calls first."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of a period."""

    period: Period
    """The period; ``all`` is cut to what was recorded."""
    sessions: tuple[Session, ...]
    """Those with a call in it that passes the filters, the last started first.

    Without filters also those that started in it, and have no calls.
    """
    count: int
    """Number of all of them, also of those beyond a limit."""


@decodes_fast
def sessions(
    connection: Connection,
    period: Period,
    filters: Filters = NO_FILTERS,
    *,
    limit: int | None = None,
) -> Sessions:
    """Return the sessions of a period.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        period: the period.
        filters: what the calls must be like.
        limit: how many sessions to return at most, the last started first; all if None.
    """
    resolved_period = resolved(connection, period)
    calls = Calls(connection, resolved_period, filters)
    if limit is None:
        found = sorted(_sessions(calls, period), key=_last_started_first)
        return Sessions(resolved_period, tuple(found), len(found))
    rows = calls.session_rows(calls.session_ids(), or_started_in=_started_in(calls, period))
    every = sorted((-started_at, key) for key, started_at, *_ in rows)
    last = [key for _, key in every[:limit]]
    if not last:  # no ids would not be a filter
        return Sessions(resolved_period, (), len(every))
    of_last = Calls(connection, resolved_period, replace(filters, sessions=tuple(last)))
    found = sorted(_sessions(of_last, period, last), key=_last_started_first)
    return Sessions(resolved_period, tuple(found), len(every))


@decodes_fast
def session(connection: Connection, session_id: str, *, now: int) -> Session:
    """Return one session with all its calls.

    Args:
        connection: a connection for reading, as from `devflow_analytics_db.open_readonly`.
        session_id: its whole id, as from `find_session`.
        now: the time, in Unix seconds.

    Raises:
        SessionNotFoundError: there is none.
    """
    period = Period(FIRST, LAST, None, now, "all", None)
    calls = Calls(connection, period, Filters(sessions=(session_id,)))
    for found in _sessions(calls, period, [session_id]):
        return found
    raise SessionNotFoundError(f"No session has the id {session_id!r}.")


def _last_started_first(session: Session) -> tuple[int, str]:
    return -session.started_at, session.id


def _started_in(calls: Calls, period: Period) -> Range | None:
    """Return when sessions may have started that count without calls; None if none does."""
    return None if calls.filters else Range(period.since, period.until)


def _sessions(
    calls: Calls, period: Period, with_no_calls: list[str] | None = None
) -> Iterator[Session]:
    """Yield the sessions of calls.

    Args:
        calls: the calls.
        period: the period in which they are.
        with_no_calls: ids of sessions that are to be there even if they have no calls; None for
            those that started in the period, if there are no filters.
    """
    groups: defaultdict[str, _Group] = defaultdict(_Group)
    columns = ("session_id", "tool_name", "status", "duration_ms", "timestamp")
    for key, tool, status, duration, time in calls.rows(*columns):
        group = groups[key]
        group.tools.append(tool)
        group.statuses.append(status)
        group.durations.append(duration)
        group.last = max(group.last, time)
    or_started_in = _started_in(calls, period) if with_no_calls is None else None
    rows = calls.session_rows([*groups, *(with_no_calls or ())], or_started_in=or_started_in)
    for key, started_at, ended_at, client, version, project in rows.fetchall():
        group = groups.get(key) or _Group()
        # null if it runs, or its server was killed: then its calls say more
        known = calls.last_call_of_session(key) if ended_at is None else ended_at
        last_at = max(started_at, group.last, started_at if known is None else known)
        tools = sorted(Counter(group.tools).items(), key=lambda item: (-item[1], item[0]))
        yield Session(
            key,
            started_at,
            last_at,
            last_at >= period.now - RUNNING_SECONDS,
            client,
            version,
            project,
            len(group.durations),
            group.statuses.count("error"),
            group.statuses.count("timeout"),
            together(group.durations),
            tuple(tools),
        )


class _Group:
    """What is known of the calls of one session."""

    __slots__ = ("durations", "last", "statuses", "tools")

    def __init__(self) -> None:
        self.tools: list[str] = []
        self.statuses: list[str] = []
        self.durations: list[float] = []
        self.last = FIRST
