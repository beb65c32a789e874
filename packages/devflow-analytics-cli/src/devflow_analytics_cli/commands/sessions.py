"""``devflow-analytics sessions``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from devflow_analytics_cli.call_keys import KEYS as CALL_KEYS, call_keys
from devflow_analytics_cli.cells import labels, median, short
from devflow_analytics_cli.commands.calls import call_columns
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.options import asks, limit_option, sort_option
from devflow_analytics_cli.output import echo_json, pick
from devflow_analytics_cli.period_words import offset
from devflow_analytics_cli.question import ALL, NAMES, Question
from devflow_analytics_cli.table import print_table
from devflow_analytics_cli.words import duration, lasted, share
from devflow_analytics_reports import (
    Filters,
    find_session,
    newest_calls,
    parse_period,
    recorded,
    session,
    sessions as ask_sessions,
    tools,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_reports import Call, Range, Session, Sessions, Tool

MOSTLY = 3
"""Tools that are named of a session."""

SORTS: dict[str, Callable[[Session], float]] = {
    "started": lambda one: one.started_at,
    "lasted": lambda one: one.last_at - one.started_at,
    "calls": lambda one: one.calls,
    "failed": lambda one: one.errors + one.timeouts,
    "time": lambda one: one.total_ms,
}
"""What ``--sort`` sorts by, the largest first."""

KEYS = (
    *("id", "started_at", "last_at", "is_running", "client", "client_version", "project"),
    *("calls", "errors", "timeouts", "total_ms"),
)


@click.command()
@click.argument("session_id", metavar="[ID]", required=False)
@sort_option(tuple(SORTS))
@limit_option("sessions, or calls of one")
@asks()
def sessions(question: Question, session_id: str | None, sort: str, limit: int | None) -> None:
    """Show your agents' sessions, or all that happened in one.

    The end of an id is enough. ID shows the whole session, so it goes with no period, filter or
    order. In the list, calls, failed and the time in tools are those of the period; a session
    counts to it if it has a call in it, or started in it. A session is taken to run if its last
    call was at most ten minutes ago.

    \b
    The keys of --json:
      since, until      the period, in Unix seconds; until is the first after it
      zone              how far its clocks are from UTC
      sessions          a list of sessions:
        id              its id
        started_at      when it started, in Unix seconds
        last_at         when its last call ended
        is_running      true if that was at most ten minutes ago
        client          the agent's program, or null
        client_version  its version, or null
        project         the project, where that is recorded, or null
        calls           number of calls in the period
        errors          number of those that failed with an error
        timeouts        number of those that timed out
        total_ms        how long they took together, in milliseconds
        tools           an object: number of calls by tool
    With ID:
      zone              as above
      session           its keys, as above
      calls             a list of its calls, in order: the keys of 'calls --json'
    --csv has a row for each session, or for each call of one.
    """
    if session_id is not None:
        _require_nothing_else()
        _one(question, session_id, limit)
        return
    with question.database() as (connection, filters):
        there = recorded(connection)
        found = ask_sessions(connection, question.period, filters)
    ordered = sorted(found.sessions, key=SORTS[sort], reverse=True)
    shown = ordered[: question.at_most(limit)]
    if question.as_json:
        keys = question.period_keys(found.period)
        echo_json({**keys, "sessions": [_keys(one) for one in shown]})
    elif question.as_csv:
        question.csv([_keys(one) for one in shown], KEYS)
    else:
        _show(question, found, shown, sort, there)


def _keys(one: Session) -> dict[str, object]:
    return {**pick(one, *KEYS), "tools": dict(one.tools)}


def _show(
    question: Question, found: Sessions, shown: Sequence[Session], sort: str, there: Range | None
) -> None:
    order = "newest first" if sort == "started" else f"by {sort}"
    question.heading("Sessions", found.period, f"{len(found.sessions):,}, {order}")
    if not shown:
        question.nothing(there)
        return
    columns = [
        Column("Session", [short(one.id) for one in shown]),
        Column("Started", [question.moment(one.started_at) for one in shown], "right"),
        Column("Lasted", [_lasted(one) for one in shown], "right", priority=1),
        Column("Calls", [f"{one.calls:,}" for one in shown], "right"),
        Column("Failed", [f"{one.errors + one.timeouts:,}" for one in shown], "right"),
        Column("In tools", [duration(one.total_ms) for one in shown], "right", priority=2),
        Column("Mostly", [_mostly(one) for one in shown], priority=3, is_name=True),
    ]
    if any(one.client for one in shown):
        clients = [one.client or "" for one in shown]
        columns.append(Column("Client", clients, priority=4, is_name=True))
    if any(one.project for one in shown):
        projects = [one.project or "" for one in shown]
        columns.append(Column("Project", projects, priority=5, is_name=True))
    print_table(columns, options=question.options)
    question.notes(question.more(len(shown), len(found.sessions)))


def _lasted(one: Session) -> str:
    return "running" if one.is_running else lasted(one.last_at - one.started_at)


def _mostly(one: Session) -> str:
    return ", ".join(name for name, _ in one.tools[:MOSTLY])


def _require_nothing_else() -> None:
    """Make sure that nothing is asked for that an answer on a whole session would leave out.

    Raises:
        click.UsageError: it is.
    """
    context = click.get_current_context()
    for name, option in {"sort": "sort", "since": "since", "until": "until", **NAMES}.items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"ID shows a whole session, and cannot go with --{option}.")


def _one(question: Question, ending: str, limit: int | None) -> None:
    """Print all that happened in one session."""
    limit = min(question.at_most(limit) or ALL, ALL)
    whole = parse_period("all", now=question.period.now, zone=question.zone)
    with question.database() as (connection, _):
        of_it = Filters(sessions=(find_session(connection, ending),))
        found = session(connection, of_it.sessions[0], now=whole.now)
        by_tool = tools(connection, whole, of_it).tools
        newest = newest_calls(connection, whole, of_it, limit=limit)
    in_order = newest[::-1]
    if question.as_json:
        keys = {"session": _keys(found), "calls": [call_keys(call) for call in in_order]}
        echo_json({"zone": offset(whole), **keys})
    elif question.as_csv:
        question.csv([call_keys(call) for call in in_order], CALL_KEYS)
    else:
        _show_one(question, found, by_tool, in_order)


def _show_one(
    question: Question, found: Session, by_tool: Sequence[Tool], in_order: Sequence[Call]
) -> None:
    about = [f"{question.moment(found.started_at)}, {_lasted(found)}"]
    if found.client:
        about.append(" ".join(filter(None, (found.client, found.client_version))))
    if found.project:
        about.append(found.project)
    failed = found.errors + found.timeouts
    about.append(f"{found.calls:,} calls, {failed:,} failed")
    question.subheading(f"Session {short(found.id)}", " \N{MIDDLE DOT} ".join(about))
    if not in_order:
        click.echo("It has no calls.")
        return
    print_table(
        [
            Column("Tool", labels([(tool.server, tool.name) for tool in by_tool]), is_name=True),
            Column("Calls", [f"{tool.totals.calls:,}" for tool in by_tool], "right"),
            Column("Failing", [share(tool.totals.failing) for tool in by_tool], "right"),
            Column("p50", [median(tool.totals) for tool in by_tool], "right", priority=1),
            Column("Time", [duration(tool.totals.total_ms) for tool in by_tool], "right"),
        ],
        options=question.options,
    )
    click.echo()
    if len(in_order) < found.calls:
        rest = f"the last {len(in_order):,} of {found.calls:,}, all with --limit {found.calls}"
    else:
        rest = "in order"
    question.subheading("Calls", rest)
    columns = call_columns(question, in_order, of_one_session=True)
    print_table(columns, options=question.options)
