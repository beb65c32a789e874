"""``devflow-analytics tail``."""

from __future__ import annotations

import csv
import errno
import json
import os
import select
import sys
import time
from datetime import UTC
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.call_keys import HELP, KEYS, call_keys
from devflow_analytics_cli.call_lines import for_stdout
from devflow_analytics_cli.filtering import filter_options, of_whole_sessions
from devflow_analytics_cli.output import printable
from devflow_analytics_db import open_readonly
from devflow_analytics_reports import Follower, newest_calls, parse_period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from devflow_analytics_cli.output import Settings
    from devflow_analytics_reports import Call, Filters

    Print = Callable[[Iterable[Call]], None]

PAUSE_MS = 500
"""How long to wait before looking at the files again."""

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
    metavar="N",
    help="Show the last N calls first. Default: 10.",
)
@filter_options
@click.option("--no-follow", is_flag=True, help="End after the last calls.")
@click.option("--utc", is_flag=True, help="Show times in UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print each call as a JSON object.")
@click.option("--csv", "as_csv", is_flag=True, help="Print calls as CSV, with raw numbers.")
@click.pass_obj
def tail(  # noqa: PLR0913  click passes each option so
    settings: Settings,
    *,
    number: int,
    filters: Filters,
    no_follow: bool,
    utc: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Show the last calls, and then each new one: see `TEXT`."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv cannot be given together.")
    show = _show_json if as_json else _show_csv() if as_csv else _show_lines(utc=utc)
    try:
        if filters.sessions:
            with open_readonly(settings.path) as connection:
                filters = of_whole_sessions(connection, filters)
        if no_follow:
            with open_readonly(settings.path) as connection:
                period = parse_period("all", now=int(time.time()))
                calls = newest_calls(connection, period, filters, limit=number)
            show(reversed(calls))
        else:
            _follow(settings, Follower(settings.path, filters, last=number), show)
    except KeyboardInterrupt:
        pass  # its usual end


def _follow(settings: Settings, follower: Follower, show: Print) -> None:
    """Show calls until Ctrl-C, or until nobody reads what is shown."""
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


def _show_lines(*, utc: bool) -> Print:
    """Return what prints calls as lines, under a heading."""
    lines = for_stdout(UTC if utc else None)
    click.echo(lines.heading())

    def show(calls: Iterable[Call]) -> None:
        _print([lines.line(call) for call in calls])

    return show


def _show_csv() -> Print:
    """Return what prints calls as CSV, under their names."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(KEYS)

    def show(calls: Iterable[Call]) -> None:
        writer.writerows(call_keys(call).values() for call in calls)
        sys.stdout.flush()

    return show


def _show_json(calls: Iterable[Call]) -> None:
    _print([json.dumps(call_keys(call)) for call in calls])


def _print(lines: list[str]) -> None:
    if lines:
        click.echo("\n".join(lines))
