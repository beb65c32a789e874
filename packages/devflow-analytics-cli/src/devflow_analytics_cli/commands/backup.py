"""``devflow-analytics backup``."""

from __future__ import annotations

import os

import click

import devflow_analytics_db
from devflow_analytics_cli.output import (
    PATH,
    echo_json,
    file_mode,
    json_option,
    printable,
    progress_bar,
)
from devflow_analytics_db import AnalyticsDbError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command()
@click.argument("destination", metavar="[DEST]", type=PATH, required=False)
@json_option
@click.pass_obj
def backup(settings: Settings, destination: str | None, as_json: bool) -> None:
    """Back up the database to DEST, a new file or a directory.

    Without DEST, the backup goes to backups/ beside the database. Other processes can go on writing
    meanwhile. The backup is checked, and only you can read it. An existing file is never
    overwritten. Calls that processes left behind when they ended are written into the database
    first.

    \b
    The keys of --json:
      backup        path of the backup
      size_bytes    its size
    """
    said = _take_in(settings)
    with progress_bar("Backing up", settings) as progress:
        made = devflow_analytics_db.backup(settings.path, destination, progress=progress)
    if said:
        click.echo(printable(f"Warning: {said}"), err=True)
    if as_json:
        echo_json({"backup": made, "size_bytes": os.stat(made).st_size})
    elif not settings.quiet:
        click.echo(f"Backed up to {printable(made)}")
        if os.stat(made).st_mode & 0o077:
            click.echo(f"  {file_mode(made, new=True)}")


def _take_in(settings: Settings) -> str | None:
    """Write into the database what waits beside it; return what is to be said of that, if anything.

    What cannot be written waits on.
    """
    if not os.path.exists(devflow_analytics_db.resolve_path(settings.path)):
        return None  # the backup will say so
    from devflow_analytics_recorder import drain  # noqa: PLC0415  seldom anything waits

    try:
        refused = drain(settings.path).refused
    except AnalyticsDbError as error:
        return f"Calls that wait beside the database are not in the backup. {error.what}"
    if refused:
        lines = "line was no call, and was" if refused == 1 else "lines were no calls, and were"
        return f"{refused} {lines} dropped, of those that waited beside the database."
    return None
