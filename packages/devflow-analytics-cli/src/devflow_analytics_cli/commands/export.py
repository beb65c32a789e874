"""``devflow-analytics export``."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

import click

from devflow_analytics_cli.options import asks
from devflow_analytics_cli.output import PATH, echo_json, json_option, printable, progress_bar
from devflow_analytics_cli.period_words import offset
from devflow_analytics_cli.whole_file import require_apart, whole_file
from devflow_analytics_db import readable_size, resolve_path
from devflow_analytics_reports import FORMATS, export_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devflow_analytics_cli.output import Settings
    from devflow_analytics_cli.question import Question
    from devflow_analytics_reports import Exported, Format

STDOUT = "-"


@click.command()
@click.argument("path", metavar="FILE", type=PATH)
@click.option(
    "--format", "given", type=click.Choice(FORMATS), help="Default: what the name ends with."
)
@asks(since="all", width=False, raw=False)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@json_option
def export(question: Question, path: str, given: Format | None, force: bool) -> None:
    """Export calls to FILE as CSV, JSON or Parquet, the oldest first.

    What FILE ends with says which: .csv, .json or .parquet. With - for FILE they go to standard
    output, as CSV unless --format says otherwise.

    Each call has all columns of its row, and client, client_version and project of its session.
    Times are in Unix seconds, durations in milliseconds, as they were recorded. In CSV, null is an
    empty field. A spreadsheet may take names that begin with = + - or @ for formulas. JSON is one
    array with a call on each line. In Parquet, timestamp is a time in UTC; for that, install
    devflow-analytics-cli[parquet].

    FILE gets its name once it is whole, and only you can read it. Until then a file that it is to
    replace stays as it is. Other processes can go on recording meanwhile.

    \b
    The keys of --json, which goes to stderr if FILE is -:
      path    path of the file, or null for standard output
      format  csv, json or parquet
      calls   number of calls
      bytes   size of the file
      since   first second of the period in Unix time
      until   the first second after it
      zone    how far its clocks are from UTC
    """
    to_stdout = path == STDOUT
    form: Format = given or ("csv" if to_stdout else _format_of(path))
    settings = question.settings
    with _opened(path, settings, force=force) as file:
        counted = _Counted(file)
        with (  # closed before the file is synced, which takes time
            question.database() as (connection, filters),
            progress_bar("Exporting", settings) as progress,
        ):
            done = export_calls(
                connection, question.period, filters, counted, format=form, progress=progress
            )
        file.flush()
    if question.as_json:
        echo_json(
            {
                "path": None if to_stdout else os.path.abspath(path),
                "format": form,
                "calls": done.calls,
                "bytes": counted.size,
                **question.period_keys(done.period),
            },
            err=to_stdout,
        )
    elif not settings.quiet:
        where = "standard output" if to_stdout else printable(path)
        click.echo(_summary(question, done, where, counted.size), err=to_stdout)


def _format_of(path: str) -> Format:
    """Return the format that a name says.

    Raises:
        click.UsageError: it says none.
    """
    for form in FORMATS:
        if path.lower().endswith(f".{form}"):
            return form
    raise click.UsageError(
        f"{printable(path)!r} ends with none of .csv, .json and .parquet: give --format."
    )


@contextmanager
def _opened(path: str, settings: Settings, *, force: bool) -> Iterator[BinaryIO]:
    if path == STDOUT:
        yield sys.stdout.buffer
        return
    require_apart(path, resolve_path(settings.path))
    with whole_file(path, force=force) as file:
        yield file


class _Counted:
    """A file of which it is known how much was written into it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0

    def write(self, content: bytes) -> int:
        self.size += len(content)
        return self._file.write(content)


def _summary(question: Question, done: Exported, where: str, size: int) -> str:
    calls = f"{done.calls:,} call{'' if done.calls == 1 else 's'}"
    text = f"Exported {calls} to {where} ({readable_size(size)})"
    period = done.period
    if period.since >= period.until:  # nothing was ever recorded
        return text
    last = min(period.until - 1, period.now)
    begin, end = question.moment(period.since), question.moment(last)
    return f"{text}, {begin} to {end}, {offset(period)}"
