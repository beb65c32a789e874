"""A question: which calls of which period it is about, and how its answer is printed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.layout import writable
from devflow_analytics_cli.period_words import in_words, offset
from devflow_analytics_cli.table import csv_rows, heading
from devflow_analytics_cli.words import ago, moment
from devflow_analytics_db import open_readonly
from devflow_analytics_reports import find_session, tool_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from devflow_analytics_cli.output import Settings
    from devflow_analytics_cli.table import Options
    from devflow_analytics_db import Connection
    from devflow_analytics_reports import Filters, Period, Range

LIMIT = 20
"""Rows that people get unless they ask for more or less."""

ALL = 2**63 - 1
"""As many rows as SQLite counts; a larger limit means all as well."""

NAMES = {"tools": "tool", "statuses": "status", "servers": "server", "clients": "client"}
NAMES |= {"projects": "project", "sessions": "session"}
"""What a filter is called on the command line."""


@dataclass(frozen=True)
class Question:
    """What is asked, and how the answer is to be printed."""

    settings: Settings
    period: Period
    filters: Filters
    as_json: bool
    as_csv: bool
    options: Options

    @contextmanager
    def database(self) -> Iterator[tuple[Connection, Filters]]:
        """Open the database for reading; sessions are given by the ends of their ids.

        Raises:
            AnalyticsDbError: it cannot be read, or there is no such session.
        """
        with open_readonly(self.settings.path) as connection:
            sessions = tuple(find_session(connection, end) for end in self.filters.sessions)
            yield connection, replace(self.filters, sessions=sessions)

    @property
    def is_raw(self) -> bool:
        """Whether it is printed for a program."""
        return self.as_json or self.as_csv

    @property
    def zone(self) -> tzinfo | None:
        """The zone in which times are shown; None for the local one."""
        return self.period.zone

    def moment(self, at: float, *, seconds: bool = False) -> str:
        """Return a time as people write it."""
        return moment(at, self.zone, self.period.now, seconds=seconds)

    def heading(self, title: str, period: Period, *more: str) -> None:
        """Print a title, and beside it the period, the filters, and more."""
        rest = " \N{MIDDLE DOT} ".join([in_words(period), *_filtered(self.filters), *more])
        heading(title, rest, options=self.options)
        click.echo()

    def subheading(self, title: str, rest: str) -> None:
        """Print the title of a second table."""
        heading(title, rest, options=self.options)
        click.echo()

    def notes(self, lines: Sequence[str]) -> None:
        """Print lines, if any, after an empty one below a table; what is too wide is wrapped."""
        from textwrap import wrap  # noqa: PLC0415  seldom needed

        if not lines:
            return
        click.echo()
        for line in lines:
            text, width = writable(line, self.options.encoding), self.options.width
            for part in wrap(text, width, subsequent_indent="  ") if width else [text]:
                click.echo(self.options.in_place(part))

    def nothing(self, recorded: Range | None) -> None:
        """Say that there is nothing to show, and what to do about it.

        Args:
            recorded: from when to when any calls are recorded.
        """
        if recorded is None:
            click.echo(
                "No calls are recorded yet. 'devflow-analytics import' takes in what your\n"
                "agents have logged; 'devflow-analytics demo' shows what there will be to see."
            )
        elif self.filters:
            self._nothing_matches()
        elif self.period.until <= recorded.since:
            when = f"{self.moment(recorded.since)}, {ago(self.period.now - recorded.since)}"
            click.echo(f"No calls in this period. The first one was at {when}.")
        else:
            last = recorded.until - 1
            when = f"{self.moment(last)}, {ago(self.period.now - last)}"
            click.echo(f"No calls in this period. The last one was at {when}: try --since all.")

    def _nothing_matches(self) -> None:
        """Say that the filters let no call through, and what may help."""
        from devflow_analytics_cli.near_tools import any_matches, near  # noqa: PLC0415  seldom needed

        wanted = self.filters.tools
        names = self._tool_names() if wanted else ()
        is_known = not wanted or any_matches(wanted, names)
        if is_known and self.period.name != "all":
            click.echo("No call of this period matches these filters: try --since all.")
            return
        click.echo("No call matches these filters.")
        if not is_known and (like := near(wanted, names)):
            click.echo(self.options.text(f"Tools with such a name: {', '.join(like)}"))

    def _tool_names(self) -> tuple[str, ...]:
        """Return the names of all tools that were ever called."""
        with open_readonly(self.settings.path) as connection:
            return tool_names(connection)

    def at_most(self, limit: int | None) -> int | None:
        """Return how many rows to print, None for all: a program gets all unless it limits them."""
        return limit or (None if self.is_raw else LIMIT)

    def more(self, shown: int, there: int) -> list[str]:
        """Return the note, if any, that some rows are not shown, and how to see them."""
        return [f"{there - shown:,} more: --limit {there}"] if shown < there else []

    def period_keys(self, period: Period) -> dict[str, object]:
        """Return the keys of ``--json`` that say which period it is about."""
        return {"since": period.since, "until": period.until, "zone": offset(period)}

    def csv(self, rows: Sequence[Mapping[str, object]], keys: Sequence[str]) -> None:
        """Print rows as CSV, with some of their keys as its columns."""
        csv_rows(keys, [[row[key] for key in keys] for row in rows])


def _filtered(filters: Filters) -> list[str]:
    return [
        f"{name} {', '.join(getattr(filters, plural))}"
        for plural, name in NAMES.items()
        if getattr(filters, plural)
    ]
