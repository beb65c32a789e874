"""``devflow-analytics tail``."""

from __future__ import annotations

import errno
import json
import os
import select
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.call_keys import HELP, KEYS, call_keys
from devflow_analytics_cli.cells import short
from devflow_analytics_cli.commands.calls import status, status_style
from devflow_analytics_cli.layout import GAP, LEAST_NAME, Column, cut, writable
from devflow_analytics_cli.options import asks
from devflow_analytics_cli.output import printable
from devflow_analytics_cli.question import ALL
from devflow_analytics_cli.table import csv_rows, print_table
from devflow_analytics_cli.waiting import is_misnamed
from devflow_analytics_cli.words import clock, day, duration
from devflow_analytics_reports import Follower, newest_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_cli.question import Question
    from devflow_analytics_reports import Call

    Print = Callable[[Sequence[Call]], None]

PAUSE_MS = 500
"""How long to wait before looking at the files again."""

MOST_NAME = 32
"""Cells of a name at most, on a terminal."""

WIDTHS = {"Time": 8, "Tool": 16, "Took": 8, "Status": 7, "Error": 12, "Session": 8}
"""Cells of each column at first, so that few have to get wider."""

TEXT = f"""Show the last calls, and then each new one as it comes.

Ctrl-C ends it, with status 0. A call shows within a second of being in the database, whichever
process recorded it and whenever it was made: calls that are imported show too. A day other than
today has a line of its own above its calls. A database that does not exist yet is waited for.

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
    number = min(number, ALL)
    show = _show_json if question.as_json else _Csv() if question.as_csv else _Lines(question)
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
    """Show calls until Ctrl-C, or until nobody reads what is shown.

    Raises:
        AnalyticsDbError: the database cannot be read, or is named in a directory that is missing.
    """
    settings, filters = question.settings, question.filters
    if filters.sessions or is_misnamed(settings.path):
        with question.database() as (_, filters):
            pass  # with the whole ids
    follower = Follower(settings.path, filters, last=number)
    if not os.path.exists(follower.file) and not settings.quiet:
        click.echo(f"{printable(follower.file)} does not exist yet. Waiting for it.", err=True)
    reader = _reader()
    while True:
        is_there = os.path.exists(follower.file)
        calls = follower.poll()
        if is_there or calls:  # nothing, not even a heading, in front of an error
            show(calls)
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
        self._day = self._day_of(question.period.now)
        if question.options.width is not None:  # names are cut, so that columns stay where they are
            room = question.options.width - sum(WIDTHS.values()) - GAP * (len(WIDTHS) - 1)
            room += WIDTHS["Tool"] + WIDTHS["Error"]
            self._widths["Tool"] = min(MOST_NAME, max(LEAST_NAME, room * 11 // 20))
            room -= self._widths["Tool"]
            self._widths["Error"] = min(MOST_NAME, max(LEAST_NAME, room))

    def __call__(self, calls: Sequence[Call]) -> None:
        """Print calls. Without a width, a column is as wide as it had to be so far."""
        if not calls and not self._header:
            return
        columns, days = self._columns(calls), self._new_days(calls)
        options = self._question.options
        self._widths |= print_table(columns, options=options, header=self._header, above=days)
        self._header = False

    def _new_days(self, calls: Sequence[Call]) -> dict[int, str]:
        """Return the days other than that of the call before, by the number of their first call."""
        days = {}
        for number, call in enumerate(calls):
            its = self._day_of(call.timestamp)
            if its != self._day:
                days[number] = self._day = its
        return days

    def _day_of(self, at: float) -> str:
        return day(at, self._question.zone, self._question.period.now, weekday=True)

    def _columns(self, calls: Sequence[Call]) -> list[Column]:
        def column(title: str, cells: list[str], priority: int = 0) -> Column:
            return Column(title, cells, priority=priority, least=self._widths[title])

        zone = self._question.zone
        took = column("Took", [duration(call.duration_ms) for call in calls])
        ended = column("Status", [status(call) for call in calls])
        tools = column("Tool", [self._name("Tool", call.tool) for call in calls])
        names = [self._name("Error", call.error_type or "") for call in calls]
        errors = column("Error", names, 2)
        return [
            column("Time", [clock(call.timestamp, zone) for call in calls]),
            tools,
            replace(took, align="right"),
            replace(ended, style=[status_style(call) for call in calls]),
            errors,
            column("Session", [short(call.session) for call in calls], 1),
        ]

    def _name(self, title: str, name: str) -> str:
        options = self._question.options
        if options.width is None:
            return name
        mark = writable("…", options.encoding)
        return cut(writable(name, options.encoding), self._widths[title], mark)


class _Csv:
    """Prints calls as CSV, under their names."""

    def __init__(self) -> None:
        self._header: Sequence[str] | None = KEYS

    def __call__(self, calls: Sequence[Call]) -> None:
        """Print calls, so that whoever reads the output has them at once."""
        csv_rows(self._header, [list(call_keys(call).values()) for call in calls])
        self._header = None
        sys.stdout.flush()


def _show_json(calls: Sequence[Call]) -> None:
    _print([json.dumps(call_keys(call)) for call in calls])


def _print(lines: list[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
