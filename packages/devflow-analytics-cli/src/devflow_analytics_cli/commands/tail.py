"""``devflow-analytics tail``."""

from __future__ import annotations

import csv
import errno
import json
import os
import select
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.call_keys import HELP, KEYS, call_keys
from devflow_analytics_cli.commands.calls import status, status_style
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.output import printable
from devflow_analytics_cli.question import Question, asks, short
from devflow_analytics_cli.table import print_table
from devflow_analytics_cli.words import clock, duration
from devflow_analytics_reports import Follower, newest_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_reports import Call

    Print = Callable[[Sequence[Call]], None]

PAUSE_MS = 500
"""How long to wait before looking at the files again."""

WIDTHS = {"Time": 8, "Tool": 16, "Took": 8, "Status": 7, "Error": 12, "Session": 8}
"""Cells of each column at first, so that few have to get wider."""

TEXT = f"""Show the last calls, and then each new one as it comes.

Ctrl-C ends it, with status 0. A call shows within a second of being in the database, whichever
process recorded it and whenever it was made: calls that are imported show too. A database that does
not exist yet is waited for.

\b
The keys of --json, one object a line; --csv has the same names:
{HELP}"""


@click.command(help=TEXT)
@click.option(
    "-n",
    "--limit",
    "number",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Show the last N calls first.",
)
@click.option("--no-follow", is_flag=True, help="End after the last calls.")
@asks(since="all", period=False, raw=False)
@click.option("--json", "as_json", is_flag=True, help="Print each call as a JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV: raw values, in s and ms.")
def tail(question: Question, number: int, no_follow: bool) -> None:
    """Show the last calls, and then each new one: see `TEXT`."""
    show = _show_json if question.as_json else _show_csv() if question.as_csv else _Lines(question)
    try:
        if no_follow:
            with question.database() as (connection, filters):
                calls = newest_calls(connection, question.period, filters, limit=number)
            show(calls[::-1])
        else:
            _follow(question, number, show)
    except KeyboardInterrupt:
        pass  # its usual end


def _follow(question: Question, number: int, show: Print) -> None:
    """Show calls until Ctrl-C, or until nobody reads what is shown."""
    settings, filters = question.settings, question.filters
    if filters.sessions:
        with question.database() as (_, filters):
            pass  # with the whole ids
    follower = Follower(settings.path, filters, last=number)
    if not os.path.exists(follower.file) and not settings.quiet:
        click.echo(f"{printable(follower.file)} does not exist yet. Waiting for it.", err=True)
    reader = _reader()
    show(())
    while True:
        show(follower.poll())
        if follower.is_behind:
            continue
        if reader.poll(PAUSE_MS):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def _reader() -> select.poll:
    """Return what waits for the end of whoever reads the output, and for nothing else."""
    reader = select.poll()
    reader.register(sys.stdout.fileno(), 0)
    return reader


class _Lines:
    """Prints calls as lines of one table, of which more and more comes."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._widths = dict(WIDTHS)
        self._header = True

    def __call__(self, calls: Sequence[Call]) -> None:
        """Print calls. A column is as wide as it had to be so far, so it may get wider."""
        if not calls and not self._header:
            return
        columns = self._columns(calls)
        widths = print_table(columns, options=self._question.options, header=self._header)
        self._widths |= widths
        self._header = False

    def _columns(self, calls: Sequence[Call]) -> list[Column]:
        def column(title: str, cells: list[str], priority: int = 0) -> Column:
            return Column(title, cells, priority=priority, least=self._widths[title])

        zone = self._question.zone
        took = column("Took", [duration(call.duration_ms) for call in calls])
        ended = column("Status", [status(call) for call in calls])
        tools = column("Tool", [call.tool for call in calls])
        errors = column("Error", [call.error_type or "" for call in calls], 2)
        return [
            column("Time", [clock(call.timestamp, zone) for call in calls]),
            replace(tools, is_name=True),
            replace(took, align="right"),
            replace(ended, style=[status_style(call) for call in calls]),
            replace(errors, is_name=True),
            column("Session", [short(call.session) for call in calls], 1),
        ]


def _show_csv() -> Print:
    """Return what prints calls as CSV, under their names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(KEYS)

    def show(calls: Sequence[Call]) -> None:
        writer.writerows(call_keys(call).values() for call in calls)
        sys.stdout.flush()

    return show


def _show_json(calls: Sequence[Call]) -> None:
    _print([json.dumps(call_keys(call)) for call in calls])


def _print(lines: list[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
