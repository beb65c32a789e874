"""``devflow-analytics restore``."""

from __future__ import annotations

import click

import devflow_analytics_db
from devflow_analytics_cli.output import (
    PATH,
    backup_made,
    echo_json,
    json_option,
    pick,
    printable,
    progress_bar,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from devflow_analytics_cli.output import Settings


@click.command()
@click.argument("source", metavar="SRC", type=PATH)
@json_option
@click.pass_obj
def restore(settings: Settings, source: str, as_json: bool) -> None:
    """Restore the database from the backup SRC.

    SRC is checked first, and is not changed. The previous database is kept in backups/ beside the
    restored one. Other processes can have it open meanwhile.

    \b
    The keys of --json:
      path              path of the database
      schema_version    its schema version now
      replaced          path of the backup of the previous database, or null
    """
    with progress_bar("Restoring", settings) as progress:
        restored = devflow_analytics_db.restore(source, settings.path, progress=progress)
    if as_json:
        echo_json(pick(restored, "path", "schema_version", "replaced"))
    elif not settings.quiet:
        click.echo(
            f"Restored {printable(restored.path)} from {printable(source)}\n"
            f"  schema version {restored.schema_version}"
        )
        if restored.replaced:
            click.echo(backup_made(restored.replaced, settings))
