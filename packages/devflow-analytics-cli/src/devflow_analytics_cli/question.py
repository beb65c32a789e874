"""What the commands that answer questions have in common: a period, filters, and how to print."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from devflow_analytics_cli.layout import writable
from devflow_analytics_cli.table import Options, csv_rows, heading
from devflow_analytics_cli.words import ago, duration, moment
from devflow_analytics_db import open_readonly
from devflow_analytics_reports import Filters, PeriodError, find_session, parse_period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from devflow_analytics_cli.layout import Style
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Connection
    from devflow_analytics_reports import Period, Range, Totals

FEW = 20
"""Percentiles of fewer calls say little, and are marked."""

FEW_MARK = "~"
"""The mark."""

FEWEST = 5
"""A median of fewer calls says nothing, and is left out."""

WORRYING = 0.1
"""The share of failing calls from which on it is shown in red."""

ALL = 2**63 - 1
"""As many rows as SQLite counts; a larger limit means all as well."""

STATUSES = ("success", "error", "timeout")

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
        """Print lines below a table, after an empty one; what is too wide goes on below."""
        from textwrap import wrap  # noqa: PLC0415  seldom needed

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
        elif self.filters and self.period.name == "all":
            click.echo("No such calls. Without a filter there may be some.")
        elif self.filters:
            click.echo("No such calls in this period. Try fewer filters, or --since all.")
        elif self.period.until <= recorded.since:
            when = f"{self.moment(recorded.since)}, {ago(self.period.now - recorded.since)}"
            click.echo(f"No calls in this period. The first one was at {when}.")
        else:
            last = recorded.until - 1
            when = f"{self.moment(last)}, {ago(self.period.now - last)}"
            click.echo(f"No calls in this period. The last one was at {when}: try --since all.")

    def keys(self, period: Period) -> dict[str, object]:
        """Return the keys of ``--json`` that say which period it is about."""
        return {"since": period.since, "until": period.until, "zone": offset(period)}

    def table(self, rows: Sequence[Mapping[str, object]], keys: Sequence[str]) -> None:
        """Print rows as CSV, with some of their keys as its columns."""
        csv_rows(keys, [[row[key] for key in keys] for row in rows])


def asks(
    *, since: str = "7d", width: bool = True, period: bool = True, raw: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a question; it gets them as one `Question`.

    Args:
        since: the period if none is named.
        width: whether it has ``--width``.
        period: whether it has ``--since`` and ``--until``.
        raw: whether it has ``--json`` and ``--csv``; else it may have its own.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.pass_obj
        @wraps(command)
        def ask(settings: Settings, /, **given: Any) -> None:  # noqa: ANN401  click's values
            command(question=_question(settings, given, since), **given)

        for option in reversed(_options(since, width=width, period=period, raw=raw)):
            ask = option(ask)
        return ask

    return decorate


def _options(since: str, *, width: bool, period: bool, raw: bool) -> list[Callable[..., Any]]:
    periods = [
        click.option(
            "--since",
            metavar="TIME",
            help=f"From 24h, 7d or 4w ago, today, yesterday, this-week, this-month, a day or time"
            f" as 2026-11-30 or 2026-11-30T12:00, or all.  [default: {since}]",
        ),
        click.option("--until", metavar="TIME", help="Until then, days and weeks included."),
    ]
    names = [
        click.option(
            f"--{name}", plural, metavar="NAME", multiple=True, help=f"Only of this {what}."
        )
        for plural, name, what in (
            ("tools", "tool", "tool; * and ? stand for other letters. Can be repeated, as all"),
            ("servers", "server", "MCP server"),
            ("clients", "client", "agent's program, as claude-code"),
            ("projects", "project", "project, where that is recorded"),
            ("sessions", "session", "session; the end of its id is enough"),
        )
    ]
    status = click.option(
        "--status",
        "statuses",
        type=click.Choice(STATUSES),
        multiple=True,
        help="Only calls that ended so.",
    )
    raws = [
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
        click.option("--csv", "as_csv", is_flag=True, help="Print CSV: raw values, in s and ms."),
    ]
    return [
        *(periods if period else []),
        names[0],
        status,
        *names[1:],
        click.option("--utc", is_flag=True, help="Days and times of UTC, not of this machine."),
        *([width_option] if width else []),
        *(raws if raw else []),
    ]


width_option = click.option(
    "--width",
    type=click.IntRange(20, 1000),
    metavar="CELLS",
    help="Print for a terminal of this width.",
)


def limit_option(default: int, what: str) -> Callable[..., Any]:
    """Return ``--limit``; without it everything is in ``--json`` and ``--csv``."""
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help=f"Print at most so many {what}.  [default: {default}; all with --json and --csv]",
    )


def sort_option(keys: Sequence[str]) -> Callable[..., Any]:
    """Return ``--sort``, by the first of some keys if it is not given."""
    return click.option(
        "--sort",
        type=click.Choice(keys),
        default=keys[0],
        show_default=True,
        help="What comes first: the most, the latest.",
    )


def _question(settings: Settings, given: dict[str, Any], default: str) -> Question:
    """Return what is asked, and take it out of what click has read.

    Raises:
        click.UsageError: the period means nothing, or two options contradict each other.
    """
    as_json, as_csv = given.pop("as_json", False), given.pop("as_csv", False)
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    since, until = given.pop("since", None), given.pop("until", None)
    since = default if since is None else since
    period = read_period(settings.clock(), since, until, utc=given.pop("utc"))
    filters = Filters(**{name: given.pop(name) for name in NAMES})
    options = Options.of_stdout(given.pop("width", None))
    return Question(settings, period, filters, as_json, as_csv, options)


def read_period(now: int, since: str, until: str | None, *, utc: bool) -> Period:
    """Return the period that options mean.

    Raises:
        click.BadParameter: they mean none.
    """
    zone = UTC if utc else None
    try:
        period = parse_period(since, now=now, zone=zone)
    except PeriodError as error:
        raise click.BadParameter(f"{error}.", param_hint="'--since'") from None
    if until is None:
        return period
    if not until:  # as from an unset variable of a script; for parse_period() it is none
        raise click.BadParameter("'' is not a period.", param_hint="'--until'")
    try:
        return parse_period(since, until, now=now, zone=zone)
    except PeriodError as error:
        raise click.BadParameter(f"{error}.", param_hint="'--until'") from None


def in_words(period: Period) -> str:
    """Return a period as people say it, with its first and last time: ``last 7 days, ...``."""
    begin = moment(period.since, period.zone, period.now)
    end = "now" if period.is_open else moment(period.until, period.zone, period.now)
    return f"{_named(period.name)}{begin} \N{EN DASH} {end}, {offset(period)}"


def _named(name: str) -> str:
    """Return how a period is called, if it is one that has a name."""
    units = {"h": "hour", "d": "day", "w": "week"}
    if name[-1:] in units and name[:-1].isdigit():
        unit = units[name[-1]]
        return f"last {unit}, " if name[:-1] == "1" else f"last {name[:-1]} {unit}s, "
    if name in {"today", "this-week", "this-month"}:
        return f"{name.replace('-', ' ')}, "
    return "all time, " if name == "all" else ""


def before_in_words(period: Period) -> str:
    """Return what a period is compared with."""
    name = _named(period.name).removesuffix(", ")
    if name.startswith("last "):
        return f"the {name.removeprefix('last ')} before"
    same = {"today": "yesterday", "this week": "last week", "this month": "last month"}
    return f"{same[name]} until this time" if name in same else "the period before"


def offset(period: Period) -> str:
    """Return how far the clocks are from UTC at the end of a period: ``UTC+01:00``."""
    try:
        text = f"{period.local(min(period.until, period.now)):%z}"
    except (OverflowError, OSError, ValueError):  # a year that Python does not know
        return "UTC"
    return f"UTC{text[:3]}:{text[3:5]}" if int(text[:5]) else "UTC"


def _filtered(filters: Filters) -> list[str]:
    return [
        f"{name} {', '.join(getattr(filters, plural))}"
        for plural, name in NAMES.items()
        if getattr(filters, plural)
    ]


def median(totals: Totals) -> str:
    """Return the median of how long calls took, unless it says nothing."""
    return duration(totals.p50_ms if totals.calls >= FEWEST else None)


def percentile(totals: Totals, value: float | None) -> str:
    """Return a percentile of how long calls took, marked if it says little."""
    return f"{FEW_MARK if 0 < totals.calls < FEW else ''}{duration(value)}"


def worrying(failing: float | None) -> Style:
    """Return the style of a share of failing calls."""
    return "red" if failing and failing >= WORRYING else ""


def labels(tools: Sequence[tuple[str | None, str]]) -> list[str]:
    """Return what to call tools, given their servers and names: by both where names are equal."""
    servers = Counter(name for _, name in set(tools))
    return [f"{server}/{name}" if server and servers[name] > 1 else name for server, name in tools]


def short(session: str) -> str:
    """Return the end of a session's id, which tells it; all of one minute begin alike."""
    return session[-8:]
