"""The options of the commands that answer questions."""

from __future__ import annotations

from datetime import UTC
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from devflow_analytics_cli.question import LIMIT, NAMES, Question
from devflow_analytics_cli.table import Options
from devflow_analytics_reports import Filters, PeriodError, parse_period

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_cli.output import Settings
    from devflow_analytics_reports import Period

STATUSES = ("success", "error", "timeout")


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
        click.option(
            "--until",
            metavar="TIME",
            help="End of the period; a day, week or month that is named is included.",
        ),
    ]
    names = [
        click.option(
            f"--{NAMES[plural]}", plural, metavar=metavar, multiple=True, help=f"Only calls {what}"
        )
        for plural, metavar, what in (
            (
                "tools",
                "NAME",
                "of this tool. * and ? stand for other letters. Repeatable, as all filters are.",
            ),
            ("servers", "NAME", "of this MCP server. Takes * and ? too."),
            ("clients", "NAME", "of this agent program, as claude-code. Takes * and ? too."),
            ("projects", "NAME", "in this project, where that is recorded. Takes * and ? too."),
            ("sessions", "ID", "of this session. The end of its id is enough."),
        )
    ]
    status = click.option(
        "--status",
        "statuses",
        type=click.Choice(STATUSES),
        multiple=True,
        help="Only calls with this status.",
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


def limit_option(what: str) -> Callable[..., Any]:
    """Return ``--limit``; without it everything is in ``--json`` and ``--csv``."""
    return click.option(
        "-n",
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help=f"Print at most so many {what}.  [default: {LIMIT}; all with --json and --csv]",
    )


def sort_option(keys: Sequence[str]) -> Callable[..., Any]:
    """Return ``--sort``, by the first of some keys if it is not given."""
    return click.option(
        "--sort",
        type=click.Choice(keys),
        default=keys[0],
        show_default=True,
        help="Sort by this, the largest first.",
    )


def _question(settings: Settings, given: dict[str, Any], default: str) -> Question:
    """Return what is asked, and take it out of what click has read.

    Raises:
        click.UsageError: the period or a filter means nothing, or two options contradict each
            other.
    """
    as_json, as_csv = given.pop("as_json", False), given.pop("as_csv", False)
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    since, until = given.pop("since", None), given.pop("until", None)
    since = default if since is None else since
    period = _read_period(settings.clock(), since, until, utc=given.pop("utc"))
    filters = _read_filters(given)
    options = Options.of_stdout(given.pop("width", None))
    return Question(settings, period, filters, as_json, as_csv, options)


def _read_filters(given: dict[str, Any]) -> Filters:
    """Return the filters, and take them out of what click has read.

    Raises:
        click.BadParameter: one is empty, as from an unset variable of a script.
    """
    read = {plural: given.pop(plural) for plural in NAMES}
    for plural, name in NAMES.items():
        if "" in read[plural]:
            raise click.BadParameter("it is empty.", param_hint=f"'--{name}'")
    return Filters(**read)


def _read_period(now: int, since: str, until: str | None, *, utc: bool) -> Period:
    """Return the period that options mean.

    Raises:
        click.BadParameter: they mean none.
    """
    zone = UTC if utc else None
    try:
        period = parse_period(since, now=now, zone=zone)
    except PeriodError as error:
        raise click.BadParameter(str(error), param_hint="'--since'") from None
    if until is None:
        return period
    if not until:  # as from an unset variable of a script; for parse_period() it is none
        raise click.BadParameter(
            "'' is not a period. Give one like today, or leave it out.", param_hint="'--until'"
        )
    try:
        return parse_period(since, until, now=now, zone=zone)
    except PeriodError as error:
        raise click.BadParameter(str(error), param_hint="'--until'") from None
