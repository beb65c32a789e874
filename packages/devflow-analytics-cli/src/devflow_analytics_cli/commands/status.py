"""``devflow-analytics status``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import (
    echo_json,
    json_option,
    pick,
    printable,
    unread,
    unread_words,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings
    from devflow_analytics_db import Status

KEYS = (
    *("path", "exists", "schema_version", "latest_version", "pending", "journal_mode"),
    *("sessions", "tool_calls", "first_call", "last_call", "size_bytes", "wal_size_bytes"),
    *("waiting_calls", "waiting_files"),
)


@click.command()
@click.option(
    "--exit-code", is_flag=True, help="Exit with status 1 if the database is not up to date."
)
@json_option
@click.pass_context
def status(ctx: click.Context, exit_code: bool, as_json: bool) -> None:
    """Show what is in the database, and whether it is up to date.

    Changes nothing. A database that does not exist is not created.

    \b
    The keys of --json:
      path              path of the database, symbolic links resolved
      exists            true if there is such a file
      schema_version    its schema version; null if it has no tables
      latest_version    newest schema version of this release
      pending           list of the migrations still to be applied
      journal_mode      wal; null if it has no tables or is read-only
      sessions          number of sessions
      tool_calls        number of tool calls
      first_call        time of the first call in Unix seconds, or null
      last_call         time of the last call in Unix seconds, or null
      size_bytes        size of the file
      wal_size_bytes    size of what is not written back into it yet
      waiting_calls     number of calls that wait to be written into it
      waiting_files     number of files beside it in which they wait
      unread_logs       number of logs of agents with something to import
      unread_bytes      how much of them is new
      unread_agents     list of the agents whose they are
    The last three are null if that is not found within 50 ms.
    """
    settings: Settings = ctx.obj
    found = devflow_analytics_db.status(settings.path)
    if as_json:
        echo_json(pick(found, *KEYS) | unread(settings))
    elif not settings.quiet:
        click.echo("\n".join(_lines(found, unread_words(unread(settings)))))
    if exit_code and not found.is_current:
        ctx.exit(1)


def _lines(found: Status, to_import: str | None) -> list[str]:
    path = printable(found.file)
    waiting = [f"  waiting         {found.waiting}"] if found.waiting_calls else []
    if to_import:
        waiting.append(f"  to import       {to_import}: 'devflow-analytics import'")
    if not found.exists:
        line = f"{path} does not exist. Create it with 'devflow-analytics init'."
        return [line, *waiting]
    if found.schema_version is None:
        line = f"{path} is empty. Create its tables with 'devflow-analytics init'."
        return [line, *waiting]
    size = devflow_analytics_db.readable_size(found.size_bytes)
    if found.wal_size_bytes:
        wal = devflow_analytics_db.readable_size(found.wal_size_bytes)
        size += f", and {wal} in the WAL"
    lines = [
        path,
        f"  schema version  {found.schema_version}, {_compared(found)}",
        f"  journal mode    {found.journal_mode or 'unknown'}",
        f"  size            {size}",
        f"  sessions        {found.sessions:,}",
        f"  tool calls      {found.tool_calls:,}",
    ]
    if found.first_call is not None and found.last_call is not None:
        lines.append(f"  recorded        {_time(found.first_call)} to {_time(found.last_call)}")
    return [*lines, *waiting]


def _compared(found: Status) -> str:
    if found.pending:
        pending = ", ".join(map(str, found.pending))
        return f"not current: 'devflow-analytics migrate' applies {pending}"
    return "current" if found.schema_version == found.latest_version else "newer than this release"


def _time(seconds: int) -> str:
    """Return a time as the clock on the wall shows it."""
    from datetime import datetime  # noqa: PLC0415  seldom needed

    try:
        return str(datetime.fromtimestamp(seconds).astimezone())
    except (OverflowError, OSError, TypeError, ValueError):  # whatever another program wrote there
        return str(seconds)
