"""``devflow-analytics stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.cells import FEW, FEW_MARK, labels, median, percentile
from devflow_analytics_cli.layout import Column, cut, writable
from devflow_analytics_cli.options import asks
from devflow_analytics_cli.output import echo_json, pick
from devflow_analytics_cli.period_words import before_in_words
from devflow_analytics_cli.table import bar, beside_each_other, print_table, room
from devflow_analytics_cli.words import (
    HOUR,
    change,
    change_in_points,
    day,
    duration,
    share,
    sparkline,
)
from devflow_analytics_reports import By, PeriodError, over_time, parse_period, recorded, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devflow_analytics_cli.question import Question
    from devflow_analytics_cli.table import Options
    from devflow_analytics_reports import OverTime, Part, Range, Summary, ToolTotals, Totals

TOTALS = ("calls", "errors", "timeouts", "total_ms", "p50_ms", "p95_ms", "p99_ms")
PART = ("since", "until", "calls", "errors", "timeouts")
TOTALS_SHOWN = ("calls", "errors", "timeouts", "p50_ms", "p95_ms", "p99_ms", "total_ms")

BARS = 60
"""Parts that the period is cut into, each a bar of a sparkline."""

MOST = 5
"""Tools named of each kind."""

MOST_NAME = 30
"""Cells of the name of each at most."""

MOST_BAR = 60
"""Cells of a bar at most."""


@click.command()
@click.option(
    "--by",
    type=click.Choice(["hour", "day", "week"]),
    help="Count the calls of each hour, day or week, from the beginning of the first.",
)
@asks()
def stats(question: Question, by: By | None) -> None:
    """Show how things are, beside the period before.

    \b
    The keys of --json:
      since, until      the period, in Unix seconds; until is the first after it
      zone              how far its clocks are from UTC
      calls             number of calls
      errors            number of those that failed with an error
      timeouts          number of those that timed out
      total_ms          how long all took together, in milliseconds
      p50_ms            the median of how long a call took; null without calls
      p95_ms, p99_ms    what 95 and 99 of 100 calls took at most
      sessions          number of sessions with a call
      before            the same of the period before, but for zone, parts and
                        tools; null if nothing was recorded then
      parts             a list of 60 equal parts of the period: since, until,
                        calls, errors, timeouts
      tools             a list of all tools, most calls first: tool, server,
                        calls, errors, timeouts, total_ms, p50_ms, p95_ms, p99_ms
    With --by:
      since, until      as above
      zone              as above
      by                hour, day or week
      parts             a list of all of these: since, until, calls, errors,
                        timeouts, is_whole
                        is_whole is false if the period ends in it, or it goes on

    --csv has a row for the period and one for the period before; with --by, one for each part.
    """
    if by:
        with question.database() as (connection, filters):
            there = recorded(connection)
            try:
                counted = over_time(connection, question.period, by, filters)
            except PeriodError as error:
                raise click.BadParameter(str(error), param_hint="'--by'") from None
        _over_time(question, counted, there)
    else:
        with question.database() as (connection, filters):
            there = recorded(connection)
            found = summary(connection, question.period, filters, parts=BARS)
        _summary(question, found, there)


def _summary(question: Question, found: Summary, there: Range | None) -> None:
    keys, before = _keys(question, found), _before_keys(found)
    if question.as_json:
        echo_json(keys | {"before": before})
    elif question.as_csv:
        rows = [{"period": "now", **keys}, *([{"period": "before", **before}] if before else [])]
        question.csv(rows, ("period", "since", "until", *TOTALS, "sessions"))
    else:
        beside = ""
        if found.period.before:
            beside = f"beside {before_in_words(found.period)}" if before else "nothing before"
        question.heading("Stats", found.period, *filter(None, [beside]))
        if found.totals.calls or (found.before and found.before.calls):
            _show(question, found)
        else:
            question.nothing(there)


def _keys(question: Question, found: Summary) -> dict[str, object]:
    return {
        **question.period_keys(found.period),
        **pick(found.totals, *TOTALS),
        "sessions": found.sessions,
        "parts": [pick(part, *PART) for part in found.parts],
        "tools": [
            {"tool": tool.name, "server": tool.server, **pick(tool.totals, *TOTALS)}
            for tool in found.tools
        ],
    }


def _before_keys(found: Summary) -> dict[str, object] | None:
    if not found.before or not found.period.before:
        return None
    return {
        **found.period.before._asdict(),
        **pick(found.before, *TOTALS),
        "sessions": found.sessions_before,
    }


def _show(question: Question, found: Summary) -> None:
    now, was, options = found.totals, found.before, question.options
    titles = ("Calls", "Errors", "Timeouts", "Median", "95 of 100", "99 of 100", "In tools")
    columns = [
        Column("", (*titles, "Sessions"), style="dim"),
        Column("", [*_figures(now), f"{found.sessions:,}"], "right"),
    ]
    if was:
        pairs = [(getattr(now, name), getattr(was, name)) for name in TOTALS_SHOWN]
        changes = [change(*pair) for pair in pairs]
        changes[1] = change_in_points(now.error_rate, was.error_rate)
        changes.append(change(found.sessions, found.sessions_before))
        figures = [*_figures(was), f"{found.sessions_before:,}"]
        columns += [
            Column("", changes, priority=3),
            Column("", [f"was {figure}" for figure in figures], priority=2),
        ]
    parts, width = found.parts, min(room(columns, options=options), BARS)
    lines = [
        sparkline([part.calls for part in parts], width),
        sparkline([part.errors / part.calls if part.calls else None for part in parts], width),
        sparkline([part.timeouts for part in parts], width),
    ]
    lines += [""] * (len(titles) + 1 - len(lines))
    columns.append(Column("", lines, priority=1, style="cyan", is_drawing=True))
    print_table(columns, options=options)
    if found.tools:
        click.echo()
        _most(question, found.tools)
    if any(some and 0 < some.calls < FEW for some in (now, was)):
        question.notes([f"{FEW_MARK} of fewer than {FEW} calls"])


def _figures(totals: Totals) -> list[str]:
    return [
        f"{totals.calls:,}",
        share(totals.error_rate),
        f"{totals.timeouts:,}",
        median(totals),
        percentile(totals, totals.p95_ms),
        percentile(totals, totals.p99_ms),
        duration(totals.total_ms),
    ]


def _most(question: Question, tools: Sequence[ToolTotals]) -> None:
    """Print which tools are called most, which are slowest, and which fail most."""
    names = labels([(tool.server, tool.name) for tool in tools])
    every = [
        (_short(name, question.options), tool.totals)
        for name, tool in zip(names, tools, strict=True)
    ]
    many = [(name, totals) for name, totals in every if totals.calls >= FEW]
    slowest = sorted(many, key=lambda tool: -(tool[1].p95_ms or 0))
    failing = sorted(many, key=lambda tool: -(tool[1].failing or 0))
    rows = {
        "Most": [f"{name} {totals.calls:,}" for name, totals in every],
        "Slowest": [f"{name} {duration(totals.p95_ms)}" for name, totals in slowest],
        "Failing": [
            f"{name} {share(totals.failing)}" for name, totals in failing if totals.failing
        ],
    }
    rows = {label: items for label, items in rows.items() if items}
    titles = Column("", list(rows), style="dim")
    space = room([titles], options=question.options) or None
    texts = [beside_each_other(items[:MOST], space) for items in rows.values()]
    print_table([titles, Column("", texts, is_name=True)], options=question.options)


def _short(name: str, options: Options) -> str:
    """Return a name so short, where the width is known, that its figure fits behind it."""
    name = writable(name, options.encoding)
    if options.width is None:
        return name
    return cut(name, min(MOST_NAME, options.width // 2), writable("…", options.encoding))


def _over_time(question: Question, counted: OverTime, there: Range | None) -> None:
    if question.as_json:
        parts = [_part_keys(part) for part in counted.parts]
        echo_json({**question.period_keys(counted.period), "by": counted.by, "parts": parts})
    elif question.as_csv:
        question.csv([_part_keys(part) for part in counted.parts], (*PART, "is_whole"))
    else:
        question.heading(
            f"Calls {'a' if counted.by != 'hour' else 'an'} {counted.by}", counted.period
        )
        if any(part.calls for part in counted.parts):
            _show_parts(question, counted)
        else:
            question.nothing(there)


def _part_keys(part: Part) -> dict[str, object]:
    return pick(part, *PART, "is_whole")


def _show_parts(question: Question, counted: OverTime) -> None:
    parts, options = counted.parts, question.options
    columns = [
        Column(counted.by.capitalize(), [_begin(question, counted, part) for part in parts]),
        Column("Calls", [f"{part.calls:,}" for part in parts], "right"),
        Column("Errors", [f"{part.errors:,}" for part in parts], "right", priority=3),
        Column("Timeouts", [f"{part.timeouts:,}" for part in parts], "right", priority=4),
        Column("Failing", [share(part.failing) for part in parts], "right", priority=2),
        Column("", [_ends(question, counted, part) for part in parts], priority=5),
    ]
    width = min(room(columns, options=options), MOST_BAR)
    most = max(part.calls for part in parts)
    bars = [bar(part.calls, most, width) for part in parts]
    columns.append(Column("", bars, priority=1, style="cyan", is_drawing=True))
    print_table(columns, options=options)


def _ends(question: Question, counted: OverTime, part: Part) -> str:
    """Return what to say of an hour, day or week of which not all calls are counted."""
    if part.is_whole:
        return ""
    period = question.period
    if counted.by == "hour":
        current = period.now - HOUR + 1
    else:
        name = "today" if counted.by == "day" else "this-week"
        current = parse_period(name, now=period.now, zone=period.zone).since
    return "so far" if period.is_open and part.since >= current else "in part"


def _begin(question: Question, counted: OverTime, part: Part) -> str:
    if counted.by == "hour":
        return question.moment(part.since)
    return day(part.since, question.zone, question.period.now, weekday=counted.by == "day")
