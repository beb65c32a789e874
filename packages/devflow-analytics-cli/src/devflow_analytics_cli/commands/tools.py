"""``devflow-analytics tools``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from devflow_analytics_cli.cells import (
    FEW,
    FEW_MARK,
    labels,
    median,
    percentile,
    worrying,
)
from devflow_analytics_cli.layout import Column
from devflow_analytics_cli.options import asks, limit_option, sort_option
from devflow_analytics_cli.output import echo_json, pick
from devflow_analytics_cli.table import print_table
from devflow_analytics_cli.words import ago, duration, share, signed_change, size, sparkline
from devflow_analytics_reports import recorded, tools as ask_tools

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devflow_analytics_cli.question import Question
    from devflow_analytics_reports import Range, Tool, Tools, UncalledTool

TREND = 12
"""Parts of the trend."""

MOST_NAMES = 5
"""Tools that are named below the table as not called."""


def times_slower(tool: Tool) -> float:
    """Return how many times as long 95 of 100 calls take as in the period before."""
    if not tool.p95_before_ms or tool.totals.p95_ms is None:
        return 0
    return tool.totals.p95_ms / tool.p95_before_ms


SORTS: dict[str, Callable[[Tool], float]] = {
    "calls": lambda tool: tool.totals.calls,
    "failing": lambda tool: tool.totals.failing or 0,
    "p50": lambda tool: tool.totals.p50_ms or 0,
    "p95": lambda tool: tool.totals.p95_ms or 0,
    "p99": lambda tool: tool.totals.p99_ms or 0,
    "slower": times_slower,
    "time": lambda tool: tool.totals.total_ms,
    "results": lambda tool: tool.result_bytes or 0,
    "last": lambda tool: tool.last,
}
"""What ``--sort`` sorts by, the largest first."""

DEFAULT_SORT = next(iter(SORTS))

SORTED = {"slower": "p95 was"}
"""The title of the column that is sorted by, where it is not the same word."""

TOTALS = ("calls", "errors", "timeouts", "p50_ms", "p95_ms", "p99_ms", "total_ms")
OF_TOOL = ("calls_before", "p95_before_ms", "sized_calls", "result_bytes", "last")
KEYS = ("tool", "server", *TOTALS, *OF_TOOL)
UNCALLED = ("tool", "server", "last")


@click.command()
@sort_option(tuple(SORTS))
@limit_option("tools")
@click.option("--unused", is_flag=True, help="List the tools that are not called instead.")
@asks()
def tools(question: Question, sort: str, limit: int | None, unused: bool) -> None:
    """Show how each tool is doing, and which are not called.

    Below it are the tools that were called at some other time, but not in the period.

    "p95 was" is how much longer or shorter 95 of 100 calls take than in the period before. --sort
    slower puts first what got worse. Results are how many bytes the tool gave to the agent, where
    that is recorded.

    \b
    The keys of --json:
      since, until      the period, in Unix seconds; until is the first after it
      zone              how far its clocks are from UTC
      tools             a list of the tools that were called:
        tool            its name
        server          the MCP server that has it; null if built in, or not known
        calls           number of calls
        errors          number of those that failed with an error
        timeouts        number of those that timed out
        p50_ms          the median of how long a call took, in milliseconds
        p95_ms, p99_ms  what 95 and 99 of 100 calls took at most
        total_ms        how long all took together
        calls_before    number of calls in the period before
        p95_before_ms   what 95 of 100 of those took at most, or null
        sized_calls     number of calls whose result has a known size
        result_bytes    how many bytes those results had together, or null
        last            time of the last call, in Unix seconds
        trend           calls in each of 12 equal parts of the period
      not_called        a list of the tools that were not: tool, server, last;
                        empty with a filter other than --tool
      servers_not_called
                        a list of the servers of which no tool was called

    With --unused there are no tools in it. --csv has a row for each tool.
    """
    if unused and not question.filters.are_of_tools:
        raise click.UsageError(
            "--unused takes no filter but --tool: calls that were not made have no status,"
            " session or server."
        )
    with question.database() as (connection, filters):
        there = recorded(connection)
        found = ask_tools(connection, question.period, filters, parts=TREND, every_server=unused)
    if unused:
        _unused(question, found, question.at_most(limit), there)
        return
    ordered = sorted(found.tools, key=SORTS[sort], reverse=True)
    shown = ordered[: question.at_most(limit)]
    if question.as_json:
        echo_json(
            {
                **question.period_keys(found.period),
                "tools": [_keys(tool) | {"trend": tool.trend} for tool in shown],
                "not_called": [_uncalled_keys(tool) for tool in found.not_called],
                "servers_not_called": found.servers_not_called,
            }
        )
    elif question.as_csv:
        question.csv([_keys(tool) for tool in shown], KEYS)
    else:
        _show(question, found, shown, sort, there)


def _keys(tool: Tool) -> dict[str, object]:
    return {
        "tool": tool.name,
        "server": tool.server,
        **pick(tool.totals, *TOTALS),
        **pick(tool, *OF_TOOL),
    }


def _uncalled_keys(tool: UncalledTool) -> dict[str, object]:
    return {"tool": tool.name, **pick(tool, "server", "last")}


def _show(
    question: Question, found: Tools, shown: Sequence[Tool], sort: str, there: Range | None
) -> None:
    order = "" if sort == DEFAULT_SORT else f", by {sort}"
    question.heading("Tools", found.period, f"{len(found.tools):,} called{order}")
    if shown:
        title = SORTED.get(sort, sort).lower()
        columns = [
            replace(column, priority=0) if column.title.lower() == title else column
            for column in _columns(question, shown)
        ]  # what it is sorted by stays in a narrow terminal
        print_table(columns, options=question.options)
    else:
        question.nothing(there)
    notes = question.more(len(shown), len(found.tools))
    if any(tool.totals.calls < FEW for tool in shown):
        notes.append(f"{FEW_MARK} of fewer than {FEW} calls")
    question.notes([*notes, *_not_called(question, found)])


def _columns(question: Question, shown: Sequence[Tool]) -> list[Column]:
    names = labels([(tool.server, tool.name) for tool in shown])
    totals = [tool.totals for tool in shown]
    columns = [
        Column("Tool", names, is_name=True),
        Column("Calls", [f"{some.calls:,}" for some in totals], "right"),
        Column(
            "Trend",
            [sparkline(tool.trend, TREND) for tool in shown],
            priority=4,
            style="cyan",
            is_drawing=True,
        ),
        Column(
            "Failing",
            [share(some.failing) for some in totals],
            "right",
            priority=1,
            style=[worrying(some.failing) for some in totals],
        ),
        Column("p50", [median(some) for some in totals], "right", priority=2),
        Column("p95", [percentile(some, some.p95_ms) for some in totals], "right", priority=1),
        Column("p99", [percentile(some, some.p99_ms) for some in totals], "right", priority=3),
        Column(
            "p95 was",
            [signed_change(tool.totals.p95_ms, tool.p95_before_ms) for tool in shown],
            "right",
            priority=5,
        ),
        Column("Time", [duration(some.total_ms) for some in totals], "right", priority=6),
        Column("Last", [ago(question.period.now - tool.last) for tool in shown], "right", 8),
    ]
    if any(tool.server for tool in shown):
        servers = [tool.server or "" for tool in shown]
        columns.append(Column("Server", servers, priority=9, is_name=True))
    if any(tool.sized_calls for tool in shown):
        sizes = [size(tool.result_bytes) for tool in shown]
        columns.append(Column("Results", sizes, "right", priority=7))
    return columns


def _not_called(question: Question, found: Tools) -> list[str]:
    """Return the lines that name what is not called."""
    lines = []
    if found.not_called:
        names = [
            f"{tool.name} (last {ago(question.period.now - tool.last)})"
            for tool in found.not_called[:MOST_NAMES]
        ]
        rest = len(found.not_called) - len(names)
        more = f" and {rest:,} more: --unused" if rest else ""
        lines.append(f"Not called: {', '.join(names)}{more}")
    if found.servers_not_called:
        lines.append(_unused_servers(found))
    return lines


def _unused_servers(found: Tools) -> str:
    return f"Servers not called: {', '.join(found.servers_not_called)}"


def _unused(question: Question, found: Tools, limit: int | None, there: Range | None) -> None:
    shown = found.not_called[:limit]
    keys = [_uncalled_keys(tool) for tool in shown]
    if question.as_json:
        servers = {"servers_not_called": found.servers_not_called}
        echo_json({**question.period_keys(found.period), "not_called": keys, **servers})
    elif question.as_csv:
        question.csv(keys, UNCALLED)
    else:
        question.heading("Unused tools", found.period, f"{len(found.not_called):,} not called")
        if there is None:
            question.nothing(there)
            return
        if not shown:
            such = "such tool" if question.filters else "tool"
            click.echo(f"Every {such} that was ever called is called in this period.")
            return
        print_table(
            [
                Column("Tool", [tool.name for tool in shown], is_name=True),
                Column("Server", [tool.server or "" for tool in shown], is_name=True),
                Column("Last", [question.moment(tool.last) for tool in shown], "right"),
                Column(
                    "",
                    [ago(question.period.now - tool.last) for tool in shown],
                    "right",
                    priority=1,
                ),
            ],
            options=question.options,
        )
        notes = question.more(len(shown), len(found.not_called))
        if found.servers_not_called:
            notes.append(_unused_servers(found))
        question.notes(notes)
