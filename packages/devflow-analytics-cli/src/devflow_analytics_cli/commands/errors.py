"""``devflow-analytics errors``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.cells import labels, short
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.options import asks, limit_option
from devflow_analytics_cli.output import echo_json, pick
from devflow_analytics_cli.table import print_table
from devflow_analytics_cli.words import ago, share
from devflow_analytics_reports import failures, recorded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from devflow_analytics_cli.question import Question
    from devflow_analytics_reports import Failure, Failures, Loop, Range

ENDED = {"error": "failed with an error", "timeout": "timed out"}
"""How calls ended that failed in one way."""

MOST_LOOPS = 5
"""Loops that are listed below what fails."""

FAILURE = ("tool", "server", "status", "error_type", "calls", "share", "last")
LOOP = ("tool", "server", "session", "agent", "error_type", "calls", "since", "last")


@click.command()
@limit_option("rows")
@click.option("--loops", is_flag=True, help="List only what failed several times in a row.")
@asks()
def errors(question: Question, limit: int | None, loops: bool) -> None:
    """Show what fails, and what fails again and again.

    "Of its" is the share of all calls of the tool. In a row means that the same agent called a tool
    at least three times in a session, and each time it failed: it goes on trying.

    \b
    The keys of --json:
      since, until      the period, in Unix seconds; until is the first after it
      zone              how far its clocks are from UTC
      calls             number of all calls, however they ended
      errors            a list of what fails, most calls first:
        tool, server    the tool's name, and its MCP server or null
        status          error or timeout
        error_type      the exception's class or a code, or null
        calls           number of calls that failed so
        share           their share of all calls of the tool, 0 to 1
        last            time of the last of them, in Unix seconds
      loops             a list of what failed in a row, the longest first:
        tool, server    as above
        session         the session's id
        agent           type of the subagent that called, or null
        error_type      what most of them failed with, or null
        calls           number of calls that failed in a row
        since, last     time of the first and the last of them

    With --loops there are no errors in it. --csv has a row for each entry of errors, or of loops
    with --loops.
    """
    with question.database() as (connection, filters):
        there = recorded(connection)
        found = failures(connection, question.period, filters)
    limit = question.at_most(limit)
    shown, looping = found.failures[:limit], found.loops[:limit]
    if question.as_json:
        keys: dict[str, object] = {**question.period_keys(found.period), "calls": found.calls}
        if not loops:
            keys["errors"] = [pick(failure, *FAILURE) for failure in shown]
        echo_json({**keys, "loops": [pick(loop, *LOOP) for loop in looping]})
    elif question.as_csv and loops:
        question.csv([pick(loop, *LOOP) for loop in looping], LOOP)
    elif question.as_csv:
        question.csv([pick(failure, *FAILURE) for failure in shown], FAILURE)
    elif loops:
        question.heading("Loops", found.period, f"{len(found.loops):,} found")
        if not found.calls:
            question.nothing(there)
        elif looping:
            _show_loops(question, looping)
            question.notes(question.more(len(looping), len(found.loops)))
        else:
            click.echo("Nothing failed three times in a row.")
    else:
        _show(question, found, shown, there)


def _show(
    question: Question, found: Failures, shown: Sequence[Failure], there: Range | None
) -> None:
    question.heading("Errors", found.period, "by tool and type")
    if not found.calls:
        question.nothing(there)
        return
    if not shown:
        click.echo(_none(found.calls, question.filters.statuses))
        return
    _show_failures(question, shown)
    question.notes(question.more(len(shown), len(found.failures)))
    if found.loops:
        click.echo()
        question.subheading("In a row", "the same tool, by the same agent")
        _show_loops(question, found.loops[:MOST_LOOPS])
        rest = len(found.loops) - MOST_LOOPS
        if rest > 0:
            question.notes([f"{rest:,} more: --loops"])


def _none(calls: int, statuses: Collection[str]) -> str:
    """Say that none of some calls failed, or none as it was asked for."""
    if set(statuses) == {"success"}:
        return "Those are no errors: 'devflow-analytics calls --status success' lists them."
    asked = set(statuses) - {"success"}
    ended = "failed" if len(asked) != 1 else ENDED[asked.pop()]
    return f"None of {calls:,} calls {ended}."


def _show_failures(question: Question, shown: Sequence[Failure]) -> None:
    names = labels([(failure.server, failure.tool) for failure in shown])
    columns = [
        Column("Calls", [f"{failure.calls:,}" for failure in shown], "right"),
        Column("Of its", [share(failure.share) for failure in shown], "right"),
        Column("Tool", names, is_name=True),
        Column("Type", [kind(failure) for failure in shown], is_name=True, style="red"),
        Column("Last", [_ago(question, failure) for failure in shown], "right", priority=1),
    ]
    if any(failure.server for failure in shown):
        servers = [failure.server or "" for failure in shown]
        columns.append(Column("Server", servers, priority=2, is_name=True))
    print_table(columns, options=question.options)


def _show_loops(question: Question, shown: Sequence[Loop]) -> None:
    columns = [
        Column("Calls", [f"{loop.calls:,}" for loop in shown], "right"),
        Column("Tool", labels([(loop.server, loop.tool) for loop in shown]), is_name=True),
        Column("Type", [loop.error_type or "" for loop in shown], is_name=True, style="red"),
        Column("Session", [short(loop.session) for loop in shown]),
        Column("Last", [_ago(question, loop) for loop in shown], "right", priority=1),
    ]
    if any(loop.agent for loop in shown):
        agents = [loop.agent or "" for loop in shown]
        columns.append(Column("Agent", agents, priority=2, is_name=True))
    print_table(columns, options=question.options)


def _ago(question: Question, what: Failure | Loop) -> str:
    return ago(question.period.now - what.last)


def kind(failure: Failure) -> str:
    """Return what something failed with: a type, or that it timed out."""
    return failure.error_type or ("timeout" if failure.status == "timeout" else "unknown")
