"""The routes of the API: which parameters each takes, what it asks, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import devflow_analytics_reports as reports
from devflow_analytics_dashboard import answers, converting, pages
from devflow_analytics_dashboard.errors import bad_request
from devflow_analytics_dashboard.parameters import (
    ABOUT,
    AFTER,
    ORDER,
    WRITTEN_AFTER,
    Parameter,
    limit,
)

if TYPE_CHECKING:
    from devflow_analytics_dashboard.parameters import Query
    from devflow_analytics_db import Connection

TREND = 24
"""Parts of a tool's trend."""

COLUMNS = 600
LANES = 12
"""How wide a session's timeline is, and how many tools it shows."""

RECENT = 20
"""Calls of /api/metrics/recent, unless it is told otherwise."""

Question = Callable[["Connection"], answers.Answer]


@dataclass(frozen=True)
class Asked:
    """What a request asks."""

    query: Query
    now: int
    """The time that counts as now, in Unix seconds."""
    id: str
    """The id in the path; empty where the path has none."""


@dataclass(frozen=True)
class Route:
    """A path that questions are asked by."""

    name: str
    path: str
    summary: str
    """What it answers, for the documentation."""
    answer: type[answers.Answer]
    parameters: tuple[Parameter, ...]
    asks: Callable[[Asked], Question]
    """Makes a question of what a request asks."""


def _summary(asked: Asked) -> Question:
    period, filters = asked.query.period(asked.now), asked.query.filters()

    def ask(connection: Connection) -> answers.Summary:
        of_calls = _with_sessions(connection, filters)
        found = reports.time_series(connection, period, of_calls)
        there = reports.recorded(connection)
        before = converting.like(found.before, answers.Totals) if found.before else None
        return answers.Summary(
            period=converting.period(found.period),
            totals=converting.like(found.totals, answers.Totals),
            before=before,
            sessions=found.sessions,
            sessions_before=found.sessions_before,
            each=found.each,
            buckets=[converting.like(one, answers.Bucket) for one in found.buckets],
            recorded=there and converting.range_(there),
        )

    return ask


def _tools(asked: Asked) -> Question:
    period, filters = asked.query.period(asked.now), asked.query.filters()

    def ask(connection: Connection) -> answers.Tools:
        of_calls = _with_sessions(connection, filters)
        found = reports.tools(connection, period, of_calls, parts=TREND)
        return answers.Tools(
            period=converting.period(found.period),
            tools=[converting.tool(one) for one in found.tools],
            not_called=[converting.uncalled(one) for one in found.not_called],
            servers_not_called=list(found.servers_not_called),
        )

    return ask


def _tool_names(_: Asked) -> Question:
    return lambda connection: answers.ToolNames(tools=list(reports.tool_names(connection)))


def _errors(asked: Asked) -> Question:
    period, filters = asked.query.period(asked.now), asked.query.filters()

    def ask(connection: Connection) -> answers.Errors:
        found = reports.failures(connection, period, _with_sessions(connection, filters))
        return answers.Errors(
            period=converting.period(found.period),
            calls=found.calls,
            errors=[converting.like(one, answers.Failure) for one in found.failures],
            loops=[converting.like(one, answers.Loop) for one in found.loops],
        )

    return ask


def _calls(asked: Asked) -> Question:
    query = asked.query
    period, filters, most = query.period(asked.now), query.filters(), query.limit()
    is_slowest = query.one("order") == "slowest"
    after, written_after = query.one("after"), query.one("written_after")
    if written_after is not None and (is_slowest or after is not None):
        raise bad_request(
            "written_after goes with order=newest, and not with after. Leave one out."
        )
    page = pages.slowest(after) if is_slowest else pages.newest(after)

    def ask(connection: Connection) -> answers.Calls:
        of_calls = _with_sessions(connection, filters)
        within = reports.resolved(connection, period)
        found = None
        if written_after is not None:
            found = reports.calls_written_after(
                connection, written_after, period, of_calls, limit=most
            )
        is_new = found is not None
        if found is None:
            found = page.calls(connection, within, of_calls, limit=most + 1)
        shown = found[:most]
        return answers.Calls(
            period=converting.period(within),
            calls=[converting.call(one) for one in shown],
            next=page.after(shown[-1]) if len(found) > most else None,
            last_written=reports.last_written(connection),
            is_restart=written_after is not None and not is_new,
        )

    return ask


def _sessions(asked: Asked) -> Question:
    query = asked.query
    period, filters, most = query.period(asked.now), query.filters(), query.limit()

    def ask(connection: Connection) -> answers.Sessions:
        of_calls = _with_sessions(connection, filters)
        found = reports.sessions(connection, period, of_calls, limit=most)
        return answers.Sessions(
            period=converting.period(found.period),
            count=found.count,
            sessions=[converting.session(one) for one in found.sessions],
        )

    return ask


def _session(asked: Asked) -> Question:
    now = asked.now

    def ask(connection: Connection) -> answers.Timeline:
        whole_id = reports.find_session(connection, asked.id)
        found = reports.timeline(connection, whole_id, now=now, columns=COLUMNS, lanes=LANES)
        return converting.timeline(found, now)

    return ask


def _with_sessions(connection: Connection, filters: reports.Filters) -> reports.Filters:
    """Return filters with the whole ids of the sessions."""
    return replace(
        filters, sessions=tuple(reports.find_session(connection, end) for end in filters.sessions)
    )


ROUTES = (
    Route(
        "summary",
        "/api/summary",
        "How things are in a period, beside the period before, and over time",
        answers.Summary,
        ABOUT,
        _summary,
    ),
    Route(
        "tools",
        "/api/tools",
        "How each tool is doing, and which are not called",
        answers.Tools,
        ABOUT,
        _tools,
    ),
    Route(
        "tool_names",
        "/api/tools/names",
        "The names of all tools that were ever called",
        answers.ToolNames,
        (),
        _tool_names,
    ),
    Route(
        "errors",
        "/api/errors",
        "What fails, by tool and error type, and what fails again and again",
        answers.Errors,
        ABOUT,
        _errors,
    ),
    Route(
        "calls",
        "/api/calls",
        "Single calls: the newest, the slowest, or those written last",
        answers.Calls,
        (*ABOUT, ORDER, limit(), AFTER, WRITTEN_AFTER),
        _calls,
    ),
    Route(
        "sessions",
        "/api/sessions",
        "The sessions of a period",
        answers.Sessions,
        (*ABOUT, limit()),
        _sessions,
    ),
    Route(
        "session",
        "/api/sessions/{id:path}",
        "One session, by the end of its id, and when its tools ran",
        answers.Timeline,
        (),
        _session,
    ),
    Route(
        "metrics_summary",
        "/api/metrics/summary",
        "The same as /api/summary",
        answers.Summary,
        ABOUT,
        _summary,
    ),
    Route(
        "metrics_tools",
        "/api/metrics/tools",
        "The same as /api/tools",
        answers.Tools,
        ABOUT,
        _tools,
    ),
    Route(
        "metrics_recent",
        "/api/metrics/recent",
        "The same as /api/calls, with fewer calls",
        answers.Calls,
        (*ABOUT, ORDER, limit(RECENT), AFTER, WRITTEN_AFTER),
        _calls,
    ),
)
"""The routes that ask the database."""
