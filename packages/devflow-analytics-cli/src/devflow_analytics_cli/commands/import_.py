"""``devflow-analytics import``."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from devflow_analytics_capture import CLIENTS, import_calls
from devflow_analytics_cli.output import (
    echo_json,
    in_a_row,
    json_option,
    pick,
    printable,
    shown_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from devflow_analytics_capture import ClientImport, Imported
    from devflow_analytics_cli.output import Settings

COUNTS = (
    *("files", "read", "read_bytes", "found", "added", "known", "recorded", "excluded"),
    *("too_old", "refused", "unanswered", "untimed", "malformed"),
)
"""The keys of an agent that are numbers."""

COLUMNS = ("files", "found", "added", "known", "refused", "unanswered")
"""Those that the table shows; the others are told in a sentence, if there are any."""

MOST_PLACES = 5
"""How many places that could not be read are named to people."""


@click.command("import")
@click.option(
    "--client",
    "clients",
    type=click.Choice(CLIENTS),
    multiple=True,
    help="Import only what this agent has logged. Can be given more than once.",
)
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Leave out calls from before this day, as in 2026-11-30.",
)
@click.option("--full", is_flag=True, help="Read every log from its start.")
@click.option("--dry-run", is_flag=True, help="Say what would be imported. Write nothing.")
@json_option
@click.pass_obj
def import_(  # noqa: PLR0913, PLR0917  click passes each option so
    settings: Settings,
    clients: tuple[str, ...],
    since: datetime | None,
    full: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the tool calls that your agents have logged.

    Reads the logs that Claude Code, Codex, Copilot CLI, opencode and Gemini CLI keep in your home,
    and only what is new in them since the last import. Each call becomes one row, however often it
    is read. You can stop it at any time, and run it again. Only names and numbers are kept: no
    arguments, results, prompts, messages or paths.

    Calls that were denied or interrupted, and calls without a result, are counted and not
    recorded. A call that you deleted from the database is not imported again.

    \b
    The keys of --json:
      path        path of the database
      enabled     false if recording is turned off; then nothing is read
      dry_run     true if nothing was written
      found       number of calls found, in what was read or waiting for a result
      added       number of those that are new in the database
      drained     number of calls that hooks and servers had left beside it
      clients     a list, for each agent with logs:
        client      its name, as in sessions.client
        files       number of its logs
        read        number of those that had something new
        read_bytes  how much was read
        found       number of calls found, in it or waiting; the sum of these:
        added       new
        known       in the database already, or in two logs
        recorded    recorded by the server or a proxy: left out
        excluded    deleted from the database: left out
        too_old     from before --since, or before what is kept: left out
        refused     denied or interrupted: no rows
        unanswered  without a result: no rows
        untimed     without a time that can be: no rows
        malformed   number of lines and logs that could not be read
        places      list of the first of these: path, offset in bytes, reason
        oldest      day of the oldest call found, in UTC, or null
        kept_days   days after which the agent deletes its logs, or null
    """
    with _progress(settings) as progress:
        done = import_calls(
            settings.path,
            clients=clients,
            since=since.date() if since else None,
            full=full,
            dry_run=dry_run,
            progress=progress,
        )
    if as_json:
        echo_json(_keys(done))
    elif not settings.quiet:
        click.echo(_summary(done))


@contextmanager
def _progress(settings: Settings) -> Iterator[Callable[[int, int], None] | None]:
    """Give a function that shows how far the reading came, on stderr if that is a terminal."""
    if settings.quiet or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from devflow_analytics_db import readable_size  # noqa: PLC0415  not where hooks run it

    began = time.monotonic()
    rate = ""
    bar: Any = click.progressbar(
        length=1, label="Importing", file=sys.stderr, item_show_func=lambda _: rate
    )

    def show(done: int, total: int) -> None:
        nonlocal rate
        bar.length = max(total, 1)
        rate = f"{readable_size(done / max(time.monotonic() - began, 0.001))}/s"
        with suppress(OSError):  # a terminal that hung up is no reason to stop
            bar.update(done - bar.pos)

    with suppress(OSError):
        bar.render_progress()
    try:
        yield show
    finally:
        with suppress(OSError):
            bar.render_finish()


def _keys(done: Imported) -> dict[str, object]:
    return {
        "path": done.file,
        **pick(done, "enabled", "dry_run", "found", "added", "drained"),
        "clients": [
            {
                **pick(client, "client", *COUNTS),
                "places": [pick(place, "path", "offset", "reason") for place in client.places],
                "oldest": client.oldest and client.oldest.isoformat(),
                "kept_days": client.retention and client.retention.days,
            }
            for client in done.clients
        ],
    }


def _summary(done: Imported) -> str:
    if not done.enabled:
        return "Nothing was imported: DEVFLOW_ANALYTICS_ENABLED turns recording off."
    lines = []
    if done.drained:
        lines.append(f"Took in {_calls(done.drained)} that hooks and servers had left.")
    agents = [client.title for client in done.clients]
    if not any(client.files for client in done.clients):
        return "\n".join([*lines, f"Found no logs of {in_a_row(agents, 'or')}."])
    if not any(client.read for client in done.clients):
        files = sum(client.files for client in done.clients)
        logs = f"{files:,} log{'' if files == 1 else 's'}"
        lines.append(f"Nothing new in {logs} of {in_a_row(agents)}.")
        for client in done.clients:
            lines += _unreadable(client)
        return "\n".join(lines)
    deed = "Would import" if done.dry_run else "Imported"
    lines += [f"{deed} {_calls(done.added)} into {printable(done.file)}", "", *_table(done), ""]
    for client in done.clients:
        lines += _remarks(client)
    return "\n".join(lines).rstrip()


def _table(done: Imported) -> Iterator[str]:
    """Yield the lines of a table with a line for each agent."""
    heads = ("logs", *COLUMNS[1:])
    cells = [
        (client.title, *(f"{getattr(client, column):,}" for column in COLUMNS))
        for client in done.clients
    ]
    widths = [max(map(len, column)) for column in zip(("", *heads), *cells, strict=True)]
    for row in (("", *heads), *cells):
        numbers = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        yield f"  {row[0].ljust(widths[0])}  {'  '.join(numbers)}".rstrip()


def _remarks(client: ClientImport) -> Iterator[str]:
    """Yield what there is to say of an agent's logs besides the table."""
    if client.recorded:
        yield f"{_calls(client.recorded)} of {client.title} left out: their servers recorded them."
    if client.excluded:
        yield f"{_calls(client.excluded)} of {client.title} left out: they were deleted before."
    if client.too_old:
        yield f"{_calls(client.too_old)} of {client.title} left out: they are too old."
    if client.untimed:
        yield f"{_calls(client.untimed)} of {client.title} left out: they have no time that can be."
    yield from _unreadable(client)
    if client.oldest:
        yield f"The oldest call of {client.title} is from {client.oldest}."
    if client.files and client.retention:
        days, setting, path = client.retention
        yield (
            f"{client.title} deletes its logs after {days} day{'' if days == 1 else 's'}"
            f" ({printable(setting)} in {shown_path(path)})."
        )
        from devflow_analytics_capture import HOOK_CLIENTS  # noqa: PLC0415  brings all about hooks

        if client.client in HOOK_CLIENTS:
            yield "'devflow-analytics hooks --write' imports them at the end of each session."


def _unreadable(client: ClientImport) -> Iterator[str]:
    """Yield what could not be read of an agent's logs, if there is any."""
    if not client.malformed:
        return
    places = "1 place" if client.malformed == 1 else f"{client.malformed:,} places"
    yield f"{places} in the logs of {client.title} could not be read:"
    for place in client.places[:MOST_PLACES]:
        where = "" if place.offset is None else f", byte {place.offset:,}"
        why = f": {printable(place.reason)}" if place.reason else ""
        yield f"  {shown_path(place.path)}{where}{why}"
    if client.malformed > MOST_PLACES:
        yield f"  and {client.malformed - MOST_PLACES:,} more"


def _calls(number: int) -> str:
    return f"{number:,} tool call{'' if number == 1 else 's'}"
