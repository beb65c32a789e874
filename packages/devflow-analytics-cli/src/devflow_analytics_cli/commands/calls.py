"""``devflow-analytics calls``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.call_keys import KEYS, call_keys
from devflow_analytics_cli.cells import labels, short
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.options import asks
from devflow_analytics_cli.output import echo_json
from devflow_analytics_cli.question import ALL, LIMIT, Question
from devflow_analytics_cli.table import print_table
from devflow_analytics_cli.words import duration
from devflow_analytics_reports import newest_calls, recorded, resolved, slowest_calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_cli.layout import Style
    from devflow_analytics_reports import Call

STYLES: dict[str, Style] = {"error": "red", "timeout": "yellow"}


@click.command()
@click.option("--slowest", is_flag=True, help="Show the slowest calls instead of the newest.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    default=LIMIT,
    show_default=True,
    help="Print at most so many calls, also with --json and --csv.",
)
@asks(since="all")
def calls(question: Question, slowest: bool, limit: int) -> None:
    """Show single calls: the newest, or the slowest.

    \b
    The keys of --json:
      since, until      the period, in Unix seconds; until is the first after it
      zone              how far its clocks are from UTC
      calls             a list of calls, in the order asked for:
        time            when it was recorded, in Unix seconds
        tool, server    the tool's name, and its MCP server or null
        duration_ms     how long it took, in milliseconds
        status          success, error or timeout
        error_type      the exception's class or a code, or null
        session         the session's id
        agent           type of the subagent that called, or null
        source, error_kind, error_code, request_bytes, result_bytes, started_ms,
        duration_kind, id
                        as the columns of tool_calls in docs/schema.md
    --csv has a row for each call.
    """
    ask = slowest_calls if slowest else newest_calls
    with question.database() as (connection, filters):
        there = recorded(connection)
        period = resolved(connection, question.period)
        found = ask(connection, period, filters, limit=min(limit, ALL))
    if question.as_json:
        keys = question.period_keys(period)
        echo_json({**keys, "calls": [call_keys(call) for call in found]})
    elif question.as_csv:
        question.csv([call_keys(call) for call in found], KEYS)
    else:
        what = "slowest first" if slowest else "newest first"
        question.heading("Calls", period, f"{len(found):,} shown, {what}")
        if found:
            print_table(call_columns(question, found), options=question.options)
        else:
            question.nothing(there)


def call_columns(
    question: Question, found: Sequence[Call], *, of_one_session: bool = False
) -> list[Column]:
    """Return the columns of a table of calls; that of sessions only if they may be of several."""
    styles = [status_style(call) for call in found]
    columns = [
        Column("Time", [question.moment(call.timestamp, seconds=True) for call in found]),
        Column("Tool", labels([(call.server, call.tool) for call in found]), is_name=True),
        Column("Took", [duration(call.duration_ms) for call in found], "right"),
        Column("Status", [status(call) for call in found], style=styles),
        Column("Error", [call.error_type or "" for call in found], priority=2, is_name=True),
    ]
    if not of_one_session:
        sessions = [short(call.session) for call in found]
        columns.append(Column("Session", sessions, priority=1))
    if any(call.server for call in found):
        servers = [call.server or "" for call in found]
        columns.append(Column("Server", servers, priority=3, is_name=True))
    if any(call.agent for call in found):
        agents = [call.agent or "" for call in found]
        columns.append(Column("Agent", agents, priority=4, is_name=True))
    return columns


def status_style(call: Call) -> Style:
    """Return the style of how a call ended."""
    return STYLES.get(call.status, "")


def status(call: Call) -> str:
    """Return how a call ended, in a word for people."""
    return "ok" if call.status == "success" else call.status
